"""Which version of tsdg this is: git's tags name it when tsdg is built or installed."""

from __future__ import annotations

from functools import cache
from pathlib import Path

SHIPPED = "VERSION"
"""File beside this one in the code that a launch ships, which is installed nowhere."""


@cache
def version() -> str:
    """The version, e.g. ``0.2.0``, or ``0.2.1.dev3+g1a2b3c4`` at the third commit after it.

    In a checkout it is that of the latest installation; a run's snapshot has the commit besides.
    """
    from importlib import metadata

    shipped = Path(__file__).with_name(SHIPPED)
    if shipped.is_file():
        return shipped.read_text().strip()
    try:
        return metadata.version("tsdg")
    except metadata.PackageNotFoundError:
        return "unknown"
