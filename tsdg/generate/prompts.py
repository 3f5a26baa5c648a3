"""Prompts: what is asked of a model, as chat turns filled with a row's fields.

:mod:`tsdg.generate.prompt_files` reads them. ``{field}`` stands for a field of the row;
``{problem}``, NeMo-Skills' name of a whole item, for passage, question and options. Two things go
beyond NeMo-Skills' format:

- A paragraph of ``user`` (what stands between blank lines) all of whose fields are empty is left
  out, so that one file serves rows with and without a passage, a topic or options.
- Examples are chat turns of their own, unless ``user`` has ``{examples}``: then they are written
  there, each through ``few_shot_examples.template``, whose ``{response}`` is the reply.
"""

from __future__ import annotations

import itertools
import string
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

from tsdg.generate.ways import Ways
from tsdg.records import AnswerKind

StepPrompt = Literal["questions", "answers", "enrich"]
STEPS: tuple[StepPrompt, ...] = get_args(StepPrompt)
STUDY: Literal["study"] = "study"
"""The prompt of the study: one for all answer kinds, without examples."""

WAYS = "ways"
"""Name of the table of ways in a prompt set."""

_SHARED = ("language", "domain", "question", "context", "options", "problem", "reply")
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Example:
    """One worked example: the fields of the user's turn and of the assistant's reply.

    Two examples are never equal, so that what is made of one can be kept by it.
    """

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
        return fill(_shared_start(self.user), fields)

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
    for paragraph, names in _paragraphs(template):
        if not names or any(fields[name].strip() for name in names):
            out.append(paragraph.format_map(fields))
    return "\n\n".join(out).strip()


@cache
def _paragraphs(template: str) -> tuple[tuple[str, frozenset[str]], ...]:
    """The paragraphs of a template, each with its fields; a run has few templates."""
    return tuple((paragraph, _names(paragraph)) for paragraph in template.split("\n\n"))


@cache
def _shared_start(template: str) -> str:
    """The first paragraphs of a template, as far as none has a field of the row alone."""
    shared = itertools.takewhile(lambda one: one[1] <= _OF_ALL, _paragraphs(template))
    return "\n\n".join(paragraph for paragraph, _ in shared)


def _names(template: str) -> frozenset[str]:
    """The fields of a template."""
    parsed = string.Formatter().parse(template)
    return frozenset(name for _, name, _, _ in parsed if name is not None)
