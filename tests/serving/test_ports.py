"""Ports are bound, not guessed."""

import socket

import pytest

from tsdg.errors import ServerError
from tsdg.serving.ports import PortLease, base_url


def listen(port: int) -> socket.socket:
    """Listen as vLLM does."""
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", port))
    server.listen()
    return server


def test_a_server_can_listen_on_a_held_port_and_the_port_stays_held_after_it() -> None:
    lease = PortLease("127.0.0.1", 0)
    for _ in range(2):
        with listen(lease.port), socket.create_connection(("127.0.0.1", lease.port)):
            pass
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", lease.port))
    lease.close()


def test_free_ports_differ() -> None:
    leases = [PortLease("127.0.0.1", 0) for _ in range(50)]
    assert len({lease.port for lease in leases}) == 50
    for lease in leases:
        lease.close()


def test_a_fixed_port_that_is_taken_is_refused_by_number_and_key() -> None:
    with listen(0) as server:
        port = server.getsockname()[1]
        with pytest.raises(ServerError, match=rf"^server\.port={port}: .* in use.*server\.port=0"):
            PortLease("127.0.0.1", port)


@pytest.mark.parametrize("host", ["203.0.113.7", "no-such-host.invalid"])
def test_a_host_of_another_machine_is_refused(host: str) -> None:
    with pytest.raises(ServerError, match=rf"^server\.host={host}"):
        PortLease(host, 0)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80/v1"),
        ("0.0.0.0", "http://127.0.0.1:80/v1"),
        ("::1", "http://[::1]:80/v1"),
    ],
)
def test_urls(host: str, url: str) -> None:
    assert base_url(host, 80) == url
