r"""Answers that are one number.

Example (in the manner of a grade-school word problem)::

    >>> from tsdg.protocols import Asked
    >>> question = "Ben packs 9 boxes of 16 pears. How many pears?"
    >>> asked = Asked(question=question, context="", options=(), checks=())
    >>> verifier = NumberVerifier()
    >>> replies = "144", "9 * 16 = 144 pears\n#### 144", "$1,440.50", r"\frac{3}{4}"
    >>> [verifier.read(text, asked) for text in replies]
    ['144', '144', '1440.5', '0.75']
    >>> [verifier.read(text, asked) for text in ("between 12 and 15", "10:30", "many", "")]
    [None, None, None, None]
    >>> verifier.same("0.75", "3/4")
    True

Plain numerals are read here, in all scripts' digits. What needs algebra goes to math-verify (see
``symbolic.py``).
"""

from __future__ import annotations

import re
from fractions import Fraction

from tsdg.protocols import Asked, Part
from tsdg.records import AnswerKind
from tsdg.text import fold
from tsdg.verify import symbolic
from tsdg.verify.numerals import form, numeral
from tsdg.verify.reading import bare, gives_up, has_box, is_stacked, marked, tail

_DIGITS = 60
"""Digits of the longest numeral read: a longer one is rubbish, and Python's own limit is near."""
TOLERANCE = Fraction(2, 1_000_000)
_EXPRESSION = re.compile(r"[\d\s.(){}+*/^|-]*[\d)}|]")
# A date, a pair, money with a letter that may be a scale, a base, and an argument: C(7,2).
_NO_NUMBER = re.compile(
    r"\d\s?/\s?\d+\s?/\s?\d"
    r"|^[(\[{][^()\[\]]*\d[^()\[\]]*[,;][^()\[\]]*\d[^()\[\]]*[)\]}]$"
    r"|[(\[]\s*-?\d[\d.]*\s*[,;]\s*-?\d(?!\d\d[)\]])[\d.]*\s*[)\]]"
    r"|\$\s?[\d.,]+\s+[^\W\d_](?![\w$])"
    r"|\d\.\d{1,2}\.\d"
    r"|\d\s+(?:in\s+)?base\s+\w"
    r"|\\\\"
    r"|[^\W\d_\\]\(\s?-?\d"
)
_OTHER_BASE = re.compile("[0-9)][₀-₉]")
_RANGE = re.compile(r"\d\s?-\s?\d")
_COMMAND = re.compile(r"\\[A-Za-z]+")
_SPELLED = re.compile(r"[^\W\d_]{3}")
_NAME = re.compile(r"[^\W\d_](?:_?\{?\w{1,3}\}?)?")
_EQUATIONS = re.compile(
    r"[,;]|\b(?:or|and|oder|ou|o|y|et|und|или|и)\b|或|和|且|または|あるいは|と|หรือ|และ"
)
_LATEX = (
    (re.compile(r"\\[dtc]?frac\s*\{\s*(-?\d+)\s*\}\s*\{\s*(\d+)\s*\}"), r" \1/\2 "),
    (re.compile(r"\\[dt]?frac\s*(\d)\s*(\d)(?!\d)"), r" \1/\2 "),
    (
        re.compile(r"\\(?:text|mathrm|mbox|textbf|mathbf|textit|operatorname)\s*\{([^{}]*)\}"),
        r" \1 ",
    ),
    (re.compile(r"\{,\}|\\,(?=\d{3})|,\\!"), ","),
    (re.compile(r"\^\s*\{?\s*\\circ\s*\}?|\\degree\b"), "° "),
    (re.compile(r"\\approx\b|\\sim\b"), "≈"),
    (re.compile(r"\\q?quad(?=\s*[-\d\\])"), ";"),
    (re.compile(r"\\(?:quad|qquad|left|right|displaystyle)(?![A-Za-z])|\\[,;:! ]"), " "),
    (re.compile(r"\\[()\[\]]|(?<!\\)\$(?!\s?\d)|(?<!\\)\$(?=[^$]*\$\s*$)|(?<=\d)\$"), " "),
    (re.compile(r"\\(?=[$%#&])"), ""),
)
_SIGNS = (
    (re.compile(r"√\s?(\d+|\([^()]*\))"), r"\\sqrt{\1}"),
    (re.compile(r"\bsqrt\s?\(([^()]*)\)"), r"\\sqrt{\1}"),
    (re.compile("π"), r"\\pi "),
)
_OTHER_VALUE = re.compile(
    r"[,;:<>=≤≥±'′]|\d\s+\d"
    r"|\\(?:pm|mp|[lg]eq?|neq?|in|cup|cap|to|infty|approx|cdots|l?dots)(?![A-Za-z])"
)


# Only the numeral may be set off, and its unit stand outside: **12** apples.
_EMPHASIS = re.compile(
    r"(?<![\w*`])(\*\*|__|`|\*)([-−+]?[$€£¥]?\d[\d.,/]*%?)\1(?![0-9A-Za-z_*`])"
    r"|<(answer|b|strong)>\s*([-−+]?[$€£¥]?\d[\d.,/]*%?)\s*</\3>",
)


class NumberVerifier:
    r"""Reads a number with its unit, currency, separators, per cent sign or scale word around it.

    The normal form is an integer, a decimal of at most 12 places or else a fraction in lowest
    terms; the unit and the per cent sign are dropped (``50%`` and ``50`` are the same, ``0.5`` is
    another answer). ``1,234`` is a thousand and more, ``12,5`` is twelve and a half. Expressions
    without a rational value (``2\sqrt{3}``) stay expressions.
    """

    kind: AnswerKind = "number"
    method: str = "vote"
    quick: tuple[Part, ...] = ("read",)

    def read(self, text: str, asked: Asked) -> str | None:
        """Return the number; None for none, or for several of which none is marked."""
        text = _EMPHASIS.sub(r"\2\4", tail(text))
        if not text or gives_up(text, asked) or is_stacked(text):
            return None
        if parts := [part for part in marked(text) if any(map(str.isdecimal, part))]:
            said = [_read(part) for part in parts]
            # the surest mark decides; what the others say must not be another number
            return said[0] if set(said) <= {said[0], None} else None
        return None if has_box(text) else _read(text) or _read(text.splitlines()[-1])

    def same(self, left: str, right: str) -> bool:
        """Whether two numbers are the same: integers exactly, others to 2e-6 (0.333333 is 1/3)."""
        if left == right:
            return True
        first, second = _fraction(left), _fraction(right)
        if first is None or second is None:
            return symbolic.same(left, right)
        if first.denominator == second.denominator == 1:
            return first == second
        return abs(first - second) <= TOLERANCE * min(abs(first), abs(second))


def _fraction(answer: str) -> Fraction | None:
    try:
        return Fraction(answer)
    except ValueError:
        return None


def _read(part: str) -> str | None:
    """The number of a part of a reply, unless something says that another is meant."""
    if _OTHER_BASE.search(part):
        return None
    part = fold(bare(part.strip()))
    if _NO_NUMBER.search(part):
        return None
    latex = "\\" in part
    for pattern, simple in _LATEX:
        part = pattern.sub(simple, part)
    side = _right_side(fold(bare(part)))
    if side is None:
        return None
    if "\\" not in side and (plain := numeral(side)) is not None:
        return form(plain)
    return _computed(side, latex)


def _right_side(part: str) -> str | None:
    """What stands after the last sign of equality; None where that is another equation's."""
    *lefts, right = part.split("=")
    if len(lefts) > 1:
        name = [word.strip("\"'`*(“«「$") for word in lefts[0].split()[-1:]]
        if _EQUATIONS.search(" ".join(lefts)) or any(_starts_anew(one, name) for one in lefts[1:]):
            return None
    return right.strip() or part


def _starts_anew(piece: str, name: list[str]) -> bool:
    """Whether what stands between two signs of equality ends with the name of another unknown."""
    *before, last = piece.split() or [""]
    if not before or [last] == name:
        return bool(before)
    return before[-1][-1] not in "*/+-^×·÷" and _NAME.fullmatch(last) is not None


def _computed(part: str, latex: bool) -> str | None:
    """The value of an expression, as math-verify evaluates it."""
    for pattern, simple in _SIGNS:
        part = pattern.sub(simple, part)
    # A minus between numerals may as well be a range or a date.
    if not ("\\" in part or latex) and not _EXPRESSION.fullmatch(_RANGE.sub("?", part)):
        return None
    if _OTHER_VALUE.search(part) or _SPELLED.search(_COMMAND.sub("", part)):
        return None
    value = symbolic.value(part.replace("|", r"\vert ") if part.count("|") == 2 else part)
    return value if value is not None and len(value) <= _DIGITS else None
