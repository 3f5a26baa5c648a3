"""One process at work on a phase: it claims units, sends requests, commits and gives back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from tsdg.accounting import State
from tsdg.engine.events import PhaseEvent, PhaseResult
from tsdg.engine.handover import HandOver
from tsdg.engine.leases import highest_generations
from tsdg.engine.open_unit import OpenUnit, cancel, may_hold_more
from tsdg.engine.owner import Owner
from tsdg.engine.phase_job import PhaseJob
from tsdg.engine.scheduler import Scheduler
from tsdg.engine.slurm import SlurmJobs
from tsdg.engine.standby import Standby
from tsdg.engine.unit_store import UnitStore
from tsdg.engine.units import InputLayout
from tsdg.engine.worker_report import WorkerFigures, WorkerReport
from tsdg.errors import BudgetReachedError, StoppedError
from tsdg.layout import STANDBY

T = TypeVar("T")

_SYNCS = 2
"""Journals synced at most in the time between two syncs of one: each is work for the file system,
and a process may have many units open."""
_POLLS_APART = 5
"""Where nothing is left to claim, looks at the leases of others come so many times as far apart."""


class Worker:
    """Runs one phase in one event loop; use once."""

    def __init__(
        self,
        *,
        job: PhaseJob,
        layout: InputLayout,
        committed: frozenset[int],
        stop: asyncio.Event,
        on_event: Callable[[PhaseEvent], None],
        note: Callable[[str], None],
    ) -> None:
        self._job = job
        self._stop = stop
        self._on_event = on_event
        owner = Owner.current()
        slurm = SlurmJobs(every_s=job.timing.ask_slurm_s)
        self._store = UnitStore(
            job=job, layout=layout, committed=committed, owner=owner, gone=slurm.gone
        )
        self._picker = self._store.picker
        self._standby = Standby(
            directory=job.directory / STANDBY,
            owner=owner,
            timing=job.timing,
            gone=slurm.gone,
            may_leave=job.may_leave,
        )
        self._scheduler = Scheduler(
            process=job.process, transport=job.transport, config=job.config, timing=job.timing
        )
        self._report = WorkerReport(
            job=job,
            token=owner.token,
            note=note,
            progress=self._event,
            figures=WorkerFigures(job=job, owner=owner, scheduler=self._scheduler),
        )
        self._hand_overs = HandOver(job.timing)
        self._sign = self._store.sign()
        self._open: dict[int, OpenUnit] = {}
        self._sequence = 0
        self._next_claim = 0.0
        self._vain_claims = 0
        self._starting: OpenUnit | None = None
        self._closing = self._leaves = False
        self._units_committed = 0
        self._ends: set[asyncio.Task[None]] = set()
        self._last_event: PhaseEvent | None = None
        self._largest = max(layout.rows, default=0)
        # Two pools, so that a slow disk under the parts never delays a heartbeat.
        self._disk = ThreadPoolExecutor(max_workers=4, thread_name_prefix="tsdg-disk")
        self._pulse = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tsdg-pulse")

    async def run(self) -> PhaseResult:
        """Work until there is nothing left for this process.

        See :func:`tsdg.engine.phase.run_phase`.
        """
        state: State = "failed"
        reason = ""
        try:
            result = await self._work()
            state = "complete"
            if self._leaves:
                reason = f"left {self._picker.units_left} units to those that work on them"
            return result
        except (StoppedError, BudgetReachedError, asyncio.CancelledError) as error:
            state, reason = "stopped", str(error) or "cancelled"
            raise
        except BaseException as error:
            reason = str(error) or type(error).__name__
            raise
        finally:
            await self._report.close(state, " ".join(reason.split()))

    async def _work(self) -> PhaseResult:
        pump = asyncio.create_task(self._guarded(self._pump()))
        side_jobs = (
            self._beat_leases(),
            self._sync_journals(),
            self._tell_progress(),
            self._scheduler.steer(),
            self._report.keep(),
            self._report.watch_budget(),
        )
        jobs = [asyncio.create_task(self._guarded(job)) for job in side_jobs]
        stopped = asyncio.create_task(self._stop.wait())
        failed = self._scheduler.failed
        try:
            ends: set[asyncio.Future[Any]] = {pump, stopped, failed}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._closing = True
            self._scheduler.wake.set()
            for task in (stopped, *jobs):
                task.cancel()
            try:
                await self._shut_down(pump)
            finally:
                self._disk.shutdown(wait=False)
                self._pulse.shutdown(wait=False)
            error = failed.exception() if failed.done() else None
        self._tell()
        # Where all is done already, a budget that is reached has nothing left to stop.
        if error is not None and (
            self._picker.units_left or not isinstance(error, BudgetReachedError)
        ):
            raise error
        if (left := self._picker.units_left) and not self._leaves:
            raise StoppedError(
                f"stopped with {self._picker.units - left} of {self._picker.units} units done in "
                f"{self._job.directory}: "
                "what is done is kept; start again to continue"
            )
        return self._result()

    # -- claiming and starting
    #   ----------------------------------------------------------------------------------------

    async def _pump(self) -> None:
        """Keep rows going until every unit is committed."""
        await self._in(self._disk, self._store.prepare)
        wake = self._scheduler.wake
        while not self._closing:
            wake.clear()
            self._settle()
            if not self._picker.units_left and not self._open:
                await self._in(self._disk, self._store.sweep_all)
                await self._in(self._pulse, self._standby.sweep)
                return
            pause: float | None = None
            if self._scheduler.has_room():
                if self._starting is not None:
                    self._start_row(self._starting)
                    # Its first requests decide about the next row: let it run up to them, and once
                    # more for those that it makes in tasks of its own.
                    await asyncio.sleep(0)
                    await asyncio.sleep(0)
                    continue
                if self._may_open():
                    pause = self._next_claim - time.monotonic()
                    if pause <= 0:
                        await self._claim_or_leave()
                        if self._leaves:
                            return
                        continue
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await wake.wait()

    async def _claim_or_leave(self) -> None:
        """Open the next free unit; where there is none, look again later, or leave for good."""
        poll_s, vain = self._job.timing.poll_s, self._vain_claims
        if await self._claim():
            self._vain_claims = 0
            if vain:  # others wait too: each takes one
                self._next_claim = time.monotonic() + poll_s
            return
        self._vain_claims += 1
        self._next_claim = time.monotonic() + poll_s * min(_POLLS_APART, self._vain_claims)
        if not self._open:
            if not vain:
                await self._show_idle()
            self._leaves = await self._in(self._pulse, self._standby.dispensable)

    async def _show_idle(self) -> None:
        show = partial(self._sign.show, self._scheduler.speed, left=0)
        await self._in(self._pulse, show)

    def _start_row(self, unit: OpenUnit) -> None:
        if not unit.closed:
            self._scheduler.start_row(unit)
        if unit.closed or unit.all_started:
            self._starting = None

    def _may_open(self) -> bool:
        limit = self._scheduler.in_flight.limit
        return may_hold_more(self._open.values(), largest=self._largest, in_flight=limit)

    async def _claim(self) -> bool:
        """Open the next free unit; False where there is none."""
        sequence, self._sequence = self._sequence, self._sequence + 1
        unit = await self._in(
            self._disk, partial(self._store.claim, frozenset(self._open), sequence)
        )
        if unit is None:
            return False
        if not self._open:
            self._hand_overs.begin()
            await self._in(self._pulse, self._sign.hide)
        self._open[unit.index] = unit
        if self._standby.asked:
            await self._in(self._pulse, self._standby.quit)
        if unit.rows_total:
            self._starting = unit
        else:
            self._scheduler.finished.add(unit)
        return True

    # -- ending units

    def _settle(self) -> None:
        """Commit the units whose rows are all done, and drop those that were lost."""
        lost, self._scheduler.lost = self._scheduler.lost, set()
        finished, self._scheduler.finished = self._scheduler.finished, set()
        for units, end in ((lost, self._drop), (finished, self._commit)):
            for unit in units:
                self._end(unit, end)

    def _end(self, unit: OpenUnit, end: Callable[[OpenUnit], Coroutine[Any, Any, None]]) -> None:
        if not unit.ending:
            unit.ending = True
            task = asyncio.create_task(self._guarded(end(unit)))
            self._ends.add(task)
            task.add_done_callback(self._ends.discard)

    async def _commit(self, unit: OpenUnit) -> None:
        unit.closed = True
        try:
            outcome = await self._in(self._disk, partial(self._store.write_part, unit))
            await self._let_go(unit)
            self._units_committed += outcome == "committed"
        except BaseException:
            await self._give_back(unit)
            raise
        finally:
            del self._open[unit.index]
            self._scheduler.wake.set()

    async def _drop(self, unit: OpenUnit) -> None:
        """Stop work on a unit that another process has taken."""
        unit.closed = True
        try:
            await cancel(unit.tasks, self._job.timing.stop_grace_s)
            await self._let_go(unit)
        finally:
            del self._open[unit.index]
            self._scheduler.wake.set()

    async def _hand_over(self, unit: OpenUnit) -> None:
        """Give a unit back, for others to take."""
        unit.closed = True
        try:
            await cancel(unit.tasks, self._job.timing.stop_grace_s)
            await self._give_back(unit)
        finally:
            del self._open[unit.index]
            self._scheduler.wake.set()

    async def _let_go(self, unit: OpenUnit) -> None:
        """Close a unit that is committed or lost; clean up after a committed one."""
        unit.journal.close()
        unit.lease.close()
        if await self._in(self._disk, partial(self._store.is_committed, unit)):
            self._picker.add(unit.index)
            await self._in(self._disk, partial(self._store.sweep_unit, unit))

    async def _give_back(self, unit: OpenUnit) -> None:
        """Flush and release as far as the storage allows; a failure only makes others wait."""
        try:
            await self._in(self._disk, unit.journal.sync)
        finally:
            unit.journal.close()
            await self._in(self._disk, unit.lease.release)

    async def _shut_down(self, pump: asyncio.Task[None]) -> None:
        """Cancel what is at work, flush, and give all units back."""
        for unit in self._open.values():
            unit.closed = True
        tasks = {task for unit in self._open.values() for task in unit.tasks}
        await cancel(tasks, self._job.timing.stop_grace_s)
        await asyncio.wait({pump})
        while self._ends:
            await asyncio.wait(set(self._ends))
        for unit in self._open.values():
            await self._guarded(self._give_back(unit))
        await self._guarded(self._in(self._pulse, self._sign.hide))
        await self._guarded(self._in(self._pulse, self._standby.quit))

    # -- side jobs

    async def _beat_leases(self) -> None:
        while True:
            await asyncio.sleep(self._job.timing.heartbeat_s)
            await self._in(self._pulse, self._standby.beat)
            if units := list(self._open.values()):
                names = await self._in(self._pulse, self._store.lease_names)
                await self._beat(units, highest_generations(names))
                await self._hand_over_some(names)
            elif self._vain_claims:
                await self._show_idle()

    async def _beat(self, units: Sequence[OpenUnit], highest: Mapping[int, int]) -> None:
        for unit in units:
            held = await self._in(self._pulse, partial(unit.lease.beat, highest))
            if not held and not unit.ending:
                self._scheduler.lost.add(unit)
                self._scheduler.wake.set()

    async def _hand_over_some(self, names: Sequence[str]) -> None:
        speed, units = self._scheduler.speed, list(self._open.values())
        seen = self._hand_overs.look(names, speed=speed)
        for unit in self._hand_overs.choose(units, seen, rows_done=self._scheduler.rows_ended):
            self._end(unit, self._hand_over)
        if not seen.idle:
            await self._in(self._pulse, self._sign.hide)
            return
        if seen.quicker:  # what is free is for those
            self._next_claim = time.monotonic() + 2 * self._job.timing.heartbeat_s
        left = sum(unit.rows_total - unit.rows_done for unit in units if not unit.ending)
        await self._in(self._pulse, partial(self._sign.show, speed, left=left))

    async def _sync_journals(self) -> None:
        while True:
            await asyncio.sleep(self._job.timing.sync_s)
            for unit in list(self._open.values()):
                if unit.journal.dirty:
                    await self._in(self._disk, unit.journal.sync)
                    await asyncio.sleep(self._job.timing.sync_s / _SYNCS)

    async def _tell_progress(self) -> None:
        while True:
            self._tell()
            await asyncio.sleep(self._job.timing.progress_s)

    def _tell(self) -> None:
        event = self._event()
        if event != self._last_event:
            self._last_event = event
            self._on_event(event)

    def _rows_done(self) -> int:
        return self._picker.rows_done({unit.index: unit.rows_done for unit in self._open.values()})

    def _event(self) -> PhaseEvent:
        tally = self._scheduler.tally
        return PhaseEvent(
            rows_done=self._rows_done(),
            rows_total=self._picker.rows_total,
            requests_done=tally.requests_done,
            in_flight=self._scheduler.in_flight.active,
            prompt_tokens=tally.prompt_tokens,
            completion_tokens=tally.completion_tokens,
            resumed_requests=tally.resumed_requests,
            units_committed=self._units_committed,
        )

    def _result(self) -> PhaseResult:
        tally = self._scheduler.tally
        return PhaseResult(
            rows_done=self._rows_done(),
            rows_total=self._picker.rows_total,
            units_committed=self._units_committed,
            requests_done=tally.requests_done,
            retries=tally.retries.total(),
            prompt_tokens=tally.prompt_tokens,
            completion_tokens=tally.completion_tokens,
            resumed_requests=tally.resumed_requests,
            failures=dict(tally.failures),
        )

    # -- helpers

    async def _guarded(self, job: Coroutine[Any, Any, None]) -> None:
        """Run a job; its failure is the failure of the phase."""
        try:
            await job
        except Exception as error:
            self._scheduler.fail(error)

    async def _in(self, pool: ThreadPoolExecutor, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, function)
