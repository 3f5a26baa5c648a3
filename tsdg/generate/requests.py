"""Turns chat turns into requests, and sends several at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from tsdg.config.models import ModelConfig
from tsdg.config.sampling import SamplingConfig
from tsdg.errors import PermanentError
from tsdg.generate.prompts import Prompt
from tsdg.protocols import Ask, Reply, Request
from tsdg.records import Provenance, Stage, Usage
from tsdg.rowform import canonical_json, stable_id

Result = TypeVar("Result")


def chat_request(
    *,
    model: ModelConfig,
    turns: Sequence[Mapping[str, str]],
    sampling: SamplingConfig,
    seed: int,
    samples: int,
    form: Mapping[str, Any],
    start: str = "",
) -> Request:
    """Build the request for ``samples`` completions of one chat.

    Args:
        model: whose reply it is: another model under the same name but with another revision
            replies otherwise. Its request keys go into the body.
        turns: role and content of each turn.
        sampling: temperature, top_p and max_tokens.
        seed: of this request alone; the server derives the seeds of its samples from it.
        samples: completions, ``n``.
        form: what constrains the reply (``response_format`` or ``structured_outputs``); empty for a
            free one.
        start: what of the last turn many requests have in common.
    """
    body: dict[str, Any] = {
        "messages": [dict(turn) for turn in turns],
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "seed": seed,
        **form,
        **model.request,
    }
    if samples > 1:
        body["n"] = samples
    return Request(
        request_id=stable_id("request", model.name, model.revision, body),
        body=body,
        model=model.name,
        prefix=stable_id("prefix", body["messages"][:-1], start),
        expected_tokens=sampling.max_tokens * samples,
    )


def canonical(model: ModelConfig, sampling: SamplingConfig, **more: Any) -> str:
    """Return the canonical JSON of how something was drawn, for its provenance."""
    asked = {"request": model.request} if model.request else {}
    drawn = {**sampling.model_dump(), **asked, **more}
    return canonical_json(drawn)


def provenance(model: ModelConfig, prompt: Prompt, sampling: str, request: Request) -> Provenance:
    """Return which request made a row."""
    return Provenance(
        model=model.name,
        prompt=prompt.name,
        prompt_hash=prompt.hash,
        sampling=sampling,
        request_id=request.request_id,
    )


def usage_of(stage: Stage, replies: Sequence[Reply | PermanentError]) -> Usage:
    """Return what a step spent: every request that it asked for counts, also one that failed."""
    answered = [reply for reply in replies if isinstance(reply, Reply)]
    return Usage(
        stage=stage,
        requests=len(replies),
        prompt_tokens=sum(reply.prompt_tokens for reply in answered),
        completion_tokens=sum(reply.completion_tokens for reply in answered),
        reasoning_tokens=sum(reply.reasoning_tokens for reply in answered),
    )


def length(replies: Iterable[Reply | PermanentError]) -> int:
    """Characters of all completions."""
    answered = (reply for reply in replies if isinstance(reply, Reply))
    return sum(len(one.text) + len(one.reasoning) for each in answered for one in each.choices)


async def try_ask(ask: Ask, request: Request) -> Reply | PermanentError:
    """Return the reply, or the failure that is final."""
    try:
        return await ask(request)
    except PermanentError as failure:
        return failure


async def together(work: Sequence[Awaitable[Result]]) -> list[Result]:
    """Await all at once and return the results in order; if one raises, cancel the others."""
    if len(work) == 1:
        return [await work[0]]
    tasks = [asyncio.ensure_future(item) for item in work]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
