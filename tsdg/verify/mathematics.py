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

from tsdg.protocols import Asked
from tsdg.records import AnswerKind
from tsdg.text import normalise
from tsdg.verify import symbolic
from tsdg.verify.number import NumberVerifier
from tsdg.verify.reading import bare, marked, tail

_LONGEST = 600
_FORMULA = re.compile(
    r"\$\$(.+?)\$\$|(?<!\\)\$(.+?)(?<!\\)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL
)
_COMMAND = re.compile(r"\\(?:begin|end)\s*\{\w+\*?\}|\\[A-Za-z]+|\\.")
_WORD = re.compile(r"[^\W\d_]{2,}")
_BASE = re.compile(r"[0-9A-Za-z]\s*_\s*\{?\s*(?:\\text\{)?(\d+|[a-z]{3,})")
_UNIT = re.compile(r"\\(?:text|mbox|mathrm)\{([^{}]*[A-Za-z][^{}]*)\}(?:\s*\^\s*\{?(\d))?")
_SUBSCRIPT = re.compile(r"_\s*(?:\{[^{}]*\}|\w)")
_NOISE = re.compile(r",\s*\\!\s*(?=\d{3})|\\\$|\\!|\\?%")
_JOINING = re.compile(r"[\s,;.]*(?:\b(?:and|or)\b)?[\s,;.]*", re.IGNORECASE)
_SAME_LOOK = (
    (re.compile(r"\\[dt]frac"), r"\\frac"),
    (re.compile(r"\\(?:left|right|displaystyle)(?![A-Za-z])|\\[,;:! ]|\s+|(?<!\\)\$|~"), ""),
    (re.compile(r"\\(?:text|mathrm|textbf|mbox)\{([^{}]*)\}"), r"\1"),
    (re.compile(r"\\frac(\d)(\d)"), r"\\frac{\1}{\2}"),
)


class MathVerifier:
    """Reads the boxed, marked or only formula; math-verify says whether two are the same.

    The normal form is the formula as it was written, without what delimits it, so that a record
    shows it as the sample did.
    """

    kind: AnswerKind = "math"
    method: str = "vote"

    def read(self, text: str, asked: Asked) -> str | None:
        """Return the formula; None if there is none, or its braces do not close.

        None, too, for several formulas of which none is marked as the answer.
        """
        text = tail(text)
        for part in marked(text):
            if answer := _sound(_strip(part)):
                return answer
        if "\\boxed" in text:
            return None
        formulas = [
            next(group for group in match.groups() if group) for match in _FORMULA.finditer(text)
        ]
        if formulas:
            if len({_look(formula) for formula in formulas}) == 1:
                return _sound(formulas[0].strip())
            joined = all(
                _JOINING.fullmatch(between) for between in _FORMULA.sub("\0", text).split("\0")
            )
            return _sound(", ".join(formula.strip() for formula in formulas)) if joined else None
        whole = _strip(bare(text))
        if "\n" not in whole and len(_WORD.findall(_COMMAND.sub(" ", whole))) <= 1:
            return _sound(whole)
        return NumberVerifier().read(text, asked)

    def same(self, left: str, right: str) -> bool:
        """Whether both look the same but for spacing, or math-verify finds them equal."""
        if _look(left) == _look(right):
            return True
        return not _differ(left, right) and symbolic.same(_plain(left), _plain(right))


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
    if depth or len(answer) > _LONGEST or not any(char.isalnum() for char in answer):
        return None
    return answer


def _plain(formula: str) -> str:
    """Drop what math-verify cannot parse: currency and per cent signs, thin spaces, full stop."""
    return _NOISE.sub("", formula.replace("{,}", ",")).strip(" .,;")


def _look(formula: str) -> str:
    formula = _plain(formula)
    for pattern, look in _SAME_LOOK:
        formula = pattern.sub(look, formula)
    return formula.strip()


def _differ(left: str, right: str) -> bool:
    """Differences that math-verify does not see.

    It drops the base of a numeral (``33_4``, ``33_5``) and units (``5 cm``, ``5 m``), reads a time
    as a ratio (``9:24``, ``3/8``), and takes any equation for its right side (``2x - y = 0`` for
    ``0``).
    """
    bases = _BASE.findall(left), _BASE.findall(right)
    units = [
        {normalise("".join(unit)).rstrip("s") for unit in _UNIT.findall(side)}
        for side in (left, right)
    ]
    one_sided = [
        side for side, other in ((left, right), (right, left)) if "=" in side and "=" not in other
    ]
    return (
        (all(bases) and bases[0] != bases[1])
        or (all(units) and units[0] != units[1])
        or (":" in left) != (":" in right)
        or any(
            re.search(r"[\d+*/^-]", _SUBSCRIPT.sub("", side.partition("=")[0]))
            for side in one_sided
        )
    )
