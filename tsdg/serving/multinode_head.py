"""The head's side of a multi-node server: it starts and stops the other nodes with it."""

from __future__ import annotations

import asyncio
import os
import platform
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal

from tsdg.serving.placement import NodeShare, Placement
from tsdg.serving.rendezvous import (
    Channel,
    ConnectionLostError,
    Offer,
    interface_of,
    offer_path,
    own_address,
    write_offer,
)
from tsdg.storage import make_directory

_HELLO_S = 10.0


class NodeLostError(Exception):
    """A node is missing, or its part of the server has ended; the message is one line."""


@dataclass(slots=True)
class _Member:
    """One worker that is connected."""

    channel: Channel
    host: str
    stopped: asyncio.Event = field(default_factory=asyncio.Event)


class MultinodeHead:
    """Async context manager.

    Multinode workers can join while it is open, and are dismissed at its end.
    """

    def __init__(self, *, placement: Placement, share: NodeShare, folder: Path) -> None:
        """Prepare.

        Args:
            placement: where this process stands.
            share: that of a head.
            folder: for the file by which multinode workers find this process; seen by all nodes.
        """
        self.address = placement.address or own_address()
        self.interface = interface_of(self.address)
        self.nodes = share.nodes
        self._folder = folder
        self._path = offer_path(folder, placement.element, share.group)
        self._token = secrets.token_hex(16)
        self._members: dict[int, _Member] = {}
        self._changed = asyncio.Event()
        self._generation = 0
        self._broken = ""
        self._listener: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> MultinodeHead:
        """Bind a port and say where; return at once."""
        self._listener = await asyncio.start_server(self._accept, self.address, 0)
        make_directory(self._folder)
        self._write("open", self._listener.sockets[0].getsockname()[1])
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Tell the multinode workers to end."""
        assert self._listener is not None
        self._listener.close()
        self._write("ended", 0)
        for member in self._members.values():
            member.channel.send("end")
        await asyncio.gather(*(member.channel.close() for member in self._members.values()))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def gather(self, within_s: float) -> None:
        """Wait until every multinode worker is connected.

        Raises:
            NodeLostError: one is not there within ``within_s``.
        """
        try:
            async with asyncio.timeout(within_s):
                while len(self._members) < self.nodes - 1:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError as error:
            missing = ", ".join(
                str(rank) for rank in range(1, self.nodes) if rank not in self._members
            )
            raise NodeLostError(
                f"node {missing} of the {self.nodes} that share this server has not come within "
                f"{within_s:g} s; see "
                f"that tsdg runs on every node of the job and that all of them see {self._folder}"
            ) from error

    def start(self, port: int) -> None:
        """Have every multinode worker start its part of the server, in place of any earlier one.

        Args:
            port: on the head's address, where the parts find one another.
        """
        self._generation += 1
        self._broken = ""
        self._changed.set()
        for member in self._members.values():
            member.stopped.clear()
            member.channel.send(
                "start", generation=self._generation, address=self.address, port=port
            )

    async def broken(self) -> str:
        """Wait until a part of this start has ended or its node is gone; return why, in a line."""
        while not self._broken:
            self._changed.clear()
            await self._changed.wait()
        return self._broken

    async def stop(self, within_s: float) -> None:
        """Have every multinode worker end its part, waiting at most ``within_s`` seconds."""
        waiting = list(self._members.values())
        for member in waiting:
            member.channel.send("stop", generation=self._generation)
        try:
            async with asyncio.timeout(within_s):
                await asyncio.gather(*(member.stopped.wait() for member in waiting))
        except TimeoutError:
            return

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        channel = Channel(reader, writer)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            hello = await channel.receive(_HELLO_S)
            rank = hello.get("rank")
            known = hello["kind"] == "hello" and hello.get("token") == self._token
            if known and isinstance(rank, int) and 0 < rank < self.nodes:
                await self._serve(rank, _Member(channel, str(hello.get("host"))))
            channel.send("stranger")
        except ConnectionLostError:
            return
        finally:
            self._tasks.discard(task)
            await channel.close()

    async def _serve(self, rank: int, member: _Member) -> None:
        """Listen to one multinode worker until it is gone."""
        earlier = self._members.get(rank)
        if earlier is not None:
            # It came back before its end was noticed; what it had started then is gone.
            await earlier.channel.close()
            self._break(f"node {rank} ({member.host}) was started anew")
        self._members[rank] = member
        member.channel.send("welcome", token=self._token)
        self._changed.set()
        try:
            while True:
                message = await member.channel.receive()
                if message["kind"] == "stopped":
                    member.stopped.set()
                elif message["kind"] == "ended" and message.get("generation") == self._generation:
                    self._break(
                        f"its part on node {rank} ({member.host}) ended: {message.get('reason')}"
                    )
        except ConnectionLostError as lost:
            if self._members.get(rank) is member:
                del self._members[rank]
                self._break(f"node {rank} ({member.host}) is gone: {lost}")
        finally:
            member.stopped.set()

    def _break(self, reason: str) -> None:
        self._broken = self._broken or reason
        self._changed.set()

    def _write(self, state: Literal["open", "ended"], port: int) -> None:
        offer = Offer(
            state=state,
            token=self._token,
            address=self.address,
            port=port,
            host=platform.node(),
            pid=os.getpid(),
        )
        write_offer(self._path, offer)
