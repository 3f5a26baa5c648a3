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
                where = f"{name} {one} of {check['id']}"
                if isinstance(one, str) and (
                    not one.strip() or (name in _PATTERNS and _SIGNS.search(one))
                ):
                    return f"{name} of {check['id']} is no plain text: {one[:60]!r}"
                if not isinstance(one, str) and (isinstance(one, float) or one < 1):
                    return f"{name} of {check['id']} is no whole number from 1 on: {one}"
                shown = re.escape(fold(str(one)).casefold())
                if not re.search(shown if isinstance(one, str) else rf"(?<!\d){shown}(?!\d)", told):
                    return f"the task does not say {where}"
    return ""
