"""Numbers as people write them: ``10B``, ``1e10``, ``40,000,000``; and times as they read. Pure."""

from __future__ import annotations

import re
from decimal import Decimal

_POWER = {"": 0, "k": 3, "m": 6, "b": 9, "g": 9, "t": 12}
_FORM = re.compile(
    r"(?P<number>\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?(?:e\+?\d{1,2})?)(?P<unit>[kmbgt]?)",
    re.IGNORECASE | re.ASCII,
)


def whole_number(text: str) -> int | None:
    """Read a whole number of 0 or more; None where a text is none.

    A letter multiplies: k by 10^3, M by 10^6, B or G by 10^9, T by 10^12, in either case.

    >>> whole_number("10B"), whole_number("1.5k"), whole_number("1e10"), whole_number("40,000")
    (10000000000, 1500, 10000000000, 40000)
    >>> whole_number("1.5"), whole_number("-3"), whole_number("4,00")
    (None, None, None)
    """
    found = _FORM.fullmatch(text.strip())
    if not found:
        return None
    power = _POWER[found["unit"].lower()]
    value = Decimal(found["number"].replace(",", "")) * 10**power
    return int(value) if value == value.to_integral_value() else None


def counted(number: int, noun: str) -> str:
    """A number of things, in the singular where it is one.

    >>> counted(1, "work unit"), counted(1200, "request")
    ('1 work unit', '1,200 requests')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """A time in words as long as a column.

    >>> duration(45), duration(720), duration(12_000), duration(86_400 * 2 + 3600 * 5)
    ('45 s', '12 min', '3 h 20 min', '2 d 5 h')
    """
    minutes, hours = round(seconds / 60), round(seconds / 3600)
    if seconds < 60:
        return f"{seconds:.0f} s"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{hours // 24} d {hours % 24} h"
