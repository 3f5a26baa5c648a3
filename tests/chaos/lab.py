"""What the chaos tests share: dice, victims, an endpoint that comes back, and its ledger."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.endpoint import GOOD
from tests.forks import PATIENCE_S, Child, Zygote

ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "1"))
"""How many times as long as usual every storm rages."""
PRELOAD = ("tests.chaos.contend", "tests.chaos.endpoint", "tests.chaos.worker")
"""What processes of these tests import besides what every run needs."""


class Supervised:
    """The endpoint, started again on the same port whenever it has ended."""

    def __init__(self, zygote: Zygote, scratch: Path, name: str, options: dict[str, Any]) -> None:
        self.ledger = Ledger(scratch / f"{name}.ledger")
        self.starts = 0
        self._zygote = zygote
        self._name = name
        self._port_file = scratch / f"{name}.port"
        self._options = {**options, "ledger": str(self.ledger.path)}
        self._port = 0
        self._closing = False
        self._child = self._start()
        wait_for(self._port_file.exists, "the endpoint to listen")
        self._port = int(self._port_file.read_text())
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    def kill(self) -> None:
        """Kill it; it comes back by itself."""
        self._child.kill()

    def close(self) -> None:
        self._closing = True
        self._child.kill()
        self._keeper.join()

    def _start(self) -> Child:
        self.starts += 1
        return self._zygote.start(
            "endpoint", self._port, str(self._port_file), self._options, name=self._name
        )

    def _keep(self) -> None:
        while True:
            self._child.ended.wait()
            if self._closing:
                return
            self._child = self._start()


@dataclass(frozen=True)
class Entry:
    """One line of the ledger."""

    at: int
    event: str
    who: str
    request: str
    fate: str


@dataclass(frozen=True)
class Ledger:
    """The server's own account."""

    path: Path

    def entries(self) -> list[Entry]:
        if not self.path.exists():
            return []
        lines = (line.split() for line in self.path.read_text().splitlines())
        entries = (
            Entry(int(at), event, who, request, fate) for at, event, who, request, fate in lines
        )
        return [entry for entry in entries if entry.who != "probe"]

    def sent(self) -> Counter[str]:
        """Good requests by who sent them."""
        return Counter(
            entry.who for entry in self.entries() if entry.event == "ask" and entry.fate in GOOD
        )

    def asked(self) -> set[str]:
        """All requests that were to be answered well at some time."""
        return {
            entry.request for entry in self.entries() if entry.event == "ask" and entry.fate in GOOD
        }

    def answered(self) -> Counter[str]:
        """How often each request got a reply that counts."""
        return Counter(entry.request for entry in self.entries() if entry.event == "end")

    def rework(self) -> int:
        """Replies that were given again."""
        return sum(count - 1 for count in self.answered().values())

    def fates(self) -> Counter[str]:
        return Counter(entry.fate for entry in self.entries() if entry.event == "ask")

    def open_at(self, at: int, who: str) -> int:
        """Requests of one worker that the server was at work on at a moment of the monotonic clock,
        in ns."""
        under_way: Counter[str] = Counter()
        for entry in self.entries():
            if entry.who == who and entry.at <= at and entry.fate in GOOD:
                under_way[entry.request] += 1 if entry.event == "ask" else -1
        return sum(count > 0 for count in under_way.values())


@dataclass
class Toll:
    """The kills of a storm, and what they may cost at most."""

    in_flight: int
    killed: list[tuple[str, int]] = field(default_factory=list)
    """Whom, and when by the monotonic clock in ns."""

    def allowed(self, ledger: Ledger) -> int:
        """How many requests the kills may have cost.

        Each costs at most the limit in flight, and at most what the victim had sent.
        """
        sent = ledger.sent()
        return sum(min(self.in_flight, sent[name]) for name, _ in self.killed)

    def open(self, ledger: Ledger) -> int:
        """Requests that the server was at work on for those who were killed, at these moments."""
        return sum(ledger.open_at(at, name) for name, at in self.killed)


def wait_for(
    condition: Callable[[], Any], what: str | Callable[[], str], seconds: float = PATIENCE_S
) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            raise AssertionError(
                f"waited {seconds:g} s in vain for {what if isinstance(what, str) else what()}"
            )
        time.sleep(0.005)


def fresh_dice() -> Iterator[random.Random]:
    """Dice with a printed seed; ``CHAOS_SEED`` throws the same again.

    The timing of the machine is not repeated.
    """
    seed = os.environ.get("CHAOS_SEED") or str(random.SystemRandom().randrange(10**9))
    print(f"CHAOS_SEED={seed} CHAOS_ROUNDS={ROUNDS}")
    yield random.Random(seed)


def storm(
    *,
    dice: random.Random,
    start: Callable[[str], Child],
    ledger: Ledger,
    workers: int,
    kills: int,
    mean_s: float,
    in_flight: int,
    name: str,
    strike: Callable[[Child], None] = Child.kill,
    at_work: float = 0.0,
) -> Toll:
    """Keep ``workers`` at work on something and strike them at random moments, until it is done.

    Args:
        dice: decide whom and when.
        start: a worker of a name; it exits with 0 when there is nothing left to do.
        ledger: of the endpoint.
        workers: at work at once.
        kills: at most.
        mean_s: between two kills.
        in_flight: requests that a worker has under way at most.
        name: of the storm; unique in the test.
        strike: what is done to the chosen one; it must be dead afterwards.
        at_work: share of the strikes that wait until one of them has asked for something.
    """
    toll, crew, count = Toll(in_flight), [], 0
    while True:
        for worker in [worker for worker in crew if not worker.alive]:
            assert worker.code == 0, f"{worker.name} ended with {worker.code}: {worker.said()}"
        if any(not worker.alive for worker in crew) or len(toll.killed) >= kills:
            break
        while len(crew) < workers:
            count += 1
            crew.append(start(f"{name}-{count}"))
        if dice.random() < at_work:
            wait_for(
                lambda: not all(worker.alive and not ledger.sent()[worker.name] for worker in crew),
                "one to be at work",
            )
        time.sleep(dice.expovariate(1 / mean_s))
        victim = crew.pop(dice.randrange(len(crew)))
        if victim.alive:
            toll.killed.append((victim.name, time.monotonic_ns()))
            strike(victim)
            if victim.code == 0:  # it was quicker
                toll.killed.pop()
                crew.append(victim)
        else:
            crew.append(victim)
    while len(crew) < workers:
        count += 1
        crew.append(start(f"{name}-{count}"))
    for worker in crew:
        code = worker.wait()
        assert code == 0, f"{worker.name} ended with {code}: {worker.said()}"
    return toll
