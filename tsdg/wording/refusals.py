"""Texts that answer nothing: refusals, "I do not know", "not enough information".

>>> refuses("As an AI language model, I cannot answer that."), refuses("N/A"), refuses("无法确定。")
(True, True, True)
>>> refuses("the unknown soldier"), refuses("I don't know why you say goodbye is a Beatles line")
(False, False)
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

import yaml

from tsdg.text import fold

_APOSTROPHES = str.maketrans({"’": "'", "ʼ": "'", "`": "'"})
_MARKS = re.compile(r"[\s.,;:!?…。，、；：！？؟।*_\"“”«»「」()\[\]-]+")
_LONGEST = 600
"""Characters of a text that begins like a refusal; a longer one goes on to answer."""


@cache
def _table() -> tuple[frozenset[str], tuple[str, ...]]:
    text = (files("tsdg.wording") / "refusals.yaml").read_text(encoding="utf-8")
    data: dict[str, dict[str, list[object]]] = yaml.safe_load(text)
    whole, start = (
        [_plain(str(one)) for ones in data[part].values() for one in ones]
        for part in ("whole", "start")
    )
    return frozenset(whole), tuple(sorted(start))


def _plain(text: str) -> str:
    return _MARKS.sub(" ", fold(text).casefold().translate(_APOSTROPHES)).strip()


def refuses(text: str, shown: str = "") -> bool:
    """Whether a text as a whole says that it gives no answer.

    Args:
        text: an answer.
        shown: what was asked, passage and options included: "unknown" may be the answer where it
            stands there.
    """
    if len(text) > _LONGEST:
        return False
    plain = _plain(text)
    whole, start = _table()
    padded = f"{plain} "
    if plain in whole:
        return f" {plain} " not in f" {_plain(shown)} "
    return any(
        plain.startswith(one) and (padded[len(one)] == " " or not one[-1].isascii())
        for one in start
    )
