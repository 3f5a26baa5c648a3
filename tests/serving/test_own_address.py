"""The address by which other nodes reach this one, in networks of the test's own."""

from __future__ import annotations

import asyncio
import ctypes
import os
import subprocess
import time
import traceback
from collections.abc import Sequence

import pytest

from tsdg.errors import ServerError
from tsdg.serving import rendezvous
from tsdg.serving.ports import PortLease, base_url

_NEW_NETWORK = 0x40000000
LINK = ("link set lo up", "link add d0 type veth peer name d1", "link set d0 up", "link set d1 up")
IPV4 = ("addr add 10.1.2.3/24 dev d0", "route add default via 10.1.2.1")
IPV6 = ("-6 addr add fd00::7/64 dev d0 nodad", "-6 route add default dev d0")


async def reach(address: str) -> str:
    """Serve at a port that is held there, and ask by its URL's host."""
    lease = PortLease(address, 0)
    server = await asyncio.start_server(lambda _, writer: writer.close(), address, lease.port)
    _, writer = await asyncio.open_connection(address, lease.port)
    writer.close()
    server.close()
    lease.close()
    return base_url(address, lease.port).replace(str(lease.port), "PORT")


def await_own_routes(network: Sequence[str]) -> None:
    """Wait until addresses can be reached: the kernel does that after ``ip addr add`` has ended."""
    show = ["ip", "-6", "route", "show", "table", "local"]
    while network[-len(IPV6) :] == IPV6 and b"fd00::7" not in subprocess.check_output(show):
        time.sleep(0.01)


def found_in(network: Sequence[str]) -> str:
    """What a process finds in a network of its own, or its error."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        said = "failed"
        try:
            assert ctypes.CDLL(None).unshare(_NEW_NETWORK) == 0
            for words in network:
                subprocess.run(["ip", *words.split()], check=True)
            await_own_routes(network)
            rendezvous._of_name = lambda family: []  # this machine's names are of another network
            address = rendezvous.own_address()
            said = f"{address} {rendezvous.interface_of(address)} {asyncio.run(reach(address))}"
        except ServerError as error:
            said = str(error)
        except Exception:
            said = traceback.format_exc()
        finally:
            os.write(writing, said.encode())
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as file:
        return file.read()


@pytest.mark.root
@pytest.mark.parametrize(
    ("network", "found"),
    [
        ((*LINK, *IPV4), "10.1.2.3 d0 http://10.1.2.3:PORT/v1"),
        ((*LINK, *IPV6), "fd00::7 d0 http://[fd00::7]:PORT/v1"),
        ((*LINK, *IPV6, *IPV4), "10.1.2.3 d0 http://10.1.2.3:PORT/v1"),
    ],
    ids=["IPv4", "IPv6", "both"],
)
def test_an_address_is_found_with_its_interface(network: Sequence[str], found: str) -> None:
    assert found_in(network) == found


@pytest.mark.root
def test_a_node_without_a_network_says_what_to_set() -> None:
    """An address of the link alone is none."""
    for network in ((), LINK):
        assert "has no address but the loopback" in found_in(network)
