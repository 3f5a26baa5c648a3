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
import unicodedata
from fractions import Fraction

from tsdg.protocols import Asked
from tsdg.records import AnswerKind
from tsdg.text import fold
from tsdg.verify import symbolic
from tsdg.verify.numeral_words import (
    changes_at_once,
    is_negative,
    joined_unit,
    says_more,
    scale,
    spaced_unit,
)
from tsdg.verify.reading import bare, has_box, marked, negated, shown, tail
from tsdg.wording.refusals import refuses

_DIGITS = 60
"""Digits of the longest numeral read: a longer one is rubbish, and Python's own limit is near."""
_PLACES = 12
_SHORT = 120
"""Characters of a part in which a negation can only be of the number."""
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
      | (?P<digits>
          \d+(?:[.,'٫٬\s]\d{3})+(?:[.,٫]\d+)?
          | \d{1,2}(?:,\d\d)+,\d{3}
          | \d+(?:[.,٫]\d+)?
          | [.]\d+
        )
        (?: \s?(?:[x×*]|\\times|\\cdot)\s?10\s?(?:\^|\*\*)\s?\{?(?P<power>[+-]?\d+)\}?
          | [eE](?P<exponent>[+-]?\d+)
        )?
    )(?! [.,:/]?\d | \s?\^ | \s?[-*x×+/]+\s?[\d(] )""",
    re.VERBOSE,
)
_ANY = re.compile(r"(?<![A-Za-z\u00c0-\u052f\d_^])[.]?\d")
_EXPRESSION = re.compile(r"[\d\s.(){}+*/^|-]*[\d)}|]")
_JOINED = re.compile(r"\x00([A-Za-z\u0370-\u03ff]+)(?![\w'’])")
_LETTER = re.compile(r"\x00\s([^\W\d_])(?![\w'’])")
_BEFORE = re.compile(r"([^\W\d_]+)\s*\x00")
# What may stand around a numeral: words, units such as km/h and m^2, money, per cent, punctuation.
_HARMLESS = re.compile(
    r"""
      (?<=[^\W\d_]) \s?/\s? (?=[^\W\d_])      # km/h
    | \x00 \s?/\s? (?=[^\W\d_]{2})           # 5/hour
    | (?<=[^\W\d_]) \s?\^[23] (?!\d)         # m^2
    | (?<=[^\W\d_]) [-·] (?=[^\W\d_])         # left-over, N·m
    | \x00 - (?=[^\W\d_])                     # 5-year
    | (?:^|\s) [-+•] (?=\s)                   # the mark of a list
    | [≈~] (?=\s?\x00)
    | (?<=[^\W\d_\s]) !
    | [^\W\d_] | [\u0300-\u036f\u0900-\u0dff\u0e00-\u0eff]
    | [\s\x00.,;:?"'“”‘’«»()\[\]{}%°$€£¥₹₽₩¢\#&…。、，；：？！「」-]""",
    re.VERBOSE,
)
_OPERATOR = re.compile(
    r"-\s?\(|\d\s?\(|\x00\s?[!({\[]\s?\d|\x00!|[-–]\s?\x00\s?[-–]|\)\s?\x00|\x00\("
)
# A date, a pair, and money with a letter that may be a scale.
_NO_NUMBER = re.compile(
    r"\d\s?/\s?\d+\s?/\s?\d"
    r"|^[(\[{][^()\[\]]*\d[^()\[\]]*[,;][^()\[\]]*\d[^()\[\]]*[)\]}]$"
    r"|\$\s?[\d.,]+\s+[^\W\d_](?![\w$])"
)
_EQUATIONS = re.compile(r"[,;]|\b(?:or|and|oder|ou|o|y|et|und|или|и)\b|或|和")
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
    r"[,;:<>=≤≥±'′]"
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

    def read(self, text: str, asked: Asked) -> str | None:
        """Return the number; None for none, or for several of which none is marked."""
        text = _EMPHASIS.sub(r"\2\4", tail(text))
        if not text or refuses(text, shown(asked)):
            return None
        parts = [part for part in marked(text) if any(map(str.isdecimal, part))]
        if parts:
            said = {answer for part in parts if (answer := _read(part)) is not None}
            return said.pop() if len(said) == 1 else None
        if has_box(text):
            return None
        return _read(text) or _read(text.splitlines()[-1])

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
    """The number of a part of a reply, unless something says that another is meant."""
    part = fold(bare(part.strip()))
    if _NO_NUMBER.search(part):
        return None
    latex = "\\" in part
    for pattern, simple in _LATEX:
        part = pattern.sub(simple, part)
    part = fold(bare(part))
    left, equals, right = part.rpartition("=")
    if equals and "=" in left and _EQUATIONS.search(left):
        return None  # several equations
    part = right.strip() or part
    if "\\" not in part and (plain := _numeral(part)) is not None:
        return _form(plain)
    for pattern, simple in _SIGNS:
        part = pattern.sub(simple, part)
    # A minus between numerals may as well be a range or a date.
    if not ("\\" in part or latex) and (
        not _EXPRESSION.fullmatch(part) or re.search(r"\d\s?-\s?\d", part)
    ):
        return None
    if _OTHER_VALUE.search(part) or re.search(r"[^\W\d_]{3}", re.sub(r"\\[A-Za-z]+", "", part)):
        return None
    value = symbolic.value(part.replace("|", r"\vert ") if part.count("|") == 2 else part)
    return value if value is not None and len(value) <= _DIGITS else None


def _numeral(part: str) -> Fraction | None:
    """The one number of a text; None for none, for two that differ, and for one that is changed."""
    part = "".join(
        str(unicodedata.decimal(c)) if c.isdecimal() and not c.isascii() else c for c in part
    )
    found = [(match, _value(match)) for match in _NUMERAL.finditer(part)]
    values = {value for _, value in found}
    # What is left must hold no numeral that was not understood (12-15, 10:30, 2/0), and nothing
    # that makes another number of this one.
    rest = _NUMERAL.sub("\x00", part)
    if len(values) != 1 or _ANY.search(rest) or _changed(rest):
        return None
    value = values.pop()
    before = _BEFORE.search(rest)
    if value is not None and before and is_negative(before[1]):
        return -value if value > 0 else None
    return value


def _changed(rest: str) -> bool:
    """Whether what stands around a numeral, which is NUL here, changes it or may do so."""
    if _OPERATOR.search(rest) or _HARMLESS.sub("", rest):
        return True
    if any(not joined_unit(match[1]) for match in _JOINED.finditer(rest)):
        return True
    letters = [match[1] for match in _LETTER.finditer(rest)]
    money = any(sign in rest for sign in "$€£¥₹₽₩")
    if any(not spaced_unit(letter) or money for letter in letters):
        return True
    after = [piece.lstrip() for piece in rest.split("\x00")[1:]]
    if any(changes_at_once(piece) or scale(piece) is None for piece in after):
        return True
    words = "\x00".join([rest.split("\x00")[0], *map(_unscaled, after)])
    return says_more(words) or (len(rest) <= _SHORT and negated(rest))


def _unscaled(after: str) -> str:
    """What follows a numeral without its scale word, which is part of the number."""
    return re.sub(r"^[^\W\d_]+", "", after) if scale(after) != 1 else after


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
    value *= scale(match.string[match.end() :].lstrip()) or 1
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
        grouped = re.fullmatch(r"[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d?(?:,\d\d)+,\d{3}", digits)
        return digits.replace(",", "" if grouped or commas > 1 else ".")
    return digits.replace(".", "") if points > 1 else digits


def _form(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    scaled = value * 10**_PLACES
    if scaled.denominator != 1:
        return f"{value.numerator}/{value.denominator}"
    sign = "-" if scaled < 0 else ""
    whole, places = divmod(abs(scaled.numerator), 10**_PLACES)
    return f"{sign}{whole}.{places:0{_PLACES}d}".rstrip("0")
