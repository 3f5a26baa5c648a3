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

import csv
import re
import unicodedata
from fractions import Fraction
from functools import cache
from importlib.resources import files

from tsdg.protocols import Asked
from tsdg.records import AnswerKind
from tsdg.text import fold
from tsdg.verify import symbolic
from tsdg.verify.reading import bare, marked, tail

_DIGITS = 60
"""Digits of the longest numeral read: a longer one is rubbish, and Python's own limit is near."""
_PLACES = 12
_TOLERANCE = Fraction(2, 1_000_000)
# A numeral may follow a Chinese character, but not a letter of a script with spaces (H2O) or
# another numeral.
_START = r"(?<![A-Za-z\u00c0-\u052f])(?<![\d_^.,/:])"
_NUMERAL = re.compile(
    _START
    + r"""
    (?P<sign>[+-]?)\s?[$€£¥₹₽₩]?\s?(?P<minus>-?)
    (?: (?P<whole>\d+)\s+(?P<top>\d+)\s?/\s?(?P<bottom>\d+)
      | (?P<over>\d+)\s?/\s?(?P<under>\d+)
      | (?P<digits>\d+(?:[.,'٫٬\s]\d{3})+(?:[.,٫]\d+)?|\d+(?:[.,٫]\d+)?|[.]\d+)
        (?: \s?(?:[x×*]|\\times|\\cdot)\s?10\s?(?:\^|\*\*)\s?\{?(?P<power>[+-]?\d+)\}?
          | [eE](?P<exponent>[+-]?\d+)
        )?
    )(?![.,:/]?\d|\^|\s?[-*x×+]+\s?\d)""",
    re.VERBOSE,
)
_ANY = re.compile(r"(?<![A-Za-z\u00c0-\u052f\d_^])[.]?\d")
_EXPRESSION = re.compile(r"[\d\s.(){}+*/^-]*[\d)}]")
_SIMPLE_LATEX = (
    (re.compile(r"\\[dt]?frac\s*\{\s*(-?\d+)\s*\}\s*\{\s*(\d+)\s*\}"), r" \1/\2 "),
    (re.compile(r"\\(?:text|mathrm|mbox|textbf)\s*\{[^{}\d]*\}(?:\s*\^\s*\{?[23]\}?)?"), " "),
    (re.compile(r"\{,\}|\\,(?=\d{3})"), ","),
    (
        re.compile(
            r"\\[,;:! "
            r"]|\\[()\[\]]|(?<!\\)\$(?!\d)|\^\s*\{?\s*\\circ\s*\}?|\\(?:degree|left|right)\b"
        ),
        " ",
    ),
    (re.compile(r"\\(?=[$%])"), ""),
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

    def read(self, text: str, asked: Asked) -> str | None:
        """Return the number; None if there is none, or several and none marked as the answer."""
        text = tail(text)
        if not text:
            return None
        for part in (*marked(text), text, text.splitlines()[-1]):
            if (answer := _read(part)) is not None:
                return answer
        return None

    def same(self, left: str, right: str) -> bool:
        """Whether two numbers are the same: integers exactly, others to 2e-6 (0.333333 is 1/3)."""
        if left == right:
            return True
        first, second = _fraction(left), _fraction(right)
        if first is None or second is None:
            return symbolic.same(left, right)
        if first.denominator == second.denominator == 1:
            return first == second
        return abs(first - second) <= _TOLERANCE * min(abs(first), abs(second))


def _fraction(answer: str) -> Fraction | None:
    try:
        return Fraction(answer)
    except ValueError:
        return None


def _read(part: str) -> str | None:
    part = fold(bare(part.strip()))
    latex = "\\" in part
    for pattern, simple in _SIMPLE_LATEX:
        part = pattern.sub(simple, part)
    part = part.rpartition("=")[2].strip() or part
    if "\\" not in part and (plain := _numeral(part)) is not None:
        return _form(plain)
    # A minus between numerals may as well be a range or a date.
    if not latex and (not _EXPRESSION.fullmatch(part) or re.search(r"\d\s?-\s?\d", part)):
        return None
    value = symbolic.value(part)
    return value if value is not None and len(value) <= _DIGITS else None


def _numeral(part: str) -> Fraction | None:
    """The one number of a text; None where there is none, or where two differ."""
    part = "".join(
        str(unicodedata.decimal(c)) if c.isdecimal() and not c.isascii() else c for c in part
    )
    found = {_value(match) for match in _NUMERAL.finditer(part)}
    # What is left must hold no numeral that was not understood (12-15, 10:30, 2/0).
    if len(found) != 1 or _ANY.search(_NUMERAL.sub(" ", part)):
        return None
    return found.pop()


def _value(match: re.Match[str]) -> Fraction | None:
    if len(match[0]) > _DIGITS:
        return None
    if match["top"]:
        if int(match["bottom"]) == 0:
            return None
        value = int(match["whole"]) + Fraction(int(match["top"]), int(match["bottom"]))
    elif match["over"]:
        if int(match["under"]) == 0:
            return None
        value = Fraction(int(match["over"]), int(match["under"]))
    else:
        value = Fraction(_decimal(match["digits"]))
        power = int(match["power"] or match["exponent"] or 0)
        if abs(power) > _DIGITS:
            return None
        value *= Fraction(10) ** power
    value *= _scale(match.string[match.end() :])
    return -value if "-" in (match["sign"], match["minus"]) else value


def _decimal(digits: str) -> str:
    """Read separators: the last of two kinds is decimal; one kind groups, but for the point."""
    digits = digits.replace("٫", ".").replace("٬", ",")
    digits = re.sub(r"['\s]", "", digits)
    points, commas = digits.count("."), digits.count(",")
    if points and commas:
        decimal, group = (".", ",") if digits.rindex(".") > digits.rindex(",") else (",", ".")
        return digits.replace(group, "").replace(decimal, ".")
    if commas:
        grouped = re.fullmatch(r"[1-9]\d{0,2}(?:,\d{3})+", digits)
        return digits.replace(",", "" if grouped or commas > 1 else ".")
    return digits.replace(".", "") if points > 1 else digits


@cache
def _scales() -> dict[str, int]:
    table = (files("tsdg.verify") / "scales.csv").read_text(encoding="utf-8").splitlines()
    return {fold(row["word"]).casefold(): int(row["factor"]) for row in csv.DictReader(table)}


def _scale(after: str) -> int:
    """The factor of a scale word right after a numeral (``3 million``, ``3万``), else 1."""
    match = re.match(r"\s?([^\W\d_]+)", after)
    if match is None:
        return 1
    word = match[1].casefold()
    if word in _scales():
        return _scales()[word]
    # In scripts without spaces the unit follows at once: 3万人.
    return next(
        (_scales()[word[:n]] for n in (2, 1) if not word[0].isascii() and word[:n] in _scales()), 1
    )


def _form(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    scaled = value * 10**_PLACES
    if scaled.denominator != 1:
        return f"{value.numerator}/{value.denominator}"
    sign = "-" if scaled < 0 else ""
    whole, places = divmod(abs(scaled.numerator), 10**_PLACES)
    return f"{sign}{whole}.{places:0{_PLACES}d}".rstrip("0")
