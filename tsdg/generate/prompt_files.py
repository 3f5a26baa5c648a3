"""Prompt files: YAML in NeMo-Skills' prompt format, and their few-shot examples.

A prompt set is a folder::

    <set>/questions/choice.yaml            what is asked, one file per step and answer kind
    <set>/examples/questions/choice.yaml   worked examples, shown as chat turns before the input;
                                           may be missing
    <set>/study.yaml                       the study's: one for all answer kinds, no examples
    <set>/ways.yaml                        the ways from a seed to a question (tsdg.generate.ways);
                                           may be missing where questions.plan=false

A prompt file has the keys ``system``, ``user`` and ``few_shot_examples`` (``prefix``, ``template``,
``suffix``) and is loadable by NeMo-Skills as it is. ``{field}`` stands for a field of the row,
``{{`` and ``}}`` for braces. ``system`` is sent as it stands, as NeMo-Skills does.
:mod:`tsdg.generate.prompts` says what else goes beyond NeMo-Skills.

An examples file is a list of ``{user: {field: value}, reply: {field: value}}``; which fields of a
reply are shown, and in which form, follows from what the recipe asks for.

Everything is read and checked when a run is prepared; a mistake is one line with file, line, what
was found and what is allowed.
"""

from __future__ import annotations

import math
import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml

from tsdg.config.recipe import PromptConfig
from tsdg.errors import RecipeError
from tsdg.generate.prompts import (
    FIELDS,
    REPLY_FIELDS,
    STEPS,
    STUDY,
    WAYS,
    Example,
    Inline,
    Prompt,
    Prompts,
    StepPrompt,
)
from tsdg.generate.ways import read_ways
from tsdg.records import ANSWER_KINDS
from tsdg.rowform import stable_id

_PROMPTS = tuple(f"{step}/{kind}" for step in STEPS for kind in ANSWER_KINDS)
_MAY_MISS = (*(f"examples/{name}" for name in _PROMPTS), WAYS)
"""Files that a set may be without."""
_REQUIRED: Mapping[StepPrompt, tuple[str, ...]] = {
    "questions": ("question", "answer"),
    "answers": ("reasoning", "answer"),
    "enrich": ("definition", "background", "reasoning"),
}
_FEW_SHOT_KEYS = ("prefix", "template", "suffix")
_OTHERWISE: Mapping[str, str] = {
    "examples_type": "it names examples within NeMo-Skills' code; write yours into "
    "examples/STEP/KIND.yaml of the prompt set, or name their file in prompt.files",
    **dict.fromkeys(
        (
            *("retrieval_field", "retrieval_file", "retrieved_entries", "retrieved_few_shots"),
            *("randomize_retrieved_entries", "max_retrieved_chars", "max_retrieved_chars_field"),
        ),
        "NeMo-Skills looks examples up for each row; tsdg chooses those most like the row from "
        "examples/STEP/KIND.yaml of the prompt set",
    ),
    "code_tags": "NeMo-Skills runs code that a reply holds; tsdg runs none while it generates",
}
"""Keys of NeMo-Skills' prompt files that have no counterpart, and why."""
_RESPONSES: Mapping[str, str] = {
    "answers": "{solution}",
    "questions": "{augmented_problem}",
    "enrich": "{solution}",
}
"""What NeMo-Skills' example templates call the reply, by step; ``{response}`` here."""
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load_prompts(config: PromptConfig, recipes_dir: Path, *, study: bool = False) -> Prompts:
    """Read and check the recipe's prompt set.

    Args:
        config: ``dir`` is a folder in ``<recipes_dir>/prompt`` or an absolute path; ``files``
            replaces single files by name (``questions/choice``, ``examples/questions/choice`` for
            its examples, ``ways``), paths seen likewise.
        recipes_dir: the folder of the recipes.
        study: whether the run studies its seeds; else the set needs no prompt for it.

    Raises:
        RecipeError: a prompt file is missing or no YAML, a key or field is unknown, an example does
            not fit its prompt.
    """
    base = recipes_dir / "prompt"
    folder = base / config.dir
    _check_names(config)
    if not folder.is_dir():
        raise RecipeError(
            f"prompt.dir: no folder {folder}; allowed: an absolute path, or one of {base}: "
            f"{_sets(base)}"
        )
    there = _paths(config, base, folder)
    found = {
        f"{step}/{kind}": _prompt(step, f"{step}/{kind}", there)
        for step in STEPS
        for kind in ANSWER_KINDS
    }
    if study:
        found[STUDY] = _prompt(STUDY, STUDY, there)
    ways = read_ways(there[WAYS], _read(there[WAYS])) if WAYS in there else None
    return Prompts(found, ways)


def _check_names(config: PromptConfig) -> None:
    """Refuse a file of a name that no set has."""
    for name in config.files:
        if name not in (*_PROMPTS, STUDY, *_MAY_MISS):
            allowed = f"STEP/KIND, examples/STEP/KIND, {STUDY} or {WAYS}"
            raise RecipeError(
                f"prompt.files: unknown prompt {name!r}; allowed: {allowed}, "
                f"STEP one of {', '.join(STEPS)}, KIND one of {', '.join(ANSWER_KINDS)}"
            )


def _paths(config: PromptConfig, base: Path, folder: Path) -> dict[str, Path]:
    """The path of each file by its name, without those that may be missing and are."""
    paths = {
        name: base / config.files[name] if name in config.files else folder / f"{name}.yaml"
        for name in (*_PROMPTS, STUDY, *_MAY_MISS)
    }
    missing = {name for name in _MAY_MISS if name not in config.files and not paths[name].exists()}
    return {name: path for name, path in paths.items() if name not in missing}


def _sets(base: Path) -> str:
    """The prompt sets of a folder, in words."""
    if not base.is_dir():
        return "none"
    return ", ".join(sorted(path.name for path in base.iterdir() if path.is_dir()))


def _prompt(step: StepPrompt | Literal["study"], name: str, paths: Mapping[str, Path]) -> Prompt:
    path, examples_path = paths[name], paths.get(f"examples/{name}")
    text = _read(path)
    data = _yaml(path, text)
    examples_text, examples_data = "", []
    examples: tuple[Example, ...] = ()
    if examples_path is not None and step != STUDY:
        examples_text = _read(examples_path)
        examples_data = _yaml(examples_path, examples_text)
        examples = _examples(step, examples_path, examples_data)
    system, user, inline = _checked(step, path, text, data)
    return Prompt(
        name=name,
        system=system.strip(),
        user=user.strip(),
        inline=inline,
        examples=examples,
        hash=stable_id(data, examples_data),
        text=text,
        examples_text=examples_text,
    )


def _checked(
    step: StepPrompt | Literal["study"], path: Path, text: str, data: Any
) -> tuple[str, str, Inline]:
    """What a prompt file says: system, user, and the form of an example written in it."""
    if not isinstance(data, dict):
        raise RecipeError(
            f"{path}:1: found {type(data).__name__}; allowed: keys system, user, few_shot_examples"
        )
    _known_keys(path, text, data, ("system", "user", "few_shot_examples"))
    user, system = data.get("user"), data.get("system")
    if not isinstance(user, str) or not user.strip():
        raise RecipeError(
            f"{path}:{_line(text, 'user')}: key 'user' is missing or no text; it holds what is "
            "asked"
        )
    if not isinstance(system, str | None):
        raise RecipeError(
            f"{path}:{_line(text, 'system')}: 'system' is {type(system).__name__}; allowed: text"
        )
    inline = _inline(step, path, text, data.get("few_shot_examples"))
    _check_fields(path, text, user, (*FIELDS[step], "examples"))
    _check_fields(path, text, inline.template, (*FIELDS[step], "response"))
    _check_system(path, text, system or "", (*FIELDS[step], "examples"))
    if "{examples}" in user and not inline.template:
        line = _line(text, "{examples}")
        raise RecipeError(
            f"{path}:{line}: {{examples}} needs few_shot_examples.template, the form of one"
        )
    return system or "", user, inline


def _check_system(path: Path, text: str, system: str, fields: tuple[str, ...]) -> None:
    for field in fields:
        if f"{{{field}}}" in system:
            line = _line(text, f"{{{field}}}")
            raise RecipeError(
                f"{path}:{line}: field {{{field}}} in 'system'; fields are filled in 'user' only"
            )


def _inline(step: StepPrompt | Literal["study"], path: Path, text: str, data: Any) -> Inline:
    if data is None:
        data = {}
    line = _line(text, "few_shot_examples")
    if not isinstance(data, dict):
        raise RecipeError(
            f"{path}:{line}: few_shot_examples is {type(data).__name__}; allowed: a mapping"
        )
    _known_keys(path, text, data, _FEW_SHOT_KEYS)
    for key, value in data.items():
        if not isinstance(value, str):
            raise RecipeError(f"{path}:{_line(text, key)}: few_shot_examples.{key} is no text")
    written = {key: data.get(key, "") for key in _FEW_SHOT_KEYS}
    if "{response}" not in written["template"]:
        theirs = _RESPONSES.get(step, "{response}")
        written["template"] = written["template"].replace(theirs, "{response}")
    return Inline(**written)


def _examples(step: StepPrompt, path: Path, data: Any) -> tuple[Example, ...]:
    if not isinstance(data, list):
        found = "an empty file" if data is None else type(data).__name__
        raise RecipeError(
            f"{path}:1: found {found}; allowed: a list of {{user: ..., reply: ...}}, [] for none"
        )
    return tuple(
        _example(step, f"{path}: example {number}", item)
        for number, item in enumerate(data, start=1)
    )


def _example(step: StepPrompt, where: str, item: Any) -> Example:
    if not isinstance(item, dict) or set(item) != {"user", "reply"}:
        raise RecipeError(f"{where}: allowed: the keys user and reply; found {_keys(item)}")
    user, reply = item["user"], item["reply"]
    _check_part(f"{where}: user", user, (*FIELDS[step], "classes"))
    _check_part(f"{where}: reply", reply, REPLY_FIELDS[step])
    missing = [f"reply.{key}" for key in _REQUIRED[step] if key not in reply]
    missing += [] if "question" in user else ["user.question"]
    if missing:
        raise RecipeError(f"{where}: missing {', '.join(missing)}")
    return Example(user=user, reply=reply)


def _check_part(where: str, part: Any, allowed: tuple[str, ...]) -> None:
    """Check the keys of an example's user or reply, and what each of them holds."""
    if not isinstance(part, dict) or not set(part) <= set(allowed):
        raise RecipeError(f"{where} has {_keys(part)}; allowed: {', '.join(allowed)}")
    for key, held in part.items():
        if not _fits(key, held):
            form = _FORMS.get(key, "text, a number or true/false; a date in quotes")
            raise RecipeError(f"{where}.{key} is {type(held).__name__}; allowed: {form}")


_FORMS = {
    **dict.fromkeys(("options", "distractors", "checks", "wrong_options"), "a list of texts"),
    "why_wrong": "a mapping of option to reason",
    "rules": "a mapping of instruction to its arguments",
    **dict.fromkeys(("schema", "answer"), "text, a number, true/false, or JSON written as YAML"),
}


def _fits(key: str, value: object) -> bool:
    """Whether a field of an example holds what its requests are made of."""
    if key in ("options", "distractors", "checks", "wrong_options"):
        return isinstance(value, list) and all(
            isinstance(item, str | int | float) for item in value
        )
    if key in ("why_wrong", "rules"):
        return isinstance(value, dict)
    plain = isinstance(value, str | int | bool) or (
        isinstance(value, float) and math.isfinite(value)
    )
    return plain or (key in ("schema", "answer") and isinstance(value, dict | list))


def _check_fields(path: Path, text: str, template: str, allowed: tuple[str, ...]) -> None:
    try:
        parsed = [part for part in string.Formatter().parse(template) if part[1] is not None]
    except ValueError as error:
        raise RecipeError(
            f"{path}: {error}; a brace that is no field is written twice: {{{{ or }}}}"
        ) from None
    for _, name, spec, conversion in parsed:
        formatted = bool(spec or conversion)
        if name not in allowed or formatted:
            shown = f"{{{name}}}{' with a format or conversion' if formatted else ''}"
            line = _line(text, f"{{{name}")
            fields = ", ".join(f"{{{field}}}" for field in allowed)
            raise RecipeError(f"{path}:{line}: unknown field {shown}; allowed: {fields}")


def _known_keys(path: Path, text: str, data: Mapping[Any, Any], allowed: tuple[str, ...]) -> None:
    for key in data:
        if key not in allowed:
            line = _line(text, f"{key}:")
            why = f" is not used here: {_OTHERWISE[key]}" if key in _OTHERWISE else ""
            raise RecipeError(
                f"{path}:{line}: {str(key)!r}{why}"
                if why
                else f"{path}:{line}: unknown key {str(key)!r}; allowed: {', '.join(allowed)}"
            )


def _keys(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, dict) else type(value).__name__


def _line(text: str, needle: str) -> int:
    """Return the number of the first line that has ``needle``; 1 where none has."""
    return next((i for i, line in enumerate(text.splitlines(), start=1) if needle in line), 1)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RecipeError(
            f"{path}: no such prompt file; write it, or name another one in prompt.files"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read as UTF-8 text: {error}") from None


def _yaml(path: Path, text: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else 1
        raise RecipeError(f"{path}:{line}: not YAML: {error.problem}") from None
    except (
        yaml.YAMLError,
        ValueError,
    ) as error:  # a ValueError for 2020-99-99, which YAML takes for a date
        raise RecipeError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
