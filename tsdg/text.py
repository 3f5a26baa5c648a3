"""Texts in comparable form: folding, tokens, shingles, overlap, edit distance. Pure.

All of it is Unicode-aware: a normaliser that knows only ASCII turns every Chinese text into the
same empty string and so invents duplicates and leaks. Example::

    >>> normalise("  Which part of a plant takes up WATER\u00a0(H₂O)? ")
    'which part of a plant takes up water h2o'
    >>> tokens("光合作用 needs CO₂")
    ['光', '合', '作', '用', 'needs', 'co2']
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Sequence
from functools import lru_cache

# Scripts written without spaces between words: there one character is one token. Thai, Lao,
# Tibetan, Myanmar, Khmer, CJK radicals and kana, CJK ideographs with their extensions.
_UNSPACED = (
    "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
# Signs that combine with a letter, as vowels do in the scripts of India and in Thai.
_COMBINING = (
    "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0903\u093a-\u094f\u0951-\u0957\u0962\u0963"
    "\u0981-\u0983\u09bc-\u09cd\u09d7\u0a01-\u0a4d\u0a70\u0a71\u0a81-\u0a83\u0abc-\u0acd\u0b82"
    "\u0bbe-\u0bcd\u0c00-\u0c04\u0c3c-\u0c56\u0c81-\u0c83\u0cbc-\u0cd6\u0d00-\u0d03\u0d3b-\u0d57"
    "\u0d81-\u0d83\u0dca-\u0ddf\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece"
    "\u102b-\u103e\u1056-\u1059\u135d-\u135f\u17b4-\u17d3"
)
LETTER = rf"(?:[^\W\d_]|[{_COMBINING}])"
"""Pattern of one letter or combining sign of any script: ``\\w`` leaves out the latter."""
SPACED_WORD_CHARACTER = rf"(?:(?![{_UNSPACED}])\w)"
"""Pattern of a character that goes on with a word of a script that has spaces between words."""
_UNSPACED_CHARACTER = re.compile(f"[{_UNSPACED}]")
_TOKEN = re.compile(f"[{_UNSPACED}]|[^\\s{_UNSPACED}]+")
# Punctuation that carries a number: 3.5, 1,000, 3/4, 10:30, -5, .5; anywhere else it is dropped.
# Each way begins with its character, so that the search leaps from one such character to the next.
_LOOSE_PUNCTUATION = re.compile(
    "|".join(rf"{mark}(?:(?<!\d{mark})|(?!\d))" for mark in ",/:")
    + r"|\.(?:(?!\d)|(?<=[^\W\d]\.))|-(?:(?!\.?\d)|(?<=[^\W\d]-))"
)
_NUMBER_PUNCTUATION = frozenset(".,/:-")
_DASHES = {
    0x2010: "-",
    0x2011: "-",
    0x2012: "-",
    0x2013: "-",
    0x2014: " - ",
    0x2015: " - ",
    0x2212: "-",
}


# What files, Parquet readers and terminals do not take well: halves of surrogate pairs, NUL, and
# the control characters that break no line and make no space.
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_CARRIAGE = re.compile("\r\n?")


class _Folding(dict[int, str]):
    """Code point → what it folds to, filled as characters are met."""

    def __missing__(self, point: int) -> str:
        char = chr(point)
        decomposition = unicodedata.decomposition(char)
        if unicodedata.category(char) == "Cf":
            out = ""
        elif decomposition.startswith("<super>") and char.isdigit():
            out = "^" + unicodedata.normalize("NFKC", char)
        elif decomposition.startswith("<fraction>"):
            out = " " + unicodedata.normalize("NFKC", char).replace("\u2044", "/") + " "
        else:
            out = char
        self[point] = out
        return out


class _Plain(dict[int, str]):
    """Code point → itself for a letter, mark, digit, maths or currency sign; else a space."""

    def __missing__(self, point: int) -> str:
        char = chr(point)
        category = unicodedata.category(char)
        keep = (
            category[0] in "LMN"
            or category in ("Sm", "Sc")
            or char in _NUMBER_PUNCTUATION
            or char in "%^#"
        )
        out = self[point] = char if keep else " "
        return out


_FOLDING = _Folding(_DASHES)
_PLAIN = _Plain()


def unfit(text: str) -> str:
    r"""Return the first character of a text that no row may hold; empty where there is none.

    >>> unfit("a\tb\n"), unfit("\ud83d alone")
    ('', '\ud83d')
    """
    match = None if text.isprintable() else _UNFIT.search(text)
    return match[0] if match else ""


def storable(text: str) -> str:
    """Return a text as a row may hold it: valid Unicode without control characters but tab and LF.

    Anything else becomes U+FFFD, and every line end a line feed.
    """
    if text.isprintable():
        return text
    return _UNFIT.sub("\ufffd", _CARRIAGE.sub("\n", text) if "\r" in text else text)


def fold(text: str) -> str:
    """Unify encoding but not wording: NFKC, one dash, single spaces, nothing invisible.

    Full-width digits become plain ones. Superscript digits become ``^2`` and vulgar fractions
    ``1/2``, because plain NFKC would turn ``10²`` into 102 and ``2½`` into 21/2.
    """
    if text.isascii():
        return _single_spaces(text)
    return _single_spaces(
        unicodedata.normalize("NFKC", text.translate(_FOLDING)).translate(_DASHES)
    )


def _single_spaces(text: str) -> str:
    return " ".join(text.split())


def normalise(text: str) -> str:
    """Reduce a text to what two copies of it have in common: folded, without case and punctuation.

    Signs that change a number or a formula stay (``-5``, ``3.5``, ``3/4``, ``+``, ``=``, ``%``,
    ``$``, ``^``, ``#``).
    """
    plain = unicodedata.normalize("NFKC", fold(text).casefold()).translate(_PLAIN)
    if not _NUMBER_PUNCTUATION.isdisjoint(plain):
        plain = _LOOSE_PUNCTUATION.sub(" ", plain)
    return _single_spaces(plain)


def tokens(text: str) -> list[str]:
    """Return the words of the normalised text; of scripts without spaces, the characters."""
    plain = normalise(text)
    return plain.split() if plain.isascii() else _TOKEN.findall(plain)


def unspaced(text: str) -> bool:
    """Whether the text has characters of a script that is written without spaces between words."""
    return _UNSPACED_CHARACTER.search(text) is not None


def shingles(text: str, size: int = 3) -> frozenset[tuple[str, ...]]:
    """Return all runs of ``size`` tokens; a shorter text is its own only run."""
    words = tokens(text)
    if not words:
        return frozenset()
    size = min(size, len(words))
    return frozenset(zip(*(words[start:] for start in range(size)), strict=False))


def overlap(text: str, other: str) -> float:
    """Share of ``text``'s token trigrams that ``other`` has too, from 0 (also if empty) to 1.

    A text of one or two tokens counts by the runs of that length. Not symmetric: a question that
    repeats its short seed within a longer story is not a copy of it, one that consists of parts of
    its seed is.
    """
    size = min(3, len(_words(text)))
    if size == 0:
        return 0.0
    own = _runs(text, size)
    return len(own & _runs(other, size)) / len(own)


@lru_cache(maxsize=128)
def _words(text: str) -> tuple[str, ...]:
    """The tokens of a text that is compared with several others."""
    return tuple(tokens(text))


@lru_cache(maxsize=128)
def _runs(text: str, size: int) -> frozenset[tuple[str, ...]]:
    """All runs of ``size`` tokens; none of a shorter text."""
    words = _words(text)
    return frozenset(zip(*(words[start:] for start in range(size)), strict=False))


def edits_within(left: Sequence[Hashable], right: Sequence[Hashable], limit: int) -> bool:
    """Whether ``limit`` insertions, deletions or replacements make two sequences equal.

    Of a text the elements are characters, of its tokens words. Compares them as given: normalise
    texts first. Takes time proportional to length × limit (Ukkonen's band).
    """
    if abs(len(left) - len(right)) > limit:
        return False
    if left == right:
        return True
    left, right = sorted(_without_ends(left, right), key=len)
    return len(right) <= limit or _band(left, right, limit)


def _without_ends(
    left: Sequence[Hashable], right: Sequence[Hashable]
) -> tuple[Sequence[Hashable], Sequence[Hashable]]:
    """Leave out what stands at both ends: it needs no edit, and is most of two near texts."""
    shorter = min(len(left), len(right))
    start = next((i for i in range(shorter) if left[i] != right[i]), shorter)
    end = next(
        (i for i in range(shorter - start) if left[-1 - i] != right[-1 - i]), shorter - start
    )
    return left[start : len(left) - end], right[start : len(right) - end]


def _band(left: Sequence[Hashable], right: Sequence[Hashable], limit: int) -> bool:
    """Fill the band around the diagonal of the table of edits, row by row; left is no longer."""
    beyond = limit + 1
    row = [j if j <= limit else beyond for j in range(len(right) + 1)]
    for i, char in enumerate(left, start=1):
        low, high = max(1, i - limit), min(len(right), i + limit)
        above_left = row[low - 1]
        row[low - 1] = i if low == 1 and i <= limit else beyond
        best = row[low - 1]
        for j in range(low, high + 1):
            above = row[j] if j < i + limit else beyond
            cost = min(above_left + (char != right[j - 1]), above + 1, row[j - 1] + 1)
            above_left = row[j]
            row[j] = min(cost, beyond)
            best = min(best, row[j])
        if best > limit:
            return False
    return row[len(right)] <= limit
