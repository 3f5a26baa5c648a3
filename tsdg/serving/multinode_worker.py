"""A node that only runs a further rank of a server, as the head of its group says."""

from __future__ import annotations

import asyncio
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tsdg.config.models import ModelConfig, ServerConfig
from tsdg.errors import ServerError, StoppedError
from tsdg.serving.checks import check_server, find_executable
from tsdg.serving.diagnosis import describe_end
from tsdg.serving.events import PACING, EventKind, OnEvent, Pacing, ServerEvent
from tsdg.serving.placement import NodeShare, Placement, gpus_of, placement_for, share_of
from tsdg.serving.process import ServerProcess
from tsdg.serving.rendezvous import (
    Channel,
    ConnectionLostError,
    interface_of,
    offer_path,
    read_offer,
)
from tsdg.serving.server_logs import RENDEZVOUS, begin_log, log_path, tail
from tsdg.serving.start_time import start_seconds, with_patience
from tsdg.serving.vllm import Member, serve_command, serve_env

_CONNECT_S = 5.0
_LOOK_S = 0.5
_FINISHED_S = 10.0
"""Between two checks whether work is left, each of which reads the run directory."""


def is_multinode_worker(server: ServerConfig, model: ModelConfig) -> bool:
    """Whether this process should :func:`work_for_heads` instead of working, by its environment.

    Raises:
        ServerError: the nodes of this element cannot serve the model.
        MachineError: the environment contradicts itself.
        RecipeError: no nodes can.
    """
    if server.type != "vllm":
        return False
    return share_of(placement_for(server), server, model).role == "worker"


async def work_for_heads(
    *,
    server: ServerConfig,
    model: ModelConfig,
    logs: Path,
    on_event: OnEvent,
    finished: Callable[[], bool],
    stop: asyncio.Event,
    pacing: Pacing = PACING,
) -> None:
    """Run this node's rank of a multi-node server until its head has no more work.

    The rank starts, ends and starts again whenever the head says so; it ends when the head is gone,
    and starts again with the next head. Cancelled, it leaves no process behind.

    Args:
        server: the recipe's part.
        model: what is served.
        logs: the run's folder for logs, the same as the head's.
        on_event: told of every change.
        finished: whether there is no work left, so that no head will come; looked at while there is
            none.
        stop: once set, the rank ends, whatever the head says.
        pacing: how long things are waited for.

    Raises:
        ServerError: what :func:`tsdg.serving.check_server` finds, or no head has come.
        RecipeError: the same.
        StoppedError: ``stop`` was set.
    """
    check_server(server, model)
    placement = placement_for(server)
    share = share_of(placement, server, model)
    logs.mkdir(parents=True, exist_ok=True)
    work = _WorkingNode(
        server=server,
        model=model,
        logs=logs,
        on_event=on_event,
        pacing=pacing,
        share=share,
        placement=placement,
    )
    path = offer_path(logs / RENDEZVOUS, placement.element, share.group)
    serving = asyncio.create_task(_serve_heads(work, path, finished))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
        if not serving.done():
            raise StoppedError("stopped")
        serving.result()
    finally:
        for task in (serving, stopping):
            task.cancel()
        await asyncio.gather(serving, stopping, return_exceptions=True)


async def _serve_heads(work: _WorkingNode, path: Path, finished: Callable[[], bool]) -> None:
    """Do what the head says; if it vanishes, do what the next one says."""
    patience_s = float(start_seconds(work.server, work.model))
    while True:
        channel = await _find_head(path, work.share.rank, patience_s, finished)
        if channel is None:
            return
        patience_s = work.pacing.rejoin_s
        try:
            await work.obey(channel)
            return
        except ConnectionLostError as lost:
            work.event("lost", f"the head of its nodes: {lost}; waiting for another")
        finally:
            await work.stop()
            await channel.close()


async def _find_head(
    path: Path, rank: int, patience_s: float, finished: Callable[[], bool]
) -> Channel | None:
    """Connect to the head; None where it has ended, or where there is no work left."""
    began = looked = time.monotonic()
    while True:
        offer = read_offer(path)
        if offer is not None and offer.state == "ended":
            return None
        if offer is not None:
            channel = await _join(offer.address, offer.port, offer.token, rank)
            if channel is not None:
                return channel
        now = time.monotonic()
        if now - looked >= _FINISHED_S:
            looked = now
            if finished():
                return None
        if now - began >= patience_s:
            found = "its file does not lead to it" if offer else "there is no such file"
            raise ServerError(
                f"{path}: no head of this node's group has come within {patience_s:g} s ({found}); "
                "see that tsdg runs "
                "on every node of the job and that all of them see this folder"
            )
        await asyncio.sleep(_LOOK_S)


async def _join(address: str, port: int, token: str, rank: int) -> Channel | None:
    """Introduce this node; None where nobody answers there, or somebody else does."""
    try:
        async with asyncio.timeout(_CONNECT_S):
            channel = Channel(*await asyncio.open_connection(address, port))
    except (OSError, TimeoutError):
        return None
    channel.send("hello", token=token, rank=rank, host=platform.node())
    try:
        welcome = await channel.receive(_CONNECT_S)
    except ConnectionLostError:
        welcome = {"kind": "nothing"}
    if welcome["kind"] == "welcome" and welcome.get("token") == token:
        return channel
    await channel.close()
    return None


@dataclass(slots=True, kw_only=True)
class _WorkingNode:
    """The rank's process, and what it takes to start it."""

    server: ServerConfig
    model: ModelConfig
    logs: Path
    on_event: OnEvent
    pacing: Pacing
    share: NodeShare
    placement: Placement
    process: ServerProcess | None = None
    watching: asyncio.Task[None] | None = None

    async def obey(self, channel: Channel) -> None:
        """Do what the head says until it says that this is all.

        Raises:
            ConnectionLostError: the head is gone.
        """
        while True:
            message = await channel.receive()
            if message["kind"] == "start":
                await self.stop()
                await self._start(channel, message)
            elif message["kind"] == "stop":
                await self.stop()
                channel.send("stopped", generation=message["generation"])
            elif message["kind"] == "end":
                return

    async def stop(self) -> None:
        """End the rank and all that it started."""
        if self.watching is not None:
            self.watching.cancel()
            await asyncio.gather(self.watching, return_exceptions=True)
        if self.process is not None:
            await self.process.stop()
            self.event("stopped", "")
        self.process = self.watching = None

    async def _start(self, channel: Channel, order: dict[str, Any]) -> None:
        executable = find_executable(self.server)
        member = Member(
            nodes=self.share.nodes,
            rank=self.share.rank,
            address=str(order["address"]),
            port=int(order["port"]),
        )
        address = self.placement.address or channel.local_address
        env = serve_env(
            server=self.server,
            inherited=with_patience(os.environ, self.server, self.model),
            executable=executable,
            replica=0,
            gpus=gpus_of(self.placement, self.share, 0),
            reached=(address, interface_of(address)),
        )
        words = serve_command(server=self.server, model=self.model, port=0, member=member)
        command = (str(executable), *words[1:])
        log = log_path(self.logs, 0, self.share.rank)
        start = begin_log(log, command)
        self.event("starting", f"rank {self.share.rank} of {self.share.nodes} nodes")
        self.process = await ServerProcess.start(
            command, env=env, log=log, grace_s=self.pacing.grace_s
        )
        self.watching = asyncio.create_task(
            self._watch(self.process, channel, order["generation"], log, start)
        )

    async def _watch(
        self, process: ServerProcess, channel: Channel, generation: int, log: Path, start: int
    ) -> None:
        outcome = await process.ended()
        reason = describe_end(outcome, tail(log, start))
        self.event("lost", reason)
        channel.send("ended", generation=generation, reason=f"{reason}; full log: {log}")

    def event(self, kind: EventKind, detail: str) -> None:
        """Tell of a change."""
        url = f"node {self.share.rank} of {self.share.nodes}"
        self.on_event(ServerEvent(replica=self.share.group, kind=kind, url=url, detail=detail))
