"""Looks at a server over HTTP: is it there, does it make tokens, how busy is it."""

from __future__ import annotations

import os
from collections.abc import Mapping

import aiohttp
import orjson

from tsdg.errors import RetryableError
from tsdg.serving.bodies import read_body
from tsdg.serving.metrics import Metrics, parse_metrics
from tsdg.serving.pool import Endpoint
from tsdg.serving.reply import one_line

_LARGEST = 8 * 2**20
"""Bytes of an answer; the metrics of a server with many engines have a tenth of it."""


class ProbeError(Exception):
    """The server did not answer a probe, or not well; the message is one line.

    Attributes:
        status: HTTP status of its answer; 0 where there was none.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


async def health(session: aiohttp.ClientSession, endpoint: Endpoint, timeout_s: float) -> None:
    """Ask /health.

    Raises:
        ProbeError: no answer, or not 200.
    """
    await _get(session, endpoint, f"{endpoint.root_url}/health", {}, timeout_s)


async def metrics_text(session: aiohttp.ClientSession, endpoint: Endpoint, timeout_s: float) -> str:
    """Read /metrics as text.

    Raises:
        ProbeError: no answer, or not 200.
    """
    return await _get(session, endpoint, f"{endpoint.root_url}/metrics", {}, timeout_s)


async def metrics(session: aiohttp.ClientSession, endpoint: Endpoint, timeout_s: float) -> Metrics:
    """Read /metrics.

    Raises:
        ProbeError: no answer, or not vLLM's.
    """
    text = await metrics_text(session, endpoint, timeout_s)
    try:
        return parse_metrics(text)
    except ValueError as error:
        raise ProbeError(str(error), 200) from error


async def models(
    session: aiohttp.ClientSession, endpoint: Endpoint, headers: dict[str, str], timeout_s: float
) -> None:
    """Ask the endpoint for its models; any answer but a server error shows it is there.

    Raises:
        ProbeError: no answer, 401 or 5xx.
    """
    try:
        await _get(session, endpoint, f"{endpoint.base_url}/models", headers, timeout_s)
    except ProbeError as error:
        if error.status in (0, 401) or error.status >= 500:
            raise


async def canary(
    session: aiohttp.ClientSession,
    endpoint: Endpoint,
    model: str,
    timeout_s: float,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Ask for one token, which alone shows that the engine works: /health says 200 while it hangs.

    Args:
        session: to ask with.
        endpoint: whom.
        model: its name there.
        timeout_s: for the answer.
        headers: with the key, where there is one.

    Raises:
        ProbeError: no answer within ``timeout_s``, or not 200.
    """
    body = {
        "model": model,
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 1,
        "temperature": 0.0,
    }
    try:
        async with session.post(
            endpoint.chat_url,
            data=orjson.dumps(body),
            headers={"Content-Type": "application/json", **(headers or {})},
            proxy=endpoint.proxy,
            timeout=aiohttp.ClientTimeout(total=timeout_s),
        ) as response:
            text = await _text(response)
            if response.status != 200:
                raise ProbeError(f"status {response.status}: {one_line(text)}", response.status)
    except TimeoutError as error:
        raise ProbeError(f"no answer within {timeout_s:g} s", 0) from error
    except aiohttp.ClientError as error:
        raise ProbeError(_why(error), 0) from error


async def _get(
    session: aiohttp.ClientSession,
    endpoint: Endpoint,
    url: str,
    headers: dict[str, str],
    timeout_s: float,
) -> str:
    limit = aiohttp.ClientTimeout(total=timeout_s)
    try:
        async with session.get(
            url, headers=headers, proxy=endpoint.proxy, timeout=limit
        ) as response:
            text = await _text(response)
            if response.status != 200:
                raise ProbeError(f"status {response.status}", response.status)
            return text
    except TimeoutError as error:
        raise ProbeError(f"no answer within {timeout_s:g} s", 0) from error
    except aiohttp.ClientError as error:
        raise ProbeError(_why(error), 0) from error


async def _text(response: aiohttp.ClientResponse) -> str:
    """A body as text; a server that sends without end does not answer."""
    try:
        return (await read_body(response, _LARGEST)).decode("utf-8", "replace")
    except RetryableError as error:
        raise ProbeError(error.detail, response.status) from error


def _why(error: aiohttp.ClientError) -> str:
    """Why there was no answer, in one line; for a failed connection, the system's word."""
    number = error.os_error.errno if isinstance(error, aiohttp.ClientConnectorError) else None
    return (
        os.strerror(number)
        if number and number > 0
        else one_line(str(error)) or type(error).__name__
    )
