"""Posts of social networks and other short texts, as texts to be judged."""

from __future__ import annotations

import re

from tsdg.seeds.rows.item import MalformedRowError, found
from tsdg.seeds.rows.residue import posted

_FEWEST_WORDS = 3


def words_of(value: str) -> list[str]:
    """The words of a text, in lower case."""
    return re.findall(r"[^\W\d_]+", value.lower())


def said(value: str) -> str:
    """What a post says, without links and without those whom it is addressed to.

    Raises:
        MalformedRowError: that is less than three words.
    """
    return telling(posted(value), "text")


def telling(value: str, column: str) -> str:
    """A text of three words or more, as it is.

    Raises:
        MalformedRowError: it has fewer.
    """
    if len(words_of(value)) < _FEWEST_WORDS:
        raise MalformedRowError(column, f"found {found(value)}, which says too little")
    return value
