"""The endpoints that requests can go to, and which of them are ready."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

from tsdg.errors import ServerError
from tsdg.protocols import ReplicaFacts, Reply
from tsdg.serving.conduct import Conduct
from tsdg.serving.replica_times import ReplicaTimes
from tsdg.serving.reply_time import Pace

_REPLIES, _FEWEST_REPLIES = 64, 8
"""Of an endpoint's last replies: so many are remembered, and from so many on they say something."""
_LATE_S, _LATE_TIMES = 5.0, 4.0
"""A request in flight is late after these seconds, and this many times as long as the slowest reply
of the quickest endpoint took."""


class Endpoint:
    """One replica as a client sees it.

    Attributes:
        name: the same over all restarts, and unique in this process.
        gpus: that it holds; 0 for external endpoints and on CPUs.
        base_url: up to and with ``/v1``.
        label: the same without credentials, for messages.
        in_flight: own requests in flight.
        restarts: times it was started again.
        tally: what it has done.
        took_s: seconds that its last replies took.
        proxy: URL of the proxy that it is reached through; None for none.
        through: the same for messages, empty for none.
        watched: whether somebody sees its tokens flow and restarts it where they stop, so that no
            reply of it needs a limit.
        conduct: how it has treated requests of late.
        pace: how fast it writes.
        suspected: set by a client that found no server there; cleared by whoever watches the
            endpoint.
    """

    def __init__(
        self, base_url: str, *, proxy: str | None, name: str, gpus: int, watched: bool = False
    ) -> None:
        self.name = name
        self.watched = watched
        self.conduct = Conduct()
        self.pace = Pace()
        self.gpus = gpus
        self.in_flight = 0
        self._began: dict[int, float] = {}
        self._numbers = itertools.count()
        self.took_s: deque[float] = deque(maxlen=_REPLIES)
        self.restarts = 0
        self.tally = ReplicaTimes()
        self.proxy = proxy
        self.through = f" through the proxy {_without_key(proxy)}" if proxy else ""
        self.suspected = asyncio.Event()
        self.move(base_url)

    def move(self, base_url: str) -> None:
        """Use another address from now on."""
        self.base_url = base_url.rstrip("/")
        self.label = _without_key(self.base_url)
        self.chat_url = f"{self.base_url}/chat/completions"
        self.root_url = self.base_url.removesuffix("/v1")

    def begin(self) -> int:
        """Note a request that is sent there; return its number, for :meth:`end`."""
        self.in_flight += 1
        if self.in_flight == 1:
            self.tally.now(busy=True)
        number = next(self._numbers)
        self._began[number] = time.monotonic()
        return number

    def end(self, number: int) -> None:
        """Note that a request is over, whatever its result."""
        del self._began[number]
        self.in_flight -= 1
        if self.in_flight == 0:
            self.tally.now(busy=False)

    @property
    def oldest_s(self) -> float:
        """Seconds since the oldest request in flight was sent; 0 where there is none."""
        first = next(iter(self._began.values()), None)
        return 0.0 if first is None else time.monotonic() - first

    def replied(self, reply: Reply, seconds: float) -> None:
        """Note what it replied, after how long."""
        self.tally.replied(reply.prompt_tokens, reply.completion_tokens)
        self.took_s.append(seconds)
        self.pace.replied(
            tokens=reply.completion_tokens / max(1, len(reply.choices)), seconds=seconds
        )

    @property
    def trusted(self) -> bool:
        """Whether to send a request there: it is not set aside, or its time has come to be tried.

        Then one request tries it.
        """
        conduct = self.conduct
        return not conduct.aside or (conduct.aside_s == 0 and not self.in_flight)

    def facts(self) -> ReplicaFacts:
        """What it has done so far."""
        held_s, ready_s, busy_s = self.tally.seconds()
        return ReplicaFacts(
            name=self.name,
            url=self.label,
            gpus=self.gpus,
            held_s=held_s,
            ready_s=ready_s,
            busy_s=busy_s,
            idle_s=ready_s - busy_s,
            requests=self.tally.requests,
            prompt_tokens=self.tally.prompt_tokens,
            completion_tokens=self.tally.completion_tokens,
            restarts=self.restarts,
        )


def _without_key(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


class Pool:
    """A fixed set of endpoints, each ready, down for now, or given up with a reason."""

    def __init__(self, endpoints: tuple[Endpoint, ...]) -> None:
        self.endpoints = endpoints
        self._ready: list[Endpoint] = []
        self._given_up: dict[Endpoint, str] = {}
        self._closed = ""
        self._decided = asyncio.Event()

    @property
    def ready(self) -> tuple[Endpoint, ...]:
        """The endpoints that requests may go to now."""
        return tuple(self._ready)

    def open(self, endpoint: Endpoint) -> None:
        """Let requests go to ``endpoint``."""
        endpoint.suspected.clear()
        self._given_up.pop(endpoint, None)
        if endpoint not in self._ready:
            self._ready.append(endpoint)
            endpoint.tally.now(ready=True)
        self._update()

    def shut(self, endpoint: Endpoint) -> None:
        """Send no further requests to ``endpoint`` for now."""
        if endpoint in self._ready:
            self._ready.remove(endpoint)
            endpoint.tally.now(ready=False)
        self._update()

    def suspect(self, endpoint: Endpoint) -> None:
        """Shut ``endpoint``, and ask for it to be looked at."""
        endpoint.suspected.set()
        self.shut(endpoint)

    def give_up(self, endpoint: Endpoint, reason: str) -> None:
        """Give ``endpoint`` up; once all are, waiting and later requests fail with the reason."""
        self._given_up[endpoint] = reason
        self.shut(endpoint)

    def close(self, reason: str) -> None:
        """Fail every waiting and later request with ``reason``."""
        self._closed = reason
        self._update()

    async def pick(self, failed: Mapping[Endpoint, int] | None = None) -> Endpoint:
        """Return the ready endpoint with the fewest own requests; wait until one is ready.

        Those that fail requests are asked only where all do. What failed at one endpoint goes to
        another.

        Args:
            failed: how often each endpoint has failed this request.

        Raises:
            ServerError: every endpoint was given up, or the pool is closed.
        """
        while True:
            if reason := self.hopeless():
                raise ServerError(reason)
            if len(self._ready) == 1:
                return self._ready[0]
            if self._ready:
                trusted = self._without_late([point for point in self._ready if point.trusted])
                tries = failed or {}
                return min(
                    trusted or self._ready, key=lambda point: (tries.get(point, 0), point.in_flight)
                )
            await self._decided.wait()

    def _without_late(self, points: list[Endpoint]) -> list[Endpoint]:
        """Leave out those that keep a request for far longer than the quickest takes for any.

        They would else hold as many requests as the others, and answer few.
        """
        known = [max(point.took_s) for point in points if len(point.took_s) >= _FEWEST_REPLIES]
        if not known:
            return points
        late_s = max(_LATE_S, _LATE_TIMES * min(known))
        return [point for point in points if point.oldest_s <= late_s] or points

    def has_other(self, failed: Mapping[Endpoint, int]) -> bool:
        """Whether an endpoint that answers others has not yet been asked what failed elsewhere."""
        return any(point not in failed and point.trusted for point in self._ready)

    def hopeless(self) -> str:
        """Return why no request can be answered any more; empty while one can."""
        if self._closed:
            return self._closed
        return (
            list(self._given_up.values())[-1] if len(self._given_up) == len(self.endpoints) else ""
        )

    def _update(self) -> None:
        if self._ready or self.hopeless():
            self._decided.set()
        else:
            self._decided.clear()
