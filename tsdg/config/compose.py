"""From the command line to a typed recipe, through Hydra: every mistake becomes one line.

Hydra composes (``recipe=``, group overrides, ``key=value``, ``--multirun``, ``--cfg job``, ``--help`` are all its own);
pydantic then validates. Nothing is started, read or written before both have passed.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from tsdg.config.recipe import Recipe
from tsdg.errors import RecipeError, RequestWrong, WorkShort

if TYPE_CHECKING:
    from omegaconf import DictConfig

PRIMARY = "config"
_FLAGS = frozenset(("-m", "--multirun", "--resolve"))
_LISTS = {"tuple_type": "a list, e.g. [a,b]", "too_short": "a list that is not empty, e.g. [a,b]"}
"""What pydantic says of a list, in the words of a command line."""


def recipes_dir() -> Path:
    """The folder of recipes: beside the package in a checkout, inside it in an installed wheel."""
    package = Path(__file__).resolve().parents[1]
    checkout = package.parent / "recipes"
    return checkout if (checkout / f"{PRIMARY}.yaml").is_file() else package / "_recipes"


def compose_recipe(overrides: Sequence[str]) -> Recipe:
    """Compose and validate a recipe in this process, as ``tsdg run`` does.

    Raises:
        RecipeError: an override or a value is wrong.
    """
    from hydra import compose, initialize_config_dir

    def composed() -> Recipe:
        with initialize_config_dir(version_base="1.3", config_dir=str(recipes_dir())):
            return validate(compose(PRIMARY, list(overrides)))

    recipe: Recipe = _one_line(composed)
    return recipe


def hydra_app(task: Callable[[Recipe, list[str]], int], *, command: str, arguments: Sequence[str]) -> int:
    """Run ``task`` as a Hydra application and return its exit code (the last one of a multirun that is not 0).

    A point of a sweep that is wrong or falls short is named, and the others are done all the same.

    Args:
        task: called with each composed recipe and the overrides that made it.
        command: what the user typed before the arguments, e.g. ``tsdg run``; Hydra shows it in its help.
        arguments: the command line after it.

    Raises:
        RecipeError: an override or a value is wrong.
    """
    import hydra

    # Hydra's parser takes overrides in one piece only, and few users know: what takes no value goes before them.
    flags = [word for word in arguments if word in _FLAGS]
    words = [*flags, *(word for word in arguments if word not in _FLAGS)]
    if {"-h", "--help"} & set(words) and not any(word.startswith("recipe=") for word in words):
        words.append("recipe=demo")  # Hydra composes before it helps: show the groups with some recipe
    codes = [0]
    failures: list[BaseException] = []
    sweep = bool({"--multirun", "-m"} & set(flags))
    ended = False

    def job(config: DictConfig) -> None:
        from hydra.core.hydra_config import HydraConfig

        nonlocal ended
        if ended:
            return
        overrides = list(HydraConfig.get().overrides.task)
        try:
            codes.append(task(validate(config), overrides))
        # Hydra would print lines of its own about an exception: it gets none.
        except BaseException as error:
            failures.append(error)
            codes.append(1)
            # A point that is wrong or fell short says nothing of the next one; all else ends the sweep.
            ended = not sweep or not isinstance(error, RequestWrong | WorkShort)
            if not ended:
                print(f"tsdg: {' '.join(overrides)}: {' '.join(str(error).split())}", file=sys.stderr)

    # With this variable Hydra raises what went wrong, instead of printing several lines and exiting with 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    argv = sys.argv
    # A sweep leaves a file with all its overrides in the sweep's folder: not beside the user's files, and not for long.
    with tempfile.TemporaryDirectory(prefix="tsdg-sweep-") as scratch:
        # Among the other overrides, as Hydra's parser takes them in one piece only.
        first = next((i for i, word in enumerate(words) if "=" in word and not word.startswith("-")), len(words))
        sys.argv = [command, *words[:first], f"hydra.sweep.dir={scratch}", *words[first:]]
        try:
            _one_line(hydra.main(version_base="1.3", config_path=str(recipes_dir()), config_name=PRIMARY)(job))
        finally:
            sys.argv = argv
    if failures and ended:
        raise failures[-1]
    if failures:
        points = len(codes) - 1
        raise type(failures[0])(f"{len(failures)} of {points} points of the sweep failed; the lines above say why")
    return next((code for code in reversed(codes) if code), 0)


def validate(config: DictConfig) -> Recipe:
    """Turn a composed configuration into a typed recipe.

    Raises:
        RecipeError: a key is missing or unknown, or a value is of the wrong type or range.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        values = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        key = error.full_key or "?"
        if "Missing mandatory value" in str(error):
            raise RecipeError(f"recipe key {key}: has no value; give it one with {key}=VALUE") from error
        raise RecipeError(f"recipe key {key}: {_first_line(error)}") from error
    assert isinstance(values, dict)
    values.pop("hydra", None)
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise RecipeError(_explain(error)) from error


def _explain(error: ValidationError) -> str:
    """One line for the first of pydantic's errors, and how many more there are."""
    first, more = error.errors()[0], error.error_count() - 1
    keys = [str(part) for part in first["loc"]]
    key, found = ".".join(keys), first.get("input")
    kind = first["type"]
    if kind == "extra_forbidden":
        line = _unknown_key(keys)
    elif kind == "missing":
        line = f"recipe key {key}: has no value; give it one with {key}=VALUE"
    elif kind == "value_error" and isinstance(found, dict):
        line = f"recipe keys {key}: {first['ctx']['error']}" if key else f"recipe: {first['ctx']['error']}"
    elif kind == "value_error":
        line = f"recipe key {key}: found {_plain(found)}; {first['ctx']['error']}"
    else:
        allowed = first["msg"].removeprefix("Input should be ").removeprefix("Value should ")
        allowed = _LISTS.get(kind, allowed)
        line = f"recipe key {key}: found {_plain(found)}, allowed: {allowed}; set it with {key}=VALUE"
    return line + (f" (and {more} more)" if more else "")


def _unknown_key(keys: Sequence[str]) -> str:
    """Name an unknown key, what is allowed in its place, and the nearest of it."""
    model: Any = Recipe
    for part in keys[:-1]:
        field = model.model_fields.get(part) if _is_config(model) else None
        model = field.annotation if field else None
    if get_origin(model) is dict:
        *parents, last = keys
        plain = re.fullmatch(r"[\w.-]+", last)  # what Hydra's grammar takes in a key
        way = f"+{'.'.join(keys)}=VALUE" if plain else f"'+{'.'.join(parents)}={{{last}: VALUE}}'"
        return f"recipe key {'.'.join(keys)} is not there yet; add it with {way}"
    allowed = sorted(model.model_fields) if _is_config(model) else []
    near = difflib.get_close_matches(keys[-1], allowed, n=1)
    hint = f"; did you mean {'.'.join([*keys[:-1], near[0]])}?" if near else ""
    return f"recipe key {'.'.join(keys)} is unknown; allowed: {', '.join(allowed) or 'none here'}{hint}"


def _is_config(model: object) -> bool:
    return isinstance(model, type) and issubclass(model, BaseModel)


def _one_line(call: Callable[[], Any]) -> Any:
    """Call Hydra, and turn what it raises into a RecipeError of one line."""
    from hydra.errors import HydraException, MissingConfigException
    from omegaconf.errors import OmegaConfBaseException

    try:
        return call()
    except MissingConfigException as error:
        group, _, name = (error.missing_cfg_file or "?").rpartition("/")
        allowed = ", ".join(error.options or ())
        raise RecipeError(f"{group or PRIMARY}={name}: there is no such file; allowed: {allowed}") from error
    except (HydraException, OmegaConfBaseException) as error:
        cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
        full_key = getattr(cause, "full_key", None)
        if full_key and "is not in struct" in str(cause):
            raise RecipeError(_unknown_key(str(full_key).split("."))) from error
        text = str(error)
        if text.startswith("You must specify"):
            group = text.split("'")[1]
            options = [line.strip() for line in text.splitlines()[2:] if line.strip()]
            raise RecipeError(f"{group}= is not given; allowed: {group}=NAME of {', '.join(options)}") from error
        raise RecipeError(f"command line: {_first_line(error)}") from error
    # What is not YAML, or no mapping where one is needed, reaches us as these.
    except (yaml.YAMLError, ValueError) as error:
        raise RecipeError(f"recipes: a file cannot be read ({' '.join(str(error).split())[:300]})") from error


def _first_line(error: Exception) -> str:
    """What an exception says, on one line."""
    return " ".join(line.strip() for line in str(error).splitlines()[:2])


def _plain(value: object) -> str:
    """A value as it would be written on the command line."""
    if isinstance(value, tuple | list):
        return "[" + ",".join(_plain(item) for item in value) + "]"
    return repr(value) if isinstance(value, str) else str(value)
