"""From the command line to a typed recipe, through Hydra: every mistake becomes one line.

Hydra composes (``recipe=``, group overrides, ``key=value``, ``--multirun``, ``--cfg job`` are all
its own); pydantic then validates. Nothing is started, read or written before
both have passed.
"""

from __future__ import annotations

import itertools
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from tsdg.config import extensions
from tsdg.config.arguments import check_choices, check_flags, check_top
from tsdg.config.folders import PRIMARY
from tsdg.config.folders import recipes_dir as recipes_dir
from tsdg.config.mistakes import explain, unknown_key, wrong_value
from tsdg.config.named_model import forget_others
from tsdg.config.recipe import Recipe
from tsdg.config.remarks import refuse_borrowed_identity, remarks
from tsdg.config.roles import Role, sampled
from tsdg.errors import RecipeError, ShortfallError, UsageError, did_you_mean
from tsdg.scratch import scratch_folder

if TYPE_CHECKING:
    from omegaconf import DictConfig

_FLAGS = frozenset(("-m", "--multirun", "--resolve"))
_NOUN = "recipe key"
_ROLE = re.compile(r"\+(?:model)@roles\.\w+\.model=")
_MERGING = "Error merging override "
"""How Hydra begins of a value that is no mapping where one is needed, or the other way round."""


def compose_recipe(overrides: Sequence[str], *, config_dir: Path | None = None) -> Recipe:
    """Compose and validate a recipe in this process, as ``tsdg run`` does.

    Args:
        overrides: ``KEY=VALUE`` words.
        config_dir: a folder with recipes of the user's own.

    Raises:
        RecipeError: an override or a value is wrong.
    """
    from hydra import compose, initialize_config_dir

    _register()
    _check_words(overrides, config_dir)
    path = [f"hydra.searchpath=[file://{config_dir.absolute()}]"] if config_dir else []

    def composed() -> tuple[Recipe, list[str]]:
        with initialize_config_dir(version_base="1.3", config_dir=str(recipes_dir())):
            named = [*path, *_named_roles(overrides)]
            config = compose(PRIMARY, named, return_hydra_config=True)
            choices = config.hydra.runtime.choices
            return _validate(_without_hydra(config), overrides, choices, config_dir)

    recipe, notes = _one_line(composed)
    assert isinstance(recipe, Recipe)
    refuse_borrowed_identity(overrides, recipe)
    _say(overrides, recipe, notes)
    return recipe


def _check_words(words: Sequence[str], own: Path | None) -> None:
    """Check what Hydra would say less of; ``own`` is the folder of ``--config-dir``."""
    folders = _folders(own)
    check_top(words, ["recipe", *Recipe.model_fields], folders)
    check_choices(words, folders)


def _folders(own: Path | None) -> list[Path]:
    return [*([own] if own else []), recipes_dir()]


def _say(words: Sequence[str], recipe: Recipe, notes: Sequence[str]) -> None:
    """Print what is worth a note."""
    for remark in [*remarks(words, recipe.seeds), *notes]:
        print(f"tsdg: note: {remark}", file=sys.stderr)


def _named_roles(overrides: Sequence[str]) -> list[str]:
    """Take the ``+`` from ``+model@roles.ROLE.model=NAME``: every role has a place for a model.

    >>> _named_roles(["+model@roles.answers.model=gpt-oss-120b", "+model.flags.a=1"])
    ['model@roles.answers.model=gpt-oss-120b', '+model.flags.a=1']
    """
    return [word.removeprefix("+") if _ROLE.match(word) else word for word in overrides]


def _in_order(arguments: Sequence[str]) -> list[str]:
    """Move options and their values behind the overrides, which Hydra wants in one piece.

    >>> _in_order(["recipe=demo", "--config-dir", "mine", "seed=1", "-m"])
    ['recipe=demo', 'seed=1', '--config-dir', 'mine', '-m']
    """
    options: list[str] = []
    overrides: list[str] = []
    words = iter(arguments)
    for word in words:
        if not word.startswith("-"):
            overrides.append(word)
            continue
        options.append(word)
        if word not in _FLAGS and "=" not in word:
            options += itertools.islice(words, 1)
    return [*overrides, *options]


def hydra_app(
    task: Callable[[Recipe, list[str]], int], *, command: str, arguments: Sequence[str]
) -> int:
    """Run ``task`` as a Hydra application and return its exit code.

    A multirun returns the last code that is not 0.

    A point of a sweep that is wrong or falls short is named, and the others are done all the same.

    Args:
        task: called with each composed recipe and the overrides that made it.
        command: what the user typed before the arguments, e.g. ``tsdg run``.
        arguments: the command line after it.

    Raises:
        RecipeError: an override or a value is wrong.
    """
    _register()
    words = _named_roles(_in_order(arguments))
    extra = check_flags(words, command=command)
    _check_words(words, extra)
    codes = [0]
    failures: list[BaseException] = []
    sweep = bool({"--multirun", "-m"} & set(words))
    ended = False

    def job(config: DictConfig) -> None:
        from hydra.core.hydra_config import HydraConfig
        from omegaconf import OmegaConf

        nonlocal ended
        if ended:
            return
        # As typed: what a ${...} in them stands for may be a secret.
        overrides = OmegaConf.to_container(HydraConfig.get().overrides.task, resolve=False)
        assert isinstance(overrides, list)
        try:
            choices = HydraConfig.get().runtime.choices
            recipe, notes = _validate(config, overrides, choices, extra)
            refuse_borrowed_identity(words, recipe)
            if len(codes) == 1:  # of a sweep once
                _say(words, recipe, notes)
            codes.append(task(recipe, overrides))
        # Hydra would print lines of its own about an exception: it gets none.
        except BaseException as error:
            failures.append(error)
            codes.append(1)
            # A point that is wrong or fell short says nothing of the next one; all else ends the
            # sweep.
            ended = not sweep or not isinstance(error, UsageError | ShortfallError)
            if not ended:
                print(
                    f"tsdg: {' '.join(overrides)}: {' '.join(str(error).split())}", file=sys.stderr
                )

    def composed() -> None:
        config = _plain(words)
        if config is None:
            _by_hydra(job, [command, *words])
        else:
            job(config)

    with extensions.using(extra):
        _one_line(composed)
    if failures and ended:
        raise failures[-1]
    if failures:
        points = len(codes) - 1
        raise type(failures[0])(
            f"{len(failures)} of {points} points of the sweep failed; the lines above say why"
        )
    return next((code for code in reversed(codes) if code), 0)


def _by_hydra(job: Callable[[DictConfig], None], argv: list[str]) -> None:
    """Let Hydra's own application read a command line and call ``job``."""
    import hydra

    # With this variable Hydra raises what went wrong, instead of printing several lines and exiting
    # with 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    before = sys.argv
    # A sweep leaves a file with all its overrides in the sweep's folder: not beside the user's
    # files, and not for long.
    with scratch_folder("sweep") as scratch:
        sys.argv = [argv[0], f"hydra.sweep.dir={scratch}", *argv[1:]]
        try:
            hydra.main(version_base="1.3", config_path=str(recipes_dir()), config_name=PRIMARY)(
                job
            )()
        finally:
            sys.argv = before


def _plain(words: Sequence[str]) -> DictConfig | None:
    """Compose a command line of overrides alone, as Hydra's application would for one run.

    The application itself composes twice, first to learn whether it is to be a sweep. None where
    there are flags or overrides of Hydra's own, or a recipe asks for a sweep.
    """
    from hydra import compose, initialize_config_dir
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    if any(word.startswith(("-", "hydra.", "+hydra.")) for word in words):
        return None
    with initialize_config_dir(version_base="1.3", config_dir=str(recipes_dir())):
        config: DictConfig = compose(PRIMARY, list(words), return_hydra_config=True)
    if config.hydra.mode == RunMode.MULTIRUN:
        return None
    HydraConfig.instance().set_config(config)
    return _without_hydra(config)


def _without_hydra(config: DictConfig) -> DictConfig:
    """Take Hydra's own keys out of what was composed."""
    from omegaconf import open_dict

    with open_dict(config):
        del config["hydra"]
    return config


def _register() -> None:
    """Teach OmegaConf ``${sampled:ROLE,KEY}`` of :func:`tsdg.config.roles.sampled`."""
    from omegaconf import OmegaConf

    def resolve(role: Role, key: str, *most: int, _root_: DictConfig) -> Any:
        return sampled(role, key, *most, root=_root_)

    OmegaConf.register_new_resolver("sampled", resolve, replace=True)


def _missing(value: Any, name: str) -> Iterator[str]:
    """The keys that must be given and are not, in their order."""
    if value == "???":
        yield name
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _missing(inner, f"{name}.{key}" if name else str(key))


def validate(config: DictConfig) -> Recipe:
    """Turn a composed configuration into a typed recipe.

    Raises:
        RecipeError: a key is missing or unknown, or a value is of the wrong type or range.
    """
    return _validate(config, (), {}, None)[0]


def _validate(
    config: DictConfig, words: Sequence[str], choices: Mapping[str, str], own: Path | None
) -> tuple[Recipe, list[str]]:
    """As :func:`validate`, without what is not known of models of another name; and notes."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        values: Any = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        key = error.full_key or "?"
        if "Missing mandatory value" in str(error):
            keys = list(_missing(OmegaConf.to_container(config, resolve=False), "")) or [key]
            given = " ".join(f"{name}=VALUE" for name in keys)
            subject = f"key {keys[0]}: has" if len(keys) == 1 else f"keys {', '.join(keys)}: have"
            raise RecipeError(f"recipe {subject} no value; give {given}") from error
        raise RecipeError(f"recipe key {key}: {_first_line(error)}") from error
    assert isinstance(values, dict)
    values.pop("hydra", None)
    notes = forget_others(values, words, choices, _folders(own))
    try:
        return Recipe.model_validate(values), notes
    except ValidationError as error:
        raise RecipeError(explain(error, Recipe, noun=_NOUN)) from error


def _one_line(call: Callable[[], Any]) -> Any:
    """Call Hydra, and turn what it raises into a RecipeError of one line."""
    from hydra.errors import HydraException, MissingConfigException, OverrideParseException
    from omegaconf.errors import OmegaConfBaseException

    try:
        return call()
    except MissingConfigException as error:
        group, _, name = (error.missing_cfg_file or "?").rpartition("/")
        options = error.options or ()
        raise RecipeError(
            f"{group or PRIMARY}={name}: there is no such file; allowed: {', '.join(options)}"
            f"{did_you_mean(name, options) or '; --config-dir FOLDER has files of your own'}"
        ) from error
    except OverrideParseException as error:
        raise RecipeError(
            f"command line: {error.override!r} is not understood; allowed: KEY=VALUE; a VALUE with "
            "spaces or signs is quoted (\"KEY='VALUE'\"), a KEY with them goes into a mapping "
            "('+PARENT={KEY: VALUE}')"
        ) from error
    except (HydraException, OmegaConfBaseException) as error:
        cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
        full_key = getattr(cause, "full_key", None)
        if full_key and "is not in struct" in str(cause):
            raise RecipeError(unknown_key(str(full_key).split("."), Recipe, noun=_NOUN)) from error
        raise RecipeError(_of_hydra(str(error))) from error
    # What is not YAML, or no mapping where one is needed, reaches us as these.
    except (yaml.YAMLError, ValueError) as error:
        raise RecipeError(
            f"recipes: a file cannot be read ({' '.join(str(error).split())[:300]})"
        ) from error


def _of_hydra(text: str) -> str:
    """What Hydra says of an override, in the words of a command line."""
    first, *others = [line.strip() for line in text.splitlines()]
    named = first.split("'")
    if first.startswith("You must specify"):
        group, options = named[1], ", ".join(line for line in others[1:] if line)
        return (
            f"{group}= is not given; allowed: {group}=NAME, or in a recipe's defaults, of {options}"
        )
    if first.startswith(_MERGING):
        key, _, value = first.removeprefix(_MERGING).partition("=")
        return wrong_value(key.lstrip("+"), yaml.safe_load(value), Recipe, noun=_NOUN)
    if first.startswith("Could not delete"):
        return unknown_key(named[1].split("."), Recipe, noun=_NOUN)
    if first.startswith("Ambiguous value"):
        return (
            f"command line: {named[1]}: found several values; "
            "allowed: one, KEY=[A,B] for a list, or --multirun"
        )
    return f"command line: {first}{f' {others[0]}' if others else ''}"


def _first_line(error: Exception) -> str:
    """What an exception says, on one line."""
    told = [line.strip() for line in str(error).splitlines()[:2]]
    return " ".join(line for line in told if not line.startswith(("full_key", "object_type")))
