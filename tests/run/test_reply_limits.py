"""What a plan says of the time that replies may take."""

from __future__ import annotations

from tsdg.config.compose import compose_recipe
from tsdg.run.reply_limits import reply_limits

ENDPOINT = ("recipe=demo", "server=openai", "server.base_urls=[http://127.0.0.1:1/v1]")


def test_own_servers_are_watched_and_not_cut() -> None:
    (line,) = reply_limits(compose_recipe(["recipe=demo"]))
    assert line.startswith("no reply of an own server is cut")


def test_an_endpoint_has_the_time_that_the_longest_reply_takes() -> None:
    recipe = compose_recipe(
        [*ENDPOINT, "model.max_model_len=40000", "answers.sampling.max_tokens=32768"]
    )
    (line,) = reply_limits(recipe)
    assert line.startswith(
        "a reply of an endpoint may take 8,192 s (32,768 tokens at 4 per second)"
    )


def test_a_limit_of_the_recipe_is_shown_with_the_rate_that_it_asks_for() -> None:
    words = ["engine.request_timeout_s=64", "questions.sampling.max_tokens=640"]
    (line,) = reply_limits(compose_recipe([*ENDPOINT, *words, "answers.sampling.max_tokens=64"]))
    assert "one of 640 tokens needs 10 tokens per second" in line
