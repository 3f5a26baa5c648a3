"""Replies and failures as they are read from a server's answer."""

import email.utils
import re
import time
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsdg.errors import PermanentError, RetryableError, ServerError, TsdgError
from tsdg.protocols import Choice, Reply
from tsdg.serving.reply import failure, one_line, parse_reply, parse_retry_after

USAGE = {"prompt_tokens": 5, "completion_tokens": 9}


def chat(*messages: dict[str, Any], usage: Any = USAGE) -> bytes:
    choices = [
        {"index": n, "message": message, "finish_reason": "stop"}
        for n, message in enumerate(messages)
    ]
    return orjson.dumps({"choices": choices, "usage": usage})


def fail(
    status: int, body: bytes = b"{}", retry_after: str = "", key_source: str = ""
) -> TsdgError:
    return failure(
        status=status,
        retry_after=retry_after,
        body=body,
        url="http://h/v1",
        model="m",
        key_source=key_source,
    )


def said(message: str) -> bytes:
    return orjson.dumps({"error": {"message": message}})


def test_a_reply_keeps_text_reasoning_and_tokens_in_the_order_of_the_index() -> None:
    body = orjson.loads(
        chat({"content": "a", "reasoning": "why"}, {"content": "b", "reasoning_content": "as"})
    )
    body["choices"].reverse()
    assert parse_reply(orjson.dumps(body), choices=2) == Reply(
        choices=(
            Choice(text="a", reasoning="why", finish_reason="stop"),
            Choice(text="b", reasoning="as", finish_reason="stop"),
        ),
        prompt_tokens=5,
        completion_tokens=9,
        reasoning_tokens=6,
    )


@pytest.mark.parametrize(
    ("details", "thought"),
    [
        ({"reasoning_tokens": 4}, 4),
        ({"reasoning_tokens": 99}, 9),
        ({"reasoning_tokens": 0}, 6),
        ({"reasoning_tokens": None}, 6),
        (None, 6),
        ("none", 6),
    ],
)
def test_tokens_of_thinking_are_the_servers_or_their_share_of_the_text(
    details: Any, thought: int
) -> None:
    usage = {**USAGE, "completion_tokens_details": details}
    body = chat(
        {"content": "abc", "reasoning": "abcd"}, {"content": "", "reasoning": "ab"}, usage=usage
    )
    assert parse_reply(body, choices=2).reasoning_tokens == thought


def test_null_content_is_empty_text_and_not_a_failure() -> None:
    reply = parse_reply(
        chat({"content": None, "reasoning": "long thought", "reasoning_content": None}), choices=1
    )
    assert reply.choices == (Choice(text="", reasoning="long thought", finish_reason="stop"),)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "not JSON"),
        (b'{"choices": [{"mess', "not JSON"),
        (b"<html>busy</html>", "<html>busy</html>"),
        (b"[]", "JSON list"),
        (b'{"object": "error", "message": "sorry"}', "the server says: sorry"),
        (b'{"choices": []}', "0 choices, 1 were asked for"),
        (b'{"choices": [{"index": 0}]}', "no message"),
        (b'{"choices": ["text"]}', "no message"),
        (chat({"content": ["parts"]}), "not text"),
        (chat({"content": "a"}, usage=None), "no usage"),
        (
            chat({"content": "a"}, usage={"prompt_tokens": 5}),
            "usage.completion_tokens of the reply is None",
        ),
        (
            chat({"content": "a"}, usage={"prompt_tokens": -5, "completion_tokens": 1}),
            "usage.prompt_tokens",
        ),
        (
            chat({"content": "a"}, usage={"prompt_tokens": 5, "completion_tokens": 2**64 - 1}),
            "usage.completion_tokens",
        ),
    ],
)
def test_a_body_that_is_no_reply_is_worth_another_try_and_says_what_is_wrong(
    body: bytes, detail: str
) -> None:
    with pytest.raises(RetryableError) as caught:
        parse_reply(body, choices=1)
    assert caught.value.reason == "bad_reply"
    assert caught.value.counts
    assert detail in caught.value.detail
    assert "\n" not in caught.value.detail


@given(
    st.binary()
    | st.recursive(
        st.none() | st.booleans() | st.integers(0, 9) | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["choices", "message", "content", "usage", "index", "error"]), inner
            )
        ),
    ).map(orjson.dumps)
)
def test_no_body_whatever_raises_anything_else(body: bytes) -> None:
    with pytest.raises(RetryableError):
        parse_reply(body, choices=1)
    for status in (400, 404, 429, 500):
        assert "\n" not in str(fail(status, body))


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 1024 tokens. However, you requested 2000 tokens.",
        "The decoder prompt (length 5000) is longer than the maximum model length of 1024.",
        (
            "'max_tokens' or 'max_completion_tokens' is too large: 5000. This model's maximum "
            "context "
            "length is 1024."
        ),
        "prompt is too long: 9 tokens > 8 maximum",
    ],
)
def test_what_is_too_long_is_permanent_under_that_name(message: str) -> None:
    error = fail(400, said(message))
    assert isinstance(error, PermanentError)
    assert error.reason == "too_long"
    assert error.detail == message


def test_a_body_that_is_too_large_is_too_long() -> None:
    assert getattr(fail(413, b""), "reason", "") == "too_long"


@pytest.mark.parametrize("status", [400, 405, 418, 422])
def test_other_refusals_are_permanent(status: int) -> None:
    error = fail(status, said("no"))
    assert isinstance(error, PermanentError)
    assert (error.reason, error.detail) == (f"http_{status}", "no")


@pytest.mark.parametrize("status", [500, 502, 503, 504, 529])
def test_server_errors_are_tried_again_and_count(status: int) -> None:
    error = fail(status, said("broken"), retry_after="3")
    assert isinstance(error, RetryableError)
    assert (error.reason, error.retry_after, error.counts) == (f"http_{status}", 3.0, True)


def test_being_told_to_go_slower_costs_no_attempt() -> None:
    error = fail(429, said("slower"), retry_after="2.5")
    assert isinstance(error, RetryableError)
    assert (error.reason, error.retry_after, error.counts) == ("http_429", 2.5, False)


@pytest.mark.parametrize(
    ("status", "body", "match"),
    [
        (
            429,
            orjson.dumps({"error": {"message": "pay", "code": "insufficient_quota"}}),
            "quota .* used up: pay",
        ),
    ],
)
def test_what_no_request_can_change_is_the_servers_unfitness(
    status: int, body: bytes, match: str
) -> None:
    error = fail(status, body, key_source="server.api_key_env=KEY")
    assert isinstance(error, ServerError)
    with pytest.raises(ServerError, match=match):
        raise error
    assert "sk-1" not in str(error)


@pytest.mark.parametrize(
    ("status", "match"),
    [
        (403, r"refuses the key from server\.api_key_env=KEY with status 403: not this prompt"),
        (404, "404 for model 'm': not this prompt"),
    ],
)
def test_what_may_be_said_of_one_prompt_is_a_refusal_of_it(status: int, match: str) -> None:
    error = fail(status, said("not this prompt"), key_source="server.api_key_env=KEY")
    assert isinstance(error, PermanentError)
    assert re.search(match, error.detail)


@pytest.mark.parametrize(
    "message", ["the request queue is too long", "the wait is too long", "name too long"]
)
def test_a_long_queue_is_no_long_prompt(message: str) -> None:
    assert getattr(fail(400, said(message)), "reason", "") == "http_400"


def test_a_key_is_not_repeated() -> None:
    error = fail(401, said("bad key sk-1"), key_source="server.api_key_env=KEY")
    assert isinstance(error, PermanentError)
    assert error.detail.endswith("refuses the key from server.api_key_env=KEY with status 401")


def test_a_refusal_without_a_key_says_how_to_give_one() -> None:
    assert "without a key (see server.api_key_env)" in str(fail(401))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("3", 3.0), ("0.5", 0.5), ("-1", 0.0), ("1e9", 600.0), ("", 0.0), ("soon", 0.0), ("nan", 0.0)],
)
def test_retry_after_in_seconds(value: str, seconds: float) -> None:
    assert parse_retry_after(value) == seconds


def test_retry_after_as_a_date() -> None:
    later = email.utils.formatdate(time.time() + 60, usegmt=True)
    assert 50 < parse_retry_after(later) <= 60
    assert parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0


@given(st.text())
def test_one_line_is_one_short_line(text: str) -> None:
    line = one_line(text, 20)
    assert len(line) <= 20
    assert len(line.splitlines()) <= 1
