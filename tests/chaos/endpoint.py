"""The fault server with the oracle's replies, going wrong at random.

Called in a process of the zygote, or, as the serving command, a program: ``python endpoint.py serve
MODEL --port P`` with the options of :class:`Endpoint` as JSON in ``CHAOS_ENDPOINT``; then it has an
engine and a worker process, too.

Each request has a *fate*, drawn from the seed, the request and how often it came: most are
answered; a few meet what ``tests/serving/fault_server.py`` can do wrong, each request at most
``WRONGS`` times by one server. ``null`` content is drawn from the seed and the request alone, as
the row must not depend on how often it was asked for.

The ledger, one line per event, is the server's own account of what was asked of it::

    <monotonic ns> ask <who> <request> <fate>        when it came
    <monotonic ns> end <who> <request> <fate>        when a reply that counts was, or would be, sent

``who`` is the bearer token (each worker has its own) or, with own servers, whose server it is;
``probe`` where no record is asked for. ``request`` is a hash of the body.
"""

from __future__ import annotations

import asyncio
import collections
import hashlib
import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

from aiohttp import web

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.e2e import oracle
from tests.serving import fault_server

GOOD = ("ok", "null", "slow")
"""Fates after which the client has a reply that counts."""
FATES = (
    "429:0",
    "500",
    "502",
    "503",
    "drop",
    "cut",
    "html",
    "truncated",
    "schema",
    "fewer",
    "slow:0.3",
)
WRONGS = 2
NULLS = 0.02


def digest_of(body: dict[str, Any]) -> str:
    """The name of a request in the ledger."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:20]


def is_null(seed: str, digest: str) -> bool:
    """Whether a request's reply has no content, whenever it is asked for."""
    return random.Random(f"{seed}/{digest}").random() < NULLS


class Endpoint(fault_server.Server):
    """The options of one server.

    ``wrong`` is the share of requests that go wrong, ``delay`` the seconds a reply takes.
    """

    def __init__(
        self,
        start: str = "ok",
        *,
        model: str,
        seed: str,
        wrong: float,
        hangs: float,
        crashes: float,
        delay: float,
        ledger: str,
        who: str,
    ) -> None:
        super().__init__(model, start)
        self._seed = seed
        self._shares = (("hang", hangs), ("crash", crashes), ("", wrong))
        self._delay = delay
        self._who = who
        self._ledger = os.open(ledger, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o644)
        self._wrongs: collections.Counter[str] = collections.Counter()
        self._asked: collections.Counter[str] = collections.Counter()

    def note(self, event: str, who: str, digest: str, fate: str) -> None:
        os.write(self._ledger, f"{time.monotonic_ns()} {event} {who} {digest} {fate}\n".encode())

    def fate(self, digest: str) -> str:
        if is_null(self._seed, digest):
            return "null"
        self._asked[digest] += 1
        dice = random.Random(f"{self._seed}/{digest}/{self._asked[digest]}/{os.getpid()}")
        for name, share in self._shares:
            if dice.random() < share and self._wrongs[digest] < WRONGS:
                self._wrongs[digest] += 1
                return name or dice.choice(FATES)
        return "ok"

    async def chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        digest = digest_of(body)
        # What has no seed comes from no record: the server is being tried.
        key = request.headers.get("Authorization", f"Bearer {self._who}")
        who = key.removeprefix("Bearer ") if "seed" in body else "probe"
        name, _, argument = self.fate(digest).partition(":")
        self.note("ask", who, digest, name)
        if name == "slow":
            await asyncio.sleep(float(argument))
        elif name == "hang":
            await asyncio.sleep(3600)
        elif name == "crash":
            os._exit(1)
        await asyncio.sleep(self._delay)
        if name not in GOOD or not await self.token():
            return await self.answer(request, body, name, argument)
        response = self.reply(body, name)
        try:
            await response.prepare(request)
            await response.write_eof()
        finally:  # whether anybody was left to take it, or not
            self.note("end", who, digest, name)
        return response

    def reply(self, body: dict[str, Any], name: str) -> web.Response:
        contents = [
            None if name == "null" else oracle.reply(body, index)
            for index in range(body.get("n", 1))
        ]
        choices = [
            {
                "index": index,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": content},
            }
            for index, content in enumerate(contents)
        ]
        usage = {"prompt_tokens": 100, "completion_tokens": 10 * len(choices)}
        return web.json_response({"choices": choices, "usage": usage})


async def serve(port: int, port_file: str, options: dict[str, Any]) -> int:
    """Serve until killed; ``options`` are those of :class:`Endpoint`."""
    await Endpoint(**options).serve("127.0.0.1", port, port_file, with_engine=False)
    return 0


if __name__ == "__main__":
    options = json.loads(os.environ["CHAOS_ENDPOINT"])
    fault_server.Server = lambda model, start: Endpoint(start, **options)  # type: ignore[assignment,misc]
    fault_server.serve()
