"""Training text and chat turns of a verified question, by variant.

Pure functions; the wording is in ``templates/``.

Three variants of one question, here without reasoning::

    answer       Question: Which part of a plant takes up water from the soil?
                 Options:
                 - the petals
                 - the roots
                 Answer: the roots
    reasoning    … how it is solved, before the answer
    enriched     definition and background after the question (or before it, by
                 ``package.knowledge``), and why each other option is wrong

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

from tsdg.records import VARIANTS, Message, Question, Record, Solution, Variant
from tsdg.rowform import stable_id

HERE = Path(__file__).parent
DEFAULT_LANGUAGE = "en"
"""Labels of a language that ``data/labels.yaml`` does not have are English."""

Style = Literal["labelled", "plain"]
Place = Literal["after", "before", "both"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How records are worded; see :class:`~tsdg.config.recipe.PackageConfig`."""

    style: Style
    knowledge: Place
    """Where definition and background stand: after the question, before it, or drawn by its id."""
    think: bool
    """Whether the reasoning is the assistant's ``reasoning_content`` in place of its content."""


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

    ``answer`` needs nothing beyond the answer, ``reasoning`` a reasoning, ``enriched`` knowledge.
    """
    has = {
        "answer": True,
        "reasoning": bool(solution.reasoning.strip()),
        "enriched": bool(solution.knowledge.strip()),
    }
    return tuple(variant for variant in VARIANTS if variant in wanted and has[variant])


def render(question: Question, solution: Solution, variant: Variant, wording: Wording) -> Rendered:
    """Render one variant: its parts with blank lines between them, the answer last.

    Of style ``plain`` the text has no labels; the chat turns are the same in both. Values stand in
    the text as they are, without outer white space; the lines of an option after its first are
    indented. Code stands in a fence that it cannot close.
    """
    return _rendered(question, solution, variant, wording)


def render_record(record: Record, wording: Wording) -> Rendered:
    """Render a record in another wording than it has; of its own wording it is what it is."""
    return _rendered(record, record, record.variant, wording)


def user_turn(question: Question) -> str:
    """What the user's turn says of a question, without knowledge before it."""
    return _asked(question).joined("user")


def _rendered(
    question: Question | Record, solution: Solution | Record, variant: Variant, wording: Wording
) -> Rendered:
    parts = _asked(question, _told(question, solution, variant))
    given = ("knowledge",) if _stands_before(question.question_id, wording.knowledge) else ()
    recalled = () if given else ("knowledge",)
    if wording.style == "plain":
        asked = (*(f"{name}_alone" for name in given), "user")
        told = (*(f"{name}_alone" for name in recalled), "reasoning_alone", "answer_alone")
        text = parts.joined(*asked, *told)
    else:
        text = parts.joined(*given, "asked", *recalled, "reasoning", "distractors", "answer")
    return Rendered(
        text=text,
        messages=_messages(
            parts, "" if variant == "answer" else solution.trace.strip(), wording, given, recalled
        ),
    )


_NOTHING: Mapping[str, Any] = {
    "answer": "",
    "fence": "```",
    "reasoning": "",
    "knowledge": "",
    "distractors": (),
}


def _asked(question: Question | Record, told: Mapping[str, Any] = _NOTHING) -> _Parts:
    """The parts of a question, and what is told about it."""
    return _parts(
        {
            "labels": labels_of(question.language),
            "kind": question.answer_kind,
            "question": question.question.strip(),
            "context": question.context.strip(),
            "options": [option.strip() for option in question.options],
            **told,
        }
    )


def _told(
    question: Question | Record, solution: Solution | Record, variant: Variant
) -> dict[str, Any]:
    """What a variant tells: the answer, and reasoning, knowledge, wrong options as it has them."""
    answer = (
        solution.answer.strip("\n") if question.answer_kind == "code" else solution.answer.strip()
    )
    distractors = [
        {"option": d.option.strip(), "why_wrong": d.why_wrong.strip()} for d in solution.distractors
    ]
    return {
        "answer": answer,
        "fence": _fence(answer),
        "reasoning": solution.reasoning.strip() if variant != "answer" else "",
        "knowledge": solution.knowledge.strip() if variant == "enriched" else "",
        "distractors": distractors if variant == "enriched" else [],
    }


def _messages(
    parts: _Parts, trace: str, wording: Wording, given: Sequence[str], recalled: Sequence[str]
) -> tuple[Message, ...]:
    """The chat turns; with ``think`` the trace, else the reasoning, is the thought.

    Reasoning alone needs no label; beside knowledge both have theirs, so that one can tell them
    apart.
    """
    thought = (trace or parts.texts["reasoning_alone"]) if wording.think else ""
    solved = "reasoning" if parts.joined(*recalled) else "reasoning_alone"
    said = () if thought and not trace else (solved,)
    before = parts.joined(*recalled, *said, "distractors")
    last = parts.joined("answer" if before else "answer_value")
    return (
        Message(
            role="user",
            content=parts.joined(*given, "user"),
            reasoning_content=None,
        ),
        Message(
            role="assistant",
            content=f"{before}\n\n{last}" if before else last,
            reasoning_content=thought or None,
        ),
    )


def _stands_before(question_id: str, place: Place) -> bool:
    """Whether the knowledge of a question stands before it; of ``both``, in every other one."""
    drawn = int(stable_id("knowledge", question_id), 16) % 2 == 0
    return place == "before" or (place == "both" and drawn)


@dataclass(frozen=True, slots=True)
class _Parts:
    """The parts of one record, by name; those that it does not have are empty."""

    texts: Mapping[str, str]

    def joined(self, *names: str) -> str:
        """Those of these parts that there are, with blank lines between them."""
        return "\n\n".join(text for name in names if (text := self.texts[name]))


def _parts(values: Mapping[str, Any]) -> _Parts:
    module = _template().make_module(dict(values))

    def labelled(name: str, label: str) -> str:
        return str(module.field(values["labels"][label], values[name])) if values[name] else ""

    return _Parts(
        {
            "asked": str(module.question_part()).strip("\n"),
            "user": str(module.user_part()).strip("\n"),
            "knowledge": labelled("knowledge", "background").strip("\n"),
            "knowledge_alone": values["knowledge"],
            "reasoning": labelled("reasoning", "reasoning").strip("\n"),
            "reasoning_alone": values["reasoning"],
            "distractors": str(module.distractor_part()).strip("\n")
            if values["distractors"]
            else "",
            "answer": str(module.answer_part()).strip("\n"),
            "answer_value": str(module.answer_value()).strip("\n"),
            "answer_alone": values["answer"],
        }
    )


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
def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    return environment.get_template("parts.j2")
