"""The form of replies: one JSON schema per step and answer kind.

The schemas use only ``type``, ``properties``, ``required``, ``additionalProperties``, ``items``,
``minItems``, ``maxItems`` and ``enum``, which every structured-output backend of vLLM knows.
:func:`conform` holds a reply that was not constrained to the same schema, and forgives what a
careful reader would: a number given as a string, or a string as a number, or "3, undergraduate" for
a 3.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tsdg.generate.instructions import arguments_of
from tsdg.records import AnswerKind, Reason
from tsdg.text import fold, storable

Schema = dict[str, Any]

_STRING: Schema = {"type": "string"}
_OBJECT: Schema = {"type": "object"}
_NUMBER: Schema = {"type": "number"}

_DIGITS = 60
"""Of the longest number: a longer one is a model that loops, and Python's own limits are near."""
_LARGEST = 10**_DIGITS
_POINTED = re.compile(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_COMMAED = re.compile(r"-?(?:\d{1,3}(?:\.\d{3})+|\d+),\d+")
_PLAIN = re.compile(r"-?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d{1,2})?", re.ASCII)

MIN_CHECKS = 3
MAX_CHECKS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """Why something that a model wrote cannot be used."""

    reason: Reason
    detail: str
    """One line for a person; of what a model wrote, what no row may hold becomes U+FFFD."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "detail", storable(self.detail))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a question of one seed is made of."""

    kind: AnswerKind
    context: bool
    """Whether it stands on a passage."""
    options: int
    """How many options are to be written; 0 where there are none or they are fixed."""
    labels: tuple[str, ...]
    """The fixed options of the task, e.g. yes, no and maybe; empty where there are none."""
    blanks: int
    """Blanks (``_``) in the question's sentence."""
    claimed: bool
    """Whether its writer gives an answer to it."""
    instructions: tuple[str, ...] = ()
    """What a program checks its answer for, of the row that it is like; see
    :mod:`tsdg.generate.instructions`."""
    stand_alone: bool = False
    """Whether the passage of the row that it is like is inspiration only."""


def _object(properties: Mapping[str, Schema]) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _array(items: Schema, low: int, high: int) -> Schema:
    return {"type": "array", "items": items, "minItems": low, "maxItems": high}


def _enum(values: Sequence[str]) -> Schema:
    return {"type": "string", "enum": list(values)}


def question_schema(shape: Shape, plan: Mapping[str, Schema]) -> Schema:
    """Return the schema of a new question of this shape, fields in the order of writing.

    Args:
        shape: of the question.
        plan: fields that come first.
    """
    fields: dict[str, Schema] = dict(plan)
    if shape.context:
        fields["context"] = _STRING
    fields["question"] = _STRING
    if shape.kind == "code":
        fields["checks"] = _array(_STRING, MIN_CHECKS, MAX_CHECKS)
    if shape.kind == "json":
        fields["schema"] = _OBJECT
    arguments = arguments_of(shape.instructions)
    if arguments:
        fields["rules"] = _object({name: _object(inner) for name, inner in arguments.items()})
    if shape.labels:
        fields["answer"] = _enum(shape.labels)
    elif shape.claimed:
        fields["answer"] = {"number": _NUMBER, "json": _OBJECT}.get(shape.kind, _STRING)
    if shape.options:
        # Right and wrong options apart: so the answer is one of the options by construction.
        fields["distractors"] = _array(_STRING, shape.options - 1, shape.options - 1)
    return _object(fields)


def answer_schema(
    kind: AnswerKind, *, options: Sequence[str], checks: Sequence[str], reasoning: bool
) -> Schema:
    """Return the schema of a solution.

    Args:
        kind: answer kind of the question.
        options: texts to choose among; empty where the answer is free.
        checks: the question's own; for ``json`` the first is the schema of the answer.
        reasoning: whether the reply gives its reasoning before the answer.
    """
    if options:
        answer = _enum(options)
    elif kind == "json" and checks:
        answer = json.loads(checks[0])
    else:
        answer = {"number": _NUMBER, "json": _OBJECT}.get(kind, _STRING)
    return _object({"reasoning": _STRING, "answer": answer} if reasoning else {"answer": answer})


def enrich_schema(wrong_options: Sequence[str], *, reasoning: bool) -> Schema:
    """Return the enrichment's schema: definition, background, reasoning, wrong options."""
    fields: dict[str, Schema] = {"definition": _STRING, "background": _STRING}
    if reasoning:
        fields["reasoning"] = _STRING
    if wrong_options:
        fields["why_wrong"] = _object(dict.fromkeys(wrong_options, _STRING))
    return _object(fields)


def response_format(name: str, schema: Schema) -> dict[str, Any]:
    """Return a chat request's ``response_format`` that constrains the reply to ``schema``."""
    return {"type": "json_schema", "json_schema": {"name": name, "schema": schema}}


def sketch(schema: Schema) -> str:
    """Draw a schema as the JSON that is to be written, with dots for every value.

    >>> sketch(answer_schema("number", options=(), checks=(), reasoning=True))
    '{"reasoning": "...", "answer": ...}'
    """
    if schema.get("type") == "string":
        return '"..."'
    if schema.get("type") == "array":
        return "[" + ", ".join([sketch(schema["items"])] * schema["minItems"]) + "]"
    if schema.get("properties"):
        inner = ", ".join(
            f"{json.dumps(k, ensure_ascii=False)}: {sketch(v)}"
            for k, v in schema["properties"].items()
        )
        return "{" + inner + "}"
    return "{...}" if schema.get("type") == "object" else "..."


def conform(value: Any, schema: Schema, where: str = "reply") -> Any:
    """Cast scalars to the schema's types and drop unknown keys, or return the flaw.

    Only the keywords that the schemas of this module use are looked at; the answer's own schema of
    a ``json`` question is its verifier's business.
    """
    kind = schema.get("type")
    if kind == "string":
        return _string(value, schema, where)
    if kind == "number":
        return _number(value, where)
    if kind == "integer" and "enum" in schema:
        return _choice_of_numbers(value, schema["enum"], where)
    if kind == "boolean" and "enum" in schema:
        return _boolean(value, where)
    if kind == "array":
        return _list(value, schema, where)
    if kind == "object":
        return _mapping(value, schema, where)
    return value


def _mapping(value: Any, schema: Schema, where: str) -> Any:
    if not isinstance(value, dict):
        return _wrong(where, "an object", value)
    return _members(value, schema, where) if schema.get("additionalProperties") is False else value


def _wrong(where: str, wanted: str, found: Any) -> Flaw:
    shown = json.dumps(_short(found), ensure_ascii=False, default=str)
    return Flaw(reason="bad_schema", detail=f"{where} is not {wanted}: {shown[:80]}")


def _short(value: Any) -> Any:
    """A value that can be shown: Python writes no integer of more than 4,300 digits."""
    if isinstance(value, int) and abs(value) > _LARGEST:
        return "a number without end"
    return value if not isinstance(value, str) else value[:100]


def _string(value: Any, schema: Schema, where: str) -> str | Flaw:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = value if isinstance(held := _number(value, where), Flaw) else str(held)
    if not isinstance(value, str):
        return _wrong(where, "a string", value)
    text = value.strip()
    allowed: list[str] = schema.get("enum", [text])
    if text in allowed:
        return text
    for option in allowed:
        if option.strip().casefold() == text.casefold():
            return option
    return _wrong(where, "one of the allowed texts", text)


def _number(value: Any, where: str) -> int | float | Flaw:
    if isinstance(value, str):
        value = _numeral(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _wrong(where, "a number", value)
    if not -_LARGEST < value < _LARGEST:  # infinite and undefined ones too
        return Flaw(
            reason="bad_schema", detail=f"{where} is not a number of at most {_DIGITS} digits"
        )
    return value


def _choice_of_numbers(value: Any, allowed: Sequence[int], where: str) -> int | Flaw:
    """The first whole number of a text, as in "3 (undergraduate)", or the number that it is."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(_short(value)) if not isinstance(value, bool) else ""
    found = re.search(r"(?<!\d)-?\d{1,9}(?!\d)", text)
    if found is None or int(found.group()) not in allowed:
        return _wrong(where, f"a whole number from {min(allowed)} to {max(allowed)}", value)
    return int(found.group())


def _boolean(value: Any, where: str) -> bool | Flaw:
    said = str(value).strip().casefold()
    if said not in ("true", "false", "yes", "no"):
        return _wrong(where, "true or false", value)
    return said in ("true", "yes")


def _numeral(text: str) -> int | float | str:
    """Read a number that was given as a string; return it as it is where that is not certain.

    Separators group thousands where they can: ``1,234`` is a thousand and more, ``1,5`` one and a
    half, ``1.234,5`` both.
    """
    plain = fold(text).strip("$€£¥₹ ").removeprefix("+")
    if _POINTED.fullmatch(plain):
        plain = plain.replace(",", "")
    elif _COMMAED.fullmatch(plain):
        plain = plain.replace(".", "").replace(",", ".")
    if len(plain) > _DIGITS or not _PLAIN.fullmatch(plain):
        return text
    return int(plain) if plain.lstrip("-").isdecimal() else float(plain)


def _list(value: Any, schema: Schema, where: str) -> list[Any] | Flaw:
    low, high = schema["minItems"], schema["maxItems"]
    if not isinstance(value, list) or not low <= len(value) <= high:
        return _wrong(where, f"a list of {low}" + (f" to {high}" if high != low else ""), value)
    out = []
    for index, item in enumerate(value):
        held = conform(item, schema["items"], f"{where}[{index}]")
        if isinstance(held, Flaw):
            return held
        out.append(held)
    return out


def _members(value: dict[str, Any], schema: Schema, where: str) -> dict[str, Any] | Flaw:
    out: dict[str, Any] = {}
    for name, inner in schema["properties"].items():
        if name not in value:
            return Flaw(reason="bad_schema", detail=f"{where} has no {name!r}")
        held = conform(value[name], inner, name)
        if isinstance(held, Flaw):
            return held
        out[name] = held
    return out
