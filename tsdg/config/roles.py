"""Who plays a role, and how it is asked: from the recipe's ``model`` and ``roles``. Pure.

The same rules stand behind the recipes' ``${sampled:ROLE,KEY}``, which the sampling of each step
starts from. They are read there before the recipe is typed, so that ``--cfg job --resolve`` shows
the values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from tsdg.config.models import Mode, ModelConfig, RoleConfig
from tsdg.config.requests import merged

if TYPE_CHECKING:
    from tsdg.config.recipe import Recipe

Role = Literal["study", "questions", "answers", "escalate", "enrich", "judge"]
_THINK: frozenset[str] = frozenset({"answers", "escalate", "judge"})
"""Roles that think where ``auto`` leaves it to us: their results are right or wrong."""


def role_config(recipe: Recipe, role: Role) -> RoleConfig:
    """What the recipe says of a role."""
    return recipe.roles.get(role) or RoleConfig()


def owner_of(recipe: Recipe, role: Role) -> Role | None:
    """The role whose own model plays a role; None where it is the run's."""
    for name in _line_of(role):
        if role_config(recipe, name).model:
            return name
    return None


def base_model(recipe: Recipe, role: Role) -> ModelConfig:
    """The model of a role as it is served."""
    owner = owner_of(recipe, role)
    return (role_config(recipe, owner).model if owner else None) or recipe.model


def models_named(recipe: Recipe) -> tuple[ModelConfig, ...]:
    """The run's model and those of roles, whether a phase needs them or not."""
    return (recipe.model, *(own.model for own in recipe.roles.values() if own.model))


def asked_model(recipe: Recipe, role: Role) -> ModelConfig:
    """The model of a role as it is asked: its request keys are those of its mode and of the role.

    It has a reasoning parser only where it thinks in this role.
    """
    model, config = base_model(recipe, role), role_config(recipe, role)
    mode = _mode(role, config.thinking, parser=model.reasoning_parser, choice=bool(model.modes))
    of_mode = model.modes[mode].request if model.modes else {}
    return model.model_copy(
        update={
            "request": merged(model.request, of_mode, config.request),
            "reasoning_parser": model.reasoning_parser if mode == "thinking" else "",
        }
    )


def why_not(recipe: Recipe, role: Role) -> str:
    """Why a role's model cannot think, or not think, as the recipe says; empty where it can."""
    model, said = base_model(recipe, role), role_config(recipe, role).thinking
    always = bool(model.reasoning_parser)
    if said == "auto" or model.modes or (said == "on") == always:
        return ""
    return (
        f"roles.{role}.thinking={said}: {model.name} {'always' if always else 'never'} thinks; use "
        f"auto, or name another model with +model@roles.{role}.model=NAME"
    )


def _mode(role: Role, thinking: object, *, parser: str, choice: bool) -> Mode:
    """Whether a model thinks in a role; of one that has no choice, what it always does."""
    said = {"on": True, "off": False}.get(str(thinking), thinking)
    thinks = said if isinstance(said, bool) else role in _THINK
    return "thinking" if (thinks if choice else parser) else "plain"


def sampled(
    role: Role, key: str, most: int | None = None, most_thinking: int | None = None, *, root: Any
) -> Any:
    """The value that the card of who plays a role recommends: ``${sampled:ROLE,KEY}``.

    Args:
        role: the role.
        key: of the sampling.
        most: upper bound where it does not think; None for none.
        most_thinking: where it thinks.
        root: the composed configuration, not yet resolved.
    """
    roles: Mapping[str, Any] = root.get("roles") or {}
    own = next((r["model"] for r in map(roles.get, _line_of(role)) if r and r.get("model")), None)
    model: Mapping[str, Any] = own or root["model"]
    modes = model.get("modes") or {}
    said = (roles.get(role) or {}).get("thinking", "auto")
    mode = _mode(role, said, parser=model["reasoning_parser"], choice=bool(modes))
    value = (modes[mode] if modes else model)["sampling"][key]
    bound = most_thinking if mode == "thinking" else most
    return value if bound is None else min(value, bound)


def _line_of(role: Role) -> tuple[Role, ...]:
    """The roles whose own model plays a role, the nearest first."""
    return (role, "answers") if role in ("enrich", "escalate") else (role,)
