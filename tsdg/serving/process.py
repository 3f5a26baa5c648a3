"""One running server process, kept by the keeper."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

_KEEPER = Path(__file__).with_name("keeper.py")
_SLACK_S = 1.5


class ServerProcess:
    """A server and the keeper in front of it. Use :meth:`start`."""

    def __init__(self, keeper: asyncio.subprocess.Process, grace_s: float) -> None:
        self._keeper = keeper
        self._grace_s = grace_s
        self._server = 0
        self._outcome = ""
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(
        cls, command: tuple[str, ...], *, env: Mapping[str, str], log: Path, grace_s: float
    ) -> ServerProcess:
        """Start ``command`` under a keeper; its output is appended to ``log``.

        Args:
            command: program and arguments.
            env: the whole environment.
            log: file, made where it is missing; its folder must exist.
            grace_s: seconds between SIGTERM and SIGKILL when it is ended.
        """
        with log.open("ab") as output:
            # -I and -S: the keeper is the same whatever is installed or set, and starts in 20 ms.
            keeper = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-S",
                str(_KEEPER),
                str(os.getpid()),
                str(grace_s),
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=output,
                env=dict(env),
                start_new_session=True,
            )
        return cls(keeper, grace_s)

    @property
    def pid(self) -> int:
        """Process id, group and session of the server; 0 until it is known."""
        return self._server

    async def ended(self) -> str:
        """Wait until the server and all that it started are gone.

        Return how: ``exit N``, ``signal N``.
        """
        await asyncio.shield(self._reader)
        return self._outcome

    def ask_to_end(self) -> None:
        """Tell the keeper to end the server, and return at once."""
        if self._keeper.stdin is not None:
            self._keeper.stdin.close()

    async def stop(self) -> None:
        """End the server and all that it started: at most ``grace_s`` and a moment."""
        self.ask_to_end()
        try:
            async with asyncio.timeout(self._grace_s + _SLACK_S):
                await self.ended()
        except TimeoutError:
            # The keeper is stopped, or a process cannot be killed yet (it waits for a device); the
            # keeper goes on.
            self._signal_group(signal.SIGKILL)
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    async def _read(self) -> None:
        assert self._keeper.stdout is not None
        async for line in self._keeper.stdout:
            word, _, rest = line.decode().strip().partition(" ")
            if word == "started":
                self._server = int(rest)
            elif word == "ended":
                self._outcome = rest
        await self._keeper.wait()
        if not self._outcome:
            # Somebody killed the keeper. The server has been told to end by the kernel; see that it
            # does.
            self._outcome = f"its keeper ended with {self._keeper.returncode}"
            self._signal_group(signal.SIGTERM)
            await asyncio.sleep(1.0)
            self._signal_group(signal.SIGKILL)

    def _signal_group(self, number: signal.Signals) -> None:
        if self._server:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._server, number)
