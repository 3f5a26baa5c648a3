r"""Answers that are JSON.

Example::

    >>> from tsdg.protocols import Asked
    >>> properties = '{"city": {"type": "string"}}'
    >>> schema = f'{{"type": "object", "required": ["city"], "properties": {properties}}}'
    >>> question = "Name Peru's capital as JSON."
    >>> asked = Asked(question=question, context="", options=(), checks=(schema,))
    >>> verifier = JsonVerifier()
    >>> verifier.read('Here it is:\n```json\n{"city" : "Lima"}\n```', asked)
    '{"city":"Lima"}'
    >>> verifier.read('{"town": "Lima"}', asked) is None
    True
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from tsdg.protocols import Asked
from tsdg.records import AnswerKind
from tsdg.text import unfit
from tsdg.verify import symbolic
from tsdg.wording.fences import blocks

_LONGEST = 100_000
_LANGUAGES = ("", "json", "jsonc", "json5")


class JsonVerifier:
    """Reads one JSON value and checks it against the question's schema, if it has one.

    The schema is ``asked.checks[0]``.

    The normal form is the canonical dump: sorted keys, no spaces, whole floats as integers.
    Repeated keys, NaN and infinities are refused: another reader would read something else. So are
    texts with half a character or a control character.
    """

    kind: AnswerKind = "json"
    method: str = "vote"

    def read(self, text: str, asked: Asked) -> str | None:
        """Return the canonical JSON; None if there is none, several, or it breaks the schema."""
        if len(text) > _LONGEST:
            return None
        text = text.strip()
        fenced = [block.body for block in blocks(text) if block.language in _LANGUAGES]
        if len(fenced) > 1:
            return None
        found = _whole(fenced[0]) if fenced else _whole(text) or _inside(text)
        if found is None or (asked.checks and not symbolic.valid(found, asked.checks[0])):
            return None
        return found

    def same(self, left: str, right: str) -> bool:
        """Whether both are the same value."""
        return left == right


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key is repeated")
    return dict(pairs)


def _float(numeral: str) -> float | int:
    value = float(numeral)
    if not math.isfinite(value):
        raise ValueError("a number is out of range")
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


_DECODER = json.JSONDecoder(parse_constant=_refuse, object_pairs_hook=_pairs, parse_float=_float)


def _dump(value: object) -> str:
    if _unfit(value):
        raise ValueError("a text holds what no row may hold")
    return json.dumps(
        value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )


def _unfit(value: object) -> bool:
    """Whether a text in a JSON value holds half a character or a control character."""
    if isinstance(value, str):
        return bool(unfit(value))
    if isinstance(value, dict):
        return any(_unfit(key) or _unfit(item) for key, item in value.items())
    return isinstance(value, list) and any(map(_unfit, value))


def _whole(text: str) -> str | None:
    try:
        return _dump(_DECODER.decode(text))
    except (ValueError, RecursionError):
        return None


def _inside(text: str) -> str | None:
    """The one object or list in a text with prose around it."""
    match = re.search(r"[{\[]", text)
    if match is None:
        return None
    try:
        value, end = _DECODER.raw_decode(text, match.start())
        return None if re.search(r"[{}\[\]]", text[end:]) else _dump(value)
    except (ValueError, RecursionError):
        return None
