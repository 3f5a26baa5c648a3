"""What the next cheaper choice of each role would save."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tsdg.config.models import RoleConfig
from tsdg.config.recipe import Recipe, Role
from tsdg.config.roles import asked_model, base_model, role_config
from tsdg.run.estimate import PhasePlan
from tsdg.run.roles import roles_of

_EFFORTS = ("high", "medium", "low")


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """A cheaper choice."""

    change: str
    """As one would write it on the command line."""
    gpu_hours: float
    """That it would save."""


def savings(
    recipe: Recipe, phases: Sequence[PhasePlan], plan: Callable[[Recipe], Sequence[PhasePlan]]
) -> list[Saving]:
    """The next cheaper choice of each role that has one, those that save most first.

    Args:
        recipe: as it is planned.
        phases: its plan.
        plan: plans another recipe from the same seeds.
    """
    now = _hours(phases)
    if now is None:
        return []
    found = []
    for change, other in _choices(recipe):
        then = _hours(plan(other))
        if then is not None and now - then >= 0.01 * now:
            found.append(Saving(change=change, gpu_hours=round(now - then, 2)))
    return sorted(found, key=lambda saving: -saving.gpu_hours)


def _hours(phases: Sequence[PhasePlan]) -> float | None:
    hours = [phase.gpu_hours for phase in phases]
    return None if None in hours or not hours else sum(hour or 0 for hour in hours)


def _choices(recipe: Recipe) -> Iterator[tuple[str, Recipe]]:
    roles = dict.fromkeys(role for steps in recipe.phases for role in roles_of(recipe, steps))
    for role in roles:
        asked = asked_model(recipe, role)
        effort = asked.request.get("reasoning_effort")
        if base_model(recipe, role).modes and asked.reasoning_parser:
            yield f"roles.{role}.thinking=off", _with(recipe, role, thinking="off")
        elif effort in _EFFORTS[:-1]:
            lower = _EFFORTS[_EFFORTS.index(effort) + 1]
            request = {**role_config(recipe, role).request, "reasoning_effort": lower}
            change = f"+roles.{role}.request.reasoning_effort={lower}"
            yield change, _with(recipe, role, request=request)


def _with(recipe: Recipe, role: Role, **changes: Any) -> Recipe:
    own: RoleConfig = role_config(recipe, role).model_copy(update=changes)
    return recipe.model_copy(update={"roles": {**recipe.roles, role: own}})
