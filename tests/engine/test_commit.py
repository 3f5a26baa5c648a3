from __future__ import annotations

import errno
import os
import threading
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.engine.lab import QUICK, files_of
from tsdg.engine.commit import (
    Commit,
    commit_part,
    committed_units,
    part_layout,
    part_path,
    read_parts,
    sweep,
)
from tsdg.engine.leases import Lease, LeaseBoard
from tsdg.engine.owner import Owner
from tsdg.errors import StorageError, VerificationError

TABLE = pa.table({"text": [f"a row of some length, number {i}" for i in range(500)]})


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    path = tmp_path / "parts"
    path.mkdir()
    return path


def lease_on(directory: Path, index: int = 0) -> Lease:
    leases = directory / "leases"
    leases.mkdir(exist_ok=True)
    lease = LeaseBoard(directory=leases, owner=Owner.current(), timing=QUICK).claim([index])
    assert lease is not None
    return lease


def commit(parts: Path, lease: Lease, table: pa.Table = TABLE, token: str = "t0") -> Commit:
    return commit_part(parts=parts, lease=lease, token=token, table=table, layout="digest")


def test_a_part_has_its_rows_checksums_and_the_cut_it_was_made_from(parts: Path) -> None:
    assert commit(parts, lease_on(parts.parent)) == "committed"
    assert files_of(parts) == ["unit-000000.parquet"]
    assert committed_units(parts) == {0}
    assert part_layout(part_path(parts, 0)) == "digest"
    assert [table.equals(TABLE) for table in read_parts(parts.parent)] == [True]


def test_the_first_commit_wins_and_a_late_one_is_discarded_without_error(parts: Path) -> None:
    lease = lease_on(parts.parent)
    assert commit(parts, lease, token="one") == "committed"
    assert commit(parts, lease, TABLE.slice(0, 3), token="two") == "late"
    assert files_of(parts) == ["unit-000000.parquet"]
    assert [table.num_rows for table in read_parts(parts.parent)] == [500]


def test_of_many_at_once_exactly_one_wins(parts: Path) -> None:
    lease = lease_on(parts.parent)
    outcomes: dict[int, Commit] = {}
    gate = threading.Barrier(8)

    def race(number: int) -> None:
        gate.wait()
        outcomes[number] = commit(parts, lease, TABLE.slice(0, number + 1), token=f"t{number}")

    threads = [threading.Thread(target=race, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [number for number, outcome in outcomes.items() if outcome == "committed"]
    assert len(outcomes) == 8
    assert len(winners) == 1
    assert [table.num_rows for table in read_parts(parts.parent)] == [winners[0] + 1]
    assert files_of(parts) == ["unit-000000.parquet"]


def test_who_lost_the_lease_does_not_commit(parts: Path) -> None:
    lease = lease_on(parts.parent)
    (parts.parent / "leases" / "unit-000000.g1").write_bytes(
        replace(Owner.current(), boot="another").to_bytes()
    )
    assert commit(parts, lease) == "lost"
    assert files_of(parts) == []


def test_a_taker_removes_the_temporaries_of_those_before_and_no_others(parts: Path) -> None:
    for name in (
        ".unit-000000.g0.dead.tmp",
        ".unit-000000.g2.later.tmp",
        ".unit-000001.g0.other.tmp",
    ):
        (parts / name).write_bytes(b"PAR1")
    lease_on(parts.parent).release()
    lease = lease_on(parts.parent)
    assert lease.generation == 1
    assert commit(parts, lease) == "committed"
    assert files_of(parts) == [
        ".unit-000000.g2.later.tmp",
        ".unit-000001.g0.other.tmp",
        "unit-000000.parquet",
    ]


def test_a_temporary_that_is_no_part_is_not_committed(parts: Path) -> None:
    for name in (".unit-000000.g0.t.tmp", "unit-000001.g0", "unit-00002.parquet", "notes.parquet"):
        (parts / name).write_bytes(b"")
    assert committed_units(parts) == frozenset()


def test_sweeping_removes_what_committed_units_left_and_nothing_else(tmp_path: Path) -> None:
    for name in (
        "leases/unit-000000.g0",
        "leases/unit-000000.g1",
        "leases/unit-000001.g0",
        "leases/.clock-ab",
        "journal/unit-000000.g0.log",
        "journal/unit-000001.g0.log",
        "parts/.unit-000000.g0.ab.tmp",
        "parts/.unit-000001.g0.ab.tmp",
        "parts/unit-000000.parquet",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    sweep((tmp_path / "leases", tmp_path / "journal", tmp_path / "parts"), frozenset({0}))
    assert files_of(tmp_path) == [
        "journal/unit-000001.g0.log",
        "leases/unit-000001.g0",
        "parts/.unit-000001.g0.ab.tmp",
        "parts/unit-000000.parquet",
    ]


def test_parts_come_in_the_order_of_the_units_also_beyond_six_digits(parts: Path) -> None:
    for index in (1_000_000, 2, 999_999, 10):
        commit(parts, lease_on(parts.parent, index), pa.table({"index": [index]}))
    assert [table["index"][0].as_py() for table in read_parts(parts.parent)] == [
        2,
        10,
        999_999,
        1_000_000,
    ]


def test_a_damaged_part_is_named_with_what_to_do(parts: Path) -> None:
    commit(parts, lease_on(parts.parent))
    path = part_path(parts, 0)
    sound = path.read_bytes()
    half = len(sound) // 2
    found = 0
    for damaged in (sound[:half], b"", sound[:half] + bytes([sound[half] ^ 1]) + sound[half + 1 :]):
        path.write_bytes(damaged)
        with pytest.raises(
            VerificationError, match=r"unit-000000\.parquet is damaged: .*delete it"
        ) as caught:
            list(read_parts(parts.parent))
        assert "\n" not in str(caught.value)
        found += 1
    assert found == 3


def test_a_part_that_may_not_be_read_is_not_called_damaged(
    parts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(parts, lease_on(parts.parent))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(pq, "ParquetFile", refuse)
    monkeypatch.setattr(pq, "read_schema", refuse)
    for read in (lambda: list(read_parts(parts.parent)), lambda: part_layout(part_path(parts, 0))):
        with pytest.raises(
            StorageError, match=r"cannot read .*unit-000000\.parquet: .*its owner lets the group in"
        ) as caught:
            read()
        assert "\n" not in str(caught.value)


def test_every_flipped_byte_of_the_data_is_found(parts: Path) -> None:
    commit(parts, lease_on(parts.parent))
    path = part_path(parts, 0)
    sound = path.read_bytes()
    column = pq.ParquetFile(path).metadata.row_group(0).column(0)
    first = column.dictionary_page_offset or column.data_page_offset
    silent = []
    for position in range(first, first + column.total_compressed_size, 7):
        path.write_bytes(sound[:position] + bytes([sound[position] ^ 0x10]) + sound[position + 1 :])
        try:
            (table,) = read_parts(parts.parent)
        except VerificationError:
            continue
        if not table.equals(TABLE):
            silent.append(position)
    assert silent == []


def test_a_full_disk_leaves_no_part_and_no_temporary(small_disk: Path) -> None:
    parts = small_disk / "parts"
    parts.mkdir()
    lease = lease_on(small_disk)
    (small_disk / "ballast").write_bytes(bytes(400_000))
    big = pa.table({"text": [os.urandom(40).hex() for _ in range(20_000)]})
    with pytest.raises(
        StorageError, match=r"cannot write .*unit-000000\.g0\.t0\.tmp: .*disk is full"
    ) as caught:
        commit(parts, lease, big)
    assert "\n" not in str(caught.value)
    assert files_of(parts) == []
    (small_disk / "ballast").unlink()
    assert commit(parts, lease) == "committed"
