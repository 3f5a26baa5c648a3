"""One running server process, kept by the supervisor."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_SLACK_S = 1.5


class ServerProcess:
    """A server and the supervisor in front of it. Use :meth:`start`."""

    def __init__(self, supervisor: asyncio.subprocess.Process, grace_s: float) -> None:
        self._supervisor = supervisor
        self._grace_s = grace_s
        self._server = 0
        self._outcome = ""
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(
        cls, command: tuple[str, ...], *, env: Mapping[str, str], log: Path, grace_s: float
    ) -> ServerProcess:
        """Start ``command`` under a supervisor; its output is appended to ``log``.

        Args:
            command: program and arguments.
            env: the whole environment.
            log: file, made where it is missing; its folder must exist.
            grace_s: seconds between SIGTERM and SIGKILL when it is ended.
        """
        with log.open("ab") as output:
            # -I and -S: the supervisor is the same whatever is installed or set, and starts in 20
            # ms.
            supervisor = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-S",
                str(_SUPERVISOR),
                str(os.getpid()),
                str(grace_s),
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=output,
                env=dict(env),
                start_new_session=True,
            )
        return cls(supervisor, grace_s)

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

    async def _read(self) -> None:
        assert self._supervisor.stdout is not None
        async for line in self._supervisor.stdout:
            word, _, rest = line.decode().strip().partition(" ")
            if word == "started":
                self._server = int(rest)
            elif word == "ended":
                self._outcome = rest
        await self._supervisor.wait()
        if not self._outcome:
            # Somebody killed the supervisor. The server has been told to end by the kernel; see
            # that it does.
            self._outcome = f"its supervisor ended with {self._supervisor.returncode}"
            self._signal_group(signal.SIGTERM)
            await asyncio.sleep(1.0)
            self._signal_group(signal.SIGKILL)

    def _signal_group(self, number: signal.Signals) -> None:
        if self._server:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._server, number)
