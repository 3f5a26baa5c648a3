"""How the nodes that share a server find one another: a file says where, a connection says who.

The head of a group binds a port for itself and writes ``<element>-<group>.json`` into a folder that
all nodes see. A multinode worker reads it, connects, and names the file's random token. The file is
only ever a hint:

* one of an earlier start has another name, as the element's name is never used again;
* one of an earlier head of the same start has an address where nobody answers, or somebody who does
  not know its token;
* the connection, never the file, tells whether a node lives, because some file systems show a file
  half a minute late.
"""

from __future__ import annotations

import asyncio
import fcntl
import ipaddress
import socket
import struct
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

from tsdg.errors import ServerError
from tsdg.storage import PRIVATE, write_whole

_GET_ADDRESS = 0x8915
"""SIOCGIFADDR of Linux."""
_IPV6_TABLE = Path("/proc/net/if_inet6")
BEAT_S = 2.0
"""Between two signs of life on a connection."""
SILENCE_S = 30.0
"""A peer that has given none for so long is gone, or its node is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Where a head can be reached."""

    state: Literal["open", "ended"]
    """``ended``: the head has no more work for its multinode workers."""
    token: str
    address: str
    port: int
    host: str
    """For people."""
    pid: int


def offer_path(folder: Path, element: str, group: int) -> Path:
    """The file of one group of nodes at one start of an element."""
    return folder / f"{element}-{group}.json"


def write_offer(path: Path, offer: Offer) -> None:
    """Write the file, which is whole at any time.

    Raises:
        StorageError: it cannot be written.
    """
    write_whole(path, orjson.dumps(asdict(offer)), mode=PRIVATE)


def read_offer(path: Path) -> Offer | None:
    """Read the file; None where there is none yet, or none that can be read now."""
    try:
        return Offer(**orjson.loads(path.read_bytes()))
    except (OSError, orjson.JSONDecodeError, TypeError):
        return None


class ConnectionLostError(Exception):
    """The connection is gone; the message is one line."""


class Channel:
    """Messages between a head and a multinode worker.

    JSON objects, one a line, with signs of life between them.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._beating = asyncio.create_task(self._beat())

    @property
    def local_address(self) -> str:
        """Own address, as the peer reaches it."""
        return str(self._writer.get_extra_info("sockname")[0])

    def send(self, kind: str, **more: Any) -> None:
        """Send a message; that the peer is gone is noticed by :meth:`receive`."""
        if not self._writer.is_closing():
            self._writer.write(
                orjson.dumps({"kind": kind, **more}, option=orjson.OPT_APPEND_NEWLINE)
            )

    async def receive(self, within_s: float = SILENCE_S) -> dict[str, Any]:
        """Return the next message that is more than a sign of life.

        Raises:
            ConnectionLostError: the connection has ended, was silent for too long, or carries
                something else.
        """
        while True:
            try:
                async with asyncio.timeout(within_s):
                    line = await self._reader.readline()
                message = orjson.loads(line) if line else None
            except TimeoutError as error:
                raise ConnectionLostError(f"silent for {within_s:g} s") from error
            except (OSError, ValueError) as error:
                raise ConnectionLostError(
                    " ".join(str(error).split()) or type(error).__name__
                ) from error
            if message is None:
                raise ConnectionLostError("the connection was closed")
            if not isinstance(message, dict) or not isinstance(message.get("kind"), str):
                raise ConnectionLostError("the other side does not speak as tsdg does")
            if message["kind"] != "alive":
                return message

    async def close(self) -> None:
        """Close the connection."""
        self._beating.cancel()
        self._writer.close()
        await asyncio.gather(self._beating, self._closed(), return_exceptions=True)

    async def _closed(self) -> None:
        async with asyncio.timeout(1.0):
            await self._writer.wait_closed()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            self.send("alive")


_PROBES = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
"""By kind of address, one that is nobody's."""


def own_address() -> str:
    """The address by which other nodes reach this one: its name's, or the default route's.

    An IPv6 address only where the node has no other.

    Raises:
        ServerError: it has none but the loopback.
    """
    for family, nobody in _PROBES:
        for address in (*_of_name(family), *_of_route(family, nobody)):
            parsed = ipaddress.ip_address(address.partition("%")[0])
            if not parsed.is_loopback and not parsed.is_link_local:
                return address
    raise ServerError(
        f"{socket.gethostname()} has no address but the loopback: nodes that share a server "
        "cannot reach it; set TSDG_NODE_ADDRESS on each node to its own address"
    )


def _of_name(family: int) -> list[str]:
    """The addresses of this machine's name."""
    try:
        return [str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None, family)]
    except socket.gaierror:
        return []


def _of_route(family: int, nobody: str) -> list[str]:
    """The address that this machine would send from; nothing is sent."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((nobody, 9))
            return [str(probe.getsockname()[0])]
    except OSError:
        return []


def interface_of(address: str) -> str:
    """Name of the network interface that has an address; empty where none has it."""
    if ":" in address:
        return _interface_of_ipv6(ipaddress.IPv6Address(address.partition("%")[0]))
    for _, name in socket.if_nameindex():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                packed = fcntl.ioctl(
                    probe.fileno(), _GET_ADDRESS, struct.pack("256s", name.encode()[:15])
                )
            except OSError:
                continue
        if socket.inet_ntoa(packed[20:24]) == address:
            return name
    return ""


def _interface_of_ipv6(address: ipaddress.IPv6Address, table: Path = _IPV6_TABLE) -> str:
    """The same for an IPv6 address, from the kernel's table of them."""
    try:
        lines = table.read_text().splitlines()
    except OSError:
        return ""
    for line in lines:
        fields = line.split()
        if len(fields) == 6 and int(fields[0], 16) == int(address):
            return fields[5]
    return ""
