"""The typed configuration of ``tsdg mix``: what a training mixture must hold to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from tsdg.config.recipe import Config, PositiveInt, Share
from tsdg.errors import RecipeError

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]


class CorpusConfig(Config):
    """A corpus of the user's own, beside the runs."""

    name: str
    path: str
    """Where its text lies; copied into the blends."""
    tokens: PositiveInt
    group: str
    """For ``group_shares``: ``knowledge``, ``reasoning`` or a name of the user's own."""
    text_field: str = "text"
    """Column of the text."""


class MixConfig(Config):
    """A mixture: a budget of tokens, a policy, and what it must hold to.

    Parts are the tasks of the runs, named by task (``run/task`` where two runs have the task), and the corpora.
    """

    budget: PositiveInt
    """Tokens to train on."""
    policy: Literal["proportional", "uniform", "temperature", "explicit"]
    """``proportional`` to a part's tokens, the same for each (``uniform``), tokens to the power 1/temperature, or by
    ``weights``."""
    temperature: Positive
    """Above 1 flattens natural shares, below 1 sharpens them."""
    weights: dict[str, Positive]
    """For ``explicit``: part → relative weight; every part needs one."""
    group_shares: dict[str, Share]
    """Group → its share of the budget; groups that are not named share what is left."""
    floors: dict[str, Share]
    """Part → the least share of the budget."""
    caps: dict[str, Share]
    """Part → the largest share of the budget."""
    max_epochs: Positive
    """How often a part may be repeated at most."""
    corpora: tuple[CorpusConfig, ...]
    valid: tuple[str, ...]
    """Parts held for validation, out of the training mixture; each with its natural weight."""
    test: tuple[str, ...]
    prefix: str
    """Megatron's path of a part after tokenisation; ``{name}`` stands for the part."""
    out: str
    """Folder for the blends."""

    @model_validator(mode="after")
    def _possible(self) -> MixConfig:
        if sum(self.group_shares.values()) > 1 + 1e-9:
            total = sum(self.group_shares.values())
            raise ValueError(f"group_shares add up to {total:g}; allowed: at most 1")
        if "{name}" not in self.prefix:
            raise ValueError(f"prefix is {self.prefix!r}; it needs {{name}}, or all parts would have one path")
        if both := set(self.valid) & set(self.test):
            raise ValueError(f"{sorted(both)[0]} stands in valid and in test; a part has one split")
        return self


def read_mix(overrides: Sequence[str], defaults: Path) -> MixConfig:
    """Read a mixture's configuration.

    Args:
        overrides: ``KEY=VALUE`` words; ``config=FILE`` names a YAML file of further values.
        defaults: YAML file with a value for every key that has a default.

    Raises:
        RecipeError: a file cannot be read, or a value is missing, unknown or wrong.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    files = [word.partition("=")[2] for word in overrides if word.startswith("config=")]
    words = [word for word in overrides if not word.startswith("config=")]
    try:
        layers = [OmegaConf.create(_mapping(Path(name))) for name in (defaults, *files)]
        merged: Any = OmegaConf.to_container(
            OmegaConf.merge(*layers, OmegaConf.from_dotlist(words)), resolve=True, throw_on_missing=True
        )
        return MixConfig.model_validate(merged)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "missing":
            line = f"{key} has no value; give it one with {key}=VALUE"
        elif first["type"] == "extra_forbidden":
            line = f"{key} is unknown; allowed: {', '.join(sorted(MixConfig.model_fields))}"
        elif first["type"] == "value_error":
            line = f"{key}{': ' if key else ''}{first['ctx']['error']}"
        else:
            line = f"{key}: found {first.get('input')!r}; allowed: {first['msg'].removeprefix('Input should be ')}"
        raise RecipeError(f"tsdg mix: {line}") from error
    except (OmegaConfBaseException, yaml.YAMLError, ValueError) as error:
        raise RecipeError(f"tsdg mix: {' '.join(str(error).split())[:200]}") from error


def _mapping(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text())
    except OSError as error:
        raise RecipeError(f"tsdg mix: {path} cannot be read: {error.strerror}") from error
    if not isinstance(values, dict):
        raise RecipeError(f"tsdg mix: {path} holds no mapping of keys to values")
    return values
