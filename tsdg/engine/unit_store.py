"""The files of a phase's work units: claiming, reading, committing and sweeping them.

Every method touches the disk, and so runs in a thread of the worker's, never in its event loop.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random

from tsdg.engine.commit import Commit, commit_part, committed_units, is_committed, sweep
from tsdg.engine.handover import Sign
from tsdg.engine.journal import Journal
from tsdg.engine.leases import SIGN, LeaseBoard
from tsdg.engine.open_unit import OpenUnit
from tsdg.engine.owner import Owner
from tsdg.engine.phase_job import PhaseJob
from tsdg.engine.unit_picker import UnitPicker
from tsdg.engine.units import InputLayout, UnitReader
from tsdg.layout import JOURNAL, LEASES, PARTS
from tsdg.storage import list_names, make_directory, remove

_LISTING_SHARE = 1000
"""Two listings of all parts are at least this many times as far apart as a listing takes. With a
hundredth of the time of each process, hundreds of them would keep a metadata server at listing
alone. A unit that turns out to be committed has all of them listed in any case."""


class UnitStore:
    """The work units of one worker.

    Attributes:
        picker: knows which units are committed, and which to try next.
    """

    def __init__(
        self,
        *,
        job: PhaseJob,
        layout: InputLayout,
        committed: frozenset[int],
        owner: Owner,
        gone: Callable[[Owner], bool],
    ) -> None:
        """Read nothing yet.

        Args:
            job: the phase.
            layout: of its input.
            committed: units that have their parts.
            owner: this process.
            gone: as for :class:`tsdg.engine.leases.LeaseBoard`.
        """
        self._job, self._layout, self._token = job, layout, owner.token
        self._leases, self._journals, self._parts = (
            job.directory / name for name in (LEASES, JOURNAL, PARTS)
        )
        self._board = LeaseBoard(directory=self._leases, owner=owner, timing=job.timing, gone=gone)
        self._reader = UnitReader(layout)
        self._list_again = 0.0
        self.picker = UnitPicker(layout, committed, Random())

    def prepare(self) -> None:
        """Make the folders, and remove what killed processes have left of committed units."""
        for path in (self._leases, self._journals, self._parts):
            make_directory(path)
        self.sweep()

    def sweep(self) -> None:
        """Remove what is not needed any more of all units that are committed."""
        sweep((self._leases, self._journals, self._parts), self.picker.committed)

    def sweep_all(self) -> None:
        """Remove all that a phase needs no more when it is done."""
        self.sweep()
        for name in self.lease_names():
            if name.startswith(SIGN):  # of a process that was killed
                remove(self._leases / name)

    def lease_names(self) -> list[str]:
        """The files in ``leases/``."""
        return list_names(self._leases)

    def sign(self) -> Sign:
        """By which this process shows what it has left to do."""
        return Sign(self._leases, self._token)

    def sweep_unit(self, unit: OpenUnit) -> None:
        """Remove what a committed unit does not need any more.

        Files that a killed process left among the parts, which are many, are swept at the end.
        """
        sweep((self._leases, self._journals), frozenset({unit.index}))

    def claim(self, held: frozenset[int], sequence: int) -> OpenUnit | None:
        """Claim a free unit and read its rows; None where there is none.

        Args:
            held: units that this process has open.
            sequence: number of the unit, in the order of claiming.
        """
        if listed := time.monotonic() >= self._list_again:
            self._list_parts()
        while True:
            lease = self._board.claim(self.picker.left(held))
            if lease is None:
                if not listed:  # what seems to be left may have been committed since
                    self._list_parts()
                return None
            first = next(self.picker.left(held))
            journal = None
            try:
                # It may have been committed, and its lease removed, since the parts were listed, or
                # just before.
                if is_committed(self._parts, lease.index):
                    lease.discard()
                    self._list_parts()
                    self.picker.go_on(lease.index, alone=False)
                    continue
                self.picker.go_on(lease.index, alone=lease.index == first)
                journal = Journal(
                    directory=self._journals, index=lease.index, generation=lease.generation
                )
                table = self._reader.read(lease.index)
            except BaseException:
                if journal is not None:
                    journal.close()
                lease.release()
                raise
            return OpenUnit(
                lease=lease,
                journal=journal,
                table=table,
                schema=self._job.schema,
                sequence=sequence,
            )

    def write_part(self, unit: OpenUnit) -> Commit:
        """Commit a unit, unless another process has."""
        return commit_part(
            parts=self._parts,
            lease=unit.lease,
            token=self._token,
            table=unit.result(),
            layout=self._layout.digest,
        )

    def is_committed(self, unit: OpenUnit) -> bool:
        """Whether a unit has its part, whoever wrote it."""
        return is_committed(self._parts, unit.index)

    def _list_parts(self) -> None:
        """Learn what others have committed."""
        began = time.monotonic()
        self.picker.look(committed_units(self._parts))
        took = time.monotonic() - began
        self._list_again = began + max(self._job.timing.poll_s, _LISTING_SHARE * took)
