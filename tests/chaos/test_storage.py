"""Storage that fails under workers at full work: full disks and unwritable folders."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.lab import PRELOAD, ROUNDS, Supervised
from tests.chaos.test_engine import Phase
from tests.forks import Child, Forks, Zygote
from tsdg.errors import StorageError

Endpoints = Callable[..., Supervised]
IN_FLIGHT = 8


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with 3 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def bound(scratch: Path) -> Iterator[Zygote]:
    """A parent of processes that may not write where the mode of a folder forbids it, not even as
    root."""
    able = os.geteuid() == 0
    prefix = ("setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override") if able else ()
    forks = Forks(*prefix, preload=PRELOAD)
    yield Zygote(forks, scratch)
    forks.close()


def trouble(
    start: Callable[[str], Child],
    dice: random.Random,
    times: int,
    afflict: Callable[[], None],
    relieve: Callable[[], None],
) -> int:
    """Break a worker's storage again and again; return how often the worker gave up.

    Each time it must end with one line, or finish.
    """
    ended = 0
    for number in range(times):
        worker = start(f"w-{number}")
        time.sleep(0.2 + dice.random() * 0.4)
        afflict()
        code = worker.wait()
        relieve()
        said = [line for line in worker.said().splitlines() if line]
        assert "Traceback" not in worker.said()
        if code == 0:
            break
        assert code == StorageError.exit_code, said
        assert said[-1].startswith(f"{worker.pid}: "), (
            said
        )  # beside it, a note that the accounts cannot be kept
        assert "start again: what was done is kept" in said[-1]
        ended += 1
    last = start("w-last")
    assert last.wait() == 0, last.said()
    return ended


@pytest.mark.root
def test_a_disk_that_fills_up_again_and_again(
    disk: Path, zygote: Zygote, endpoint: Endpoints, dice: random.Random
) -> None:
    seed = str(dice.random())
    server = endpoint("endpoint", seed=seed, delay=0.02)
    phase = Phase(disk, zygote, server.url, server.ledger)
    filler = disk / "filler"

    def fill() -> None:
        """Take all that is left, and again what is given back meanwhile, so that the next write
        fails."""
        with filler.open("ab", buffering=0) as file:
            for piece in (1 << 16, 1 << 12, 1 << 9):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(piece))

    times = 6 * ROUNDS
    ended = trouble(phase.start(in_flight=IN_FLIGHT), dice, times, fill, filler.unlink)
    phase.check(seed)
    print(f"{ended} ends by a full disk, {server.ledger.rework()} requests again")
    assert ended > 0
    assert server.ledger.rework() <= ended * IN_FLIGHT


def test_folders_that_cannot_be_written_any_more(
    tmp_path: Path, bound: Zygote, endpoint: Endpoints, dice: random.Random
) -> None:
    """As if the file system became read-only: no new lease, journal or part can be made."""
    seed = str(dice.random())
    server = endpoint("endpoint", seed=seed, delay=0.02)
    phase = Phase(tmp_path, bound, server.url, server.ledger)

    def modes(mode: int) -> None:
        for path in [phase.directory, *phase.directory.iterdir()]:
            if path.is_dir():
                path.chmod(mode)

    times = 6 * ROUNDS
    ended = trouble(
        phase.start(in_flight=IN_FLIGHT), dice, times, lambda: modes(0o555), lambda: modes(0o755)
    )
    phase.check(seed)
    print(
        f"{ended} ends by folders that cannot be written, {server.ledger.rework()} requests again"
    )
    assert ended > 0
    assert server.ledger.rework() <= ended * IN_FLIGHT
