"""Storms of kills on the engine, over real HTTP to an endpoint that goes wrong.

Units, leases, the journal and commits are checked.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.endpoint import digest_of, is_null
from tests.chaos.lab import PRELOAD, ROUNDS, Ledger, Supervised, Toll, storm, wait_for
from tests.chaos.worker import MODEL, SAMPLES, request
from tests.e2e import oracle
from tests.engine import lab
from tests.engine.lab import files_of, rows_of, write_input
from tests.forks import Child, Forks, Zygote
from tsdg.engine.journal import Journal

Endpoints = Callable[..., Supervised]
ROWS, UNIT_ROWS = 600, 20


def expected(seed: str, rows: int) -> list[dict[str, Any]]:
    """The outcome of each row, by the rule by which the endpoint replies."""

    def text(name: str) -> str:
        body = {**request(name).body, "model": MODEL}
        return "" if is_null(seed, digest_of(body)) else oracle.reply(body, 0)

    names = [f"row-{number:05d}" for number in range(rows)]
    kinds = [*map(str, range(SAMPLES)), "last"]
    return [
        {"input_id": name, "texts": [text(f"{name}/{kind}") for kind in kinds]} for name in names
    ]


@dataclass(frozen=True)
class Phase:
    """One phase in a directory of its own."""

    folder: Path
    zygote: Zygote
    url: str
    ledger: Ledger
    rows: int = ROWS
    unit_rows: int = UNIT_ROWS

    def __post_init__(self) -> None:
        if not self.source.exists():
            write_input(self.source, rows=self.rows, unit_rows=self.unit_rows)

    @property
    def source(self) -> Path:
        return self.folder / "input.parquet"

    @property
    def directory(self) -> Path:
        return self.folder / "phase"

    def start(
        self,
        *,
        foreign: bool = False,
        in_flight: int = 8,
        timeout_s: int = 60,
        own: Callable[[str], Any] | None = None,
    ) -> Callable[[str], Child]:
        def start(name: str) -> Child:
            options = {
                "url": self.url,
                "own": own and own(name),
                "replicas": 2,
                "foreign": foreign,
                "in_flight": in_flight,
                "lease_timeout_s": 1.0,
                "request_timeout_s": timeout_s,
            }
            return self.zygote.start(
                "phase",
                str(self.source),
                str(self.directory),
                options,
                name=name,
                environment={"CHAOS_KEY": name},
            )

        return start

    def check(self, seed: str) -> None:
        """Nothing lost, nothing twice, nothing left over."""
        assert rows_of(self.directory) == expected(seed, self.rows)
        units = -(-self.rows // self.unit_rows)
        assert [name for name in files_of(self.directory) if not name.startswith("logs/")] == [
            f"parts/unit-{unit:06d}.parquet" for unit in range(units)
        ]
        assert len(self.ledger.asked()) == (SAMPLES + 1) * self.rows


@pytest.mark.parametrize("wrong", [0.0, 0.15])
def test_workers_killed_by_the_dozen(
    tmp_path: Path, zygote: Zygote, endpoint: Endpoints, dice: random.Random, wrong: float
) -> None:
    for number in range(ROUNDS):
        seed = str(dice.random())
        folder = tmp_path / str(number)
        folder.mkdir()
        server = endpoint(f"endpoint-{number}", seed=seed, wrong=wrong, delay=0.02)
        phase = Phase(folder, zygote, server.url, server.ledger)
        toll = storm(
            dice=dice,
            start=phase.start(),
            ledger=server.ledger,
            workers=3,
            kills=60,
            mean_s=0.07,
            in_flight=8,
            name=f"{number}",
        )
        phase.check(seed)
        rework, allowed = server.ledger.rework(), toll.allowed(server.ledger)
        print(
            f"{len(toll.killed)} kills, {rework} of {allowed} allowed requests again, "
            f"{toll.open(server.ledger)} under "
            f"way at the server; {dict(server.ledger.fates())}"
        )
        assert rework <= allowed


def test_killed_half_way_through_2000_records_with_256_in_flight(
    tmp_path: Path, zygote: Zygote, endpoint: Endpoints, dice: random.Random
) -> None:
    seed = str(dice.random())
    server = endpoint("endpoint", seed=seed, delay=0.2)
    phase = Phase(tmp_path, zygote, server.url, server.ledger, rows=2000, unit_rows=1000)
    start, toll = phase.start(in_flight=256), Toll(256)
    worker = start("first")
    wait_for(lambda: len(server.ledger.answered()) > 1000 * (SAMPLES + 1), "half of the work")
    toll.killed.append(("first", time.monotonic_ns()))
    worker.kill()
    assert (last := start("second")).wait() == 0, last.said()
    phase.check(seed)
    rework = server.ledger.rework()
    print(
        f"{rework} of {2000 * (SAMPLES + 1)} requests again, {toll.open(server.ledger)} under way "
        "at the server"
    )
    assert rework <= 256


def test_an_endpoint_that_crashes_hangs_and_is_killed_meanwhile(
    tmp_path: Path, zygote: Zygote, endpoint: Endpoints, dice: random.Random
) -> None:
    """The server crashes, is killed, or hangs while its /health is well."""
    seed = str(dice.random())
    server = endpoint("endpoint", seed=seed, wrong=0.05, crashes=0.01, hangs=0.002, delay=0.02)
    phase = Phase(tmp_path, zygote, server.url, server.ledger, rows=ROWS * ROUNDS)
    over = threading.Event()

    def strike_servers() -> None:
        while not over.wait(dice.expovariate(1 / 0.3)):
            server.kill()

    striker = threading.Thread(target=strike_servers)
    striker.start()
    toll = storm(
        dice=dice,
        start=phase.start(timeout_s=6),
        ledger=server.ledger,
        workers=3,
        kills=30 * ROUNDS,
        mean_s=0.2,
        in_flight=8,
        name="w",
    )
    over.set()
    striker.join()
    phase.check(seed)
    rework, allowed = server.ledger.rework(), toll.allowed(server.ledger)
    print(
        f"{len(toll.killed)} kills of workers, {server.starts - 1} of the endpoint, {rework} of "
        f"{allowed} allowed "
        f"requests again; {dict(server.ledger.fates())}"
    )
    assert rework <= allowed


def test_workers_known_by_their_heartbeat_alone_frozen_killed_and_their_clocks_moved(
    tmp_path: Path, zygote: Zygote, endpoint: Endpoints, dice: random.Random
) -> None:
    """As on many hosts: a death shows only by a heartbeat that stands still.

    Meanwhile all time stamps jump by hours.
    """
    seed = str(dice.random())
    server = endpoint("endpoint", seed=seed, delay=0.1)
    phase = Phase(tmp_path, zygote, server.url, server.ledger, rows=900 * ROUNDS)
    over = threading.Event()
    jumps = 0

    def move_clocks() -> None:
        nonlocal jumps
        while not over.wait(0.2):
            hours = dice.choice([-10_000, -2, 2, 10_000])
            for path in (phase.directory / "leases").glob("unit-*"):
                with contextlib.suppress(FileNotFoundError):
                    stamp = path.stat().st_mtime_ns
                    if stamp and dice.random() < 0.5:
                        moved = stamp + hours * 3600 * 10**9
                        os.utime(path, ns=(moved, moved))
                        jumps += 1

    def freeze_or_kill(child: Child) -> None:
        """Stop it for longer than its leases last, wake it, let it see what has become of its
        units, and kill it."""
        if dice.random() < 0.5:
            child.signal(signal.SIGSTOP)
            time.sleep(1.3)
            child.signal(signal.SIGCONT)
            time.sleep(dice.random() * 0.5)
        child.kill()

    mover = threading.Thread(target=move_clocks)
    mover.start()
    toll = storm(
        dice=dice,
        start=phase.start(foreign=True),
        ledger=server.ledger,
        workers=4,
        kills=16 * ROUNDS,
        mean_s=0.1,
        in_flight=8,
        name="w",
        strike=freeze_or_kill,
    )
    over.set()
    mover.join()
    phase.check(seed)
    print(f"{len(toll.killed)} kills, {jumps} jumps, {server.ledger.rework()} requests again")
    assert jumps > 20


@pytest.mark.root
def test_workers_in_containers_share_a_phase(
    tmp_path: Path, scratch: Path, zygote: Zygote, endpoint: Endpoints, dice: random.Random
) -> None:
    """With other boot times and process numbers, no living process is taken for dead."""
    seed = str(dice.random())
    server = endpoint("endpoint", seed=seed, delay=0.05)
    phase = Phase(tmp_path, zygote, server.url, server.ledger)
    days = ("--time", "--monotonic", "86400", "--boottime", "86400")
    parents = [
        Forks("unshare", "--fork", "--kill-child", *namespaces, preload=PRELOAD)
        for namespaces in (days, (*days, "--pid", "--mount-proc"))
    ]
    contained = []
    for number, parent in enumerate(parents):
        (scratch / str(number)).mkdir()
        contained.append(Zygote(parent, scratch / str(number)))
    try:
        for starter in contained:
            assert starter.start("tsdg", "--version").wait() == 0
        crew = [
            replace(phase, zygote=starter).start()(name)
            for starter, name in zip([zygote, *contained], "abc", strict=True)
        ]
        wait_for(
            lambda: server.ledger.sent().keys() >= set("abc"),
            lambda: f"all to ask: {[worker.said() for worker in crew]}",
        )
        for worker in crew:
            assert worker.wait() == 0, worker.said()
        phase.check(seed)
        assert server.ledger.rework() == 0
    finally:
        for parent in parents:
            parent.close()


async def test_a_phase_goes_on_from_its_journal_torn_at_every_byte(memory: Path) -> None:
    """Each frame that is whole is answered from the journal, the rest is asked again, and the
    outcome is the same."""
    rows, directory = 2, memory / "phase"
    source = write_input(memory / "input.parquet", rows=rows, unit_rows=rows)
    wanted = SAMPLES + 1
    journal = Journal(directory=make(directory / "journal"), index=0, generation=0)
    ends = {}
    log = directory / "journal" / "unit-000000.g0.log"
    names = [
        f"row-{row:05d}/{kind}"
        for row in range(rows)
        for kind in [*map(str, range(SAMPLES)), "last"]
    ]
    for number, name in enumerate(names):
        journal.append(name, lab.reply(name))
        ends[log.stat().st_size] = number + 1
    journal.close()
    whole = log.read_bytes()
    for cut in range(len(whole) + 1):
        shutil.rmtree(directory)
        make(directory / "journal")
        log.write_bytes(whole[:cut])
        transport = lab.Transport()
        result = await lab.run(source, directory, transport)
        known = max((number for end, number in ends.items() if end <= cut), default=0)
        assert rows_of(directory) == lab.expected(rows)
        assert (sum(transport.sent.values()), result.resumed_requests) == (
            wanted * rows - known,
            known,
        ), cut
    print(f"torn at {len(whole) + 1} offsets")


def make(path: Path) -> Path:
    path.mkdir(parents=True)
    return path
