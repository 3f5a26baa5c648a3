"""Instructions that a program can check, as the ``checks`` of a ``text`` question. Pure functions.

Each is one JSON object: the name of a checker of lm-eval's IFEval as ``id``, its arguments beside
it. A new question keeps the instructions of its seed; its writer gives the arguments anew::

    >>> limit = '"relation": "less than", "num_words": 30'
    >>> checks = ('{"id": "punctuation:no_comma"}',
    ...           f'{{"id": "length_constraints:number_words", {limit}}}')
    >>> arguments_of(checks)
    {'length_constraints:number_words': {'num_words': {'type': 'number'}}}
    >>> renewed(checks, {"length_constraints:number_words": {"num_words": 40}})[1]
    '{"id": "length_constraints:number_words", "relation": "less than", "num_words": 40}'
    >>> unsaid(checks, "Describe the sea in less than 30 words, without commas.")
    ''
    >>> unsaid(checks, "Describe the sea.")
    'the task does not say num_words 30 of length_constraints:number_words'

Whether an answer follows them is for the verifier ``ifeval`` to say, and whether the task states
them, for those who solve it: what a task does not tell them they will hardly follow.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tsdg.text import fold

_KEPT = frozenset(
    {"id", "relation", "let_relation", "capital_relation", "language", "postscript_marker"}
)
"""What stays as the seed has it, because the checkers know few values of it."""
_PATTERNS = frozenset({"keyword", "keywords", "forbidden_words", "section_spliter"})
"""Arguments that the checkers use as regular expressions."""
_SIGNS = re.compile(r"[\\^$*+?{}()|\[\]]")
_TEXT, _NUMBER = {"type": "string"}, {"type": "number"}


def arguments_of(checks: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the JSON schema of the arguments to write, for each instruction that has any."""
    out: dict[str, dict[str, Any]] = {}
    for check in map(json.loads, checks):
        fields = {name: _schema(value) for name, value in check.items() if name not in _KEPT}
        if fields:
            out[check["id"]] = fields
    return out


def _schema(value: object) -> dict[str, Any]:
    if isinstance(value, list):
        return {"type": "array", "items": _TEXT, "minItems": len(value), "maxItems": len(value)}
    return _NUMBER if isinstance(value, int) else _TEXT


def renewed(checks: Sequence[str], arguments: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the instructions of a seed with the arguments that were written for a new question."""
    given = [json.loads(check) for check in checks]
    return tuple(
        json.dumps(check | arguments.get(check["id"], {}), ensure_ascii=False) for check in given
    )


def unsaid(checks: Sequence[str], question: str) -> str:
    """Say which argument a task does not state, or no checker can take; empty where there is none.

    Numbers must stand in the task as digits, so that this can be told in every language.
    """
    told = fold(question).casefold()
    for check in map(json.loads, checks):
        for name, value in check.items():
            if name in _KEPT:
                continue
            for one in value if isinstance(value, list) else [value]:
                if detail := _flaw(check["id"], name, one) or _unsaid(check["id"], name, one, told):
                    return detail
    return ""


def _flaw(instruction: str, name: str, value: Any) -> str:
    """Why no checker can take an argument; empty where one can."""
    if not isinstance(value, str):
        whole = not isinstance(value, float) and value >= 1
        return "" if whole else f"{name} of {instruction} is no whole number from 1 on: {value}"
    plain = value.strip() and not (name in _PATTERNS and _SIGNS.search(value))
    return "" if plain else f"{name} of {instruction} is no plain text: {value[:60]!r}"


def _unsaid(instruction: str, name: str, value: Any, told: str) -> str:
    pattern = re.escape(fold(str(value)).casefold())
    if not isinstance(value, str):
        pattern = rf"(?<!\d){pattern}(?!\d)"
    said = re.search(pattern, told)
    return "" if said else f"the task does not say {name} {value} of {instruction}"
