"""Texts that answer nothing: refusals, "I do not know", "not enough information".

>>> refuses("As an AI language model, I cannot answer that."), refuses("N/A"), refuses("无法确定。")
(True, True, True)
>>> refuses("the unknown soldier"), refuses("I don't know why you say goodbye is a Beatles line")
(False, False)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

from tsdg.text import fold

_APOSTROPHES = str.maketrans({"’": "'", "ʼ": "'", "`": "'"})
_MARKS = re.compile(r"[\s.,;:!?…。，、；：！？؟।*_\"“”«»「」()\[\]{}<>-]+")
# Where words are not set apart, a mark of punctuation leaves no space behind.
_JOINED = re.compile(r"(?<=[\u3040-\u30ff\u3400-\u9fff]) (?=[\u3040-\u30ff\u3400-\u9fff])")
_LONGEST = 600
"""Characters of a text that begins like a refusal; a longer one goes on to answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    whole: frozenset[str]
    start: tuple[str, ...]
    prefix: re.Pattern[str]
    pattern: re.Pattern[str]


@cache
def _table() -> _Table:
    text = (files("tsdg.wording") / "refusals.yaml").read_text(encoding="utf-8")
    data: dict[str, dict[str, list[object]]] = yaml.safe_load(text)
    said = {part: [str(one) for ones in data[part].values() for one in ones] for part in data}
    return _Table(
        whole=frozenset(map(_plain, said["whole"])),
        start=tuple(sorted(map(_plain, said["start"]))),
        prefix=re.compile("|".join(said["prefixes"])),
        pattern=re.compile("|".join(said["patterns"])),
    )


def _plain(text: str) -> str:
    spaced = _MARKS.sub(" ", fold(text).casefold().translate(_APOSTROPHES)).strip(" '")
    return spaced if spaced.isascii() else _JOINED.sub("", spaced)


def refuses(text: str, shown: str = "") -> bool:
    """Whether a text as a whole says that it gives no answer.

    Args:
        text: an answer.
        shown: what was asked, passage and options included: "unknown" may be the answer where it
            stands there.
    """
    if len(text) > _LONGEST:
        return False
    plain, table = _plain(text), _table()
    if plain in table.whole:
        return f" {plain} " not in f" {_plain(shown)} "
    if _starts_so(plain, table.start) or table.pattern.fullmatch(plain):
        return True
    before = table.prefix.match(plain)
    return before is not None and refuses(plain[before.end() :], shown)


def _starts_so(plain: str, starts: tuple[str, ...]) -> bool:
    if not plain.startswith(starts):
        return False
    padded = f"{plain} "
    return any(
        plain.startswith(one) and (padded[len(one)] == " " or not one[-1].isascii())
        for one in starts
    )
