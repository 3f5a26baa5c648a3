"""Runs one replica of an own server: starts, watches and restarts it, and gives up in the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tsdg.config.models import ModelConfig, ServerConfig
from tsdg.errors import ServerError
from tsdg.serving import probe
from tsdg.serving.diagnosis import describe_end, telling_line
from tsdg.serving.events import EventKind, OnEvent, Pacing, ServerEvent
from tsdg.serving.multinode_head import MultinodeHead, NodeLostError
from tsdg.serving.pool import Endpoint, Pool
from tsdg.serving.ports import PortLease, base_url
from tsdg.serving.process import ServerProcess
from tsdg.serving.server_logs import begin_log, tail
from tsdg.serving.stall_watch import Progress
from tsdg.serving.start_time import start_seconds
from tsdg.serving.vllm import Member, serve_command

_LEAST_MISSES = 3
_SLACK_S = 2.0
"""Extra time beyond the grace in which the other nodes can report why they ended."""
# Wrong usage, not executable, not found: the same command would fail the same way.
_NO_USE_TO_REPEAT = ("exit 2", "exit 126", "exit 127")


class ReplicaDownError(Exception):
    """The replica must be restarted; the message is one line that says why."""

    def __init__(self, message: str, *, for_good: bool = False) -> None:
        super().__init__(message)
        self.for_good = for_good


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaPlan:
    """What one replica is started with."""

    number: int
    server: ServerConfig
    model: ModelConfig
    env: dict[str, str]
    log: Path
    pacing: Pacing
    head: MultinodeHead | None
    """The other nodes, where it spans several."""


class Replica:
    """Keeps one server alive until cancelled."""

    def __init__(
        self,
        plan: ReplicaPlan,
        *,
        endpoint: Endpoint,
        pool: Pool,
        session: aiohttp.ClientSession,
        on_event: OnEvent,
    ) -> None:
        self._plan = plan
        self._start_s = start_seconds(plan.server, plan.model)
        self._endpoint = endpoint
        self._pool = pool
        self._session = session
        self._on_event = on_event
        self._process: ServerProcess | None = None
        self._leases: list[PortLease] = []
        self._log_start = 0
        self._gathered = False

    async def run(self) -> None:
        """Start the server and keep it running; return only when it has been given up."""
        pacing = self._plan.pacing
        failures = 0
        was_ready = False
        while True:
            ready_at = 0.0
            try:
                await self._start()
                await self._until_ready()
                was_ready = True
                ready_at = time.monotonic()
                self._pool.open(self._endpoint)
                await self._watch()
            except ReplicaDownError as down:
                reason = str(down)
                for_good = down.for_good
            finally:
                self._pool.shut(self._endpoint)
                await self._end()
            if ready_at and time.monotonic() - ready_at >= pacing.stable_s:
                failures = 0
            failures += 1
            if for_good or failures >= (pacing.crashes if was_ready else pacing.start_failures):
                times = "" if for_good else f" {failures} times in a row"
                self._event("failed", reason)
                self._pool.give_up(
                    self._endpoint,
                    f"server {self._plan.number} ({' '.join(self._plan.server.command)}) "
                    f"failed{times}: {reason}; "
                    f"full log: {self._plan.log}",
                )
                return
            self._endpoint.restarts += 1
            self._event("restarting", reason)
            await asyncio.sleep(min(pacing.backoff_s * 2 ** (failures - 1), pacing.max_backoff_s))

    def ask_to_end(self) -> None:
        """Tell the server to end, without waiting."""
        if self._process is not None:
            self._process.ask_to_end()

    async def _start(self) -> None:
        plan = self._plan
        await self._gather()
        port = self._bind(
            plan.server.host, plan.server.port + plan.number if plan.server.port else 0
        )
        member = None
        if plan.head is not None:
            head = plan.head
            member = Member(
                nodes=head.nodes, rank=0, address=head.address, port=self._bind(head.address, 0)
            )
        self._endpoint.move(base_url(plan.server.host, port))
        self._event("starting", "")
        command = serve_command(server=plan.server, model=plan.model, port=port, member=member)
        self._log_start = begin_log(plan.log, command)
        if plan.head is not None and member is not None:
            plan.head.start(member.port)
        self._process = await ServerProcess.start(
            command, env=plan.env, log=plan.log, grace_s=plan.pacing.grace_s
        )

    async def _gather(self) -> None:
        """Wait for the other nodes: long at first, as they may be starting, shorter later."""
        head = self._plan.head
        if head is None:
            return
        try:
            await head.gather(self._plan.pacing.rejoin_s if self._gathered else self._start_s)
        except NodeLostError as error:
            raise ReplicaDownError(str(error), for_good=True) from error
        self._gathered = True

    def _bind(self, host: str, port: int) -> int:
        try:
            lease = PortLease(host, port)
        except ServerError as error:
            # After an end it may be our own server that still holds it: a killed process may take a
            # while to go.
            raise ReplicaDownError(str(error), for_good=not self._endpoint.restarts) from error
        self._leases.append(lease)
        return lease.port

    async def _end(self) -> None:
        ending = [self._process.stop()] if self._process is not None else []
        if self._plan.head is not None:
            ending.append(self._plan.head.stop(self._plan.pacing.grace_s + _SLACK_S))
        await asyncio.gather(*ending)
        self._process = None
        for lease in self._leases:
            lease.close()
        self._leases.clear()

    async def _until_ready(self) -> None:
        began = time.monotonic()
        limit_s = self._start_s
        try:
            async with asyncio.timeout(limit_s):
                await self._unless_it_ends(self._answers())
        except TimeoutError as error:
            raise ReplicaDownError(
                f"it was not ready within server.start_timeout_s={limit_s} s; {self._said()}"
            ) from error
        self._event("ready", f"after {time.monotonic() - began:.0f} s")

    async def _answers(self) -> None:
        """Return once the server has made a token."""
        while True:
            try:
                await probe.health(self._session, self._endpoint, self._plan.pacing.look_timeout_s)
                break
            except probe.ProbeError:
                await asyncio.sleep(0.25)
        try:
            await probe.canary(
                self._session,
                self._endpoint,
                self._plan.model.name,
                self._start_s,
            )
        except probe.ProbeError as error:
            # A server that is dying says why in its log: let it, so that the log is what is quoted.
            await asyncio.sleep(self._plan.pacing.last_words_s)
            refused = 400 <= error.status < 500
            raise ReplicaDownError(
                f"its first one-token request failed: {error}", for_good=refused
            ) from error

    async def _watch(self) -> None:
        await self._unless_it_ends(self._looks_well())

    async def _looks_well(self) -> None:
        """Check the server until cancelled; raise ReplicaDownError when it is dead or hung."""
        pacing = self._plan.pacing
        endpoint = self._endpoint
        progress = Progress(stall_s=pacing.stall_s, idle_s=pacing.idle_s, now=time.monotonic())
        answered = time.monotonic()
        misses = 0
        while True:
            await _set_within(endpoint.suspected, pacing.poll_s)
            try:
                await probe.health(self._session, endpoint, pacing.look_timeout_s)
                look = await probe.metrics(self._session, endpoint, pacing.look_timeout_s)
            except probe.ProbeError as error:
                silent = time.monotonic() - answered
                misses += 1
                # Several, as one fails where this process was itself suspended for a while.
                if misses >= _LEAST_MISSES and (error.status >= 500 or silent >= pacing.stall_s):
                    raise ReplicaDownError(
                        f"/health or /metrics failed for {silent:.0f} s: {error}; {self._said()}"
                    ) from error
                await asyncio.sleep(min(1.0, pacing.poll_s))
                continue
            answered = now = time.monotonic()
            misses = 0
            busy = look.running + look.waiting > 0 or endpoint.in_flight > 0
            judgement = progress.look(
                now=now, tokens=look.generation_tokens + look.prompt_tokens, busy=busy
            )
            if judgement == "stalled":
                raise ReplicaDownError(
                    f"it hangs: {look.running:.0f} running and {look.waiting:.0f} waiting "
                    "requests, "
                    f"{endpoint.in_flight} sent from here, and no token for {pacing.stall_s:g} s"
                )
            if judgement == "idle" or endpoint.suspected.is_set():
                await self._canary()
                progress.answered(time.monotonic())
                self._pool.open(endpoint)

    async def _canary(self) -> None:
        timeout_s = self._plan.pacing.canary_timeout_s
        for last in (False, True):
            try:
                await probe.canary(self._session, self._endpoint, self._plan.model.name, timeout_s)
                return
            except probe.ProbeError as error:
                if last:
                    raise ReplicaDownError(
                        f"it hangs or is broken: two one-token requests failed: {error}"
                    ) from error

    async def _unless_it_ends(self, work: Coroutine[Any, Any, None]) -> None:
        """Do ``work``; raise ReplicaDownError if the server ends first, here or on another node."""
        assert self._process is not None
        ended = asyncio.create_task(self._process.ended())
        working = asyncio.create_task(work)
        tasks: list[asyncio.Task[Any]] = [ended, working]
        head = self._plan.head
        if head is not None:
            tasks.append(asyncio.create_task(head.broken()))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            # What another node says first: that is why this part ends.
            if head is not None and tasks[-1].done():
                raise ReplicaDownError(tasks[-1].result())
            if ended.done():
                outcome = ended.result()
                reason = describe_end(outcome, tail(self._plan.log, self._log_start))
                raise ReplicaDownError(reason, for_good=outcome in _NO_USE_TO_REPEAT)
            working.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _said(self) -> str:
        said = telling_line(tail(self._plan.log, self._log_start))
        return f"the last telling line of its log: {said or '(nothing written)'}"

    def _event(self, kind: EventKind, detail: str) -> None:
        self._on_event(
            ServerEvent(
                replica=self._plan.number, kind=kind, url=self._endpoint.label, detail=detail
            )
        )


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
