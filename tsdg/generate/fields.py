"""What a prompt sees of a row: fields as strings, its shape, the most similar examples."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import yaml

from tsdg.generate.prompts import Example
from tsdg.generate.schemas import Shape
from tsdg.records import AnswerKind

_BLANK = re.compile(
    r"(?<![A-Za-z0-9_])_+(?![A-Za-z0-9_{\\])"
)  # not in snake_case, nor a subscript of LaTeX; Chinese has no spaces around it
_OPEN_END = re.compile(r"[\w,]\s*(?:\.{3}|…|:|-|–|—)?$")
_ASKS = re.compile(
    r"[?？؟՞፧]|[;;]$|^(?:what|which|who|whom|whose|where|when|why|how|is|are|was|were|do|does|did|can"
    r"|could|should|would|will|has|have|name|find|choose|select|identify|all of the following)\b",
    re.IGNORECASE,
)
"""What a text has that asks: a question mark of some script, or in English how it begins."""
_LISTS = frozenset(("options", "wrong_options", "classes", "closing"))


@cache
def _languages() -> Mapping[str, str]:
    text = files("tsdg.generate").joinpath("data/languages.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


@lru_cache(maxsize=1024)
def language_name(code: str) -> str:
    """Return the English name of a language, or the code itself (``eng_Latn``) if unknown."""
    names = _languages()
    return names.get(code, names.get(re.split("[-_]", code, maxsplit=1)[0].lower(), code))


def count_blanks(text: str) -> int:
    """Return how many blanks to be filled in (``_``, ``____``) a sentence has."""
    return len(_BLANK.findall(text))


def is_stem(question: str, shape: Shape) -> bool:
    """Whether a question is the beginning of a sentence that its options complete.

    >>> shape = shape_of("choice", question="", context="", options=("a", "b"), classes=False)
    >>> is_stem("Plants take up water with", shape), is_stem("Which part takes up water?", shape)
    (True, False)
    """
    text = question.rstrip()
    if not shape.options or shape.blanks or _ASKS.search(text):
        return False
    # A vowel sign ends a word of many scripts, and is a mark, no letter.
    marked = unicodedata.category(text[-1:] or " ") in ("Mc", "Mn")
    return marked or _OPEN_END.search(text) is not None


def _labels(kind: AnswerKind, options: Sequence[str], classes: bool) -> tuple[str, ...]:
    """The answers that all questions of a task have in common; empty where it has none."""
    if kind == "boolean":
        return tuple(options) or ("yes", "no")
    return tuple(options) if classes else ()


def shape_of(
    kind: AnswerKind,
    *,
    question: str,
    context: str,
    options: Sequence[str],
    classes: bool,
    checks: Sequence[str] = (),
    stand_alone: bool = False,
) -> Shape:
    """Return what a new question like this one is made of.

    Args:
        kind: its answer kind.
        question: of the row that it is like.
        context: passage of that row.
        options: of that row.
        classes: whether these are the classes of its task, which every question of it has.
        checks: of that row.
        stand_alone: the passage is inspiration only: the question comes without one, and free
            answers without a claim.
    """
    labels = _labels(kind, options, classes)
    return Shape(
        kind=kind,
        context=bool(context.strip()) and not stand_alone,
        options=0 if labels else len(options),
        labels=labels,
        blanks=0 if kind in ("code", "math") else count_blanks(question),
        claimed=not stand_alone or bool(options) or kind in ("boolean", "code", "json"),
        instructions=tuple(checks) if kind == "text" else (),
        stand_alone=stand_alone,
    )


def as_text(value: Any) -> str:
    """Return the value of a field as a prompt shows it: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def as_fields(values: Mapping[str, Any], names: Sequence[str]) -> dict[str, str]:
    """Return the fields ``names`` as strings: lists line by line, missing ones empty.

    ``problem`` is the whole item: its passage, question and options, as far as it has them.
    """
    out = {}
    for name in names:
        value = values.get(name, "")
        if isinstance(value, list | tuple):
            mark = "- " if name in _LISTS else ""
            value = "\n".join(f"{mark}{as_text(item)}" for item in value)
        out[name] = as_text(value)
    if "problem" in names and not out["problem"]:
        whole = as_fields(values, ("context", "question", "options")).values()
        out["problem"] = "\n\n".join(part for part in whole if part.strip())
    return out


def window(
    examples: Sequence[Example], kind: AnswerKind, shape: Shape, language: str, size: int, turn: int
) -> list[Example]:
    """Return ``size`` examples (fewer where there are not so many), those most like the row.

    Likeness counts the features that agree: passage, classes, instructions, number of options,
    blanks, language. Of those that are equally alike, ``turn`` picks a window of
    neighbours. So different draws see different examples, and yet there are only as many different
    beginnings of prompts as examples, which servers keep in their cache.
    """
    if not size:
        return []
    likeness = {example: _likeness(example, kind, shape, language) for example in examples}
    ranked = sorted(examples, key=lambda example: -likeness[example])
    if size >= len(ranked):
        return ranked
    best = [example for example in ranked if likeness[example] == likeness[ranked[0]]]
    if len(best) < size:
        return ranked[:size]
    return [best[(turn + step) % len(best)] for step in range(size)]


@cache
def shape_of_example(example: Example, kind: AnswerKind) -> Shape:
    """Return the shape of an example's own row, which its reply has as well."""
    user = example.user
    return shape_of(
        kind,
        question=as_text(user["question"]),
        context=as_text(user.get("context", "")),
        options=[as_text(option) for option in user.get("options", ())],
        classes=user.get("classes", False),
        checks=[as_text(check) for check in user.get("checks", ())],
    )


def _likeness(example: Example, kind: AnswerKind, shape: Shape, language: str) -> int:
    user, own = example.user, shape_of_example(example, kind)
    # A passage, classes and instructions change the form of the reply, the rest only its
    # content.
    form = 8 * (own.context == shape.context) + 8 * (bool(own.labels) == bool(shape.labels))
    form += 8 * (bool(own.instructions) == bool(shape.instructions))
    same = (own.blanks > 0) == (shape.blanks > 0)
    spoken: str = user.get("language", "en")
    return form + 4 * same + 2 * (spoken == language) + (own.options == shape.options)


Reply = Callable[[Example], str]


def shots(
    examples: Sequence[Example],
    names: Sequence[str],
    *,
    hide: Sequence[str],
    sketch: str | Reply,
    reply: Reply,
) -> list[tuple[Mapping[str, str], str]]:
    """Return fields and reply of each example, ready for :meth:`Prompt.turns`.

    Args:
        examples: in the order in which they are to be shown.
        names: the fields of the step.
        hide: fields that the real turn does not show either.
        sketch: the form of the reply, the field ``reply``: one for all, or that of each example.
        reply: renders an example's reply in the form that is asked for.
    """
    out: list[tuple[Mapping[str, str], str]] = []
    for example in examples:
        user = {key: value for key, value in example.user.items() if key not in hide}
        user["language"] = language_name(as_text(user.get("language", "en")))
        form = sketch if isinstance(sketch, str) else sketch(example)
        out.append((as_fields({**user, "reply": form}, names), reply(example)))
    return out


def json_reply(example: Example, names: Sequence[str]) -> str:
    """Return an example's reply as JSON, with only the fields in ``names``, in that order."""
    return json.dumps(
        {name: example.reply[name] for name in names if name in example.reply}, ensure_ascii=False
    )
