r"""Shared by verifiers: where a reply's answer stands; words for yes, no, not, answer.

>>> list(marked("So it is 7.\nFinal answer: **12 apples**"))
['12 apples']
>>> list(marked(r"We get \boxed{\frac{1}{2}}, hence #### 0.5"))
['0.5', '\\frac{1}{2}']
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

from tsdg.text import normalise, unspaced
from tsdg.wording.marks import answer_mark, words

TAIL = 4000
"""Characters at the end of a reply in which an answer is looked for."""

_BOXES = 8
"""Boxes tried from the end: more than that unclosed ones are rubbish, and would take quadratic
time."""
_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")
_BOXED_SIGN = re.compile(r"\\boxed\s+([^\s${}\\]+)")
_HASHES = re.compile(r"####[ \t]*([^\n]+)")
_OUTER = re.compile(r"^[\s*_`\"'“”‘’«»「」『』]+|[\s*_`\"'“”‘’«»「」『』]+$")
_STOP = re.compile(r"(?<=[^.\s])(?<!\.\w)[.。．]$")


def tail(text: str) -> str:
    """Return the end of a reply; a longer one has its answer there, or none that could be found."""
    return text[-TAIL:].strip()


def bare(text: str) -> str:
    """Strip white space, Markdown emphasis, quotation marks and one full stop from both ends."""
    before = ""
    while text != before:
        before, text = text, _STOP.sub("", _OUTER.sub("", text))
    return text


def marked(text: str) -> Iterator[str]:
    r"""Yield the parts of a reply marked as its answer: surest mark first, last place first.

    Marks are ``#### 12``, ``\boxed{12}`` and ``answer: 12`` or ``the answer is 12`` in the
    languages of ``words.csv``.
    """
    text = tail(text)
    if hashes := _HASHES.findall(text):
        yield bare(hashes[-1])
    if (inner := boxed(text)) is not None:
        yield bare(inner)
    for line in reversed(text.splitlines()):
        found = [match.end() for match in answer_mark().finditer(line)]
        if found and (rest := bare(line[found[-1] :])):
            yield rest
            return


def boxed(text: str) -> str | None:
    r"""Return the content of the last closed ``\boxed{...}``, else of ``\boxed 2``, or None."""
    for match in list(_BOXED.finditer(text))[: -_BOXES - 1 : -1]:
        depth, start = 1, match.end()
        for position in range(start, len(text)):
            char = text[position]
            if text[position - 1] == "\\":
                continue
            depth += (char == "{") - (char == "}")
            if depth == 0:
                return text[start:position]
    unbraced = _BOXED_SIGN.findall(text)
    return unbraced[-1] if unbraced else None


@cache
def _negation() -> re.Pattern[str]:
    spaced = "|".join(
        re.escape(normalise(word)) for word in words("negation") if not unspaced(word)
    )
    joined = "|".join(re.escape(normalise(word)) for word in words("negation") if unspaced(word))
    return re.compile(rf"(?<!\w)(?:{spaced})(?!\w)|{joined}")


def negated(text: str) -> bool:
    """Whether a text says "not" in one of the languages of ``words.csv``."""
    return _negation().search(normalise(text)) is not None


def ends_at(text: str, position: int) -> bool:
    """Whether a word that ends at ``position`` stands alone: the text or the clause ends there."""
    rest = text[position:].lstrip()
    return not rest or unicodedata.category(rest[0])[0] == "P"
