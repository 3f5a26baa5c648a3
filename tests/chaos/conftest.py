"""Fixtures of the chaos tests; what they do is in ``lab.py``."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos import lab
from tests.chaos.worker import MODEL
from tests.forks import Forks, Zygote


@pytest.fixture
def dice() -> Iterator[random.Random]:
    """Dice whose seed is printed."""
    yield from lab.fresh_dice()


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    path = tmp_path / "scratch"
    path.mkdir()
    return path


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder where a sync is quick; power failures are not tested here."""
    with tempfile.TemporaryDirectory(prefix="tsdg-chaos-", dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """The parent of all processes that are to be killed."""
    parent = Forks(preload=lab.PRELOAD)
    yield parent
    parent.close()


@pytest.fixture
def zygote(forks: Forks, scratch: Path) -> Iterator[Zygote]:
    """Starts the processes of one test."""
    starter = Zygote(forks, scratch)
    yield starter
    starter.close()


@pytest.fixture
def endpoint(zygote: Zygote, scratch: Path) -> Iterator[Callable[..., lab.Supervised]]:
    """Start endpoints: ``endpoint("name", seed="s", wrong=0.1)``."""
    started: list[lab.Supervised] = []

    def start(
        name: str,
        *,
        seed: str,
        wrong: float = 0.0,
        hangs: float = 0.0,
        crashes: float = 0.0,
        delay: float = 0.0,
    ) -> lab.Supervised:
        options = {
            "model": MODEL,
            "seed": seed,
            "wrong": wrong,
            "hangs": hangs,
            "crashes": crashes,
            "delay": delay,
            "who": "",
        }
        started.append(lab.Supervised(zygote, scratch, name, options))
        return started[-1]

    yield start
    for server in started:
        server.close()
