"""TCP ports of own servers: bound, not guessed."""

from __future__ import annotations

import socket

from tsdg.errors import ServerError


class PortLease:
    """A port that is held by a bound socket for as long as the lease is open.

    The socket never listens and allows the reuse of its address: so a server that sets
    SO_REUSEADDR, as vLLM does, can listen on the port while it is held, but the kernel gives it to
    nobody who asks for a free one.
    """

    def __init__(self, host: str, port: int) -> None:
        """Bind ``port``, or a free one where it is 0.

        Raises:
            ServerError: the port is taken, or the host is none of this machine.
        """
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
        except socket.gaierror as error:
            raise ServerError(
                f"server.host={host}: no such address ({error.strerror}); use 127.0.0.1 or an "
                "address of this machine"
            ) from error
        self._socket = socket.socket(family, kind, protocol)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind(address)
        except OSError as error:
            self._socket.close()
            raise ServerError(_refusal(host, port, error)) from error
        self.port: int = self._socket.getsockname()[1]

    def close(self) -> None:
        """Let the port go."""
        self._socket.close()


def base_url(host: str, port: int) -> str:
    """Return the URL, up to and with ``/v1``, of a server that is bound to ``host``."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{reached}]:{port}/v1" if ":" in reached else f"http://{reached}:{port}/v1"


def _refusal(host: str, port: int, error: OSError) -> str:
    if port == 0:
        return (
            f"server.host={host}: cannot bind a port there ({error.strerror}); "
            "use 127.0.0.1 or a local address"
        )
    return (
        f"server.port={port}: the port cannot be bound on {host} ({error.strerror}); end what uses "
        "it, name another "
        "server.port, or use server.port=0 for a free one"
    )
