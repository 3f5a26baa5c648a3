"""Whole numbers as people write large ones: ``10B``, ``500k``, ``1e10``, ``40,000,000``. Pure."""

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
