r"""Short free answers: names, places, phrases.

Example (in the manner of an open trivia question)::

    >>> from tsdg.protocols import Asked
    >>> question = "Which sea lies between Italy and Croatia?"
    >>> asked = Asked(question=question, context="", options=(), checks=())
    >>> verifier = ShortTextVerifier()
    >>> verifier.read("The answer is: **the Adriatic Sea**.", asked)
    'the Adriatic Sea'
    >>> verifier.same("the Adriatic Sea", "Adriatic sea"), verifier.same("vitamin A", "vitamin")
    (True, False)
"""

from __future__ import annotations

import re

from tsdg.protocols import Asked, Part
from tsdg.records import AnswerKind
from tsdg.text import fold, normalise
from tsdg.verify.reading import bare, gives_up, marked
from tsdg.wording.marks import split_at_mark

_LONGEST = 300
_ARTICLES = re.compile(r"^(?:the|an|a)\s+(?=\S)|(?<=\s)the\s+(?=\S)")

_LEADING = re.compile(r"^(?:#{1,6}\s+|(?:>|=)\s+(?=[^\W\d])|[→⇒]\s*)")
_INITIALS = re.compile(r"\b(?:[^\W\d_]\.)+[^\W\d_]\b\.?")
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


class ShortTextVerifier:
    """Reads one line of text; case, punctuation and English articles make no difference.

    Only a leading ``a`` or ``an`` is an article (``vitamin A`` keeps its A), ``the`` is one
    anywhere; articles of other languages are left alone. ``U.S.`` is ``US`` and ``1,000`` is
    ``1000``. Synonyms differ: this comparison is strict, and so understates agreement.
    """

    kind: AnswerKind = "short_text"
    method: str = "vote"
    quick: tuple[Part, ...] = ("read", "same")

    def read(self, text: str, asked: Asked) -> str | None:
        """Return the answer without mark-up; None if it is empty or no short answer.

        More than 300 characters, or many lines, are no short answer.
        """
        if len(text) > 100 * _LONGEST or gives_up(text, asked):
            return None
        said = (split_at_mark(text) or ("", text))[1]
        return next(filter(None, map(_short, (*marked(text), bare(said), bare(text)))), None)

    def same(self, left: str, right: str) -> bool:
        """Whether both say the same words."""
        return _key(left) == _key(right)


def _short(part: str) -> str:
    """A part as a short answer; empty where it is none."""
    answer = _LEADING.sub("", fold(part))
    fits = len(answer) <= _LONGEST and "\n" not in part and any(map(str.isalnum, answer))
    return answer if fits else ""


def _key(answer: str) -> str:
    answer = _INITIALS.sub(lambda match: match[0].replace(".", ""), _GROUPED.sub("", fold(answer)))
    return _ARTICLES.sub("", normalise(answer)) or answer
