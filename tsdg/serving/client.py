"""The client: one chat completion to the least-loaded ready replica, over pooled connections."""

from __future__ import annotations

import asyncio
import errno

import aiohttp
import orjson

from tsdg.errors import MachineError, ModelRequestError, RetryableError
from tsdg.protocols import NOT_SENT, Load, ReplicaFacts, Reply, Request
from tsdg.serving.metrics import Metrics, parse_metrics, total_load
from tsdg.serving.outage import Outage
from tsdg.serving.pool import Endpoint, Pool
from tsdg.serving.reply import failure, one_line, parse_reply

CONNECT_TIMEOUT_S = 10.0
METRICS_TIMEOUT_S = 5.0
# Shorter than any limit of a request: so that waiting for a server, which may take an hour, never
# looks like a request that took too long.
WAIT_S = 5.0
# Shorter than the 5 s after which uvicorn closes an idle connection: so that none is closed under a
# request.
_KEEPALIVE_S = 3.0
_LARGEST_BODY = 64 * 2**20
"""Bytes of a reply; the longest completions of a request with many samples have a tenth of it."""


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
        model: str,
        api_key: str,
        key_source: str,
    ) -> None:
        """Make a client; the session stays the caller's to close.

        Args:
            session: what :func:`new_session` gave.
            pool: where requests can go.
            model: put into every body.
            api_key: sent as a bearer token; empty for none.
            key_source: the recipe key that it came from, for messages.
        """
        self._session = session
        self._pool = pool
        self._model = model
        self._api_key = api_key
        self._key_source = key_source
        self._outage = Outage()
        self._headers = {"Content-Type": "application/json"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"

    async def send(self, request: Request) -> Reply:
        """Send one request to the least busy ready replica, waiting a while for one.

        The caller limits how long the reply may take: when this is cancelled, the connection is cut
        and the server drops the request.

        Raises:
            RetryableError: ``connection``, ``http_429``, ``http_5xx``, ``timeout`` (the server's
                own), ``bad_reply``. It does not count as a failure where no server took the request
                (none was ready for ``WAIT_S``, nobody answered, or it was told to slow down), nor
                where requests fail everywhere (:mod:`tsdg.serving.outage`).
            PermanentError: ``too_long`` or another ``http_4xx``.
            ServerError: no server will ever answer: all replicas given up, key refused, model
                unknown.
            MachineError: this process may not open enough files.
        """
        try:
            reply = await self._ask(request)
        except ModelRequestError as error:
            raise self._outage.judge(request.request_id, error) from error
        self._outage.success()
        return reply

    async def _ask(self, request: Request) -> Reply:
        payload = orjson.dumps({**request.body, "model": self._model})
        endpoint = await (self._pool.pick() if self._pool.ready else self._pick())
        endpoint.begin()
        try:
            status, retry_after, body = await self._post(endpoint, payload)
        finally:
            endpoint.end()
        if status == 200:
            reply = parse_reply(body, choices=request.body.get("n", 1))
            endpoint.replied(reply)
            return reply
        if self._api_key:  # some endpoints repeat it in their refusal
            body = body.replace(self._api_key.encode(), b"***")
        raise failure(
            status=status,
            retry_after=retry_after,
            body=body,
            url=endpoint.label,
            model=self._model,
            key_source=self._key_source,
        )

    async def load(self) -> Load:
        """Ask all ready replicas for their load, except those without vLLM metrics."""
        looks = await asyncio.gather(*(self._metrics(endpoint) for endpoint in self._pool.ready))
        return total_load(look for look in looks if look is not None)

    def replicas(self) -> tuple[ReplicaFacts, ...]:
        """What each replica has done so far, in the order of their numbers."""
        return tuple(endpoint.facts() for endpoint in self._pool.endpoints)

    async def _pick(self) -> Endpoint:
        try:
            async with asyncio.timeout(WAIT_S) as deadline:
                return await self._pool.pick()
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise RetryableError(
                NOT_SENT, f"no server was ready for {WAIT_S:g} s", counts=False
            ) from error

    async def _post(self, endpoint: Endpoint, payload: bytes) -> tuple[int, str, bytes]:
        try:
            async with self._session.post(
                endpoint.chat_url,
                data=payload,
                headers=self._headers,
                proxy=endpoint.proxy,
                allow_redirects=False,
            ) as response:
                return (
                    response.status,
                    response.headers.get("Retry-After", ""),
                    await _body(response, endpoint),
                )
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
                counts=False,
            ) from error
        except aiohttp.ClientError as error:
            said = one_line(str(error)) or type(error).__name__
            raise RetryableError(
                "connection", f"{endpoint.label} cut the connection: {said}"
            ) from error

    async def _metrics(self, endpoint: Endpoint) -> Metrics | None:
        timeout = aiohttp.ClientTimeout(total=METRICS_TIMEOUT_S)
        try:
            async with self._session.get(
                f"{endpoint.root_url}/metrics", proxy=endpoint.proxy, timeout=timeout
            ) as response:
                return parse_metrics(await response.text()) if response.status == 200 else None
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return None


async def _body(response: aiohttp.ClientResponse, endpoint: Endpoint) -> bytes:
    """Read a body up to the largest size of a reply: an endless one must not fill the memory."""
    parts, size = [], 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > _LARGEST_BODY:
            raise RetryableError(
                "bad_reply", f"{endpoint.label} sends a reply of more than {_LARGEST_BODY} bytes"
            )
    return b"".join(parts)
