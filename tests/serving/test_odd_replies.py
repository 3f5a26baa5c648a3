"""Whatever an endpoint or a proxy sends is a failure of one request, and never another exception.

The replies are bytes on a real socket, as no web framework would send some of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
from collections.abc import AsyncIterator, Mapping

import pytest

from tests.serving.conftest import request, until
from tests.serving.test_client import failing_with, to
from tsdg.errors import RetryableError
from tsdg.serving import ServerEvent
from tsdg.serving.client import RoutingClient

GOOD = {
    "model": "another-name",
    "choices": [{"index": 0, "message": {"content": "yes"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1},
}


def http(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *headers,
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + body


def said(**changes: object) -> bytes:
    return http(json.dumps(GOOD | changes).encode())


def choice(**changes: object) -> bytes:
    return said(choices=[{**GOOD["choices"][0], **changes}])  # type: ignore[index]


OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
WHOLE = json.dumps(GOOD).encode()
ODD = {
    "200 with an error": http(b'{"error": {"message": "overloaded", "code": 500}}'),
    "200 with an error that is a text": http(b'{"error": "overloaded"}'),
    "200 without a body": http(b""),
    "204": b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
    "no choices": said(choices=[]),
    "choices null": said(choices=None),
    "a choice that is null": said(choices=[None]),
    "content is a number": choice(message={"content": 7}),
    "the index is a text": choice(index="0"),
    "usage of texts": said(usage={"prompt_tokens": "1", "completion_tokens": "1"}),
    "usage that is negative": said(usage={"prompt_tokens": -1, "completion_tokens": 1}),
    "a stream of events": http(b'data: {"choices": []}\n\ndata: [DONE]\n\n'),
    "brackets without end": http(b"[" * 100_000),
    "no UTF-8": http(WHOLE.replace(b"yes", b"\xff\xfe")),
    "gzip that is none": http(b"not gzip at all", "Content-Encoding: gzip"),
    "half of a gzip": http(gzip.compress(WHOLE)[:20], "Content-Encoding: gzip"),
    "chunks cut off": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
    "a chunk of no size": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    "shorter than it says": OK + b"Content-Length: 999\r\n\r\n{}",
    "two lengths": OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a length that is negative": OK + b"Content-Length: -5\r\n\r\n{}",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "nothing": b"",
    "a status of letters": b"HTTP/1.1 OK fine\r\nConnection: close\r\n\r\n",
    "a header without end": OK + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
    "a redirect to itself": http(b"", "Location: /v1/chat/completions", status="302 Found"),
    "a login page": http(b"<html>sign in</html>", "Content-Type: text/html"),
    "a proxy wants a name": http(b"", status="407 Proxy Authentication Required"),
    "a status nobody knows": http(b"", status="799 What"),
}
LATER = {
    "Wed, 21 Oct 2099 07:28:00 GMT": 600.0,
    "1e300": 600.0,
    "inf": 600.0,
    "999999999999999999999999": 600.0,
    "-5": 0.0,
    "nan": 0.0,
    "soon": 0.0,
    "Wed, 99 Oct 99999 07:28:00 GMT": 0.0,
    "Thu, 01 Jan 1970 00:00:00 GMT": 0.0,
}


@contextlib.asynccontextmanager
async def endpoint(odd: Mapping[str, bytes]) -> AsyncIterator[RoutingClient]:
    """A client of an endpoint that answers what it is told with its reply, and all else well."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        told = ""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    body = await reader.readexactly(int(line.partition(b":")[2]))
                    told = json.loads(body)["messages"][-1]["content"]
            writer.write(odd.get(told, said()))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        async with to(f"http://{host}:{port}/v1") as client:
            yield client


async def test_what_an_endpoint_sends_is_a_failure_of_its_request_alone() -> None:
    seen = {}
    async with endpoint(ODD) as client:
        for name in ODD:
            failure = await failing_with(client, request(name))
            assert "\n" not in str(failure)
            seen[name] = failure.reason
            assert (await client.send(request(f"after {name}"))).choices[0].text == "yes"
    told = {f"http_{status}" for status in (204, 302, 407, 799)}
    assert set(seen.values()) == {"bad_reply", "connection", *told}


async def test_how_long_an_endpoint_wants_to_be_left_alone_is_bounded() -> None:
    seen = {}
    busy = {
        word: http(b"{}", f"Retry-After: {word}", status="503 Service Unavailable")
        for word in LATER
    }
    async with endpoint(busy) as client:
        for word in busy:
            failure = await failing_with(client, request(word))
            assert isinstance(failure, RetryableError)
            seen[word] = failure.retry_after
            await client.send(request(f"after {word}"))
    assert seen == LATER


async def test_a_proxy_that_does_not_answer_is_named_and_its_key_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://me:hunter2@127.0.0.1:9")
    events: list[ServerEvent] = []
    async with to("http://far.example/v1", on_event=events.append):
        await until(lambda: bool(events))
    assert "does not answer through the proxy http://127.0.0.1:9 (" in events[0].detail
    assert "hunter2" not in str(events)
