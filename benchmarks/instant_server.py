"""A chat-completions server with one fixed reply, at once or after a fixed time.

It is as cheap as Python allows.

Run: ``python benchmarks/instant_server.py PORT_FILE [--latency 0.5] [--reply-bytes 8000]``. It ends
    with its parent.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path


def replies(reply_bytes: int) -> tuple[bytes, bytes, bytes]:
    """The whole answers: to a completion, to a streamed completion, and to anything else."""
    usage = {"prompt_tokens": 200, "completion_tokens": 500, "total_tokens": 700}
    head = {"id": "x", "object": "chat.completion", "created": 1, "model": "model", "usage": usage}
    message = {"role": "assistant", "content": "word " * (reply_bytes // 5)}
    whole = json.dumps(
        {**head, "choices": [{"index": 0, "finish_reason": "stop", "message": message}]}
    )
    delta = {**head, "object": "chat.completion.chunk"}
    chunk = json.dumps(
        {**delta, "choices": [{"index": 0, "finish_reason": "stop", "delta": message}]}
    )
    stream = f"data: {chunk}\n\ndata: [DONE]\n\n"
    models = json.dumps({"object": "list", "data": [{"id": "model", "object": "model"}]})
    kinds = (
        ("application/json", whole),
        ("text/event-stream", stream),
        ("application/json", models),
    )
    return tuple(  # type: ignore[return-value]
        (
            f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()
        for kind, body in kinds
    )


class Connection(asyncio.Protocol):
    """One connection; requests on it come one after the other."""

    def __init__(self, latency: float, answers: tuple[bytes, bytes, bytes]) -> None:
        self._latency = latency
        self._whole, self._stream, self._models = answers
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            if not head.startswith(b"post"):
                self._answer(self._models)
                continue
            streamed = b'"stream":true' in body or b'"stream": true' in body
            answer = self._stream if streamed else self._whole
            closing = b"connection: close" in head
            if self._latency:
                asyncio.get_running_loop().call_later(self._latency, self._answer, answer, closing)
            else:
                self._answer(answer, closing)

    def _answer(self, answer: bytes, closing: bool = False) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)
            if closing:
                self._transport.close()


async def serve(port_file: Path, made: Callable[[], asyncio.Protocol]) -> None:
    """Serve until the parent has ended; ``made`` makes a connection, the file has the port."""
    server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0, backlog=4096)
    partial = port_file.with_suffix(".partial")
    partial.write_text(str(server.sockets[0].getsockname()[1]))
    partial.rename(port_file)
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port_file", type=Path)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--reply-bytes", type=int, default=8_000)
    args = parser.parse_args()
    answers = replies(args.reply_bytes)
    asyncio.run(serve(args.port_file, lambda: Connection(args.latency, answers)))


if __name__ == "__main__":
    main()
