"""A virtual clock, and servers that write replies on it: what ``simulate.py`` runs the engine on.

Import this before anything of tsdg, so that the engine's clocks are the virtual one.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import os
import selectors
import sys
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class Clock:
    """Seconds that pass only where everybody waits."""

    now = 0.0
    began = time.time()


time.monotonic = lambda: Clock.now
time.time = lambda: Clock.began + Clock.now
from tsdg.errors import RetryableError  # noqa: E402
from tsdg.protocols import NOT_SENT, Choice, Load, ReplicaFacts, Reply, Request  # noqa: E402
from tsdg.serving.client import WAIT_S  # noqa: E402
from tsdg.serving.pool import Endpoint, Pool  # noqa: E402

_REAL_LOOKS = 256
"""How often the loop turns between two looks at real files, which only signals need."""
_CALLS = {
    "open": "open",
    "os.mkdir": "make",
    "os.link": "link",
    "os.rename": "rename",
    "os.remove": "remove",
}


class _Selector(selectors.SelectSelector):
    turns = 0

    def select(self, timeout: float | None = None) -> list[Any]:
        """Let the time pass that a real selector would wait."""
        self.turns += 1
        found = super().select(0) if self.turns % _REAL_LOOKS == 0 or timeout is None else []
        if not found and timeout:
            Clock.now += timeout
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on the virtual clock; what would go to a thread is done at once."""

    def __init__(self) -> None:
        super().__init__(_Selector())

    def time(self) -> float:
        """The virtual seconds."""
        return Clock.now

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> Any:
        """Do it now."""
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:
            done.set_exception(error)
        return done


@dataclass(frozen=True, kw_only=True)
class Moment:
    """The sums at one moment."""

    at: float
    written: float
    possible: float


@dataclass(kw_only=True)
class Figures:
    """What happened."""

    written: float = 0.0
    """Tokens."""
    kept: float = 0.0
    """Tokens of the replies that count, each once."""
    sent: int = 0
    first: float = math.inf
    capacity: float = 0.0
    """Tokens that the servers could have written while they were there."""
    up: dict[int, tuple[float, float]] = field(default_factory=dict)
    """Of a server that is up: since when, and its rate."""
    votes: set[str] = field(default_factory=set)
    rows: dict[str, float] = field(default_factory=dict)
    """When each question was first done."""
    looks: list[Moment] = field(default_factory=list)
    """When a twentieth of the questions was done, and all but a twentieth."""
    calls: Counter[tuple[int, str]] = field(default_factory=Counter)
    """Of the shared file system, after so many looks."""
    taken: Counter[str] = field(default_factory=Counter)
    lost: dict[tuple[int, str], float] = field(default_factory=lambda: defaultdict(float))
    """Tokens that were possible and not written: after so many looks, with few requests or none."""

    def possible(self) -> float:
        """Tokens that the servers could have written until now."""
        now = sum((Clock.now - max(since, self.first)) * rate for since, rate in self.up.values())
        return self.capacity + now

    def look(self) -> None:
        """Keep the sums as they are now."""
        self.looks.append(Moment(at=Clock.now, written=self.written, possible=self.possible()))


SEEN = Figures()


@dataclass(frozen=True, kw_only=True)
class ServerKind:
    """What a server can do: tokens a second in all and for one reply, and what it runs at once."""

    rate: float
    single: float
    kv_tokens: int
    most_running: int

    def slower(self, factor: float) -> ServerKind:
        """The same on a slow machine."""
        return ServerKind(
            rate=self.rate * factor,
            single=self.single * factor,
            kv_tokens=self.kv_tokens,
            most_running=self.most_running,
        )


class Server:
    """A replica that shares its tokens a second among the replies that it runs."""

    def __init__(self, kind: ServerKind) -> None:
        self.kind = kind
        self._running: list[tuple[float, int, float, asyncio.Future[None]]] = []
        self._queue: deque[tuple[float, asyncio.Future[None]]] = deque()
        self._held: float = 0.0
        self._each = self._since = 0.0
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self.written = 0.0
        """Tokens so far."""
        self.ready = False
        """Whether it takes requests."""

    @property
    def running(self) -> int:
        """Replies in the batch."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return len(self._queue)

    @property
    def kv_usage(self) -> float:
        """Share of the cache in use."""
        return min(1.0, self._held / self.kind.kv_tokens)

    async def write(self, tokens: float) -> None:
        """Write a reply."""
        done = asyncio.get_running_loop().create_future()
        self.pass_time()
        self._queue.append((tokens, done))
        self._admit()
        try:
            await done
        except asyncio.CancelledError:
            self.pass_time()
            self._running = [one for one in self._running if not one[3].done()]
            heapq.heapify(self._running)
            self._held = sum(one[2] for one in self._running)
            self._queue = deque(one for one in self._queue if not one[1].done())
            self._admit()
            raise

    def begin(self) -> None:
        """Take requests from now on."""
        self._since, self.ready = Clock.now, True
        SEEN.up[id(self)] = (Clock.now, self.kind.rate)

    def end(self) -> None:
        """Be gone."""
        self.pass_time()
        self.ready = False
        if (up := SEEN.up.pop(id(self), None)) is not None:
            SEEN.capacity += (Clock.now - max(up[0], SEEN.first)) * up[1]

    def _speed(self) -> float:
        return min(self.kind.single, self.kind.rate / (len(self._running) or 1))

    def pass_time(self) -> None:
        """Count what was written until now."""
        passed = Clock.now - self._since
        if not passed:
            return
        self._since = Clock.now
        each = passed * self._speed()
        self._each += each
        number = len(self._running)
        tokens = each * number
        self.written += tokens
        SEEN.written += tokens
        if self.ready and SEEN.first < math.inf and (missed := passed * self.kind.rate - tokens):
            SEEN.lost[len(SEEN.looks), "few" if number else "none"] += missed

    def _admit(self) -> None:
        most, room = self.kind.most_running, self.kind.kv_tokens
        while self._queue and (
            not self._running
            or (self._held + self._queue[0][0] / 2 <= room and len(self._running) < most)
        ):
            tokens, done = self._queue.popleft()
            end = self._each + tokens
            heapq.heappush(self._running, (end, next(self._numbers), tokens / 2, done))
            self._held += tokens / 2  # of a cache that grows, half in the mean
        if self._running:
            at = Clock.now + max(0.0, (self._running[0][0] - self._each) / self._speed())
            # A timer that comes too early looks again: most that come later replace none.
            if self._timer is None or at < self._timer.when():
                if self._timer is not None:
                    self._timer.cancel()
                self._timer = asyncio.get_running_loop().call_at(at, self._end)

    def _end(self) -> None:
        self._timer = None
        self.pass_time()
        while self._running and self._running[0][0] <= self._each + 1e-6:
            _, _, held, done = heapq.heappop(self._running)
            self._held -= held
            if not done.done():
                done.set_result(None)
        self._admit()


class SimulatedTransport:
    """The replicas of one element, reached as real ones are."""

    def __init__(self, servers: Sequence[Server], name: str) -> None:
        points = [
            Endpoint("http://simulated/v1", proxy=None, name=f"{name}-{n}", gpus=1)
            for n in range(len(servers))
        ]
        self._servers = dict(zip(points, servers, strict=True))
        self._pool = Pool(tuple(points))

    async def start(self, after: Sequence[float]) -> None:
        """Let the replicas be ready, each after its seconds."""
        begun = Clock.now
        order = sorted(zip(after, self._servers, strict=True), key=lambda one: one[0])
        for seconds, point in order:
            await asyncio.sleep(max(0.0, begun + seconds - Clock.now))
            self._servers[point].begin()
            self._pool.open(point)

    def end(self) -> None:
        """End the servers."""
        for server in self._servers.values():
            server.end()

    async def send(self, request: Request) -> Reply:
        """Have a reply written."""
        if self._pool.ready:
            point = await self._pool.pick()
        else:
            try:
                async with asyncio.timeout(WAIT_S):
                    point = await self._pool.pick()
            except TimeoutError as error:
                raise RetryableError(NOT_SENT, "no server was ready", counts=0.0) from error
        SEEN.first = min(SEEN.first, Clock.now)
        SEEN.sent += 1
        number, begun = point.begin(), Clock.now
        tokens = request.body["tokens"]
        try:
            await self._servers[point].write(tokens)
        finally:
            point.end(number)
        choices = (Choice(text="x", reasoning="", finish_reason="stop"),)
        reply = Reply(choices=choices, prompt_tokens=200, completion_tokens=tokens)
        point.replied(reply, Clock.now - begun)
        return reply

    async def load(self) -> Load:
        """What the replicas say."""
        ready = [self._servers[point] for point in self._pool.ready]
        return Load(
            replicas=len(ready),
            running=sum(server.running for server in ready),
            waiting=sum(server.waiting for server in ready),
            kv_cache_usage=max((server.kv_usage for server in ready), default=0.0),
        )

    def replicas(self) -> Sequence[ReplicaFacts]:
        """What each has done."""
        return [point.facts() for point in self._servers]


def watch_files(folder: Path) -> None:
    """Put the files' times on the virtual clock, and count the calls that concern ``folder``.

    Nothing is synced: the simulation itself need not survive.
    """
    touch, stat, scan, root = os.utime, os.stat, os.scandir, f"{folder}/"

    def count(call: str, times: int = 1) -> None:
        SEEN.calls[len(SEEN.looks), call] += times

    def utime(path: Any, times: Any = None, *, ns: Any = None, **more: Any) -> None:
        now = round((Clock.began + Clock.now) * 1e9)
        count("touch")
        touch(path, ns=ns or (now, now), **more)

    def look(path: Any, *args: Any, **more: Any) -> os.stat_result:
        if "dir_fd" in more or str(path).startswith(root):
            count("stat")
        return stat(path, *args, **more)

    def listed(path: Any) -> Any:
        if str(path).startswith(root):
            count("list")
            count("entries listed", sum(1 for _ in Path(path).iterdir()))
        return scan(path)

    def seen(event: str, args: tuple[Any, ...]) -> None:
        if event in _CALLS and str(args[0]).startswith(root):
            count(_CALLS[event])

    os.utime = utime
    os.stat = look
    os.scandir = listed  # type: ignore[assignment]
    os.fsync = lambda fd: count("sync")
    sys.addaudithook(seen)
