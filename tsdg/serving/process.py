"""One running server process, kept by the supervisor."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tsdg.errors import StorageError
from tsdg.scratch import Scratch, new_scratch

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_SLACK_S = 1.5
_END_S = 0.005
_LONGEST = 70
"""Bytes of a folder's path in which vLLM's sockets still fit: their names have 36 of 107."""


class ServerProcess:
    """A server and the supervisor in front of it. Use :meth:`start`."""

    def __init__(
        self,
        supervisor: subprocess.Popen[bytes],
        said: tuple[asyncio.StreamReader, asyncio.BaseTransport],
        grace_s: float,
        scratch: Scratch | None,
    ) -> None:
        self._supervisor = supervisor
        self._said, self._pipe = said
        self._scratch = scratch
        self._grace_s = grace_s
        self._server = 0
        self._outcome = ""
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(
        cls, command: tuple[str, ...], *, env: Mapping[str, str], log: Path, grace_s: float
    ) -> ServerProcess:
        """Start ``command`` under a supervisor; its output is appended to ``log``.

        Its temporary files go to a folder of its own below ``TMPDIR``, which is removed when it
        ends: vLLM leaves sockets and files there whenever one of its processes is killed.

        Args:
            command: program and arguments.
            env: the whole environment.
            log: file, made where it is missing; its folder must exist.
            grace_s: seconds between SIGTERM and SIGKILL when it is ended.
        """
        scratch = _scratch(env)
        with log.open("ab") as output:
            # -I and -S: the supervisor is the same whatever is installed or set, and starts in 20
            # ms.
            # Not asyncio's: the event loop would end with errors where a supervisor outlives it.
            supervisor = subprocess.Popen(
                [
                    *(sys.executable, "-I", "-S", str(_SUPERVISOR)),
                    *(str(os.getpid()), str(grace_s), str(scratch.path) if scratch else ""),
                    *command,
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                env=_with_scratch(env, scratch),
                start_new_session=True,
            )
        said = asyncio.StreamReader()
        pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(said), supervisor.stdout
        )
        return cls(supervisor, (said, pipe), grace_s, scratch)

    @property
    def pid(self) -> int:
        """Process id, group and session of the server; 0 until it is known."""
        return self._server

    async def ended(self) -> str:
        """Wait until the server and its children are gone; return ``exit N`` or ``signal N``."""
        await asyncio.shield(self._reader)
        return self._outcome

    def ask_to_end(self) -> None:
        """Tell the supervisor to end the server, and return at once."""
        if self._supervisor.stdin is not None:
            self._supervisor.stdin.close()

    async def stop(self) -> None:
        """End the server and all that it started: at most ``grace_s`` and a moment."""
        self.ask_to_end()
        try:
            async with asyncio.timeout(self._grace_s + _SLACK_S):
                await self.ended()
        except TimeoutError:
            # The supervisor is stopped, or a process cannot be killed yet (it waits for a device);
            # the supervisor goes on.
            self._signal_group(signal.SIGKILL)
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
            self._pipe.close()

    async def _read(self) -> None:
        async for line in self._said:
            word, _, rest = line.decode().strip().partition(" ")
            if word == "started":
                self._server = int(rest)
            elif word == "ended":
                self._outcome = rest
        while self._supervisor.poll() is None:  # it has closed its output: a moment
            await asyncio.sleep(_END_S)
        self.ask_to_end()  # its input is closed in any case
        if not self._outcome:
            # Somebody killed the supervisor. The server has been told to end by the kernel; see
            # that it does.
            self._outcome = f"its supervisor ended with {self._supervisor.returncode}"
            self._signal_group(signal.SIGTERM)
            await asyncio.sleep(1.0)
            self._signal_group(signal.SIGKILL)
        if self._scratch:
            self._scratch.remove()

    def _signal_group(self, number: signal.Signals) -> None:
        if self._server:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._server, number)


def _temporary(env: Mapping[str, str]) -> Path:
    return Path(env.get("TMPDIR") or tempfile.gettempdir())


def _scratch(env: Mapping[str, str]) -> Scratch | None:
    """A folder for a server's temporary files; none where there is no fit place for one.

    It lies below its ``TMPDIR``, or in ``/tmp`` where that path is too long for a socket's.
    """
    for place in (_temporary(env), Path("/tmp")):
        if len(os.fsencode(place / "tsdg-server-12345678.tmp")) <= _LONGEST:
            with contextlib.suppress(StorageError):
                return new_scratch("server", parent=place)
    return None


def _with_scratch(env: Mapping[str, str], scratch: Scratch | None) -> dict[str, str]:
    """A server's environment with the folder of its temporary files.

    What is compiled stays for the next server: PyTorch keeps it below ``TMPDIR`` by default. It
    keeps precompiled headers there in any case: to make them anew for each server takes longer than
    the few CPU kernels that need them.
    """
    if scratch is None:
        return dict(env)
    compiled = _temporary(env) / f"tsdg-cache-{os.getuid()}" / "inductor"
    defaults = {
        "TORCHINDUCTOR_CACHE_DIR": str(compiled),
        "TORCHINDUCTOR_CPP_CACHE_PRECOMPILE_HEADERS": "0",
    }
    return {**defaults, **env, "TMPDIR": str(scratch.path)}
