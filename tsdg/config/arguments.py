"""Checks on the words of a Hydra command line, before Hydra sees them.

Hydra's own messages about these mistakes name no file.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

from tsdg.errors import RecipeError, did_you_mean

_FLAGS = "--cfg job, --multirun, --config-dir FOLDER, --help"


def check_flags(words: Sequence[str], *, command: str) -> Path | None:
    """Check the flags of a command line.

    Returns:
        The folder of ``--config-dir``, if it is given.

    Raises:
        RecipeError: a flag is unknown, or its value is missing or wrong.
    """
    # The very parser that Hydra will use; of its lines of help only the last says what is wrong.
    from hydra._internal.utils import get_args_parser

    if {"-sc", "--shell-completion"} & set(words):
        raise RecipeError(f"{command}: `tsdg completion bash` prints a script for completion")
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            parsed = get_args_parser().parse_args(list(words))
    except SystemExit as error:
        if not error.code:
            raise
        why = said.getvalue().strip().rpartition("error: ")[2]
        raise RecipeError(
            f"{command}: {why}; allowed: KEY=VALUE, {_FLAGS}, and what `{command} --help` names"
        ) from error
    if parsed.multirun and (parsed.cfg or parsed.info):
        raise RecipeError(
            f"{command}: --cfg and --info show one recipe, --multirun makes several; leave out one"
        )
    for flag, given in (("--resolve", parsed.resolve), ("--package", parsed.package)):
        if given and not parsed.cfg:
            raise RecipeError(f"{command}: {flag} goes with --cfg job, which shows the recipe")
    if parsed.config_dir and not Path(parsed.config_dir).is_dir():
        raise RecipeError(
            f"{command}: --config-dir: there is no folder {parsed.config_dir}; name one that is "
            "there"
        )
    return Path(parsed.config_dir) if parsed.config_dir else None


def _folders_of(group: str, folders: Sequence[Path]) -> list[Path]:
    """The folders of a group's files; none where there is no such group."""
    if not group.strip("/."):
        return []
    return [folder / group for folder in folders if (folder / group).is_dir()]


def _is_no_name(value: str) -> bool:
    """Whether YAML reads a value as something else than a text."""
    number = value.lstrip("+-").replace(".", "", 1)
    return value in {"null", "true", "false"} or number.isdecimal()


def check_top(words: Iterable[str], known: Iterable[str], folders: Sequence[Path]) -> None:
    """Check how each key begins, before Hydra misses what was meant by a misspelt one.

    Args:
        words: the command line.
        known: what keys may begin with.
        folders: that groups lie in.

    Raises:
        RecipeError: a key begins with anything else.
    """
    allowed = sorted(known)
    for word in words:
        key, equals, _ = word.partition("=")
        name = key.lstrip("+~").partition("@")[0]
        top, *deeper = re.split(r"[./]", name)
        if not equals or not top or word.startswith("-") or top in ("hydra", *allowed):
            continue
        if not _folders_of(top, folders):
            meant = [one for one in allowed if _folders_of(one, folders) or not deeper]
            raise RecipeError(
                f"recipe key {name} is unknown; allowed: {', '.join(allowed)}"
                f"{did_you_mean(top, meant)}"
            )


def check_choices(words: Iterable[str], folders: Sequence[Path]) -> None:
    """Check that each chosen file of a group (``recipe=NAME``, ``model=NAME``) is a mapping.

    Args:
        words: the command line.
        folders: that groups lie in, the first of them first.

    Raises:
        RecipeError: a choice is no name, or its file holds something else.
    """
    for word in words:
        group, equals, value = word.partition("=")
        group = group.lstrip("+").partition("@")[0]
        if equals and not group:
            raise RecipeError(f"command line: found {word!r}; allowed: KEY=VALUE")
        found = _folders_of(group, folders)
        if equals and found and value[:1] not in {"[", "{", "$"}:
            _check_choice(group, value, found)


def _check_choice(group: str, value: str, folders: Sequence[Path]) -> None:
    known = sorted({file.stem for folder in folders for file in folder.glob("*.yaml")})
    if value.endswith((".yaml", ".yml")) or value.startswith(("/", "./", "../", "~")):
        raise RecipeError(f"{group}={value}: {_as_name(group, Path(value), known)}")
    if _is_no_name(value):
        raise RecipeError(
            f"{group}={value}: {group} takes the name of a file; allowed: {', '.join(known)}"
        )
    files = [folder / f"{value}.yaml" for folder in folders]
    if chosen := next((file for file in files if file.is_file()), None):
        _check_mapping(chosen)


def _as_name(group: str, path: Path, known: Sequence[str]) -> str:
    """What to type in place of a path."""
    stem, folder = path.stem, path.parent
    if str(folder) == "." and stem in known and not path.is_file():
        return f"{group} takes a name without its ending; write {group}={stem}"
    if folder.name == group:
        return (
            f"{group} takes a name, not a path; write --config-dir {folder.parent} {group}={stem}"
        )
    return (
        f"{group} takes a name, not a path; put the file into FOLDER/{group}/ and write "
        f"--config-dir FOLDER {group}={stem}"
    )


def _check_mapping(file: Path) -> None:
    try:
        content = yaml.safe_load(file.read_text())
    except OSError as error:
        raise RecipeError(
            f"{file}: cannot be read: {error.strerror}; change its owner or mode"
        ) from error
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise RecipeError(
            f"{file}: is not valid YAML ({where}{error.problem}); correct it"
        ) from error
    except (ValueError, yaml.YAMLError) as error:
        raise RecipeError(
            f"{file}: is not valid YAML ({' '.join(str(error).split())[:200]}); correct it"
        ) from error
    if not isinstance(content, dict):
        found = (
            "nothing"
            if content is None
            else f"a {'list' if isinstance(content, list) else 'single value'}"
        )
        raise RecipeError(
            f"{file}: found {found}, allowed: a mapping of keys (KEY: VALUE); start from a file of "
            "recipes/recipe"
        )
