"""Starts the replicas of a node, keeps them running, and ends them all."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from types import TracebackType

import aiohttp

from tsdg.config.models import ModelConfig, ServerConfig
from tsdg.errors import ServerError
from tsdg.serving.checks import find_executable
from tsdg.serving.events import OnEvent, Pacing, ServerEvent
from tsdg.serving.multinode_head import MultinodeHead
from tsdg.serving.placement import cores_of, gpus_of, placement_for, share_of
from tsdg.serving.pool import Endpoint, Pool
from tsdg.serving.ports import base_url
from tsdg.serving.replica import Replica, ReplicaPlan
from tsdg.serving.reply import one_line
from tsdg.serving.server_logs import RENDEZVOUS, log_path
from tsdg.serving.start_time import with_patience
from tsdg.serving.vllm import serve_env


class NodeServers:
    """Async context manager: own servers run inside it, and none is left after it.

    Attributes:
        pool: the replicas as endpoints; the first that is ready can be used while the others still
            start.
    """

    def __init__(
        self,
        *,
        server: ServerConfig,
        model: ModelConfig,
        logs: Path,
        session: aiohttp.ClientSession,
        on_event: OnEvent,
        pacing: Pacing,
    ) -> None:
        """Prepare the servers of this node; nothing starts before the context is entered.

        Args:
            server: the recipe's part, which :func:`tsdg.serving.check_server` has passed.
            model: what they serve.
            logs: folder for the servers' logs; made where it is missing.
            session: for looking at them.
            on_event: told of every change.
            pacing: how often and how long.

        Raises:
            ServerError: this node is one of several that share a server, and not the first of them.
        """
        self._on_event = on_event
        self._logs = logs
        self._stagger_s = pacing.stagger_s
        executable = find_executable(server)
        placement = placement_for(server)
        share = share_of(placement, server, model)
        if share.role == "worker":
            raise ServerError(
                f"this is node {share.rank} of {share.nodes} that share a server: only the first "
                "of them works; the "
                "others are to run tsdg as its multinode workers"
            )
        self._head = (
            MultinodeHead(placement=placement, share=share, folder=logs / RENDEZVOUS)
            if share.role == "head"
            else None
        )
        cores = tuple(sorted(os.sched_getaffinity(0)))
        endpoints: list[Endpoint] = []
        self._replicas: list[Replica] = []
        gpus = [gpus_of(placement, share, number) for number in range(share.replicas)]
        for number, own in enumerate(gpus):
            endpoints.append(
                Endpoint(
                    base_url(server.host, 0),
                    proxy=None,
                    name=f"server-{number}",
                    gpus=len(own) * share.nodes,
                    watched=True,
                )
            )
        self.pool = Pool(tuple(endpoints))
        for number, endpoint in enumerate(endpoints):
            env = serve_env(
                server=server,
                inherited=with_patience(os.environ, server, model),
                executable=executable,
                replica=number,
                gpus=gpus[number],
                cores=cores_of(cores, share, number),
                reached=((self._head.address, self._head.interface) if self._head else ("", "")),
            )
            plan = ReplicaPlan(
                number=number,
                server=server.model_copy(
                    update={"command": (str(executable), *server.command[1:])}
                ),
                model=model,
                env=env,
                log=log_path(logs, number, 0),
                pacing=pacing,
                head=self._head,
            )
            self._replicas.append(
                Replica(plan, endpoint=endpoint, pool=self.pool, session=session, on_event=on_event)
            )
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> NodeServers:
        """Start the replicas, one after the other, and return at once."""
        self._logs.mkdir(parents=True, exist_ok=True)
        if self._head is not None:
            await self._head.__aenter__()
        self._tasks = [
            asyncio.create_task(self._run(replica, number * self._stagger_s))
            for number, replica in enumerate(self._replicas)
        ]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End all servers at the same time and wait until none of their processes is left."""
        self.pool.close("the servers are being stopped")
        # First of all, and without waiting: should this task be cancelled again below, they still
        # end.
        for replica in self._replicas:
            replica.ask_to_end()
        for task in self._tasks:
            task.cancel()
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._head is not None:
            await self._head.__aexit__(None, None, None)
        for number, endpoint in enumerate(self.pool.endpoints):
            self._on_event(
                ServerEvent(replica=number, kind="stopped", url=endpoint.label, detail="")
            )
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def _run(self, replica: Replica, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        try:
            await replica.run()
        except Exception as error:
            # Nobody awaits this task before the end: if it failed silently, requests would wait for
            # ever.
            self.pool.close(
                f"watching the servers failed: {type(error).__name__}: {one_line(str(error))}"
            )
            raise
