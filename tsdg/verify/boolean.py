r"""Answers that are yes or no, true or false.

Example::

    >>> from tsdg.protocols import Asked
    >>> asked = Asked(question="Is water denser than ice?", context="", options=(), checks=())
    >>> verifier = BooleanVerifier()
    >>> replies = "Yes, because ice floats.", "是的", "Answer: True", "It is not true"
    >>> [verifier.read(text, asked) for text in replies]
    ['yes', '是的', 'true', None]
    >>> verifier.same("yes", "true"), verifier.same("yes", "否")
    (True, False)
"""

from __future__ import annotations

from functools import cache

from tsdg.protocols import Asked, Part
from tsdg.records import AnswerKind
from tsdg.text import fold, tokens
from tsdg.verify.choice import ChoiceVerifier
from tsdg.verify.reading import bare, ends_at, marked, negated, tail
from tsdg.wording.marks import words

_SHORT = 200
_PLAIN_WORDS = frozenset({"yes", "no", "true", "false"})


class BooleanVerifier:
    """Reads yes or no in the languages of ``words.csv`` and compares their truth.

    The normal form is the word as the sample said it; of a question with options, the option's
    text.
    """

    kind: AnswerKind = "boolean"
    method: str = "vote"
    quick: tuple[Part, ...] = ("read", "same")

    def read(self, text: str, asked: Asked) -> str | None:
        """Return the word that answers; None if there is none, or it is not clear.

        Two different words, or a negation nearby, are not clear.
        """
        text = tail(text)
        if not text:
            return None
        if asked.options:
            return _option(text, asked)
        for part in (bare(text.splitlines()[0]), *marked(text)):
            if word := _leading(part):
                return word
        return _only(text)

    def same(self, left: str, right: str) -> bool:
        """Whether both mean yes, both mean no, or both are the same option."""
        truth = _truth().get(fold(left).casefold())
        if truth is None:
            return fold(left) == fold(right)
        return truth == _truth().get(fold(right).casefold())


@cache
def _truth() -> dict[str, bool]:
    return dict.fromkeys(words("yes"), True) | dict.fromkeys(words("no"), False)


@cache
def _by_length() -> tuple[str, ...]:
    return tuple(sorted(_truth(), key=lambda word: (-len(word), word)))


def _leading(part: str) -> str | None:
    """The yes or no that a part begins with, if the clause ends after it."""
    part = fold(bare(part)).casefold()
    return next(
        (w for w in _by_length() if part.startswith(w) and ends_at(bare(part[len(w) :]), 0)), None
    )


def _only(text: str) -> str | None:
    """The one English yes, no, true or false of a short text without "not"."""
    if len(text) > _SHORT or negated(text):
        return None
    found = _PLAIN_WORDS.intersection(tokens(text))
    return next(iter(found)) if len(found) == 1 else None


def _option(text: str, asked: Asked) -> str | None:
    picked = ChoiceVerifier().read(text, asked)
    if picked is not None:
        return picked
    plain = Asked(question=asked.question, context=asked.context, options=(), checks=asked.checks)
    word = BooleanVerifier().read(text, plain)
    if word is None:
        return None
    matching = [
        option
        for option in asked.options
        if _truth().get(fold(option).casefold()) == _truth()[word]
    ]
    return matching[0] if len(matching) == 1 else None
