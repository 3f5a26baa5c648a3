r"""One numeral in a text: its value, and whether what stands around it leaves it as it is.

>>> [form(value) for text in ("$1,440.50", "5 million", "minus 7 °C") if (value := numeral(text))]
['1440.5', '5000000', '-7']
>>> numeral("at least 5"), numeral("6t"), numeral("12-15"), numeral("5!"), numeral("9 October")
(None, None, None, None, None)
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction

from tsdg.verify.numeral_words import (
    changes_at_once,
    joined_unit,
    says_more,
    scale,
    scale_word,
    signed,
    spaced_unit,
)
from tsdg.verify.reading import negated

_DIGITS = 60
"""Digits of the longest numeral read: a longer one is rubbish, and Python's own limit is near."""
_PLACES = 12
_SHORT = 120
"""Characters of a part in which a negation can only be of the number."""
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
_JOINED = re.compile(r"\x00([A-Za-z\u0370-\u03ff]+)(?![\w'’])")
_LETTER = re.compile(r"\x00\s([^\W\d_])(?![\w'’])")
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
# A letter that stands alone beside a sign of arithmetic is a variable: x - 12, 12 times x.
_COUNTED_WITH = re.compile(
    r"(?<![^\W_])[^\W\d_]\s?[-+*/×·]\s?\x00|\x00\s?(?:[-+*/×·]|times|by|over)\s?[^\W\d_](?![^\W_'’])"
)
# A sign with spaces around it may take away, or only stand between words: x - 12, apples - 12.
_DASH = re.compile(r"[^\W_]['’\"”)\]]*\s+[-+]\s+(?=[$€£¥₹₽₩]?[\d.])")
_MONEY = frozenset("$€£¥₹₽₩")
_SHORT_WORD = re.compile(r"\x00\s?([a-z]{2})(?![\w'’])")


def numeral(part: str) -> Fraction | None:
    """The one number of a text; None for none, for two that differ, and for one that is changed."""
    part = "".join(map(_ascii_digit, part))
    if _DASH.search(part):
        return None
    found = [(match, _value(match)) for match in _NUMERAL.finditer(part)]
    values = {value for _, value in found}
    # What is left must hold no numeral that was not understood (12-15, 10:30, 2/0), and nothing
    # that makes another number of this one.
    rest = _NUMERAL.sub("\x00", part)
    if len(values) != 1 or (value := values.pop()) is None or _ANY.search(rest):
        return None
    before, negative = signed(rest.partition("\x00")[0])
    rest = before + rest[rest.index("\x00") :]
    if (negative and value <= 0) or _changed(rest):
        return None
    return -value if negative else value


def _ascii_digit(char: str) -> str:
    return char if char.isascii() or not char.isdecimal() else str(unicodedata.decimal(char))


def _changed(rest: str) -> bool:
    """Whether what stands around a numeral, which is NUL here, changes it or may do so."""
    return bool(
        _OPERATOR.search(rest)
        or _COUNTED_WITH.search(rest)
        or _HARMLESS.sub("", rest)
        or _has_variable(rest)
        or _in_words(rest)
        or (len(rest) <= _SHORT and negated(rest))
    )


def _has_variable(rest: str) -> bool:
    """Whether letters after a numeral may be a variable, or a scale (``6t``, ``5 M``, ``$5 m``)."""
    if any(not joined_unit(match[1]) for match in _JOINED.finditer(rest)):
        return True
    letters = [match[1] for match in _LETTER.finditer(rest)]
    if not _MONEY.isdisjoint(rest):
        return bool(letters) or _SHORT_WORD.search(rest) is not None
    return not all(map(spaced_unit, letters))


def _in_words(rest: str) -> bool:
    """Whether words around a numeral say that another one is meant."""
    first, *after = rest.split("\x00")
    after = [piece.lstrip() for piece in after]
    if any(changes_at_once(piece) or scale(piece) is None for piece in after):
        return True
    follows = "\x00".join(piece.removeprefix(scale_word(piece)) for piece in after)
    return says_more(first, follows)


def _value(match: re.Match[str]) -> Fraction | None:
    value = _unscaled(match) if len(match[0]) <= _DIGITS else None
    if value is None:
        return None
    value *= scale(match.string[match.end() :].lstrip()) or 1
    return -value if "-" in (match["sign"], match["minus"]) else value


def _unscaled(match: re.Match[str]) -> Fraction | None:
    """A numeral without its sign and its scale word; None where it has no value."""
    bottom = int(match["bottom"] or match["under"] or 1)
    power = int(match["power"] or match["exponent"] or 0)
    if bottom == 0 or abs(power) > _DIGITS:
        return None
    if match["top"]:
        return int(match["whole"]) + Fraction(int(match["top"]), bottom)
    if match["over"]:
        return Fraction(int(match["over"]), bottom)
    return Fraction(_decimal(match["digits"])) * Fraction(10) ** power


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


def form(value: Fraction) -> str:
    """Write a number: an integer, a decimal of at most 12 places, else a fraction."""
    if value.denominator == 1:
        return str(value.numerator)
    scaled = value * 10**_PLACES
    if scaled.denominator != 1:
        return f"{value.numerator}/{value.denominator}"
    sign = "-" if scaled < 0 else ""
    whole, places = divmod(abs(scaled.numerator), 10**_PLACES)
    return f"{sign}{whole}.{places:0{_PLACES}d}".rstrip("0")
