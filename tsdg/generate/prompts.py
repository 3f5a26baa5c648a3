"""Prompts: YAML files in NeMo-Skills' prompt format, and their few-shot examples.

A prompt set is a folder::

    <set>/questions/choice.yaml            what is asked, one file per step and answer kind
    <set>/examples/questions/choice.yaml   worked examples, shown as chat turns before the input;
                                           may be missing
    <set>/study.yaml                       the study's: one for all answer kinds, no examples
    <set>/ways.yaml                        the ways from a seed to a question (tsdg.generate.ways);
                                           may be missing where questions.plan=false

A prompt file has the keys ``system``, ``user`` and ``few_shot_examples`` (``prefix``, ``template``,
``suffix``) and is loadable by NeMo-Skills as it is. ``{field}`` stands for a field of the row,
``{{`` and ``}}`` for braces. ``system`` is sent as it stands, as NeMo-Skills does. Two things go
beyond NeMo-Skills:

- A paragraph of ``user`` (what stands between blank lines) all of whose fields are empty is left
  out, so that one file serves rows with and without a passage, a topic or options.
- Examples are chat turns of their own, unless ``user`` has ``{examples}``: then they are written
  there, each through ``few_shot_examples.template``, whose ``{response}`` is the reply.

An examples file is a list of ``{user: {field: value}, reply: {field: value}}``; which fields of a
reply are shown, and in which form, follows from what the recipe asks for.

Everything is read and checked when a run is prepared; a mistake is one line with file, line, what
was found and what is allowed.
"""

from __future__ import annotations

import itertools
import math
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from tsdg.config.recipe import PromptConfig
from tsdg.errors import RecipeError
from tsdg.generate.ways import Ways, read_ways
from tsdg.records import ANSWER_KINDS, AnswerKind, stable_id

StepPrompt = Literal["questions", "answers", "enrich"]
STEPS: tuple[StepPrompt, ...] = get_args(StepPrompt)
STUDY: Literal["study"] = "study"
"""The prompt of the study: one for all answer kinds, without examples."""

WAYS = "ways"
"""Name of the table of ways in a prompt set."""

_SHARED = ("language", "domain", "question", "context", "options", "reply")
FIELDS: Mapping[StepPrompt | Literal["study"], tuple[str, ...]] = {
    STUDY: ("question", "context", "options", "answer", "reply"),
    "questions": (
        *(*_SHARED, "answer", "checks", "topic"),
        *("solution", "level", "subject", "stem"),
        *("passage", "blanks", "classes", "wrong", "kin", "way", "target", "aim"),
    ),
    "answers": (*_SHARED, "checks", "closing", "written"),
    "enrich": (*_SHARED, "answer", "wrong_options", "written"),
}
REPLY_FIELDS: Mapping[StepPrompt, tuple[str, ...]] = {
    "questions": ("context", "question", "checks", "schema", "rules", "answer", "distractors"),
    "answers": ("reasoning", "answer"),
    "enrich": ("definition", "background", "reasoning", "why_wrong"),
}
_OF_ALL = frozenset(("language", "domain", "reply", "passage", "blanks", "classes", "wrong", "kin"))
"""Fields that are the same for many rows; paragraphs that have no others may come first and be
cached."""
_REQUIRED: Mapping[StepPrompt, tuple[str, ...]] = {
    "questions": ("question", "answer"),
    "answers": ("reasoning", "answer"),
    "enrich": ("definition", "background", "reasoning"),
}
_FEW_SHOT_KEYS = ("prefix", "template", "suffix")
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One worked example: the fields of the user's turn and of the assistant's reply."""

    user: Mapping[str, Any]
    reply: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inline:
    """How examples are written into the user's turn where it has ``{examples}``."""

    prefix: str
    template: str
    suffix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What is asked of a model for one step and answer kind."""

    name: str
    """``<step>/<answer kind>``."""
    system: str
    """Empty for no system turn."""
    user: str
    inline: Inline
    examples: tuple[Example, ...]
    """None where the set has no file of them."""
    hash: str
    """Stable hash of system, user, inline form and examples."""
    text: str
    """The prompt file as it was read."""
    examples_text: str
    """Its examples file as it was read; empty where there is none."""

    def start(self, fields: Mapping[str, str]) -> str:
        """Return what of the row's turn is the same for many rows.

        Its first paragraphs, as far as none has a field of the row alone.
        """
        paragraphs = self.user.split("\n\n")
        shared = itertools.takewhile(lambda text: _names(text) <= _OF_ALL, paragraphs)
        return fill("\n\n".join(shared), fields)

    def turns(
        self, fields: Mapping[str, str], shots: list[tuple[Mapping[str, str], str]]
    ) -> list[dict[str, str]]:
        """Return the chat turns of one request.

        Args:
            fields: the row's fields, each a string, empty where the row has none.
            shots: fields and reply of the examples to show, first to last.
        """
        turns = [{"role": "system", "content": self.system}] if self.system else []
        if "{examples}" in self.user:
            shown = "".join(
                self.inline.template.format(**shot, response=reply) for shot, reply in shots
            )
            examples = f"{self.inline.prefix}{shown}{self.inline.suffix}" if shown else ""
            return [
                *turns,
                {"role": "user", "content": fill(self.user, {**fields, "examples": examples})},
            ]
        for shot, reply in shots:
            turns.append({"role": "user", "content": fill(self.user, shot)})
            turns.append({"role": "assistant", "content": reply})
        return [*turns, {"role": "user", "content": fill(self.user, fields)}]


class Prompts:
    """A checked prompt set.

    Attributes:
        ways: from a seed to a question; None where the set has none.
    """

    def __init__(self, prompts: Mapping[str, Prompt], ways: Ways | None) -> None:
        self._prompts = dict(prompts)
        self.ways = ways

    def get(self, step: StepPrompt, kind: AnswerKind) -> Prompt:
        """Return the prompt of a step for an answer kind."""
        return self._prompts[f"{step}/{kind}"]

    def study(self) -> Prompt:
        """Return the prompt of the study."""
        return self._prompts[STUDY]

    def texts(self) -> dict[str, str]:
        """Return each file's text by its place in a prompt set, ready to be written as one."""
        prompts = sorted(self._prompts.items())
        examples = {
            f"examples/{name}": prompt.examples_text
            for name, prompt in prompts
            if prompt.examples_text
        }
        ways = {WAYS: self.ways.text} if self.ways else {}
        return {name: prompt.text for name, prompt in prompts} | examples | ways

    def hashes(self) -> dict[str, str]:
        """Return the hash of each prompt with its examples, and of the ways, by name."""
        ways = {WAYS: self.ways.hash} if self.ways else {}
        return {name: prompt.hash for name, prompt in sorted(self._prompts.items())} | ways


def fill(template: str, fields: Mapping[str, str]) -> str:
    r"""Fill the fields of a template and leave out the paragraphs all of whose fields are empty.

    >>> fill("Passage:\n{context}\n\nQuestion: {question}", {"context": "", "question": "Why?"})
    'Question: Why?'
    """
    out = []
    for paragraph in template.split("\n\n"):
        names = _names(paragraph)
        if not names or any(fields[name].strip() for name in names):
            out.append(paragraph.format_map(fields))
    return "\n\n".join(out).strip()


def _names(template: str) -> frozenset[str]:
    """The fields of a template."""
    parsed = string.Formatter().parse(template)
    return frozenset(name for _, name, _, _ in parsed if name is not None)


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
    names = [f"{step}/{kind}" for step in STEPS for kind in ANSWER_KINDS]
    known = {*names, *(f"examples/{name}" for name in names), STUDY, WAYS}
    for name in config.files:
        if name not in known:
            allowed = f"STEP/KIND, examples/STEP/KIND, {STUDY} or {WAYS}"
            raise RecipeError(
                f"prompt.files: unknown prompt {name!r}; allowed: {allowed}, "
                f"STEP one of {', '.join(STEPS)}, KIND one of {', '.join(ANSWER_KINDS)}"
            )
    if not folder.is_dir():
        sets = (
            ", ".join(sorted(path.name for path in base.iterdir() if path.is_dir()))
            if base.is_dir()
            else "none"
        )
        raise RecipeError(
            f"prompt.dir: no folder {folder}; allowed: an absolute path, or one of {base}: {sets}"
        )
    paths = {
        name: base / config.files[name] if name in config.files else folder / f"{name}.yaml"
        for name in known
    }
    optional = {name for name in known - set(names) - {STUDY} if name not in config.files}
    there = {name: path for name, path in paths.items() if name not in optional or path.exists()}
    found = {
        f"{step}/{kind}": _prompt(step, kind, there) for step in STEPS for kind in ANSWER_KINDS
    }
    return Prompts(
        found | ({STUDY: _prompt(STUDY, None, there)} if study else {}),
        read_ways(there[WAYS], _read(there[WAYS])) if WAYS in there else None,
    )


def _prompt(
    step: StepPrompt | Literal["study"], kind: AnswerKind | None, paths: Mapping[str, Path]
) -> Prompt:
    name = f"{step}/{kind}" if kind else step
    path, examples_path = paths[name], paths.get(f"examples/{name}")
    text = _read(path)
    data = _yaml(path, text)
    examples_text, examples_data = "", []
    examples: tuple[Example, ...] = ()
    if examples_path is not None and step != STUDY:
        examples_text = _read(examples_path)
        examples_data = _yaml(examples_path, examples_text)
        examples = _examples(step, examples_path, examples_data)
    if not isinstance(data, dict):
        raise RecipeError(
            f"{path}:1: found {type(data).__name__}; allowed: keys system, user, few_shot_examples"
        )
    _known_keys(path, text, data, ("system", "user", "few_shot_examples"))
    if not isinstance(data.get("user"), str) or not data["user"].strip():
        raise RecipeError(
            f"{path}:{_line(text, 'user')}: key 'user' is missing or no text; it holds what is "
            "asked"
        )
    system = data.get("system")
    if not isinstance(system, str | None):
        raise RecipeError(
            f"{path}:{_line(text, 'system')}: 'system' is {type(system).__name__}; allowed: text"
        )
    inline = _inline(path, text, data.get("few_shot_examples"))
    allowed = FIELDS[step]
    _check_fields(path, text, data["user"], (*allowed, "examples"))
    _check_fields(path, text, inline.template, (*allowed, "response"))
    for field in (*allowed, "examples"):
        if system and f"{{{field}}}" in system:
            line = _line(text, f"{{{field}}}")
            raise RecipeError(
                f"{path}:{line}: field {{{field}}} in 'system'; fields are filled in 'user' only"
            )
    if "{examples}" in data["user"] and not inline.template:
        line = _line(text, "{examples}")
        raise RecipeError(
            f"{path}:{line}: {{examples}} needs few_shot_examples.template, the form of one"
        )
    return Prompt(
        name=name,
        system=(system or "").strip(),
        user=data["user"].strip(),
        inline=inline,
        examples=examples,
        hash=stable_id(data, examples_data),
        text=text,
        examples_text=examples_text,
    )


def _inline(path: Path, text: str, data: Any) -> Inline:
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
    return Inline(**{key: data.get(key, "") for key in _FEW_SHOT_KEYS})


def _examples(step: StepPrompt, path: Path, data: Any) -> tuple[Example, ...]:
    if not isinstance(data, list):
        found = "an empty file" if data is None else type(data).__name__
        raise RecipeError(
            f"{path}:1: found {found}; allowed: a list of {{user: ..., reply: ...}}, [] for none"
        )
    out = []
    for number, item in enumerate(data, start=1):
        where = f"{path}: example {number}"
        if not isinstance(item, dict) or set(item) != {"user", "reply"}:
            raise RecipeError(f"{where}: allowed: the keys user and reply; found {_keys(item)}")
        user, reply = item["user"], item["reply"]
        for part, value, allowed in (
            ("user", user, (*FIELDS[step], "classes")),
            ("reply", reply, REPLY_FIELDS[step]),
        ):
            if not isinstance(value, dict) or not set(value) <= set(allowed):
                raise RecipeError(
                    f"{where}: {part} has {_keys(value)}; allowed: {', '.join(allowed)}"
                )
            for key, held in value.items():
                if not _fits(key, held):
                    form = _FORMS.get(key, "text, a number or true/false; a date in quotes")
                    raise RecipeError(
                        f"{where}: {part}.{key} is {type(held).__name__}; allowed: {form}"
                    )
        missing = [f"reply.{key}" for key in _REQUIRED[step] if key not in reply]
        missing += [] if "question" in user else ["user.question"]
        if missing:
            raise RecipeError(f"{where}: missing {', '.join(missing)}")
        out.append(Example(user=user, reply=reply))
    return tuple(out)


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
        if name not in allowed or spec or conversion:
            shown = (
                f"{{{name}}}"
                if not (spec or conversion)
                else f"{{{name}}} with a format or conversion"
            )
            line = _line(text, f"{{{name}")
            fields = ", ".join(f"{{{field}}}" for field in allowed)
            raise RecipeError(f"{path}:{line}: unknown field {shown}; allowed: {fields}")


def _known_keys(path: Path, text: str, data: Mapping[Any, Any], allowed: tuple[str, ...]) -> None:
    for key in data:
        if key not in allowed:
            line = _line(text, f"{key}:")
            raise RecipeError(
                f"{path}:{line}: unknown key {str(key)!r}; allowed: {', '.join(allowed)}"
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
