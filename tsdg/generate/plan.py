"""The plan: the first fields of a reply, which the writer settles before it writes the question.

They make the model think first, at some 80 tokens. Later they say what is known about the question:
its skill, subject and difficulty.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from tsdg.generate.schemas import Flaw, Schema
from tsdg.generate.ways import Way
from tsdg.records import NO_PLAN, Plan
from tsdg.text import normalise

HARDEST = 5
MAX_TEXT = 1_000  # characters of one field; more is a model that lost its way
MAX_SUBJECT = 300
_STRING: Schema = {"type": "string"}
_DIFFICULTY: Schema = {"type": "integer", "enum": list(range(1, HARDEST + 1))}
_INVENTED: Schema = {"type": "boolean", "enum": [True, False]}
_SEPARATOR = re.compile(r"\s*(?:>+|→|»|›)\s*")
_CLAUSES = re.compile(r"[.;:,()\n–—]+|\s-\s|\band\b")


def plan_fields(*, passage: bool) -> dict[str, Schema]:
    """Return the fields of a plan in the order in which they are to be written.

    Args:
        passage: whether the new question comes with a passage, of which ``invented`` speaks.
    """
    fields: dict[str, Schema] = {
        "skill": _STRING,
        "subject": _STRING,
        "difficulty": _DIFFICULTY,
        "flaw": _STRING,
        "frame": _STRING,
        "new_subject": _STRING,
        "new_difficulty": _DIFFICULTY,
    }
    return fields | {"invented": _INVENTED} if passage else fields


def read_plan(found: Mapping[str, Any], way: Way | None) -> Plan | Flaw:
    """Return the plan that a reply holds; ``NO_PLAN`` where none was asked for.

    Args:
        found: the reply, held to the schema.
        way: the drawn way; None where no plan was asked for.
    """
    if way is None:
        return NO_PLAN
    for name, most in (
        ("skill", MAX_TEXT),
        ("frame", MAX_TEXT),
        ("subject", MAX_SUBJECT),
        ("new_subject", MAX_SUBJECT),
    ):
        if len(found[name]) > most:
            return Flaw(
                reason="bad_format", detail=f"the plan's {name} has {len(found[name])} characters"
            )
    field, subfield, concept = subject_parts(found["new_subject"])
    if not normalise(found["skill"]) or not normalise(field):
        return Flaw(reason="bad_format", detail="the plan names no skill or no new subject")
    return Plan(
        skill=_line(found["skill"]),
        seed_subject=" > ".join(part for part in subject_parts(found["subject"]) if part),
        seed_difficulty=found["difficulty"],
        frame=_line(found["frame"]),
        field=field,
        subfield=subfield,
        concept=concept,
        difficulty=found["new_difficulty"],
        way=way.name,
        invented=found.get("invented", False),
    )


def subject_parts(text: str) -> tuple[str, str, str]:
    """Split ``field > subfield > concept``.

    What is missing is empty, what is more goes to the concept.

    >>> subject_parts("medicine > cardiology > heart failure > diuretics")
    ('medicine', 'cardiology', 'heart failure, diuretics')
    >>> subject_parts("Arithmetic")
    ('Arithmetic', '', '')
    """
    parts = [_line(part).strip(" \"'.") for part in _SEPARATOR.split(text)]
    parts = [part for part in parts if part]
    field, subfield, *concept = [*parts, "", ""]
    return field, subfield, ", ".join(part for part in concept if part)


def doubt(found: Mapping[str, Any]) -> str:
    """Return why the writer finds the seed's own answer doubtful; empty where it does not.

    Writers say in many ways that they see no flaw: each clause of such a text says so.

    >>> doubt({"flaw": "None; the answer is correct."}), doubt({"flaw": "N/A"})
    ('', '')
    >>> doubt({"flaw": "No option is right: the boiling point falls."})
    'No option is right: the boiling point falls.'
    """
    said = _line(str(found.get("flaw", "")))
    clauses = (normalise(clause).split() for clause in _CLAUSES.split(said))
    return "" if all(map(_is_assent, filter(None, clauses))) else said[:MAX_SUBJECT]


def _is_assent(words: Sequence[str]) -> bool:
    """Whether the words of a clause say that nothing is wrong."""
    known, said = _words(), set(words)
    if said & known["not"]:
        return said <= known["not"] | known["bad"] | known["neutral"]
    return bool(said & known["good"]) and said <= known["good"] | known["neutral"]


@cache
def _words() -> Mapping[str, frozenset[str]]:
    text = files("tsdg.generate").joinpath("data/doubt.yaml").read_text(encoding="utf-8")
    return {
        key: frozenset(word for name in words for word in normalise(name).split())
        for key, words in yaml.safe_load(text).items()
    }


def _line(text: str) -> str:
    return " ".join(text.split())
