"""Which idle workers stay to take over from crashed ones.

At the end of a phase thousands of workers may have nothing to do while others work on the last
units, each with GPUs that somebody else could use. A few have to stay, to take over where one of
those at work dies. They hold the standby places, which are leases like those of the units. The
others leave, but only after watching for long enough to have taken over the lease of a dead worker,
on a unit or on a place.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from tsdg.engine.commit import sweep
from tsdg.engine.leases import Lease, LeaseBoard
from tsdg.engine.owner import Owner
from tsdg.engine.timing import Timing
from tsdg.storage import make_directory

PLACES = 2
"""Workers that stay. One is enough until it takes over a unit; then the second is there."""
_PATIENCE = 2
"""Times the lease timeout that a process without work watches before it may leave."""


class Standby:
    """One process's part in the standby of a phase. Not for use by several threads at once."""

    def __init__(
        self,
        *,
        directory: Path,
        owner: Owner,
        timing: Timing,
        gone: Callable[[Owner], bool],
        may_leave: bool,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take no place yet.

        Args:
            directory: of the places; made when the first is taken.
            owner: this process.
            timing: heartbeat and timeouts.
            gone: as for :class:`tsdg.engine.leases.LeaseBoard`.
            may_leave: whether this process may leave at all; else it needs no place to stay.
            monotonic: a clock, seconds.
        """
        self._directory = directory
        self._board = LeaseBoard(
            directory=directory, owner=owner, timing=timing, gone=gone, monotonic=monotonic
        )
        self._may_leave = may_leave
        self._patience_s = _PATIENCE * timing.lease_timeout_s
        self._monotonic = monotonic
        self._idle_since: float | None = None
        self._place: Lease | None = None

    @property
    def asked(self) -> bool:
        """Whether this process has been without work since the last :meth:`quit`."""
        return self._idle_since is not None

    def dispensable(self) -> bool:
        """Whether this process may leave; ask whenever it has no unit and finds none to claim.

        It takes a place where one is free, and then may not.

        Raises:
            StorageError: a place cannot be looked at or taken.
        """
        if not self._may_leave:
            return False
        now = self._monotonic()
        if self._idle_since is None:
            make_directory(self._directory)
            self._idle_since = now
        if self._place is None:
            self._place = self._board.claim(range(PLACES))
        return self._place is None and now - self._idle_since >= self._patience_s

    def beat(self) -> None:
        """Show that this process still holds its place, if it has one.

        Raises:
            StorageError: the place's file cannot be touched.
        """
        if self._place is not None and not self._place.beat():
            self._place.close()
            self._place = None

    def sweep(self) -> None:
        """Remove all places: the phase is done.

        Raises:
            StorageError: one cannot be removed.
        """
        sweep((self._directory,), frozenset(range(PLACES)))

    def quit(self) -> None:
        """Give the place back: there is work again, or this process ends.

        Raises:
            StorageError: the place's file cannot be removed.
        """
        self._idle_since = None
        if self._place is not None:
            self._place.discard()
            self._place = None
