"""Training text and chat turns of a verified question, by variant.

Pure functions; the wording is in ``templates/``.

Three variants of one question, here without reasoning::

    answer       Question: Which part of a plant takes up water from the soil?
                 Options:
                 - the petals
                 - the roots
                 Answer: the roots
    reasoning    … how it is solved, before the answer
    context      definition and background before the question; after the answer, why each
                 other option is wrong

An option is shown and answered by its text: a record that says "B" teaches the letter, not the
answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from tsdg.records import VARIANTS, Message, Question, Solution, Variant

HERE = Path(__file__).parent
DEFAULT_LANGUAGE = "en"
"""Labels of a language that ``data/labels.yaml`` does not have are English."""

Style = Literal["labelled", "plain"]

_BACKTICKS = re.compile(r"`{3,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """One record as a model is trained on it."""

    text: str
    """For continued pretraining: all parts with their labels."""
    messages: tuple[Message, ...]
    """For fine-tuning: the question as the user's turn, the rest as the assistant's."""


def variants_of(solution: Solution, wanted: Sequence[Variant]) -> tuple[Variant, ...]:
    """Return the variants that this solution allows, in the order of ``VARIANTS``.

    ``answer`` needs nothing beyond the answer, ``reasoning`` a reasoning and ``context`` knowledge.
    """
    has = {
        "answer": True,
        "reasoning": bool(solution.reasoning.strip()),
        "context": bool(solution.knowledge.strip()),
    }
    return tuple(variant for variant in VARIANTS if variant in wanted and has[variant])


def render(question: Question, solution: Solution, variant: Variant, style: Style) -> Rendered:
    """Render one variant.

    The text of style ``plain`` is its parts with blank lines between them; the chat turns are the
    same in both. Values stand in the text as they are, without outer white space; the lines of an
    option after its first are indented. Code stands in a fence that it cannot close.
    """
    answer = (
        solution.answer.strip("\n") if question.answer_kind == "code" else solution.answer.strip()
    )
    values = {
        "labels": labels_of(question.language),
        "kind": question.answer_kind,
        "question": question.question.strip(),
        "context": question.context.strip(),
        "options": [option.strip() for option in question.options],
        "answer": answer,
        "fence": _fence(answer),
        "reasoning": solution.reasoning.strip(),
        "knowledge": solution.knowledge.strip(),
        "distractors": [
            {"option": d.option.strip(), "why_wrong": d.why_wrong.strip()}
            for d in solution.distractors
        ],
    }
    templates = _templates()
    text, user, assistant = (
        templates[name].render(values)
        for name in (f"{variant}.text", "user", f"{variant}.assistant")
    )
    if style == "plain":
        knowledge = solution.knowledge.strip() if variant == "context" else ""
        reasoning = solution.reasoning.strip() if variant != "answer" else ""
        text = "\n\n".join(part for part in (knowledge, user, reasoning, answer) if part)
    messages = (Message(role="user", content=user), Message(role="assistant", content=assistant))
    return Rendered(text=text, messages=messages)


def labels_of(language: str) -> Mapping[str, str]:
    """Return the labels of a language (``en``, ``pt-BR``, ``zh_Hans``, ``fra``); else English."""
    table = _labels()
    primary = re.split(r"[-_]", language.lower(), maxsplit=1)[0]
    primary = table["aliases"].get(primary, primary)
    labels: Mapping[str, str] = table["labels"].get(primary, table["labels"][DEFAULT_LANGUAGE])
    return labels


def _fence(code: str) -> str:
    """Backticks, at least three, that do not stand in the code."""
    return "`" * max((len(run) + 1 for run in _BACKTICKS.findall(code)), default=3)


@cache
def _labels() -> dict[str, Any]:
    table: dict[str, Any] = yaml.safe_load(
        (HERE / "data" / "labels.yaml").read_text(encoding="utf-8")
    )
    return table


@cache
def _templates() -> dict[str, Any]:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    names = [
        "user",
        *(f"{variant}.{form}" for variant in VARIANTS for form in ("text", "assistant")),
    ]
    return {name: environment.get_template(f"{name}.j2") for name in names}
