from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.engine import lab
from tests.engine.lab import Clock
from tsdg.engine.leases import Lease, LeaseBoard, LeaseState, look_at
from tsdg.engine.owner import Owner
from tsdg.engine.timing import Timing
from tsdg.errors import StorageError

TIMING = Timing(heartbeat_s=10.0, lease_timeout_s=60.0)
HOUR_NS = 3600 * 10**9


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def board(tmp_path: Path, clock: Clock) -> LeaseBoard:
    return LeaseBoard(directory=tmp_path, owner=Owner.current(), timing=TIMING, monotonic=clock)


def foreign_lease(directory: Path, generation: int = 0, mtime_ns: int | None = None) -> Path:
    """A lease of a process on another host, of which nothing but the file is to be seen."""
    path = directory / f"unit-000000.g{generation}"
    path.write_bytes(replace(Owner.current(), host="elsewhere", boot="another").to_bytes())
    if mtime_ns is not None:
        os.utime(path, ns=(mtime_ns, mtime_ns))
    return path


def claimed(board: LeaseBoard, *wanted: int) -> Lease:
    lease = board.claim(wanted)
    assert lease is not None
    return lease


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


def owner_of(process: subprocess.Popen[bytes]) -> Owner:
    stat = Path(f"/proc/{process.pid}/stat").read_text()
    return replace(
        Owner.current(), pid=process.pid, started=int(stat[stat.rindex(")") + 2 :].split()[19])
    )


def test_units_are_claimed_in_order_and_only_once(board: LeaseBoard) -> None:
    leases = [claimed(board, 0, 1, 2) for _ in range(3)]
    assert [(lease.index, lease.generation) for lease in leases] == [(0, 0), (1, 0), (2, 0)]
    assert board.claim([0, 1, 2]) is None
    assert all(lease.held() and lease.beat() for lease in leases)
    for lease in leases:
        lease.close()


def test_a_released_unit_is_free_at_once_in_the_next_generation(board: LeaseBoard) -> None:
    claimed(board, 0).release()
    lease = claimed(board, 0)
    assert lease.generation == 1
    lease.release()
    assert claimed(board, 0).generation == 2


def test_untouched_units_come_before_those_of_former_owners(board: LeaseBoard) -> None:
    claimed(board, 0).release()
    assert claimed(board, 0, 1).index == 1


def test_the_unit_of_a_dead_process_of_this_host_is_free_at_once(
    board: LeaseBoard, tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    (tmp_path / "unit-000000.g0").write_bytes(owner_of(sleeper).to_bytes())
    assert board.claim([0]) is None
    sleeper.send_signal(signal.SIGKILL)  # not waited for: it stays as a zombie
    lab.wait_for(lambda: owner_of_is_gone(tmp_path), "the process to end")
    assert claimed(board, 0).generation == 1


def owner_of_is_gone(directory: Path) -> bool:
    state = look_at(directory / "unit-000000.g0")
    return state is not None and state.free


def test_a_process_number_that_is_used_again_is_another_process(
    board: LeaseBoard, tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    earlier = replace(owner_of(sleeper), started=owner_of(sleeper).started - 1)
    (tmp_path / "unit-000000.g0").write_bytes(earlier.to_bytes())
    assert claimed(board, 0).generation == 1


def test_a_process_number_of_another_container_or_host_says_nothing(tmp_path: Path) -> None:
    gone = replace(Owner.current(), pid=2**22 + 1)
    assert gone.is_gone()
    assert not replace(gone, pid_namespace="pid:[1]").is_gone()
    assert not replace(gone, boot="another").is_gone()


def test_a_job_that_is_gone_frees_the_unit_once_its_heartbeat_stands_still(
    tmp_path: Path, clock: Clock
) -> None:
    lease = foreign_lease(tmp_path)
    asked: list[float] = []
    gone = False

    def ask(owner: Owner) -> bool:
        assert owner.host == "elsewhere"
        asked.append(clock.now)
        return gone

    board = LeaseBoard(
        directory=tmp_path, owner=Owner.current(), timing=TIMING, gone=ask, monotonic=clock
    )
    # A heartbeat that moves is never doubted, however old it is by the file system's clock.
    for beat in range(5):
        stamp = time.time_ns() - HOUR_NS + beat
        os.utime(lease, ns=(stamp, stamp))
        assert board.claim([0]) is None
        clock.now += 20.0
    now = time.time_ns()
    os.utime(lease, ns=(now, now))
    assert board.claim([0]) is None
    clock.now += TIMING.confirm_s - 1
    assert board.claim([0]) is None
    assert asked == []
    clock.now += 1
    assert board.claim([0]) is None
    assert len(asked) == 1
    gone = True
    assert claimed(board, 0).generation == 1


def test_an_old_heartbeat_frees_the_unit_once_it_was_seen_to_stand_still(
    board: LeaseBoard, tmp_path: Path, clock: Clock
) -> None:
    foreign_lease(tmp_path, mtime_ns=time.time_ns() - HOUR_NS)
    assert board.claim([0]) is None
    clock.now += TIMING.confirm_s - 0.1
    assert board.claim([0]) is None
    clock.now += 0.2
    assert claimed(board, 0).generation == 1


def test_a_fresh_heartbeat_protects_for_the_whole_timeout(
    board: LeaseBoard, tmp_path: Path, clock: Clock
) -> None:
    foreign_lease(tmp_path)
    assert board.claim([0]) is None
    clock.now += TIMING.lease_timeout_s - 0.1
    assert board.claim([0]) is None
    clock.now += 0.2
    assert claimed(board, 0).generation == 1


@pytest.mark.parametrize("hours", [-10_000, 10_000])
def test_a_live_owner_whose_clock_is_wrong_is_never_robbed(
    board: LeaseBoard, tmp_path: Path, clock: Clock, hours: int
) -> None:
    path = foreign_lease(tmp_path)
    for beat in range(30):
        stamp = time.time_ns() + hours * HOUR_NS + beat
        os.utime(path, ns=(stamp, stamp))
        assert board.claim([0]) is None
        clock.now += TIMING.heartbeat_s * 2


@pytest.mark.parametrize("hours", [-10_000, 10_000])
def test_a_dead_owner_whose_clock_was_wrong_is_replaced(
    board: LeaseBoard, tmp_path: Path, clock: Clock, hours: int
) -> None:
    foreign_lease(tmp_path, mtime_ns=time.time_ns() + hours * HOUR_NS)
    assert board.claim([0]) is None
    clock.now += TIMING.lease_timeout_s + 0.1
    assert claimed(board, 0).generation == 1


@pytest.mark.parametrize("content", [b"", b'{"host": "el', b"\xff\x00", b"[]", b"{}"])
def test_a_lease_that_was_not_completely_written_is_freed_by_time(
    board: LeaseBoard, tmp_path: Path, clock: Clock, content: bytes
) -> None:
    (tmp_path / "unit-000000.g0").write_bytes(content)
    assert board.claim([0]) is None
    clock.now += TIMING.lease_timeout_s + 0.1
    assert claimed(board, 0).generation == 1


def test_the_highest_generation_counts_as_a_number(board: LeaseBoard, tmp_path: Path) -> None:
    for generation in (9, 10):
        foreign_lease(tmp_path, generation, mtime_ns=0)
    assert claimed(board, 0).generation == 11


def test_who_was_robbed_notices_and_leaves_the_new_owner_alone(
    board: LeaseBoard, tmp_path: Path
) -> None:
    lease = claimed(board, 0)
    thief = foreign_lease(tmp_path, generation=1)
    before = thief.stat().st_mtime_ns
    assert not lease.held()
    assert not lease.beat()
    lease.release()
    assert thief.stat().st_mtime_ns == before
    assert (tmp_path / "unit-000000.g0").stat().st_mtime_ns != 0


def test_a_new_file_of_the_same_name_is_not_our_lease(board: LeaseBoard, tmp_path: Path) -> None:
    lease = claimed(board, 0)
    lease.path.unlink()
    assert not lease.held()
    other = foreign_lease(tmp_path)
    before = other.stat().st_mtime_ns
    assert not lease.held()
    assert not lease.beat()
    lease.discard()
    assert other.stat().st_mtime_ns == before


def test_a_late_taker_of_a_low_generation_gives_way(board: LeaseBoard, tmp_path: Path) -> None:
    foreign_lease(tmp_path, generation=5)
    # As if the directory had been listed long ago, before generations 0 to 5 came.
    assert board._create(0, 1) is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["unit-000000.g5"]


def test_looking_changes_nothing(tmp_path: Path) -> None:
    path = foreign_lease(tmp_path)
    before = path.stat().st_mtime_ns
    state = look_at(path)
    assert isinstance(state, LeaseState)
    assert not state.free
    assert look_at(tmp_path / "unit-000007.g0") is None
    assert (path.stat().st_mtime_ns, len(list(tmp_path.iterdir()))) == (before, 1)


def test_a_read_only_directory_is_one_clear_line(read_only: Path) -> None:
    board = LeaseBoard(directory=read_only, owner=Owner.current(), timing=TIMING)
    with pytest.raises(StorageError, match=r"cannot create the lease .*unit-000000\.g0") as caught:
        board.claim([0])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("state", ["untouched", "released"])
def test_processes_that_contend_never_share_a_unit(tmp_path: Path, state: str) -> None:
    units = 60
    if state == "released":
        for index in range(units):
            (tmp_path / f"unit-{index:06d}.g0").touch()
            os.utime(tmp_path / f"unit-{index:06d}.g0", ns=(0, 0))
    processes = [
        subprocess.Popen(
            [sys.executable, lab.__file__, "claim", tmp_path, str(units)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    got: list[list[int]] = []
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        assert process.stdout is not None
        got.append([int(index) for index in process.stdout.readline().split()])
    for process in processes:
        process.communicate("end\n", timeout=60)
        assert process.returncode == 0
    assert sorted(index for indices in got for index in indices) == list(range(units))


def test_one_claim_looks_at_some_of_many_leases_and_the_next_at_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for index in range(800):
        (tmp_path / f"unit-{index:06d}.g0").write_bytes(
            replace(Owner.current(), boot="another").to_bytes()
        )
    seen: list[Path] = []

    def counted(path: Path) -> LeaseState | None:
        seen.append(path)
        return look_at(path)

    monkeypatch.setattr("tsdg.engine.leases.look_at", counted)
    board = LeaseBoard(directory=tmp_path, owner=Owner.current(), timing=TIMING)
    for claims in range(1, 17):
        assert board.claim(range(800)) is None
        assert len(seen) == 50 * claims
    assert len(set(seen)) == 800
    os.utime(tmp_path / "unit-000123.g0", ns=(0, 0))
    assert (
        next(lease.index for _ in range(16) if (lease := board.claim(range(800))) is not None)
        == 123
    )
