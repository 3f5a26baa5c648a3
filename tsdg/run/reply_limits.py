"""How long replies may take in a run, said before it starts. Pure."""

from __future__ import annotations

from tsdg.config.recipe import Recipe
from tsdg.layout import steps_of
from tsdg.run.roles import served_models
from tsdg.serving.reply_time import SLOWEST, reply_limit_s


def reply_limits(recipe: Recipe) -> list[str]:
    """One line per kind of server that the run asks."""
    steps = steps_of(recipe.phases)
    kinds = {model.server.type for phase in recipe.phases for model in served_models(recipe, phase)}
    lines = []
    if "vllm" in kinds:
        lines.append("no reply of an own server is cut: it is watched by its tokens")
    if "openai" in kinds:
        lines.append(_of_endpoints(recipe, most=_most_tokens(recipe, steps)))
    return lines


def _most_tokens(recipe: Recipe, steps: tuple[str, ...]) -> int:
    samplings = {
        "study": recipe.study.sampling,
        "questions": recipe.questions.sampling,
        "answers": recipe.answers.sampling,
    }
    return max((samplings[step].max_tokens for step in steps), default=1)


def _of_endpoints(recipe: Recipe, *, most: int) -> str:
    timeout = recipe.engine.request_timeout_s
    told = None if timeout == "auto" else timeout
    seconds = reply_limit_s(tokens=most, rate=SLOWEST, told_s=told, timeouts=0)
    again = "; a request that was cut gets twice the time"
    if told is None:
        return (
            f"a reply of an endpoint may take {seconds:,.0f} s ({most:,} tokens at {SLOWEST:g} per "
            f"second), later what the rate seen there asks for{again}"
        )
    return (
        f"a reply of an endpoint may take engine.request_timeout_s={told} s: one of {most:,} "
        f"tokens needs {most / told:,.0f} tokens per second{again}"
    )
