"""External endpoints: which of them answer now."""

from __future__ import annotations

import asyncio
import time
import urllib.request
from types import TracebackType
from urllib.parse import urlsplit

import aiohttp

from tsdg.serving import probe
from tsdg.serving.events import EventKind, OnEvent, Pacing, ServerEvent
from tsdg.serving.pool import Endpoint, Pool

_LONGEST_WAIT_S = 5.0
_TOLD_EACH_S = 30.0
"""Between two lines that say that an endpoint still does not answer."""


def proxy_for(url: str) -> str | None:
    """Find the proxy for ``url`` in HTTP_PROXY, HTTPS_PROXY and NO_PROXY.

    Once per endpoint: aiohttp's own reading of it costs two hops to a thread per request.
    """
    parts = urlsplit(url)
    if urllib.request.proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    return urllib.request.getproxies().get(parts.scheme)


class ExternalEndpoints:
    """Async context manager.

    Watches the endpoints of ``server.base_urls`` while requests go to them.

    Attributes:
        pool: the endpoints; one is ready once it has answered, and is looked at again when a
            request finds it gone.
    """

    def __init__(
        self,
        *,
        base_urls: tuple[str, ...],
        headers: dict[str, str],
        patience_s: float,
        session: aiohttp.ClientSession,
        on_event: OnEvent,
        pacing: Pacing,
    ) -> None:
        """Prepare.

        Args:
            base_urls: up to and with ``/v1``.
            headers: with the key, where there is one.
            patience_s: an endpoint that has not answered for so long is given up, until it answers
                again.
            session: for looking at them.
            on_event: told of every change.
            pacing: how often.
        """
        self.pool = Pool(
            tuple(
                Endpoint(url, proxy=proxy_for(url), name=f"endpoint-{number}", gpus=0)
                for number, url in enumerate(base_urls)
            )
        )
        self._headers = headers
        self._patience_s = patience_s
        self._session = session
        self._on_event = on_event
        self._pacing = pacing
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> ExternalEndpoints:
        """Look at all endpoints from now on; return at once."""
        self._tasks = [
            asyncio.create_task(self._watch(n, point))
            for n, point in enumerate(self.pool.endpoints)
        ]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop looking."""
        self.pool.close("the endpoints are being left")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _watch(self, number: int, endpoint: Endpoint) -> None:
        while True:
            await self._until_it_answers(number, endpoint)
            self.pool.open(endpoint)
            await endpoint.suspected.wait()

    async def _until_it_answers(self, number: int, endpoint: Endpoint) -> None:
        began = time.monotonic()
        wait_s = self._pacing.backoff_s
        said: EventKind | None = None
        hope, told = "", began
        while True:
            try:
                await probe.models(
                    self._session, endpoint, self._headers, self._pacing.look_timeout_s
                )
            except probe.ProbeError as error:
                if said is None:
                    said, told = "lost", time.monotonic()
                    until = time.strftime(
                        "%H:%M:%S", time.localtime(time.time() + self._patience_s)
                    )
                    limit = f"server.start_timeout_s={self._patience_s:g}"
                    hope = f"asked again until {until} ({limit}), then given up"
                    self._event(
                        number, said, f"it does not answer{endpoint.through} ({error}); {hope}"
                    )
                elif said == "lost" and time.monotonic() - told > _TOLD_EACH_S:
                    told = time.monotonic()
                    self._event(number, said, f"still no answer after {told - began:.0f} s; {hope}")
                if said == "lost" and (
                    reason := self._hopeless(endpoint, error, time.monotonic() - began)
                ):
                    said = "failed"
                    self._event(number, said, reason)
                    self.pool.give_up(endpoint, reason)
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, _LONGEST_WAIT_S)
            else:
                self._event(number, "ready", f"after {time.monotonic() - began:.0f} s")
                return

    def _hopeless(self, endpoint: Endpoint, error: probe.ProbeError, silent_s: float) -> str:
        """Why an endpoint is given up; empty while it is not."""
        if error.status == 401:
            return (
                f"{endpoint.label} refuses the key (status 401); "
                "check server.api_key_env or server.api_key_file"
            )
        if silent_s >= self._patience_s:
            return (
                f"{endpoint.label} has not answered{endpoint.through} for {self._patience_s:g} s "
                f"({error}); start it, or correct server.base_urls"
            )
        return ""

    def _event(self, number: int, kind: EventKind, detail: str) -> None:
        self._on_event(
            ServerEvent(
                replica=number, kind=kind, url=self.pool.endpoints[number].label, detail=detail
            )
        )
