"""What a claim costs where there are many units, and what it finds out by itself."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.engine.lab import QUICK, Transport, expected, files_of, rows_of, run, write_input
from tsdg.engine.commit import committed_units
from tsdg.protocols import Reply, Request

SELDOM = replace(QUICK, poll_s=3600.0)
"""After its first look at the parts, a process that finds enough to do does not look again."""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "phase"


@pytest.fixture
def listings(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Each listing of all parts by a worker."""
    seen: list[Path] = []

    def counted(parts: Path) -> frozenset[int]:
        seen.append(parts)
        return committed_units(parts)

    monkeypatch.setattr("tsdg.engine.unit_store.committed_units", counted)
    return seen


async def test_parts_are_not_listed_for_every_unit(
    tmp_path: Path, directory: Path, listings: list[Path]
) -> None:
    source = write_input(tmp_path / "in.parquet", rows=200, unit_rows=1)
    await run(source, directory, Transport(), timing=SELDOM)
    assert rows_of(directory) == expected(200)
    assert len(listings) <= 2, "at the first claim, and where nothing seems to be left"


async def test_a_unit_that_another_has_committed_meanwhile_is_not_begun(
    tmp_path: Path, directory: Path, listings: list[Path]
) -> None:
    source = write_input(tmp_path / "in.parquet", rows=40, unit_rows=1)
    other = tmp_path / "other"
    await run(source, other, Transport())
    listings.clear()

    class Meanwhile(Transport):
        async def send(self, request: Request) -> Reply:
            if not self.sent:
                for index in range(20, 40):
                    shutil.copy(other / "parts" / f"unit-{index:06d}.parquet", directory / "parts")
            return await super().send(request)

    transport = Meanwhile()
    result = await run(source, directory, transport, timing=SELDOM, max_in_flight=1)
    assert rows_of(directory) == expected(40)
    assert {int(name[4:9]) for name in transport.sent} == set(range(20))
    assert (result.units_committed, result.rows_done) == (20, 40)
    assert len(listings) <= 3, "one more tells of all of them at once"
    assert files_of(directory) == [f"parts/unit-{index:06d}.parquet" for index in range(40)]


async def test_processes_that_meet_leave_each_others_neighbourhood(
    tmp_path: Path, directory: Path, listings: list[Path]
) -> None:
    """Four on 600 units: everything once, and far fewer listings than units."""
    source = write_input(tmp_path / "in.parquet", rows=600, unit_rows=1)
    transports = [Transport(latency=0.001) for _ in range(4)]
    timing = replace(QUICK, poll_s=0.5)
    results = await asyncio.gather(
        *(run(source, directory, each, timing=timing) for each in transports)
    )
    assert rows_of(directory) == expected(600)
    assert sum(result.units_committed for result in results) == 600
    assert sum(transport.sent.total() for transport in transports) == 1800
    assert files_of(directory) == [f"parts/unit-{index:06d}.parquet" for index in range(600)]
    assert len(listings) < 200
