"""The words around a numeral: which name a scale, and which make it another number than it shows.

>>> scale("million people"), scale("千克"), scale("万人"), scale("apples"), scale("bn")
(1000000, 1, 10000, 1, None)
>>> says_more("at least", ""), says_more("", "apples"), says_more("", "thirds of it")
(True, False, True)
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from tsdg.text import LETTER, fold, unspaced

_LETTERS = rf"[^\W\d_]{LETTER}*"
_WORD = re.compile(rf"{_LETTERS}(?:['’.-]{_LETTERS})*")
_LAST_WORD = re.compile(rf"({_LETTERS}(?:['’.-]{_LETTERS})*)[\s.:]*$")
_ALPHABETIC = re.compile(r"[A-Za-z\u0370-\u03ff]")
# Metric prefixes of Chinese units: a thousand grams are one kilogram, whose number is what counts.
_METRIC = re.compile(
    r"千(?=[克米瓦卡帕伏焦赫安升牛欧])|千兆?字节|千兆?比特|百帕|毫|厘|分米|微|纳|兆(?=[瓦赫帕欧焦])"
)
_SPACED_UNITS = frozenset("mgshlLNJWVACF")
"""Letters that stand for a unit where a space is before them: others are variables, or scales."""
_DATE_WORDS = frozenset(("th", "st", "nd", "rd", "of", "de", "d'", "del", "di", "do", "er"))
"""What may stand between a day and its month."""
_LONGEST_JOINED = 8
"""Characters of the longest scale word of a script without spaces."""


@cache
def _data() -> dict[str, list[Any]]:
    text = (files("tsdg.verify") / "numerals.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


@cache
def _words(role: str) -> frozenset[str]:
    return frozenset(fold(str(word)).casefold() for word in _data()[role])


@cache
def _bounds() -> dict[str, tuple[list[str], ...]]:
    """First word of a bound → all its words, for each bound that begins so."""
    found: dict[str, tuple[list[str], ...]] = {}
    for phrase in sorted(_words("bounds")):
        words = _in_words(phrase)
        found[words[0]] = (*found.get(words[0], ()), words)
    return found


@cache
def _joined(role: str) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(_words(role), key=len, reverse=True))))


@cache
def _units() -> frozenset[str]:
    return frozenset(_data()["units"])


@cache
def _scales() -> dict[str, int | None]:
    table = (files("tsdg.verify") / "scales.csv").read_text(encoding="utf-8").splitlines()
    found: dict[str, int | None] = {}
    for row in csv.DictReader(table):
        word = fold(row["word"]).casefold()
        factor = int(row["factor"]) if row["factor"] else None
        found[word] = factor if found.get(word, factor) == factor else None
    return found


def scale(after: str) -> int | None:
    """Return the factor of the scale word that a text begins with: 1 for none, None if doubtful.

    Args:
        after: what follows a numeral, without the space between.
    """
    match = _WORD.match(after)
    if match is None:
        return 1
    word = match[0].casefold().rstrip(".")
    if word in _scales():
        return _scales()[word]
    if not unspaced(word[0]) and not "\uac00" <= word[0] <= "\ud7a3":
        return 1
    # In scripts without spaces the unit follows at once: 3万人.
    sizes = range(min(_LONGEST_JOINED, len(word)), 0, -1)
    longest = next((size for size in sizes if word[:size] in _scales()), 0)
    if _METRIC.match(word) or not longest:
        return 1
    return _scales()[word[:longest]]


def scale_word(after: str) -> str:
    """Return the scale word that a text begins with; empty for none."""
    match = _WORD.match(after)
    if match is None or scale(after) == 1:
        return ""
    word = match[0]
    if word.casefold() in _scales():
        return word
    sizes = range(min(_LONGEST_JOINED, len(word)), 0, -1)
    return next((word[:size] for size in sizes if word[:size].casefold() in _scales()), "")


def joined_unit(letters: str) -> bool:
    """Whether letters that stand right after a numeral can only be a unit (``5kg``, not ``6t``)."""
    known = letters in _units() or letters.casefold() in _scales()
    return known or (len(letters) > 3 and letters.islower()) or not _ALPHABETIC.match(letters)


def spaced_unit(letter: str) -> bool:
    """Whether a letter that stands alone after a numeral and a space can only be a unit."""
    return letter in _SPACED_UNITS or not letter.isascii()


def signed(before: str) -> tuple[str, bool]:
    """Return what stands before a numeral without a word that makes it negative, and whether so.

    After a word that is no verb of equality, such a word takes away, or sets a bound.

    >>> signed("it is minus "), signed("答案是负"), signed("about ")
    (('it is ', True), ('答案是', True), ('about ', False))
    >>> signed("five minus "), signed("al menos ")
    (('five minus ', False), ('al menos ', False))
    """
    match = _LAST_WORD.search(before)
    if match is None:
        return before, False
    word = match[1].casefold()
    previous = _LAST_WORD.search(before[: match.start()])
    if previous and fold(previous[1]).casefold() not in _words("before_negative"):
        return before, False
    joined = (one for one in _words("negative") if unspaced(one) and word.endswith(one))
    found = word if word in _words("negative") else next(joined, "")
    return (before[: match.end(1) - len(found)], True) if found else (before, False)


def says_more(before: str, after: str) -> bool:
    """Whether the words around a numeral say that another number is meant, or none.

    Args:
        before: what stands before it, without a word for its sign.
        after: what follows it, without its scale word.
    """
    left, right = _in_words(before), _in_words(after)
    around = fold(f"{before}\0{after}").casefold()
    return (
        any(word in _doubtful() or word in _scales() for word in (*left, *right))
        or (not around.isascii() and _joined("joined_anywhere").search(around) is not None)
        or _is_bound(left)
        or _is_bound(right)
        or bool(left and left[-1] in _words("bounds_before"))
        or _is_date(left, right)
    )


def _is_bound(words: Sequence[str]) -> bool:
    return any(
        words[place : place + len(bound)] == bound
        for place, word in enumerate(words)
        for bound in _bounds().get(word, ())
    )


@cache
def _doubtful() -> frozenset[str]:
    return _words("changes") | _words("other") | _words("negative")


def _is_date(left: Sequence[str], right: Sequence[str]) -> bool:
    if left and (left[-1] in _words("months") or left[-1] in _words("months_before")):
        return True
    following = next((word for word in right if word not in _DATE_WORDS), "")
    return following in _words("months")


def _in_words(text: str) -> list[str]:
    return _WORD.findall(fold(text).casefold())


def changes_at_once(after: str) -> bool:
    """Whether what stands right after a numeral makes it another one, as in 5分之3, 3割 or 9時."""
    if _joined("joined_clock_not").match(after):
        return False
    return bool(_joined("joined_changes").match(after) or _joined("joined_clock").match(after))
