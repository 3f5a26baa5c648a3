"""The words around a numeral: which name a scale, and which make it another number than it shows.

>>> scale("million people"), scale("千克"), scale("万人"), scale("apples"), scale("bn")
(1000000, 1, 10000, 1, None)
>>> says_more("at least"), says_more("apples"), says_more("two thirds of")
(True, False, True)
"""

from __future__ import annotations

import csv
import re
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from tsdg.text import fold, unspaced

_WORD = re.compile(r"[^\W\d_]+(?:['’.][^\W\d_]+)*")
_ALPHABETIC = re.compile(r"[A-Za-z\u0370-\u03ff]")
# Metric prefixes of Chinese units: a thousand grams are one kilogram, whose number is what counts.
_METRIC = re.compile(
    r"千(?=[克米瓦卡帕伏焦赫安升牛欧])|千字节|千比特|百帕|毫|厘|分米|微|纳|兆(?=[瓦赫帕欧焦])"
)
_SPACED_UNITS = frozenset("mgshlLNJWVACF")
"""Letters that stand for a unit where a space is before them: others are variables, or scales."""


@cache
def _table() -> dict[str, frozenset[str]]:
    text = (files("tsdg.verify") / "numerals.yaml").read_text(encoding="utf-8")
    data: dict[str, list[Any]] = yaml.safe_load(text)
    return {role: frozenset(fold(str(word)).casefold() for word in data[role]) for role in data}


@cache
def _units() -> frozenset[str]:
    text = (files("tsdg.verify") / "numerals.yaml").read_text(encoding="utf-8")
    return frozenset(yaml.safe_load(text)["units"])


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
    longest = next((n for n in range(min(4, len(word)), 0, -1) if word[:n] in _scales()), 0)
    if _METRIC.match(word) or not longest:
        return 1
    return _scales()[word[:longest]]


def joined_unit(letters: str) -> bool:
    """Whether letters that stand right after a numeral can only be a unit (``5kg``, not ``6t``)."""
    known = letters in _units() or letters.casefold() in _scales()
    return known or (len(letters) > 3 and letters.islower()) or not _ALPHABETIC.match(letters)


def spaced_unit(letter: str) -> bool:
    """Whether a letter that stands alone after a numeral and a space can only be a unit."""
    return letter in _SPACED_UNITS or not letter.isascii()


def is_negative(word: str) -> bool:
    """Whether a word before a numeral makes it negative."""
    return word.casefold() in _table()["negative"]


def says_more(text: str) -> bool:
    """Whether the words around a numeral say that another number is meant, or none."""
    plain = fold(text).casefold()
    words = _WORD.findall(plain)
    table = _table()
    if not table["changes"].isdisjoint(words) or not table["other"].isdisjoint(words):
        return True
    if any(word in _scales() for word in words):
        return True
    if any(word in plain for word in table["joined_before"]):
        return True
    padded = f" {' '.join(words)} "
    return any(f" {bound} " in padded for bound in table["bounds"])


def changes_at_once(after: str) -> bool:
    """Whether what stands right after a numeral makes it another one, as in 5分之3 or 3割."""
    return any(after.startswith(word) for word in _table()["joined_changes"])
