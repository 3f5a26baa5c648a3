"""Names of fields, subfields and concepts in comparable form.

Pure functions. Models name one concept in many ways; what differs in case, spaces, punctuation,
accents, number or British and American spelling has one key::

    >>> concept_key("Newton's Laws") == concept_key("newtons law")
    True
    >>> concept_key("the haemoglobins") == concept_key("Hemoglobin")
    True

A key is for comparing only. What is shown is the commonest spelling of those that share it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from tsdg.text import normalise

_ARTICLES = frozenset({"a", "an", "the"})
# British spellings at the end of a word, or in it, and what they are folded to.
_ENDS = (
    (re.compile(r"(?<=\w{3})our$"), "or"),
    (re.compile(r"(?<=\w{2})([iy])s(e|ed|ing|ation)$"), r"\1z\2"),
    (re.compile(r"(?<=\w{2})tre$"), "ter"),
    (re.compile(r"(?<=\w{3})logue$"), "log"),
)
_PARTS = (("ae", "e"), ("oe", "e"), ("sulph", "sulf"))
_LATIN_ENDS = 0x250
_POSSESSIVE = re.compile(r"['’]s\b")
_SPACE = re.compile(r"\s+")


@lru_cache(maxsize=1 << 16)
def concept_key(text: str) -> str:
    """Return what spellings of one concept share; empty where the text has no letter or digit."""
    words = normalise(_plain(_POSSESSIVE.sub("s", text))).split()
    while len(words) > 1 and words[0] in _ARTICLES:
        words = words[1:]
    return "".join(_spelling(_singular(word)) for word in words)


def tidy(text: str) -> str:
    """Return a name with single spaces, and without the full stop or quotes around it."""
    return _SPACE.sub(" ", text).strip(" .\"'“”‘’")


def _plain(text: str) -> str:
    """The text with Latin letters without their accents."""
    if text.isascii():
        return text
    return "".join(
        "".join(c for c in unicodedata.normalize("NFKD", char) if not unicodedata.combining(c))
        if ord(char) < _LATIN_ENDS
        else char
        for char in text
    )


def _singular(word: str) -> str:
    """The word without an English plural ending; a word that only looks plural loses it too."""
    if len(word) < 4 or not word.isascii() or word.endswith(("ss", "us", "is", "ics")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    return word.removesuffix("s")


def _spelling(word: str) -> str:
    for part, folded in _PARTS:
        word = word.replace(part, folded)
    for end, folded in _ENDS:
        word = end.sub(folded, word)
    return word
