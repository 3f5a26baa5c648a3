"""Leases on work units: who works on what, on any number of hosts, through shared files alone.

``leases/unit-000000.g0`` is created exclusively and names its owner; its mtime is the heartbeat. A
unit whose owner died is taken over by creating the next generation, ``.g1``, exclusively: only one
of several takers can. A worker that no longer holds the highest generation must not commit. A
lease that was given back has the mtime 0.

Safe where exclusive create is atomic on the server: local disks, Lustre, NFS from version 3.
"""

from __future__ import annotations

import errno
import os
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tsdg.engine.owner import Owner
from tsdg.engine.timing import Timing
from tsdg.engine.units import parse_name, unit_name
from tsdg.storage import list_names, remove, storage, storage_unfit, write_fully

_GONE = (errno.ENOENT, errno.ESTALE)
CLOCK = ".clock-"
"""Prefix of short-lived files, by which a process learns the file system's time; a killed process
leaves its file behind."""
SIGN = ".sign-"
"""Prefix of the signs by which processes find each other (:mod:`tsdg.engine.handover`)."""
_LOOKS = 32
_TURNS = 16
"""How many of the others' leases one claim looks at: at least this many, and all of them within so
many claims."""
RELEASED_NS = 0
"""The mtime of a lease that was given back: metadata only, so that it works on a full disk."""


def highest_generations(names: Iterable[str]) -> dict[int, int]:
    """The highest generation of each unit among the names of lease files."""
    highest: dict[int, int] = {}
    for name in names:
        file = parse_name(name)
        if file is not None and file.generation > highest.get(file.index, -1):
            highest[file.index] = file.generation
    return highest


def lease_path(directory: Path, index: int, generation: int) -> Path:
    """Where the lease of a unit lies in ``leases/``."""
    return directory / f"{unit_name(index)}.g{generation}"


class Lease:
    """One held unit. All methods may be called from any thread."""

    def __init__(self, *, directory: Path, index: int, generation: int, descriptor: int) -> None:
        self.index = index
        self.generation = generation
        self.path = lease_path(directory, index, generation)
        self._directory = directory
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def held(self) -> bool:
        """Whether the unit is still ours: our file is there, and no higher generation is."""
        with self._lock:
            return self._held()

    def beat(self, highest: Mapping[int, int] | None = None) -> bool:
        """Show that the owner lives.

        Args:
            highest: generation of each unit, listed since the lease was created: one listing is
                enough for all leases of a process. None to list here.

        Returns:
            False where the lease is lost.

        Raises:
            StorageError: the file cannot be touched.
        """
        with self._lock:
            if not self._held(highest):
                return False
            # By descriptor, never by name: a file of that name could be another owner's by now.
            return self._set_times(None)

    def release(self) -> None:
        """Give the unit back, so that others can take it at once; without effect on a lost lease.

        Raises:
            StorageError: the file cannot be changed.
        """
        with self._lock:
            if self._held():
                self._set_times((RELEASED_NS, RELEASED_NS))
            self._close()

    def discard(self) -> None:
        """Remove the lease of a unit that turned out not to be free.

        Raises:
            StorageError: the file cannot be removed.
        """
        with self._lock:
            if self._is_own_file():
                remove(self.path)
            self._close()

    def close(self) -> None:
        """Let go of the file without changing it."""
        with self._lock:
            self._close()

    def _held(self, highest: Mapping[int, int] | None = None) -> bool:
        if not self._is_own_file():
            return False
        if highest is not None:
            return highest.get(self.index, -1) == self.generation
        # Of thousands of leases only those of this unit are read closely.
        start = unit_name(self.index)
        ours = (name for name in list_names(self._directory) if name.startswith(start))
        return highest_generations(ours).get(self.index, -1) == self.generation

    def _is_own_file(self) -> bool:
        if self._descriptor < 0:
            return False
        try:
            return os.path.samestat(os.fstat(self._descriptor), self.path.stat())
        except OSError as error:
            if error.errno in _GONE:
                return False
            raise storage_unfit("look at the lease", self.path, error) from error

    def _set_times(self, times_ns: tuple[int, int] | None) -> bool:
        try:
            if times_ns is None:
                os.utime(self._descriptor)
            else:
                os.utime(self._descriptor, ns=times_ns)
        except OSError as error:
            if error.errno in _GONE:
                return False
            raise storage_unfit("touch the lease", self.path, error) from error
        return True

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseState:
    """What a lease file shows to a process that does not hold it."""

    inode: int
    mtime_ns: int
    owner: Owner | None
    """None where the file is not (yet) completely written."""

    @property
    def free(self) -> bool:
        """Given back, or held by a process of this host that is known to have ended."""
        return self.mtime_ns == RELEASED_NS or (self.owner is not None and self.owner.is_gone())


def look_at(path: Path) -> LeaseState | None:
    """Read a lease file without changing it; None where it is gone.

    Opening it, rather than a stat, makes NFS ask its server for the times.

    Raises:
        StorageError: it cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            stat = os.fstat(descriptor)
            data = os.read(descriptor, 4096)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno in _GONE:
            return None
        raise storage_unfit("read the lease", path, error) from error
    return LeaseState(inode=stat.st_ino, mtime_ns=stat.st_mtime_ns, owner=Owner.from_bytes(data))


@dataclass(frozen=True, slots=True)
class _Sight:
    """One state of a lease and since when (by this process's own clock) it has stood still."""

    generation: int
    inode: int
    mtime_ns: int
    since: float


class LeaseBoard:
    """Claims units for one owner. Not for use by several threads at once."""

    def __init__(
        self,
        *,
        directory: Path,
        owner: Owner,
        timing: Timing,
        gone: Callable[[Owner], bool] = lambda owner: False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Claim in a directory.

        Args:
            directory: the ``leases/`` folder.
            owner: who claims.
            timing: heartbeat and timeouts.
            gone: whether an owner is *known* to have ended, by other means than its heartbeat
                (Slurm); asked only about owners whose heartbeat has been seen to stand still for
                longer than two beats. By default that is known of nobody.
            monotonic: a clock, seconds.
        """
        self._directory = directory
        self._owner = owner
        self._timing = timing
        self._gone = gone
        self._monotonic = monotonic
        self._sights: dict[int, _Sight] = {}
        self._turn = random.randrange(_TURNS)

    def claim(self, wanted: Iterable[int]) -> Lease | None:
        """Take the first free unit of ``wanted``, untouched ones before abandoned ones.

        ``wanted`` must not name units that this process holds itself. Where many are leased, one
        call looks at some of the leases and the next at others: thousands of processes may wait for
        the last units of a phase, and each look costs the file system. So None says that none of
        those looked at is free.

        Raises:
            StorageError: a lease cannot be read or created.
        """
        generations = highest_generations(list_names(self._directory))
        leased = []
        for index in wanted:
            if index in generations:
                leased.append(index)
            elif (lease := self._create(index, 0)) is not None:
                return lease
        clock = cache(self._file_system_time)
        for index in self._in_turn(leased):
            state = look_at(lease_path(self._directory, index, generations[index]))
            if state is None:
                continue
            takeable = state.free or self._expired(index, generations[index], state, clock)
            if takeable and (lease := self._create(index, generations[index] + 1)) is not None:
                self._sights.pop(index, None)
                return lease
        return None

    def _in_turn(self, leased: Sequence[int]) -> Sequence[int]:
        """The others' leases that are due for a look; each process begins at another place."""
        looks = max(_LOOKS, -(-len(leased) // _TURNS))
        turns = -(-len(leased) // looks) or 1
        self._turn += 1
        start = self._turn % turns * looks
        return leased[start : start + looks]

    def _expired(
        self, index: int, generation: int, state: LeaseState, clock: Callable[[], int]
    ) -> bool:
        """Whether the owner has not been heard of for the lease timeout.

        Two clocks: the file system's says how old the heartbeat is, and our own says how long we
        have seen it stand still. Our own alone suffices after a whole timeout, whatever mtime says
        (a clock that was set back leaves mtimes in the future). The file system's is believed
        sooner, but never without having watched for longer than a heartbeat, because on some file
        systems mtime is the *writer's* clock; nor is it asked before.
        """
        now = self._monotonic()
        sight = self._sights.get(index)
        seen = (generation, state.inode, state.mtime_ns)
        if sight is None or (sight.generation, sight.inode, sight.mtime_ns) != seen:
            self._sights[index] = _Sight(*seen, since=now)
            return False
        watched = now - sight.since
        if watched >= self._timing.lease_timeout_s:
            return True
        if watched < self._timing.confirm_s:
            return False
        age = (clock() - state.mtime_ns) / 1e9
        if age > self._timing.lease_timeout_s or state.owner is None:
            # Without an owner its process was killed as it wrote the lease, or has not written it
            # for so long that it will find our generation when it looks whether it holds the unit.
            return True
        return self._gone(state.owner)

    def _file_system_time(self) -> int:
        """Now, by the clock that stamps the files of this directory."""
        path = self._directory / f"{CLOCK}{self._owner.token}"
        while True:
            with storage("write", path):
                descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, 0o666)
                try:
                    os.utime(descriptor)
                    return os.fstat(descriptor).st_mtime_ns
                except OSError as error:
                    if error.errno not in _GONE:  # swept away by another process: once more
                        raise
                finally:
                    os.close(descriptor)
                    path.unlink(missing_ok=True)

    def _create(self, index: int, generation: int) -> Lease | None:
        path = lease_path(self._directory, index, generation)
        with storage("create the lease", path):
            try:
                descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
            except FileExistsError:
                return None
            try:
                write_fully(descriptor, self._owner.to_bytes())
                # The file stays open, so that NFS would not send its content to the server by
                # itself.
                os.fsync(descriptor)
            except OSError:
                os.close(descriptor)
                path.unlink(missing_ok=True)
                raise
        lease = Lease(
            directory=self._directory, index=index, generation=generation, descriptor=descriptor
        )
        # Between the listing and the create, the unit may have gone through several hands.
        if not lease.held():
            lease.discard()
            return None
        return lease
