"""The account of GPUs held, and held for nothing."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.serving.conftest import until
from tsdg.errors import StorageUnfit
from tsdg.serving.pool import Endpoint, Pool
from tsdg.serving.tally import Tally
from tsdg.serving.uptime import FOLDER, gpu_hours, held, idle_gpu_hours


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def replica(clock: Clock, gpus: int) -> Endpoint:
    endpoint = Endpoint("http://127.0.0.1:1/v1", proxy=None, name="server-0", gpus=gpus)
    endpoint.tally = Tally(clock)
    return endpoint


def test_busy_time_counts_once_however_many_requests_are_under_way_and_only_while_ready() -> None:
    clock = Clock()
    endpoint = replica(clock, 8)
    pool = Pool((endpoint,))
    clock.now += 60  # booting
    pool.open(endpoint)
    clock.now += 10
    endpoint.begin()
    clock.now += 5
    endpoint.begin()
    clock.now += 5
    endpoint.end()
    clock.now += 5
    pool.shut(endpoint)  # it crashed, with a request under way
    clock.now += 100
    endpoint.end()
    pool.open(endpoint)
    clock.now += 1
    facts = endpoint.facts()
    assert (facts.ready_s, facts.busy_s, facts.idle_s) == (26.0, 15.0, 11.0)
    assert (facts.name, facts.gpus, facts.requests, facts.restarts) == ("server-0", 8, 0, 0)


async def test_gpu_hours_add_up_over_starts_and_their_replicas(tmp_path: Path) -> None:
    assert (gpu_hours(tmp_path), idle_gpu_hours(tmp_path)) == (0.0, 0.0)
    clock = Clock()
    for _ in range(2):
        pair = (replica(clock, 2), replica(clock, 2))
        pool = Pool(pair)
        async with held(pair, logs=tmp_path, clock=clock):
            clock.now += 600
            pool.open(pair[0])
            pair[0].begin()
            clock.now += 1200
            pair[0].end()
    assert gpu_hours(tmp_path) == 2 * 4 * 0.5
    assert idle_gpu_hours(tmp_path) == round(2 * (2 * 600 + 2 * 1800) / 3600, 4)
    async with held((replica(clock, 0),), logs=tmp_path, clock=clock):
        clock.now += 3600
    async with held((replica(clock, 1),), logs=tmp_path / "judge", clock=clock):
        clock.now += 3600
    assert gpu_hours(tmp_path) == 5.0, "the servers of a further model, in a folder of their own, count too"
    assert len(list((tmp_path / FOLDER).iterdir())) == 2, "no GPU, nothing to account for"


async def test_a_start_that_is_killed_is_in_the_account_up_to_its_last_beat(tmp_path: Path) -> None:
    clock = Clock()

    async def killed() -> None:
        async with held((replica(clock, 1),), logs=tmp_path, clock=clock, beat_s=0.01):
            (file,) = (tmp_path / FOLDER).iterdir()
            assert json.loads(file.read_bytes())["seconds"] == 0.0, "from the very start"
            clock.now += 7200
            await until(lambda: gpu_hours(tmp_path) == 2.0)

    await asyncio.create_task(killed())
    assert idle_gpu_hours(tmp_path) == 2.0


async def test_an_account_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / FOLDER).touch()
    with pytest.raises(StorageUnfit):
        async with held((replica(Clock(), 1),), logs=tmp_path):
            pytest.fail("it was opened")
