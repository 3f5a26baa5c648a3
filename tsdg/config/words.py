"""Configuration of the commands that are no Hydra applications: ``KEY=VALUE`` words over a file of defaults."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from tsdg.config.base import Config
from tsdg.config.mistakes import explain
from tsdg.errors import RecipeError

M = TypeVar("M", bound=Config)


def read_words(model: type[M], overrides: Sequence[str], *, defaults: Path, command: str) -> M:
    """Read the configuration of a command.

    Args:
        model: what to validate it as.
        overrides: ``KEY=VALUE`` words; ``config=FILE`` names a YAML file of further values.
        defaults: YAML file with a value for every key that has a default.
        command: what the user typed, for messages.

    Raises:
        RecipeError: a file cannot be read, or a value is missing, unknown or wrong.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    files = [word.partition("=")[2] for word in overrides if word.startswith("config=")]
    words = [word for word in overrides if not word.startswith("config=")]
    try:
        layers = [OmegaConf.create(_mapping(file, command)) for file in (defaults, *map(Path, files))]
        merged: Any = OmegaConf.to_container(
            OmegaConf.merge(*layers, OmegaConf.from_dotlist(words)), resolve=True, throw_on_missing=True
        )
        return model.model_validate(merged)
    except ValidationError as error:
        raise RecipeError(f"{command}: {explain(error, model, noun='')}") from error
    except (OmegaConfBaseException, yaml.YAMLError, ValueError) as error:
        raise RecipeError(f"{command}: {' '.join(str(error).split())[:200]}") from error


def _mapping(path: Path, command: str) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text())
    except OSError as error:
        raise RecipeError(f"{command}: {path} cannot be read: {error.strerror}") from error
    if not isinstance(values, dict):
        raise RecipeError(f"{command}: {path} holds no mapping of keys to values")
    return values
