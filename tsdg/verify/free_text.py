r"""Free answers of any length: explanations, stories, translations.

Example::

    >>> from tsdg.protocols import Asked
    >>> asked = Asked(question="Why is the sky blue?", context="", options=(), checks=())
    >>> verifier = FreeTextVerifier()
    >>> verifier.read("  Because air scatters blue light more than red. ", asked)
    'Because air scatters blue light more than red.'
    >>> verifier.read("blue " * 400, asked) is None
    True
"""

from __future__ import annotations

from tsdg.protocols import Asked, Part
from tsdg.records import AnswerKind
from tsdg.text import normalise, shingles, tokens
from tsdg.verify.reading import shown
from tsdg.wording.refusals import refuses

_LONGEST = 20_000
_LOOP_TOKENS = 60
_LOOP_DISTINCT = 0.2


class FreeTextVerifier:
    """Reads the whole text; two are the same only where their words are.

    This is honestly weak: two good explanations of one thing are never worded alike, so a vote on
    free texts says little more than that the replies have a sound form. A judge is the right
    verifier for this kind.
    """

    kind: AnswerKind = "text"
    method: str = "vote"
    quick: tuple[Part, ...] = ("read", "same")

    def read(self, text: str, asked: Asked) -> str | None:
        """Return the trimmed text, or None where it is empty, too long or a loop.

        Too long is over 20,000 characters; a loop is at least 60 tokens of which fewer than a fifth
        of the trigrams are distinct, as models write when they do not find the end.
        """
        answer = text.strip()
        if not answer or len(answer) > _LONGEST or not any(char.isalnum() for char in answer):
            return None
        if refuses(answer, shown(asked)):
            return None
        length = len(tokens(answer))
        if length >= _LOOP_TOKENS and len(shingles(answer)) < _LOOP_DISTINCT * (length - 2):
            return None
        return answer

    def same(self, left: str, right: str) -> bool:
        """Whether both have the same words in the same order."""
        return (normalise(left) or left) == (normalise(right) or right)
