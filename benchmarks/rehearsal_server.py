"""A chat-completions server that answers at once, in the form that each request asks for.

    python benchmarks/rehearsal_server.py PORT_FILE [--wrong 0.1] [--reply-bytes 1500]

It ends with its parent. Questions are the words of the request's own example in another order, so
that they are in its language and no copy of it. A solver takes one of the options by its text, in
whatever order they stand; in a share of the samples another one. A reply depends on nothing but
its request, so that two rehearsals of one recipe make the same bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import zlib
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from instant_server import serve

_OPTION = re.compile(r"(?m)^\s*-\s+(.+)$")
_FORM = re.compile(r"(?s)Reply with one JSON object.*?:\n(\{.*)")
_ASKED = re.compile(r"(?m)^(?:Question|Problem|Task|Exercise):")
_WORD = re.compile(r"\w{2,}")
_LONG = {"context": 60, "background": 40, "definition": 25, "reasoning": 60, "why_wrong": 20}
"""Fields of several sentences, and their words."""


class Writer:
    """Writes the reply to one request."""

    def __init__(self, body: bytes, *, wrong: float, reply_bytes: int) -> None:
        self._wrong, self._reply_bytes = wrong, reply_bytes
        self._asked = orjson.loads(body)
        self._user: str = self._asked["messages"][-1]["content"]
        self._draw = random.Random(zlib.crc32(body))
        example = self._user.rsplit("The example:\n", 1)[-1] if "The example:" in self._user else ""
        shown = example or _ASKED.split(self._user)[-1]
        own = shown.split("\n\nWay from the example", 1)[0].split("\n\nFirst ", 1)[0]
        self._words = _WORD.findall(own)[:400] or ["nothing"]

    def reply(self) -> bytes:
        """The body of the whole answer."""
        count = self._asked.get("n") or 1
        choices = [
            {
                "index": index,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": self._choice()},
            }
            for index in range(count)
        ]
        written = sum(len(choice["message"]["content"]) for choice in choices)  # type: ignore[index]
        asked = sum(len(turn["content"]) for turn in self._asked["messages"])
        usage = {"prompt_tokens": asked // 4, "completion_tokens": written // 4}
        return orjson.dumps(
            {
                "id": "x",
                "object": "chat.completion",
                "model": self._asked.get("model"),
                "choices": choices,
                "usage": {**usage, "total_tokens": sum(usage.values())},
            }
        )

    def _choice(self) -> str:
        form = self._asked.get("response_format") or {}
        schema = (form.get("json_schema") or {}).get("schema")
        if schema:
            return orjson.dumps(self._fill("", schema)).decode()
        if '"definition"' in self._user and (found := _FORM.search(self._user)):
            return orjson.dumps(self._explain(found.group(1))).decode()
        reasoning = self._sentences(self._reply_bytes // 7)
        return f"Reasoning: {reasoning}\n\nAnswer: {self._answer()}"

    def _explain(self, form: str) -> dict[str, Any]:
        try:
            fields = orjson.loads(form)
        except ValueError:
            fields = {"definition": "", "background": ""}
        return {
            name: {option: self._sentences(20) for option in value}
            if isinstance(value, dict)
            else self._fill(name, {})
            for name, value in fields.items()
        }

    def _answer(self) -> str:
        tail = _ASKED.split(self._user)[-1]
        slips = self._draw.random() < self._wrong
        if "\nOptions" in tail:
            listed = tail.split("\nOptions", 1)[1].split("\n\n", 1)[0]
            options = [option.strip() for option in _OPTION.findall(listed)] or ["yes"]
            return self._draw.choice(options) if slips else min(options, key=_digest)
        asked = tail.split("\n\nFirst ", 1)[0]
        return str(self._draw.randrange(99_999) if slips else _digest(asked) % 99_999)

    def _fill(self, name: str, schema: dict[str, Any]) -> Any:
        if "enum" in schema:
            return self._draw.choice(schema["enum"])
        if "const" in schema:
            return schema["const"]
        kind = schema.get("type", "string")
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "object":
            return {key: self._fill(key, sub) for key, sub in schema.get("properties", {}).items()}
        if kind == "array":
            most = min(schema.get("maxItems", 4), max(3, schema.get("minItems", 3)))
            return [self._fill(name, schema.get("items", {})) for _ in range(most)]
        if kind in ("integer", "number"):
            return self._draw.randrange(2, 99_999)
        return True if kind == "boolean" else self._text(name)

    def _text(self, name: str) -> str:
        if name == "flaw":
            return ""
        if name == "question":
            blank = " _ " if re.search(r"(?<!\w)_(?!\w)", self._user) else " "
            return f"{self._phrase(9)}{blank}{self._phrase(9)}?"
        if name in _LONG:
            return self._sentences(_LONG[name])
        return self._phrase(3)

    def _phrase(self, words: int) -> str:
        return " ".join(self._draw.choices(self._words, k=words))

    def _sentences(self, words: int) -> str:
        return ". ".join(self._phrase(12) for _ in range(max(1, words // 12))) + "."


def _digest(text: str) -> int:
    return zlib.crc32(text.strip().encode())


class Connection(asyncio.Protocol):
    """One connection; requests on it come one after the other."""

    def __init__(self, wrong: float, reply_bytes: int, counts: dict[str, int]) -> None:
        self._wrong, self._reply_bytes, self._counts = wrong, reply_bytes, counts
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._buffer[:end]).lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._buffer) < end + 4 + length:
                return
            body = bytes(self._buffer[end + 4 : end + 4 + length])
            del self._buffer[: end + 4 + length]
            self._answer(self._made(head, body))

    def _made(self, head: bytes, body: bytes) -> bytes:
        if head.startswith(b"post"):
            self._counts["posts"] += 1
            self._counts["bytes"] += len(body)
            return Writer(body, wrong=self._wrong, reply_bytes=self._reply_bytes).reply()
        if head.startswith(b"get /stats"):
            return orjson.dumps(self._counts)
        model = {"id": "rehearsal", "object": "model", "max_model_len": 131_072}
        return orjson.dumps({"object": "list", "data": [model]})

    def _answer(self, body: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
                b"%d\r\n\r\n" % len(body) + body
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port_file", type=Path)
    parser.add_argument("--wrong", type=float, default=0.1)
    parser.add_argument("--reply-bytes", type=int, default=1_500)
    args = parser.parse_args()
    made = partial(Connection, args.wrong, args.reply_bytes, {"posts": 0, "bytes": 0})
    asyncio.run(serve(args.port_file, made))


if __name__ == "__main__":
    main()
