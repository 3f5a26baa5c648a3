"""Reads what a chat-completions server answers: a reply, or a failure with its class. Pure."""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from tsdg.errors import (
    ModelRequestError,
    PermanentError,
    RetryableError,
    ServerError,
    TsdgError,
    shown,
)
from tsdg.protocols import MOST_TOKENS, Choice, Reply

MAX_RETRY_AFTER_S = 600.0
TOO_LONG = "too_long"
"""Reason of a request that is longer than the server's context, by the server's word."""
_TOO_LONG = re.compile(
    (
        r"context[ _-]?(length|window)|too large: \d|longer than the max"
        r"|maximum (input|model|sequence|prompt) length"
        r"|\b(prompts?|inputs?|messages?|sequences?|texts?|tokens)\b[^.;]{0,40}\btoo (long|many)\b"
        r"|\btoo many (input )?tokens\b"
    ),
    re.IGNORECASE,
)
_TOKENS = re.compile(r"max_(completion_|new_|output_)?tokens", re.IGNORECASE)
_ADVICE = {
    "http_401": "give a key that is valid for this endpoint: server.api_key_env, api_key_file",
    "http_403": "give a key that is valid for this endpoint: server.api_key_env, api_key_file",
    "http_404": (
        "model.name must be a name that GET /v1/models lists, and server.base_urls must end with "
        "/v1"
    ),
    **dict.fromkeys(
        ("http_301", "http_302", "http_303", "http_307", "http_308"),
        "it sends requests elsewhere: give that address in server.base_urls, or the key that it "
        "asks for in server.api_key_env",
    ),
    "http_407": "the proxy of this shell's environment asks for a key; see no_proxy",
    "timeout": "see whether the server makes tokens, or raise engine.request_timeout_s",
    "http_429": "see the quota of this key, or lower engine.max_in_flight",
}
_LENGTHS = (
    "lower the max_tokens of the step's sampling, or serve a longer context and raise "
    "model.max_model_len with it"
)
_RETRIED_4XX = {408: "timeout", 409: "http_409", 425: "http_425", 429: "http_429"}


def one_line(text: str, limit: int = 300) -> str:
    """Put ``text`` on one line of at most ``limit`` characters, as a terminal may show it."""
    flat = shown(" ".join(text.split()))
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def parse_reply(body: bytes, *, choices: int) -> Reply:
    """Turn the body of a 200 answer into a reply.

    Args:
        body: JSON as it came.
        choices: how many completions were asked for.

    Returns:
        The reply, its choices in the order of their index.

    Raises:
        RetryableError: ``bad_reply``: the body is not JSON or lacks what a chat completion has.
    """
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        start = one_line(body[:80].decode("utf-8", "replace"))
        raise RetryableError("bad_reply", f"the reply is not JSON ({error}): {start!r}") from error
    if not isinstance(data, dict):
        raise _bad(f"the reply is a JSON {type(data).__name__}, not an object")
    found = data.get("choices")
    if not isinstance(found, list):
        raise _bad(f"the reply has no list of choices; the server says: {_server_message(data)}")
    if len(found) != choices:
        raise _bad(f"the reply has {len(found)} choices, {choices} were asked for")
    read = [_choice(choice) for choice in found]
    read.sort(key=lambda pair: pair[0])
    usage = data.get("usage")
    if not isinstance(usage, dict):
        raise _bad("the reply has no usage, so its tokens cannot be counted")
    written, said = _count(usage, "completion_tokens"), tuple(choice for _, choice in read)
    return Reply(
        choices=said,
        prompt_tokens=_count(usage, "prompt_tokens"),
        completion_tokens=written,
        reasoning_tokens=_thought(usage, said, written),
    )


def _thought(usage: Mapping[str, Any], said: Sequence[Choice], written: int) -> int:
    """Tokens of thinking: as the server counts them, else by their share of the characters.

    vLLM counts none where the prompt opened the thinking, as for DeepSeek-R1.
    """
    details = usage.get("completion_tokens_details")
    told = details.get("reasoning_tokens") if isinstance(details, dict) else None
    if isinstance(told, int) and told > 0:
        return min(told, written)
    thought = sum(len(choice.reasoning) for choice in said)
    whole = thought + sum(len(choice.text) for choice in said)
    return round(written * thought / whole) if whole else 0


def _read_body(body: bytes) -> tuple[Any, str]:
    """A body's JSON, None where it has none, and what the server says."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        data = None
    beginning = body[:2000].decode("utf-8", "replace")
    message = _server_message(data) if isinstance(data, dict) else one_line(beginning)
    return data, message or "(empty body)"


def advice(failure: ModelRequestError) -> str:
    """What to change where every request fails like this."""
    if failure.reason == TOO_LONG or _TOKENS.search(failure.detail):
        return _LENGTHS
    return _ADVICE.get(failure.reason, "mend the server, or the recipe that asks it")


def _no_access(url: str, status: int, key_source: str) -> str:
    what = (
        f"the key from {key_source}"
        if key_source
        else "a request without a key (see server.api_key_env)"
    )
    return f"{url} refuses {what} with status {status}"


def failure(
    *, status: int, retry_after: str, body: bytes, url: str, model: str, key_source: str
) -> TsdgError:
    """Return the failure that an answer other than 200 means.

    A :class:`ServerError` says that this endpoint will answer nobody: the quota of the key is used
    up. A :class:`PermanentError` is a refusal of this request, as far as one knows.

    Args:
        status: the HTTP status.
        retry_after: value of the Retry-After header; empty where there is none.
        body: the body as it came.
        url: where it came from, without credentials.
        model: name of the model that was asked for.
        key_source: the recipe key that the API key came from; empty where none was sent.
    """
    data, message = _read_body(body)
    refused = {
        # Without what the server says, which may repeat a part of the key.
        401: _no_access(url, status, key_source),
        403: f"{_no_access(url, status, key_source)}: {message}",
        404: f"{url} answers 404 for model {model!r}: {message}",
    }
    if status in refused:
        return PermanentError(f"http_{status}", refused[status])
    if status == 429 and "insufficient_quota" in f"{data}":
        return ServerError(f"{url} says that the quota of this key is used up: {message}")
    if status in (400, 413, 422) and (status == 413 or _TOO_LONG.search(message)):
        return PermanentError(TOO_LONG, message)
    if status in _RETRIED_4XX:
        # 429: a server that is told to go slower has not taken the request, and waiting it out
        # costs no attempt.
        return RetryableError(
            _RETRIED_4XX[status],
            message,
            retry_after=parse_retry_after(retry_after),
            counts=float(status != 429),
        )
    if status >= 500:
        return RetryableError(f"http_{status}", message, retry_after=parse_retry_after(retry_after))
    return PermanentError(f"http_{status}", message)


def parse_retry_after(value: str) -> float:
    """Read Retry-After, in seconds or as a date; 0 if it is neither, at most ten minutes."""
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except ValueError:
            return 0.0
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S) if seconds == seconds else 0.0


def _choice(choice: object) -> tuple[int, Choice]:
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise _bad("a choice of the reply has no message")
    index = choice.get("index", 0)
    if not isinstance(index, int):
        raise _bad("the index of a choice is not a whole number")
    return index, Choice(
        text=_text(message.get("content")),
        # vLLM calls it `reasoning` since 0.12, `reasoning_content` before, as others still do.
        reasoning=_text(message.get("reasoning") or message.get("reasoning_content") or None),
        finish_reason=_text(choice.get("finish_reason") or None),
    )


def _text(value: object) -> str:
    """A field of a choice; empty where the server sent null."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _bad("content, reasoning or finish_reason of a choice is not text")
    return value


def _count(usage: Mapping[str, Any], name: str) -> int:
    value = usage.get(name)
    if not isinstance(value, int) or not 0 <= value <= MOST_TOKENS:
        raise _bad(f"usage.{name} of the reply is {value!r}, not a count")
    return value


def _server_message(data: Mapping[str, Any]) -> str:
    """What an error body says: OpenAI's and vLLM's form, vLLM's older one, FastAPI's."""
    error = data.get("error", data)
    said = error.get("message", error.get("detail", error)) if isinstance(error, dict) else error
    return one_line(said if isinstance(said, str) else orjson.dumps(said).decode())


def _bad(detail: str) -> RetryableError:
    return RetryableError("bad_reply", detail)
