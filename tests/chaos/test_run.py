"""Storms of kills on whole runs, started as users and clusters start them."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.lab import ROUNDS, Supervised, Toll, storm, wait_for
from tests.e2e.conftest import records, table
from tests.forks import Child, Zygote

Endpoints = Callable[..., Supervised]
COMMON = (
    "recipe=demo",
    "server=openai",
    "server.api_key_env=CHAOS_KEY",
    "questions.per_seed=3",
    "seeds.cap_per_task=6",
    "engine.unit_rows=8",
    "engine.attempts=12",
    "package.rows_per_file=10",
)
IN_FLIGHT = 8
APART, FUSED = "[[questions],[answers]]", "[[questions,answers]]"


class Run:
    """One run directory and the endpoint that its workers ask."""

    def __init__(
        self, root: Path, name: str, zygote: Zygote, server: Supervised, phases: str = APART
    ) -> None:
        self.directory = root / name
        self.zygote = zygote
        self.server = server
        self.options = (
            *COMMON,
            f"output_root={root}",
            f"run={name}",
            f"phases={phases}",
            f"engine.max_in_flight={IN_FLIGHT}",
            f"server.base_urls=[{server.url}]",
        )

    def tsdg(self, *arguments: str) -> Callable[[str], Child]:
        """What starts this command under a name."""
        return lambda name: self.zygote.start(
            "tsdg", *arguments, name=name, environment={"CHAOS_KEY": name}
        )

    def do(self, *arguments: str) -> None:
        """Run a command undisturbed."""
        child = self.tsdg(*arguments)(
            f"{self.directory.name}-{'-'.join(arguments[::2])[:20]}".replace("/", "_")
        )
        assert child.wait() == 0, child.said()

    def begin(self) -> None:
        """Make the run directory with its snapshot, by a `tsdg run` that does not live long."""
        first = self.tsdg("run", *self.options)(f"{self.directory.name}-first")
        wait_for((self.directory / "snapshot/fingerprint.json").exists, "the snapshot")
        first.kill(group=True)
        self.do("work", str(self.directory), "seeds")

    def whole(self) -> dict[str, Any]:
        """All that the run came to, without what names the run or its moment."""
        tables = {
            path.relative_to(self.directory).as_posix(): sorted(map(repr, table(path)))
            for step in ("seeds", "questions", "answers")
            for path in (self.directory / step).glob("*.parquet")
        }
        manifest = json.loads((self.directory / "manifest.json").read_text())
        counts = {name: manifest[name] for name in ("totals", "rejected")}
        return {"records": records(self.directory), "tables": tables, "counts": counts}


def stages(phases: str) -> list[str]:
    names = ["questions", "answers"] if phases == APART else ["questions-answers"]
    return ["seeds", *(stage for name in names for stage in (name, f"{name}.gather")), "package"]


def verify(run: Run, whole: dict[str, Any], tolls: list[Toll]) -> None:
    """The run is as if nobody had been killed, and little was asked again."""
    run.do("verify", str(run.directory))
    assert run.whole() == whole
    ledger = run.server.ledger
    rework, allowed = ledger.rework(), sum(toll.allowed(ledger) for toll in tolls)
    print(
        f"{run.directory.name}: {sum(len(toll.killed) for toll in tolls)} kills, "
        f"{len(ledger.answered())} requests, "
        f"{rework} of {allowed} allowed ones again, {sum(toll.open(ledger) for toll in tolls)} "
        "under way at the "
        f"server; {dict(ledger.fates())}"
    )
    assert rework <= allowed


@pytest.fixture
def calm(tmp_path: Path, zygote: Zygote, endpoint: Endpoints) -> Callable[..., dict[str, Any]]:
    """What a run comes to when nobody is killed and nothing goes wrong."""

    def calm(seed: str, name: str) -> dict[str, Any]:
        run = Run(
            tmp_path / "runs", f"calm-{name}", zygote, endpoint(f"calm-endpoint-{name}", seed=seed)
        )
        run.do("run", *run.options)
        assert len(records(run.directory)) > 20
        return run.whole()

    return calm


@pytest.mark.parametrize("phases", [APART, FUSED], ids=["apart", "fused"])
def test_a_run_that_is_killed_again_and_again(
    tmp_path: Path, zygote: Zygote, endpoint: Endpoints, dice: random.Random, calm: Any, phases: str
) -> None:
    """One `tsdg run`, killed at random moments of every stage, each time with its process group."""
    for number in range(ROUNDS):
        seed = str(dice.random())
        whole = calm(seed, str(number))
        server = endpoint(f"endpoint-{number}", seed=seed, wrong=0.03, delay=0.01)
        run = Run(tmp_path / "runs", f"killed-{number}", zygote, server, phases)
        toll = storm(
            dice=dice,
            start=run.tsdg("run", *run.options),
            ledger=server.ledger,
            workers=1,
            kills=15,
            mean_s=0.5,
            in_flight=IN_FLIGHT,
            name=f"run-{number}",
            strike=partial(Child.kill, group=True),
            at_work=0.6,
        )
        verify(run, whole, [toll])


@pytest.mark.parametrize("phases", [APART, FUSED], ids=["apart", "fused"])
def test_stages_whose_workers_are_killed_again_and_again(
    tmp_path: Path, zygote: Zygote, endpoint: Endpoints, dice: random.Random, calm: Any, phases: str
) -> None:
    """`tsdg work` as a cluster's jobs call it: three processes per phase, else one."""
    for number in range(ROUNDS):
        seed = str(dice.random())
        whole = calm(seed, str(number))
        server = endpoint(f"endpoint-{number}", seed=seed, wrong=0.03, delay=0.03)
        run = Run(tmp_path / "runs", f"worked-{number}", zygote, server, phases)
        run.begin()
        tolls = [
            storm(
                dice=dice,
                start=run.tsdg("work", str(run.directory), stage),
                ledger=server.ledger,
                workers=1 if stage not in ("questions", "answers", "questions-answers") else 3,
                kills=50,
                mean_s=0.1,
                in_flight=IN_FLIGHT,
                name=f"{stage}-{number}",
                strike=lambda child: child.kill(group=dice.random() < 0.5),
            )
            for stage in stages(phases)
        ]
        verify(run, whole, tolls)
        hidden = [path for path in run.directory.rglob(".*") if path.parent.name != "workers"]
        assert hidden == [run.directory / ".lock"], "what a killed worker left half-written"


def test_four_workers_of_which_two_are_killed_and_one_comes_late(
    tmp_path: Path, zygote: Zygote, endpoint: Endpoints, dice: random.Random, calm: Any
) -> None:
    seed = str(dice.random())
    whole = calm(seed, "0")
    server = endpoint("endpoint", seed=seed, delay=0.1)
    run = Run(tmp_path / "runs", "four", zygote, server, FUSED)
    run.begin()
    start = run.tsdg("work", str(run.directory), "questions-answers")
    toll = Toll(IN_FLIGHT)
    crew = [start(name) for name in ("first", "second", "third")]
    for victim in crew[:2]:
        wait_for(
            lambda name=victim.name: server.ledger.sent()[name] > 2 * IN_FLIGHT,
            f"{victim.name} to be at work",
        )
        toll.killed.append((victim.name, time.monotonic_ns()))
        victim.kill(group=True)
    crew.append(start("late"))
    for worker in crew[2:]:
        assert worker.wait() == 0, worker.said()
    sent = server.ledger.sent()
    assert all(sent[worker.name] for worker in crew), sent
    for stage in stages(FUSED)[2:]:
        run.do("work", str(run.directory), stage)
    verify(run, whole, [toll])
