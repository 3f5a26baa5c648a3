"""Configuration of commands that are not Hydra applications: ``KEY=VALUE`` over defaults."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from tsdg.config.base import Config
from tsdg.config.mistakes import explain, wrong_value
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
        layers = [
            OmegaConf.create(_mapping(file, command)) for file in (defaults, *map(Path, files))
        ]
        merged = merge_words(OmegaConf.merge(*layers), words, model, noun=f"{command}:")
        return model.model_validate(
            OmegaConf.to_container(merged, resolve=True, throw_on_missing=True)
        )
    except ValidationError as error:
        raise RecipeError(f"{command}: {explain(error, model, noun='')}") from error
    except OmegaConfBaseException as error:
        key = f"{error.full_key}: " if error.full_key else ""
        raise RecipeError(f"{command}: {key}{str(error).splitlines()[0]}") from error


def merge_words(values: Any, words: Sequence[str], model: type[Config], *, noun: str) -> Any:
    """Merge ``KEY=VALUE`` words into an OmegaConf configuration of a model.

    Args:
        values: the configuration.
        words: of the command line.
        model: what it will be validated as, for messages.
        noun: what goes before a key in messages.

    Raises:
        RecipeError: a word is none, or a mapping stands where a list is needed, or the other way
            round.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not all(part.strip() for part in key.split(".")):
            raise RecipeError(f"command line: found {word!r}; allowed: KEY=VALUE")
        try:
            one = OmegaConf.from_dotlist([word])
        except (OmegaConfBaseException, yaml.YAMLError, ValueError) as error:
            raise RecipeError(
                f"command line: {word!r} is not understood; allowed: KEY=VALUE, as YAML has it"
            ) from error
        try:
            values = OmegaConf.merge(values, one)
        except (OmegaConfBaseException, ValueError) as error:
            raise RecipeError(wrong_value(key, yaml.safe_load(value), model, noun=noun)) from error
    return values


def _mapping(path: Path, command: str) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text())
    except OSError as error:
        raise RecipeError(f"{command}: {path} cannot be read: {error.strerror}") from error
    except (ValueError, yaml.YAMLError) as error:
        raise RecipeError(
            f"{command}: {path} is not valid YAML "
            f"({' '.join(str(error).split())[:200]}); correct it"
        ) from error
    if not isinstance(values, dict):
        raise RecipeError(f"{command}: {path} holds no mapping of keys to values")
    return values
