"""Leases and journal by properties: any order of events, and any two contending scripts."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.chaos.lab import ROUNDS
from tests.engine.lab import reply
from tests.forks import Forks, Zygote
from tsdg.engine.commit import committed_units, part_path
from tsdg.engine.journal import Journal, Result
from tsdg.engine.leases import Lease, LeaseBoard, highest_generations
from tsdg.engine.owner import Owner
from tsdg.engine.timing import Timing
from tsdg.protocols import Reply

TIMING = Timing(heartbeat_s=10.0, lease_timeout_s=60.0)
MEMORY = "/dev/shm"
"""Where a sync is quick; what it promises against a power failure is not tested here."""
WORKERS = st.integers(0, 2)
UNITS = 2


class Leases(RuleBasedStateMachine):
    """Three workers of different hosts over two units.

    Time passes and mtimes move only by rule.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="tsdg-leases-", dir=MEMORY))
        self.now = 1000.0
        self.boards = [self.board(number) for number in range(3)]
        self.held: dict[tuple[int, int], Lease] = {}
        """What a worker believes to hold, by worker and unit."""
        self.silent: dict[tuple[int, int], float] = {}
        """Since when it has not beaten."""
        self.granted: Counter[tuple[int, int]] = Counter()

    def board(self, number: int) -> LeaseBoard:
        owner = replace(Owner.current(), boot=f"host-{number}", token=f"{number}")
        return LeaseBoard(
            directory=self.folder, owner=owner, timing=TIMING, monotonic=lambda: self.now
        )

    @rule(worker=WORKERS)
    def claim(self, worker: int) -> None:
        mine = {unit for holder, unit in self.held if holder == worker}
        lease = self.boards[worker].claim(unit for unit in range(UNITS) if unit not in mine)
        if lease is None:
            return
        self.granted[lease.index, lease.generation] += 1
        for (holder, unit), other in self.held.items():
            if unit == lease.index and other.held():
                raise AssertionError(
                    f"worker {worker} and worker {holder} hold unit {unit} at once"
                )
            if unit == lease.index:
                silent_s = self.now - self.silent[holder, unit]
                assert silent_s >= TIMING.confirm_s, f"robbed after {silent_s} s of silence"
        self.held[worker, lease.index] = lease
        self.silent[worker, lease.index] = self.now

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def beat(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.held)))
        if self.held[key].beat():
            self.silent[key] = self.now
        else:
            self.held.pop(key).close()

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        self.held.pop(data.draw(st.sampled_from(sorted(self.held)))).release()

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        """Killed, or cut off from the file system: its lease stays, its belief goes."""
        self.held.pop(data.draw(st.sampled_from(sorted(self.held)))).close()

    @rule(seconds=st.sampled_from([1.0, 9.0, 21.0, 59.0, 61.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(hours=st.sampled_from([-10_000, -1, 1, 10_000]), data=st.data())
    def clock_jumps(self, hours: int, data: st.DataObject) -> None:
        """Move the clock that stamps the files by hours, so that all marks are past or future."""
        for path in self.folder.iterdir():
            stamp = path.stat().st_mtime_ns
            if stamp:  # 0 says that the unit was given back
                moved = stamp + hours * 3600 * 10**9
                os.utime(path, ns=(moved, moved))

    @rule(worker=WORKERS)
    def restart(self, worker: int) -> None:
        """Another process of the same host, which has seen nothing yet."""
        for key in [key for key in self.held if key[0] == worker]:
            self.held.pop(key).close()
        self.boards[worker] = self.board(worker)

    @invariant()
    def at_most_one_holds(self) -> None:
        holders = Counter(unit for (_, unit), lease in self.held.items() if lease.held())
        assert all(count == 1 for count in holders.values()), holders
        assert all(count == 1 for count in self.granted.values()), self.granted

    def teardown(self) -> None:
        """In the end every unit can be had by somebody: nothing is locked for ever."""
        for lease in self.held.values():
            lease.close()
        for number in range(3, 5):
            board = self.board(number)
            leases: dict[int, Lease] = {}
            for _ in range(2):
                while (
                    lease := board.claim(unit for unit in range(UNITS) if unit not in leases)
                ) is not None:
                    leases[lease.index] = lease
                self.now += TIMING.lease_timeout_s + 1
            assert set(leases) == set(range(UNITS))
            for lease in leases.values():
                lease.close()
        shutil.rmtree(self.folder)


TestLeases = Leases.TestCase
TestLeases.settings = settings(
    max_examples=ROUNDS * settings.default.max_examples // 2,
    stateful_step_count=40,
    suppress_health_check=list(HealthCheck),
)


class Journals(RuleBasedStateMachine):
    """The journal of one unit through any number of holders, tears and damages."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="tsdg-journal-", dir=MEMORY))
        self.generation = 0
        self.journal = Journal(directory=self.folder, index=0, generation=0)
        self.known: dict[str, Result] = {}
        self.number = 0

    @rule(key=st.sampled_from("abcdefgh"))
    def append(self, key: str) -> None:
        self.number += 1
        wanted = reply(f"{key}{self.number}" * (1 + self.number % 5))
        assert self.journal.append(key, wanted) == self.known.setdefault(key, wanted)

    @rule(key=st.sampled_from("abcdefgh"))
    def lookup(self, key: str) -> None:
        assert self.journal.lookup(key) == self.known.get(key)

    @rule()
    def sync(self) -> None:
        self.journal.sync()

    @rule(data=st.data())
    def torn_by_a_crash(self, data: st.DataObject) -> None:
        """The holder is gone, with part of its next frame on the disk; another one takes over."""
        self.journal.close()
        files = sorted(self.folder.iterdir())
        if files:
            whole = files[-1].read_bytes()
            tail = data.draw(st.binary(max_size=12))
            if (
                data.draw(st.booleans()) and whole
            ):  # as much as a frame of its own, with its end torn away
                tail = whole[: data.draw(st.integers(1, min(len(whole), 40)))]
                tail = tail[: max(1, len(tail) - 1)] if tail == whole else tail
            files[-1].write_bytes(whole + tail)
            reading = Journal(directory=self.folder, index=0, generation=10**6)
            before = {key: reading.lookup(key) for key in "abcdefgh"}
            reading.close()
            # What was torn may by chance be a whole frame (of a request already answered): it must
            # say nothing new.
            assert {
                key: result for key, result in before.items() if result is not None
            } == self.known
        self.generation += 1
        self.journal = Journal(directory=self.folder, index=0, generation=self.generation)

    @invariant()
    def all_that_was_answered_is_known(self) -> None:
        assert len(self.journal) == len(self.known)

    def teardown(self) -> None:
        self.journal.close()
        shutil.rmtree(self.folder)


TestJournals = Journals.TestCase
TestJournals.settings = settings(
    max_examples=ROUNDS * settings.default.max_examples // 2,
    stateful_step_count=30,
    suppress_health_check=list(HealthCheck),
)

OPERATIONS = st.sampled_from(
    ["claim", "claim", "append", "append", "beat", "release", "commit", "wait"]
)
SCRIPTS = st.tuples(st.lists(OPERATIONS, min_size=2, max_size=14), st.booleans()).map(
    lambda drawn: drawn[0] + ["die"] * drawn[1]
)
"""What one process does, and whether it dies in the end with what it holds."""


@pytest.fixture(scope="module")
def zygote(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Zygote:
    return Zygote(forks, tmp_path_factory.mktemp("logs"))


@settings(
    max_examples=ROUNDS * settings.default.max_examples // 2,
    suppress_health_check=list(HealthCheck),
)
@given(scripts=st.lists(SCRIPTS, min_size=2, max_size=3), units=st.integers(1, 3))
def test_contending_processes(zygote: Zygote, scripts: list[list[str]], units: int) -> None:
    """Whatever two or three processes do at the same time, a unit is one's at a time, and committed
    once."""
    with tempfile.TemporaryDirectory(prefix="tsdg-contend-", dir=MEMORY) as name:
        folder = Path(name)
        for part in ("leases", "journal", "parts"):
            (folder / part).mkdir()
        children = [
            zygote.start("contend", str(folder), f"p{number}", units, script)
            for number, script in enumerate(scripts)
        ]
        reports = [folder / f"p{number}.report" for number in range(len(scripts))]
        deadline = time.monotonic() + 60
        while not all(report.exists() for report in reports):
            assert time.monotonic() < deadline
            time.sleep(0.0005)
        (folder / "go").touch()
        for child, script in zip(children, scripts, strict=True):
            assert child.wait() == (9 if script[-1] == "die" else 0), child.said()
        done = [json.loads(line) for report in reports for line in report.read_text().splitlines()]

        claims = Counter(
            (fact["index"], fact["generation"]) for fact in done if fact["did"] == "claim"
        )
        assert all(count == 1 for count in claims.values()), claims
        commits = Counter(fact["index"] for fact in done if fact.get("outcome") == "committed")
        assert set(commits) == committed_units(folder / "parts")
        assert all(count == 1 for count in commits.values()), commits
        for fact in done:
            if fact["did"] == "beat":  # nobody is robbed while it lives
                assert fact["held"]
            if fact.get("outcome") == "committed":
                winner = (
                    pq.read_table(part_path(folder / "parts", fact["index"]))
                    .column("by")
                    .to_pylist()
                )
                assert len(winner) == 1
        assert not any(fact.get("outcome") in {"late", "lost"} for fact in done)
        for index in range(units):
            wanted = {
                fact["key"] for fact in done if fact["did"] == "append" and fact["index"] == index
            }
            journal = Journal(directory=folder / "journal", index=index, generation=10**6)
            found = {key: journal.lookup(key) for key in wanted}
            assert len(journal) == len(wanted)
            journal.close()
            for key, result in found.items():
                assert isinstance(result, Reply)
                assert result.choices[0].text == key
        assert set(
            highest_generations([path.name for path in (folder / "leases").iterdir()])
        ) <= set(range(units))
