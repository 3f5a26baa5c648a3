"""The client: one chat completion to the least-loaded ready replica, over pooled connections."""

from __future__ import annotations

import asyncio
import errno
import math
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import aiohttp
import orjson

from tsdg.config.models import ModelConfig
from tsdg.errors import MachineError, ModelRequestError, RetryableError, ServerError
from tsdg.protocols import NOT_SENT, Load, ReplicaFacts, Reply, Request
from tsdg.serving import probe
from tsdg.serving.bodies import read_body
from tsdg.serving.events import EventKind, OnEvent, ServerEvent
from tsdg.serving.metrics import Metrics, parse_metrics, total_load
from tsdg.serving.outage import Outage, Trail
from tsdg.serving.pieces import Pieces
from tsdg.serving.pool import Endpoint, Pool
from tsdg.serving.reply import advice, failure, one_line, parse_reply
from tsdg.serving.reply_time import completions_at_once, reply_limit_s
from tsdg.serving.vllm import own_body

CONNECT_TIMEOUT_S = 10.0
METRICS_TIMEOUT_S = 5.0
# Shorter than any limit of a request: so that waiting for a server, which may take an hour, never
# looks like a request that took too long.
WAIT_S = 5.0
# Shorter than the 5 s after which uvicorn closes an idle connection: so that none is closed under a
# request.
_KEEPALIVE_S = 3.0
_STALE_S = 1.0
"""A connection that ends so soon after it was taken had been closed already, most likely."""
_BODY_BYTES, _TOKEN_BYTES = 2**20, 256
"""Bytes of a reply at most, besides those for each token that it may have: more than any token's
longest escape."""
_PROOF_S, _PROOF_TIMEOUT_S = 5.0, 30.0
"""Between two requests of one token that show whether an endpoint works at all; for their reply."""
_TOLD_EACH_S = 60.0
"""Between two lines that say that one endpoint is set aside."""


def new_session() -> aiohttp.ClientSession:
    """Open the one session of a run: no limit of connections, reused while they are fresh."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE_S, ttl_dns_cache=300),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


class RoutingClient:
    """Carries requests to a pool of replicas. Implements :class:`tsdg.protocols.Transport`."""

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession,
        pool: Pool,
        model: ModelConfig,
        api_key: str = "",
        key_source: str = "",
        reply_s: int | None = None,
        on_event: OnEvent = lambda event: None,
    ) -> None:
        """Make a client; the session stays the caller's to close.

        Args:
            session: what :func:`new_session` gave.
            pool: where requests can go.
            model: that is asked.
            api_key: sent as a bearer token; empty for none.
            key_source: the recipe key that it came from, for messages.
            reply_s: seconds that a reply may take at endpoints whose progress nobody sees; None to
                derive it (:mod:`tsdg.serving.reply_time`).
            on_event: told which endpoint is set aside or back.
        """
        self._session = session
        self._pool = pool
        self._model = model
        self._api_key = api_key
        self._key_source = key_source
        self._reply_s = reply_s
        self._on_event = on_event
        self._outage = Outage()
        self._pieces = Pieces()
        self._proved_at: dict[Endpoint, float] = {}
        self._told: dict[Endpoint, tuple[bool, float]] = {}
        self._unfit: set[Endpoint] = set()
        self._headers = {"Content-Type": "application/json"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"

    async def send(self, request: Request) -> Reply:
        """Send one request to the least busy ready replica, waiting a while for one.

        What one endpoint fails goes to the others at once. When this is cancelled, the connection
        is cut and the server drops the request.

        Raises:
            RetryableError: every endpoint that answers others has failed it: ``connection``,
                ``http_...``, ``too_long``, ``timeout``, ``bad_reply``. It counts as far as it
                proves something against the request (:mod:`tsdg.serving.outage`), and not at all
                where no server took it.
            PermanentError: sending it again would not help.
            ServerError: no server will ever answer: all replicas given up, key refused, or every
                request fails.
            MachineError: this process may not open enough files.
        """
        counts = 0.0
        while True:
            trail = self._outage.trail(request.request_id)
            endpoint = await self._pick(trail)
            try:
                return await self._ask(endpoint, request, trail)
            except ServerError as error:
                self._leave_out(endpoint, error)
            except ModelRequestError as error:
                judged = self._judge(request, endpoint, error)
                if not isinstance(judged, RetryableError):
                    raise judged from error
                counts += judged.counts
                trail = self._outage.trail(request.request_id)
                if not self._pool.has_other(trail.failures):
                    if judged.reason != "http_429":
                        await self._prove(endpoint, request)
                    raise RetryableError(
                        judged.reason,
                        judged.detail,
                        retry_after=judged.retry_after,
                        counts=min(1.0, counts),
                    ) from error

    async def load(self) -> Load:
        """Ask all ready replicas for their load, except those without vLLM metrics."""
        looks = await asyncio.gather(*(self._metrics(endpoint) for endpoint in self._pool.ready))
        return total_load(look for look in looks if look is not None)

    def replicas(self) -> tuple[ReplicaFacts, ...]:
        """What each replica has done so far, in the order of their numbers."""
        return tuple(endpoint.facts() for endpoint in self._pool.endpoints)

    # -- one try

    async def _ask(self, endpoint: Endpoint, request: Request, trail: Trail) -> Reply:
        """One try at one endpoint."""
        given = own_body(self._model, request.body) if endpoint.watched else request.body
        body = {**given, "model": self._model.name}
        self._outage.sent(request.request_id)
        try:
            reply = await self._pieces.ask(
                request.request_id,
                body,
                at_once=self._at_once(endpoint, request, trail),
                ask=partial(self._ask_within, endpoint, request, trail),
            )
        finally:
            self._outage.ended(request.request_id)
        self._unfit.discard(endpoint)
        if self._outage.success(request.request_id, endpoint, size=_size(request)):
            self._event(endpoint, "back", "it answers again")
        return reply

    def _at_once(self, endpoint: Endpoint, request: Request, trail: Trail) -> int:
        """How many completions of a request may go there in one."""
        choices: int = request.body.get("n", 1)
        if endpoint.watched or choices == 1:
            return choices
        if trail.timeouts:
            return 1
        return completions_at_once(
            tokens=request.expected_tokens // choices,
            rate=endpoint.pace.least,
            told_s=self._reply_s,
        )

    async def _ask_within(
        self,
        endpoint: Endpoint,
        request: Request,
        trail: Trail,
        body: Mapping[str, Any],
        choices: int,
    ) -> Reply:
        """Ask for some of a request's completions, within the time that they may take there."""
        tokens = request.expected_tokens // request.body.get("n", 1) * choices
        limit = (
            None
            if endpoint.watched
            else reply_limit_s(
                tokens=tokens,
                rate=endpoint.pace.least,
                told_s=self._reply_s,
                timeouts=trail.timeouts,
            )
        )
        began = time.monotonic()
        number = endpoint.begin()
        try:
            async with asyncio.timeout(limit) as deadline:
                status, retry_after, said = await self._post(endpoint, body, tokens)
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise RetryableError(
                "timeout", f"{endpoint.label} gave no whole reply within {limit:.0f} s"
            ) from error
        finally:
            endpoint.end(number)
        if status == 200:
            reply = parse_reply(said, choices=choices)
            endpoint.replied(reply, time.monotonic() - began)
            return reply
        if self._api_key:  # some endpoints repeat it in their refusal
            said = said.replace(self._api_key.encode(), b"***")
        raise failure(
            status=status,
            retry_after=retry_after,
            body=said,
            url=endpoint.label,
            model=self._model.name,
            key_source=self._key_source,
        )

    async def _post(
        self, endpoint: Endpoint, body: Mapping[str, Any], tokens: int
    ) -> tuple[int, str, bytes]:
        data, most = orjson.dumps(body), _BODY_BYTES + _TOKEN_BYTES * tokens
        began = time.monotonic()
        try:
            try:
                return await self._exchange(endpoint, data, most)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as cut:
                # A server or a proxy may close a kept connection just as it is taken. Once only: a
                # request that brings servers down must not go round. Whether it was a kept one
                # costs more to know than the few posts that it would save.
                if time.monotonic() - began > _STALE_S:
                    raise
                try:
                    return await self._exchange(endpoint, data, most)
                except aiohttp.ClientConnectorError:
                    raise cut from None  # it was the server that ended, with the request
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
                raise MachineError(
                    f"no further connection to {endpoint.label}: too many open files; raise "
                    "`ulimit -n`, or lower "
                    "engine.max_in_flight"
                ) from error
            self._pool.suspect(endpoint)
            raise RetryableError(
                "connection",
                f"no server took the request at {endpoint.label}: {one_line(str(error))}",
                counts=0.0,
            ) from error
        except aiohttp.ClientError as error:
            said = one_line(str(error)) or type(error).__name__
            raise RetryableError(
                "connection", f"{endpoint.label} cut the connection: {said}"
            ) from error

    async def _exchange(self, endpoint: Endpoint, data: bytes, most: int) -> tuple[int, str, bytes]:
        async with self._session.post(
            endpoint.chat_url,
            data=data,
            headers=self._headers,
            proxy=endpoint.proxy,
            allow_redirects=False,
        ) as response:
            return (
                response.status,
                response.headers.get("Retry-After", ""),
                await read_body(response, most),
            )

    # -- failures

    async def _pick(self, trail: Trail) -> Endpoint:
        if self._pool.ready:
            return await self._pool.pick(trail.failures)
        try:
            async with asyncio.timeout(WAIT_S) as deadline:
                return await self._pool.pick(trail.failures)
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise RetryableError(
                NOT_SENT, f"no server was ready for {WAIT_S:g} s", counts=0.0
            ) from error

    def _leave_out(self, endpoint: Endpoint, error: ServerError) -> None:
        """Set an endpoint aside that says that it answers nobody.

        Raises:
            ServerError: ``error``, where all endpoints say so.
        """
        self._unfit.add(endpoint)
        if self._unfit.issuperset(self._pool.endpoints):
            raise error
        if not endpoint.conduct.aside:
            self._event(endpoint, "aside", f"{error}; tried again every minute")
        endpoint.conduct.set_aside()

    def _judge(self, request: Request, endpoint: Endpoint, error: ModelRequestError) -> Exception:
        if error.reason == "http_401" and endpoint.conduct.answered_at == -math.inf:
            unfit = ServerError(f"{error.detail}; {advice(error)}")
            self._leave_out(endpoint, unfit)
        was_aside = endpoint.conduct.aside
        judged = self._outage.judge(request.request_id, endpoint, error, size=_size(request))
        if endpoint.conduct.aside and not was_aside and len(self._pool.ready) > 1:
            self._event(
                endpoint, "aside", f"it fails request after request ({error}); tried now and then"
            )
        return judged

    async def _prove(self, endpoint: Endpoint, request: Request) -> None:
        """See whether an endpoint works that has answered nobody since a request failed.

        Where little else is asked, nothing else would show it.
        """
        now = time.monotonic()
        if (
            not self._outage.lacks_proof(request.request_id, endpoint)
            or endpoint not in self._pool.ready
            or now - self._proved_at.get(endpoint, 0.0) < _PROOF_S
        ):
            return
        self._proved_at[endpoint] = now
        try:
            await probe.canary(
                self._session, endpoint, self._model.name, _PROOF_TIMEOUT_S, self._headers
            )
        except probe.ProbeError:
            return
        self._outage.proved(endpoint)

    def _event(self, endpoint: Endpoint, kind: EventKind, detail: str) -> None:
        """Tell that an endpoint is set aside or back; one that comes and goes is told now and then.

        That it is back is told where it was told that it was set aside.
        """
        now = time.monotonic()
        away, when = self._told.get(endpoint, (False, -math.inf))
        if not away if kind == "back" else away or now - when < _TOLD_EACH_S:
            return
        self._told[endpoint] = (kind == "aside", now)
        number = self._pool.endpoints.index(endpoint)
        self._on_event(
            ServerEvent(replica=number, kind=kind, url=endpoint.label, detail=one_line(detail))
        )

    async def _metrics(self, endpoint: Endpoint) -> Metrics | None:
        try:
            text = await probe.metrics_text(self._session, endpoint, METRICS_TIMEOUT_S)
            return parse_metrics(text)
        except (probe.ProbeError, ValueError):
            return None


def _size(request: Request) -> int:
    """How long a request is, in characters of its turns."""
    return sum(len(str(turn.get("content", ""))) for turn in request.body.get("messages", ()))
