r"""Mathematical expressions: fractions, roots, intervals, sets, equations, matrices.

Example (in the manner of a competition problem)::

    >>> from tsdg.protocols import Asked
    >>> asked = Asked(question="Solve $4x^2 = 3$ for $x > 0$.", context="", options=(), checks=())
    >>> verifier = MathVerifier()
    >>> verifier.read(r"Thus $x^2 = \frac34$ and $x = \boxed{\frac{\sqrt{3}}{2}}$.", asked)
    '\\frac{\\sqrt{3}}{2}'
    >>> verifier.same(r"\frac{\sqrt{3}}{2}", r"x = \sqrt{3}/2")
    True
    >>> verifier.same(r"\frac{1}{2}", r"\frac{1}{3}")
    False
"""

from __future__ import annotations

import re

from tsdg.protocols import Asked, Part
from tsdg.records import AnswerKind
from tsdg.verify import symbolic
from tsdg.verify.formulas import differ, is_other_money, look, plain, units
from tsdg.verify.number import NumberVerifier
from tsdg.verify.reading import JOINING_WORDS, bare, gives_up, has_box, is_stacked, marked, tail

_LONGEST = 600
_FORMULA = re.compile(
    r"\$\$(.+?)\$\$|(?<!\\)\$(.+?)(?<!\\)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL
)
_DELIMITER = re.compile(r"(?<!\\)\$|\\[()\[\]]")
_COMMAND = re.compile(r"\\(?:begin|end)\s*\{\w+\*?\}|\\[A-Za-z]+|\\.")
_WORD = re.compile(r"[^\W\d_]{2,}")
_JOINING = re.compile(rf"[\s,;.]*(?:(?:{JOINING_WORDS})(?!\w))?[\s,;.]*", re.IGNORECASE)


class MathVerifier:
    """Reads the boxed, marked or only formula; math-verify says whether two are the same.

    The normal form is the formula as it was written, without what delimits it, so that a record
    shows it as the sample did.
    """

    kind: AnswerKind = "math"
    method: str = "vote"
    quick: tuple[Part, ...] = ("read",)

    def read(self, text: str, asked: Asked) -> str | None:
        """Return the formula; None if there is none, or its braces do not close.

        None, too, for several formulas of which none is marked as the answer.
        """
        text = tail(text)
        if gives_up(text, asked):
            return None
        parts = list(marked(text))
        if parts and is_stacked(text):
            return None
        for part in parts:
            if answer := _of_part(part):
                return answer
        if has_box(text):
            return None
        if parts:
            return NumberVerifier().read(text, asked)
        if _FORMULA.search(text):
            return _of_formulas(text)
        whole = _strip(bare(text))
        if "\n" not in whole and len(_WORD.findall(_COMMAND.sub(" ", whole))) <= 1:
            return _sound(whole)
        return NumberVerifier().read(text, asked)

    def same(self, left: str, right: str) -> bool:
        """Whether both look the same but for spacing, or math-verify finds them equal."""
        one, other = plain(left), plain(right)
        if look(one) == look(other):
            return True
        if is_other_money(left, right) or differ(one, other):
            return False
        return symbolic.same(one, other)


def _of_part(part: str) -> str | None:
    """The formula of what is marked as the answer: with or without delimiters, one or several."""
    inner = _strip(part)
    if not _DELIMITER.search(inner.replace(r"\$", "")):
        return _sound(inner)
    return _of_formulas(part)


def _of_formulas(text: str) -> str | None:
    """The one formula of a text, or several that only "and", "or" and commas join."""
    formulas = [
        next(group for group in match.groups() if group).strip()
        for match in _FORMULA.finditer(text)
    ]
    between = _FORMULA.sub("\0", text).split("\0")
    if not formulas or any(_DELIMITER.search(piece) for piece in between):
        return None
    if len({look(formula) for formula in formulas}) == 1:
        unit = _unit_after(between[-1]) if len(formulas) == 1 else ""
        return _sound(f"{formulas[0]} \\text{{{unit}}}" if unit else formulas[0])
    if all(_JOINING.fullmatch(piece) for piece in between):
        return _sound(", ".join(formulas))
    return None


def _unit_after(rest: str) -> str:
    """A unit in words right after a formula, as in ``$5$ cm``; empty where there is none."""
    words = bare(rest).rstrip(".")
    return words if words and words in units() else ""


def _strip(text: str) -> str:
    text = text.strip()
    match = _FORMULA.fullmatch(text)
    return next(group for group in match.groups() if group).strip() if match else text


def _sound(answer: str) -> str | None:
    """The answer if it is short, says something, and its braces close."""
    depth = 0
    for position, char in enumerate(answer):
        if position and answer[position - 1] == "\\":
            continue
        depth += (char == "{") - (char == "}")
        if depth < 0:
            return None
    if (
        depth
        or len(answer) > _LONGEST
        or not any(char.isalnum() or char in "∞∅" for char in answer)
    ):
        return None
    return answer
