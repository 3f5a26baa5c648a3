r"""Backslashes that a model forgot to double, put right where there is no doubt.

In JSON a model has to write ``"\\frac{3}{4}"`` and often writes ``"\frac{3}{4}"``: valid JSON of a
form feed and ``rac{3}{4}``, which no check of structure sees. Other letters (``\sqrt``, ``\(``)
make it invalid JSON::

    >>> print(mended(r'{"question": "Is $\frac{3}{4} \times \sqrt{2} \ne 1$?\nSay why."}'))
    {"question": "Is $\\frac{3}{4} \\times \\sqrt{2} \\ne 1$?\nSay why."}

What could be a line break or a tab as well becomes :data:`DOUBT`, a control character that no text
of a row may hold, so that whoever checks for these refuses it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal

import yaml

DOUBT = "\x1a"
"""Stands for a backslash and a letter that may mean two things (SUBSTITUTE)."""

# An unclosed one is matched too: a text of quotation marks must not cost quadratic time.
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|[bfnrt][A-Za-z]*|.)", re.DOTALL)
_DELIMITER = re.compile(r"(\\*)(\$\$?|[()\[\]])")
_CODE = re.compile(
    r"\bdef \w+\s*\(|\bclass \w+\s*[:(]|^\"\s*assert\b|\bimport \w+|```|\bprint\(|#include"
    r"|;\\n|[:{]\\n(?:\\t|  )"
)
_FORMULA = re.compile(r"[\^=$]|\\\\[A-Za-z(\[]|\w_\w\b|\\[fb][a-z]")
# A new line is likely after these: the start of a display, the end of a row, another line.
_LINE_START = re.compile(r"(?:\$\$|\\\[|\\\\|\\n|\})\s*$")
_EATEN = re.compile(r"([\x08\x0c\r\t])([A-Za-z]+)")
_LETTER = {"\x08": "b", "\x0c": "f", "\r": "r", "\t": "t"}
_LETTERS = re.compile(r"[A-Za-z]+")
_OPENED = re.compile(r"\\(begin|end)\{")
_MOST_OPENED = 100
_ARGUMENT = frozenset(("text", "tag"))

Place = Literal["", "inline", "display"]


@cache
def _commands() -> tuple[frozenset[str], frozenset[str]]:
    text = files("tsdg.wording").joinpath("latex.yaml").read_text(encoding="utf-8")
    table: dict[str, str] = yaml.safe_load(text)
    return frozenset(table["commands"].split()), frozenset(table["words"].split())


def mended(json_text: str) -> str:
    """Return a text with JSON in it whose string literals escape every backslash that is one."""
    if "\\" not in json_text:
        return json_text
    return _STRING.sub(lambda match: _literal(match[0]), json_text)


def restored(text: str) -> str:
    r"""Return a text in which commands that were taken for control characters are commands again.

    For what was decoded elsewhere: a form feed and ``rac``, a tab and ``heta``.
    """
    if not text.isprintable():
        text = _EATEN.sub(_restored, text)
    return text


def _restored(match: re.Match[str]) -> str:
    command = _LETTER[match[1]] + match[2]
    return f"\\{command}" if command in _commands()[0] else match[0]


def _literal(literal: str) -> str:
    if "\\" not in literal:
        return literal
    return _ESCAPE.sub(lambda match: _escape(match, literal), literal)


def _escape(match: re.Match[str], literal: str) -> str:
    escape = match[0]
    first = escape[1]
    if first == "\\":
        return escape * 2 if _ends_row(match, literal) else escape
    if first in '"/' or (first == "u" and len(escape) > 2):
        return escape
    if first == "'":
        return "'"
    if first not in "bfnrt":
        return f"\\{escape}"
    surely, perhaps = _commands()
    command = escape[1:]
    if first in "bfr":
        return f"\\{escape}" if command in surely else escape
    if command in surely:
        code = _is_code(literal) and not _place(literal, match.start())
        return escape if code else f"\\{escape}"
    if command in perhaps:
        return _perhaps(command, match, literal)
    return escape


@lru_cache(maxsize=16)
def _doubled(literal: str) -> frozenset[str]:
    """The words that stand after a backslash that is doubled."""
    ends = (match.end() for match in _ESCAPE.finditer(literal) if match[0] == "\\\\")
    return frozenset(word[0] for end in ends if (word := _LETTERS.match(literal, end)))


def _has_doubled(literal: str) -> bool:
    return any(len(word) > 1 for word in _doubled(literal))


def _ends_row(match: re.Match[str], literal: str) -> bool:
    """Whether two backslashes are two, and end a row, as no other of the literal is doubled."""
    if not _sloppy(literal) or not _doubled(literal).isdisjoint(frozenset.union(*_commands())):
        return False
    beside = literal[match.end() : match.end() + 2], literal[match.start() - 2 : match.start()]
    return "\\\\" not in beside and _place(literal, match.start()) == "display"


@lru_cache(maxsize=16)
def _has_formula(literal: str) -> bool:
    return _FORMULA.search(literal) is not None


@lru_cache(maxsize=16)
def _is_code(literal: str) -> bool:
    return _CODE.search(literal) is not None


def _perhaps(command: str, match: re.Match[str], literal: str) -> str:
    """Decide on what may be a command, or a line break or tab before a word."""
    repaired, kept, doubt = f"\\{match[0]}", match[0], f"\\u{ord(DOUBT):04x}{command[1:]}"
    before, after = literal[: match.start()], literal[match.end() :]
    sloppy = _sloppy(literal)
    if not sloppy and _has_doubled(literal):
        return kept  # who doubles the backslashes of other commands means what is written
    if command in _ARGUMENT and after.startswith("{"):
        return repaired
    place = _place(literal, match.start())
    if place == "inline":
        return repaired
    if place == "display":
        return doubt if _LINE_START.search(before[-40:]) else repaired
    if _is_code(literal):
        return kept
    if sloppy:
        return repaired if before.endswith((" ", '"')) else doubt
    if before == '"' and command.startswith("n"):
        return repaired  # no text begins with a line break
    return doubt if _is_doubtful(command, before, literal) else kept


def _is_doubtful(command: str, before: str, literal: str) -> bool:
    """Whether what stands outside of mathematics may be a command all the same."""
    if command.startswith("n"):
        return _has_formula(literal)
    # A tab stands at the start of a line, or between columns.
    starts = before.endswith(('"', "\\n", "\\t"))
    return not starts and (before.endswith(" ") or _has_formula(literal))


@lru_cache(maxsize=16)
def _sloppy(literal: str) -> bool:
    """Whether a literal has commands whose backslashes are surely not doubled."""
    return any(
        escape[1] not in "\"\\/bfnrtu'" or escape == "\\u" or escape[1:] in _commands()[0]
        for escape in (match[0] for match in _ESCAPE.finditer(literal))
    )


def _place(literal: str, position: int) -> Place:
    """Whether a position of a string literal is inside mathematics."""
    places, states, opened = _mathematics(literal)
    number = bisect_left(places, position)
    state = states[number - 1] if number else ""
    if state in ("$", "$$") and literal.rfind(state) < position:
        state = ""  # it is never closed
    if state in ("$$", "["):
        return "display"
    depth = sum(step for place, step in opened if place < position)
    return "display" if depth > 0 else "inline" if state else ""


@lru_cache(maxsize=16)
def _mathematics(
    literal: str,
) -> tuple[tuple[int, ...], tuple[str, ...], tuple[tuple[int, int], ...]]:
    """Where delimiters of mathematics stand, what is open after each, and the environments."""
    places, states, state = [], [], ""
    for match in _DELIMITER.finditer(literal):
        slashes, mark = len(match[1]), match[2]
        if mark[0] == "$":
            if slashes not in (1, 2):  # \$ is money
                state = mark if not state else ""
        elif slashes in (1, 2) and (mark in "([" or state == {")": "(", "]": "["}[mark]):
            state = mark if mark in "([" else ""
        places.append(match.start())
        states.append(state)
    opened = tuple(
        (match.start(), 1 if match[1] == "begin" else -1) for match in _OPENED.finditer(literal)
    )
    return tuple(places), tuple(states), opened[:_MOST_OPENED]
