"""An instant endpoint that writes pseudo-words in any form, as a function of the request.

Run as ``python oracle.py PORT_FILE [DELAY_S [HOST [MANNER]]]``; it writes its port to PORT_FILE,
ends with its parent, and tells at ``/asked`` how often each request (by a hash of its body) was
sent; ``POST /delay?s=S`` changes the delay, and ``POST /refuse?share=S`` the share of requests that
get 400, always the same ones. MANNER is how it solves in free text: ``rubbish``,
``first`` (the first option, always) or ``chinese``; or ``unknowing``: every other question's
knowledge cannot be read; or ``planted``: of each domain that a prompt shows, only a planted share
of the questions is written, and all solutions agree. It stands in for a model where a test needs
thousands of replies, or the same replies twice; whether real servers behave is tested with real
ones.
"""

from __future__ import annotations

import asyncio
import collections
import hashlib
import json
import os
import random
import re
import sys
from pathlib import Path
from typing import Any

from aiohttp import web

SYLLABLES = ["ba", "ke", "lu", "mo", "ni", "pra", "sto", "tir", "vel", "zan", "quo", "fe"]
ASKED: collections.Counter[str] = collections.Counter()
DELAY = web.AppKey(
    "delay", list
)  # of one float: an application's own values are fixed once it runs
REFUSED = web.AppKey("refused", list)  # of one share
MANNER = web.AppKey("manner", str)


def word(rng: random.Random) -> str:
    return "".join(rng.choice(SYLLABLES) for _ in range(3))


def fill(schema: dict[str, Any], rng: random.Random, name: str, so_far: dict[str, Any]) -> Any:
    """Write a value of the schema: an answer is among the options, a check is an assertion."""
    if "enum" in schema:
        return rng.choice(schema["enum"])
    kind = schema.get("type")
    if kind == "object":
        out: dict[str, Any] = {}
        parts = schema.get("properties", {})
        rules = fill(parts["rules"], rng, "rules", {}) if "rules" in parts else {}
        for key, inner in parts.items():
            out[key] = rules if key == "rules" else fill(inner, rng, key, out)
        if rules:  # the task says the arguments of its instructions
            out["question"] += " " + json.dumps(rules)
        return out
    if kind == "array":
        return [fill(schema["items"], rng, name, so_far) for _ in range(schema["minItems"])]
    if kind in {"number", "integer"}:
        return rng.randrange(100)
    if name == "answer" and so_far.get("options"):
        return rng.choice(so_far["options"])
    if name in {"field", "subfield"}:  # few, so that seeds have neighbours
        return rng.choice(["optics", "botany"])
    if name == "checks":
        return f"assert solve({rng.randrange(99)}) == {rng.randrange(99)}"
    if name == "flaw":
        return ""  # else every seed would be doubtful
    if name == "question":
        return " ".join(["What", *(word(rng) for _ in range(9))]) + "?"
    text = " ".join(word(rng) for _ in range(2))
    if (
        name == "reasoning"
    ):  # of its own words, so that what else is drawn does not depend on its length
        more = random.Random(text)
        text += " " + " ".join(word(more) for _ in range(14))
    return text


def follow(rules: dict[str, dict[str, Any]], rng: random.Random) -> str:
    """Use all words that the rules of a task name, also those that it forbids, and as many words as
    it says."""
    values = [value for arguments in rules.values() for value in arguments.values()]
    words = [
        word(rng) for _ in range(max([2, *(value for value in values if isinstance(value, int))]))
    ]
    named = [
        one
        for value in values
        if not isinstance(value, int)
        for one in ([value] if isinstance(value, str) else value)
    ]
    return " ".join([*words, *named])


def solve_badly(manner: str, content: str, rng: random.Random) -> str:
    """A solution by a model that is of no use, as free text."""
    if manner == "rubbish":
        return " ".join(word(rng) for _ in range(30)) + f"\nAnswer: {word(rng)} {word(rng)}"
    if manner == "first":
        options = [line[2:] for line in content.splitlines() if line.startswith("- ")]
        return f"The first one.\n\nAnswer: {options[0] if options else 'A'}"
    return "因为所有的问题都有同一个答案。\n\nAnswer: 这是唯一正确的答案，没有别的答案。"


PLANTED = {"science": 90, "commonsense": 40, "math": 5}
"""Domain of a prompt → how many of a hundred of its questions are written."""
MET: collections.Counter[str] = collections.Counter()
"""Domain → questions asked for."""


def writing(form: dict[str, Any]) -> bool:
    """Whether a question is asked for, and no solution."""
    return "question" in form.get("schema", {}).get("properties", {})


def withheld(content: str, form: dict[str, Any]) -> bool:
    """Whether a planted yield withholds a question: as evenly as whole numbers can."""
    if not writing(form):
        return False
    domain = content.split("Domain: ", 1)[1].splitlines()[0]
    MET[domain] += 1
    return MET[domain] * PLANTED[domain] // 100 == (MET[domain] - 1) * PLANTED[domain] // 100


def reply(body: dict[str, Any], index: int, manner: str = "") -> str:
    """The content of sample ``index``.

    Four of five depend on the question alone, the others also on the request's seed.
    """
    form = body.get("response_format", {}).get("json_schema", {})
    if manner == "planted":
        if withheld(body["messages"][-1]["content"], form):
            return "I would rather not."
    elif manner == "unknowing":
        named = hashlib.sha256(body["messages"][-1]["content"].encode()).digest()[0] % 2
        if named and form.get("name", "").endswith("_knowledge"):
            return "I would rather not say."
    elif manner and not form:
        return solve_badly(
            manner, body["messages"][-1]["content"], random.Random(f"{body.get('seed')}/{index}")
        )
    asked = json.dumps(body["messages"][-1], sort_keys=True)
    noisy = manner != "planted" and random.Random(f"{body.get('seed')}/{index}").random() < 0.2
    # A question is drawn per request, a solution mostly per question, so that votes agree.
    solving = (
        "reasoning" in json.dumps(body.get("response_format", ""))
        or "structured_outputs" in body
        or (manner == "planted" and not writing(form))
        or not form
    )
    rng = random.Random(f"{asked}/{'' if solving and not noisy else body.get('seed')}")
    if "structured_outputs" in body:
        return str(rng.choice(body["structured_outputs"]["choice"]))
    if schema := form.get("schema"):
        out = fill(schema, rng, "", {})
        said = re.search(r'\{"[a-z_]+:.*\}', body["messages"][-1]["content"])
        if said and "question" not in out:
            out["answer"] = follow(json.loads(said.group()), rng)
        return json.dumps(out)
    return f"<think>{word(rng)} because {word(rng)}</think>\nAnswer: {rng.randrange(100)}"


async def completions(request: web.Request) -> web.Response:
    body = await request.json()
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    ASKED[digest] += 1
    await asyncio.sleep(request.app[DELAY][0])
    if int(digest[:6], 16) < request.app[REFUSED][0] * 16**6:
        return web.json_response({"error": {"message": "not this one"}}, status=400)
    manner = request.app[MANNER]
    choices = [
        {
            "index": i,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": reply(body, i, manner)},
        }
        for i in range(body.get("n", 1))
    ]
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 10 * len(choices),
        "total_tokens": 100 + 10 * len(choices),
    }
    return web.json_response({"choices": choices, "usage": usage})


async def asked(_: web.Request) -> web.Response:
    return web.json_response(dict(ASKED))


async def delay(request: web.Request) -> web.Response:
    request.app[DELAY][0] = float(request.query["s"])
    return web.Response()


async def refuse(request: web.Request) -> web.Response:
    request.app[REFUSED][0] = float(request.query["share"])
    return web.Response()


async def models(_: web.Request) -> web.Response:
    names = os.environ.get("ORACLE_SERVES", "").split()
    return web.json_response({"object": "list", "data": [{"id": name} for name in names]})


async def serve(port_file: str, delay_s: float, host: str, manner: str, socket: str = "") -> None:
    """Serve until the parent is gone, also on a Unix socket where one is named."""
    app = web.Application(client_max_size=1 << 26)
    app[DELAY] = [delay_s]
    app[REFUSED] = [0.0]
    app[MANNER] = manner
    app.router.add_post("/v1/chat/completions", completions)
    app.router.add_get("/asked", asked)
    app.router.add_post("/delay", delay)
    app.router.add_post("/refuse", refuse)
    app.router.add_get("/v1/models", models)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, host, 0)
    await site.start()
    if socket:
        await web.UnixSite(runner, socket).start()
    partial = Path(f"{port_file}.partial")
    partial.write_text(str(runner.addresses[0][1]))
    partial.rename(port_file)
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(0.2)


if __name__ == "__main__":
    given, defaults = sys.argv[1:], ["", "0", "127.0.0.1", ""]
    port_file, delay_s, host, manner = given + defaults[len(given) :]
    asyncio.run(serve(port_file, float(delay_s), host, manner))
