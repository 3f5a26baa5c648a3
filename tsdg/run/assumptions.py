"""What the figures of a plan rest on, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from tsdg.config.models import ModelConfig
from tsdg.config.recipe import Recipe, Role
from tsdg.config.roles import asked_model
from tsdg.generate.voteplan import SOLVER
from tsdg.run.estimate import ORDERS, assumed, reply_tokens, samples_of, thinking_tokens
from tsdg.run.measured import Measured
from tsdg.run.roles import roles_of


def assumptions(recipe: Recipe, measured: Mapping[Role, Measured] | None = None) -> list[str]:
    """What the figures rest on, one line each; see :func:`plan_phases`."""
    figures, known = assumed(), measured or {}
    roles = list(dict.fromkeys(role for steps in recipe.phases for role in roles_of(recipe, steps)))
    reply = ", ".join(
        f"{role} {reply_tokens(role, recipe):,.0f}"
        + (f" with {thought:,} of thinking" if (thought := thinking_tokens(role, recipe)) else "")
        for role in roles
        if role not in known
    )
    return [
        "every row of the splits is good, and no question is rejected",
        *(
            ["votes end half-way between the votes that win and all of them"]
            if "answers" in roles
            else []
        ),
        *(
            [f"a quick solver is right in {SOLVER:.0%}: what its vote leaves goes to the stronger"]
            if "escalate" in roles
            else []
        ),
        *(_judges(recipe) if "judge" in roles else ()),
        *(_told(role, found) for role, found in known.items() if role in roles),
        *(
            [
                f"mean tokens of a reply, at most max_tokens: {reply} (tsdg/run/data/plan.yaml; "
                "from=RUN takes those of a run, such as a canary, in their place)",
                f"prompts: their text, examples and the mean row, {figures['chars_per_token']:g} "
                "characters a token; none is taken from a server's cache",
            ]
            if reply
            else []
        ),
        *dict.fromkeys(_rate(asked_model(recipe, role), recipe.hardware) for role in roles),
    ]


def _told(role: Role, found: Measured) -> str:
    thought = f" ({found.reasoning:,.0f} of thinking)" if found.reasoning else ""
    return (
        f"{role}: {found.prompt:,.0f} tokens of prompt and {found.completion:,.0f} of reply"
        f"{thought}, the mean of {found.requests:,} requests of that run"
    )


def _judges(recipe: Recipe) -> list[str]:
    """How many requests a judge is assumed to get for one row."""
    judge, per = recipe.judge, []
    if judge.question_min_score:
        per.append(f"{ORDERS} a question")
    texts = samples_of(recipe, "text")[0]
    if judge.best_of and texts > 1:
        per.append(f"{ORDERS * (texts - 1)} to choose among {texts} free texts")
    if judge.min_score:
        per.append(f"{ORDERS} an answer")
    return [f"the judge compares in both orders: requests {', '.join(per)}"]


def _rate(model: ModelConfig, hardware: str) -> str:
    rate = model.throughput.get(hardware)
    if not rate:
        return f"no GPU-hours: model.throughput of {model.name} has no {hardware}"
    return (
        f"one {hardware} GPU of {model.name} reads {rate.prompt:,.0f} or writes "
        f"{rate.completion:,.0f} tokens a second: {rate.source}"
    )
