from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from generate.rows import SAMPLING, model, reply
from tsdg.errors import PermanentError, RetryableError
from tsdg.generate.requests import canonical, chat_request, together, try_ask, usage_of
from tsdg.protocols import Reply, Request


def make(**over: Any) -> Request:
    values: dict[str, Any] = {
        "model": model(),
        "turns": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
        "sampling": SAMPLING,
        "seed": 1,
        "samples": 1,
        "form": {},
    }
    return chat_request(**{**values, **over})


def test_everything_that_decides_the_reply_is_in_the_id() -> None:
    turns = [{"role": "user", "content": "a"}, {"role": "user", "content": "c"}]
    sampling = SAMPLING.model_copy(update={"temperature": 0.1})
    form = {"structured_outputs": {"choice": ["a"]}}
    changes: list[dict[str, Any]] = [
        {},
        {"turns": turns},
        {"seed": 2},
        {"samples": 2},
        {"form": form},
        {"sampling": sampling},
        {"model": model(name="other")},
        {"model": model(revision="2")},
        {"model": model(request={"top_k": 20})},
    ]
    assert len({make(**change).request_id for change in changes}) == len(changes)
    assert make() == make()
    assert make().prefix == make(turns=turns).prefix != make(turns=turns[1:]).prefix


def test_the_body_is_what_a_server_takes() -> None:
    body = make(samples=3, form={"response_format": {"type": "json_object"}}).body
    assert json.loads(json.dumps(body)) == {
        "messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
        "temperature": 0.7,
        "top_p": 0.95,
        "max_tokens": 100,
        "seed": 1,
        "n": 3,
        "response_format": {"type": "json_object"},
    }
    assert "n" not in make().body
    assert make(samples=3).expected_tokens == 300


def test_sampling_is_canonical() -> None:
    assert canonical(model(), SAMPLING, topic="é", draw=0) == (
        '{"draw":0,"max_tokens":100,"temperature":0.7,"top_p":0.95,"topic":"é"}'
    )
    asked = canonical(model(request={"top_k": 20, "a": {"z": 1, "b": 2}}), SAMPLING)
    assert '"request":{"a":{"b":2,"z":1},"top_k":20}' in asked


def test_only_a_final_failure_becomes_a_value() -> None:
    failure = PermanentError("too_long", "x")

    def raising(error: Exception) -> Any:
        async def ask(request: Request) -> Reply:
            raise error

        return ask

    assert asyncio.run(try_ask(raising(failure), make())) is failure
    with pytest.raises(RetryableError):
        asyncio.run(try_ask(raising(RetryableError("timeout", "x")), make()))


def test_usage_counts_failed_requests_without_tokens() -> None:
    usage = usage_of("answers", [reply("a"), PermanentError("too_long", "x")])
    assert (usage.stage, usage.requests, usage.prompt_tokens, usage.completion_tokens) == (
        "answers",
        2,
        10,
        7,
    )


def test_results_come_in_order() -> None:
    async def late(value: int) -> int:
        await asyncio.sleep((3 - value) / 1000)
        return value

    async def run() -> list[int]:
        return await together([late(value) for value in range(3)])

    assert asyncio.run(run()) == [0, 1, 2]
