"""Keeps the books of one process.

Its figures on disk, and the use of the whole run within its budget.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from tsdg.accounting import State, WorkerStatus, spent, worker_path, write_worker
from tsdg.config.recipe import BudgetConfig
from tsdg.engine.account import Account
from tsdg.engine.budget import Others, is_capped, reached
from tsdg.engine.events import PhaseEvent
from tsdg.engine.timing import Timing
from tsdg.errors import BudgetReachedError, StorageError, TsdgError

T = TypeVar("T")

_READ_EACH_S = 0.2
"""Least seconds, per other process at work, between two readings of their files."""


class Books:
    """Of one worker in one phase. Its jobs run in the worker's event loop; ``close`` ends it."""

    def __init__(
        self,
        *,
        phase: Path,
        token: str,
        account: Account,
        progress: Callable[[], PhaseEvent],
        budget: BudgetConfig,
        timing: Timing,
        note: Callable[[str], None],
    ) -> None:
        """Begin the books; nothing is written yet.

        Args:
            phase: the phase's directory, in the run directory.
            token: of the worker.
            account: gathers the figures.
            progress: the worker's progress as it is now.
            budget: of the run.
            timing: how often.
            note: told, once, what went wrong without harm to the work.
        """
        self._phase = phase
        self._token = token
        self._account = account
        self._progress = progress
        self._budget = budget
        self._timing = timing
        self._note = note
        self._noted: set[str] = set()
        # A thread of its own, so that a slow disk under the books delays nothing else.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tsdg-books")

    async def keep(self) -> None:
        """Write the figures now and then, for ever."""
        while True:
            self._account.mark(self._progress())
            await self._write("running", "")
            await asyncio.sleep(self._timing.account_s)

    async def close(self, state: State, reason: str) -> None:
        """Write the figures a last time.

        Args:
            state: how the worker ended.
            reason: why, in one line; empty where it is complete.
        """
        try:
            await self._write(state, reason)
        finally:
            self._thread.shutdown(wait=False)

    async def watch_budget(self) -> None:
        """Watch what the run uses, as long as it may; without a cap, return at once.

        Raises:
            BudgetReachedError: a cap is reached.
        """
        if not is_capped(self._budget):
            return
        others = Others(self._phase.parent, own=worker_path(self._phase, self._token))
        used: Sequence[WorkerStatus] = ()
        next_read = 0.0
        while True:
            if time.monotonic() >= next_read:
                try:
                    used = await self._in_thread(others.read)
                except TsdgError as error:
                    self._note_once(
                        "budgets",
                        f"the use of other processes is not known for the budget: {error}",
                    )
                # Many processes that all read the files of all others would keep the file system
                # busy.
                next_read = time.monotonic() + max(
                    self._timing.account_s, _READ_EACH_S * others.running
                )
            own = self._account.status(self._progress(), state="running", reason="")
            if line := reached(self._budget, spent([*used, own])):
                raise BudgetReachedError(line)
            await asyncio.sleep(self._timing.budget_s)

    async def _write(self, state: State, reason: str) -> None:
        status = self._account.status(self._progress(), state=state, reason=reason)
        try:
            await self._in_thread(partial(write_worker, self._phase, self._token, status))
        except StorageError as error:
            self._note_once("figures", f"the work goes on, but its figures cannot be kept: {error}")

    def _note_once(self, what: str, line: str) -> None:
        if what not in self._noted:
            self._noted.add(what)
            self._note(line)

    async def _in_thread(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)
