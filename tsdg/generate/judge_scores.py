r"""What a judge said of two responses. Pure.

A judge gives each response a helpfulness from 1 to 5, and a ranking from 1 (the first is much
better) to 6 (the second is). The judge sees both orders, because judges like what
stands first. A comparison counts only if both verdicts could be read, and prefers a response only
if both do.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

LOWEST, HIGHEST = 1, 5
_MIDDLE = 3.5
"""Between "slightly better" for the one and for the other."""
_DECODER = json.JSONDecoder()
_BOXED = re.compile(r"\\boxed\{([^{}]*)\}")
_NUMBER = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)(?![\d.])")
_NAMED = (
    r"(?:response|score|helpfulness)[ _]?(?:of|for)?[ _]?(?:response)?[ _]?{}"
    r"\D{{0,24}}?(\d(?:\.\d+)?)\b"
)
_LABELLED = (
    re.compile(_NAMED.format(1), re.IGNORECASE),
    re.compile(_NAMED.format(2), re.IGNORECASE),
    re.compile(r"ranking(?:[ _]score)?\D{0,24}?(\d)\b", re.IGNORECASE),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What a judge said of two responses, in the order in which it saw them."""

    first: float
    """Helpfulness, 1 to 5."""
    second: float
    ranking: float
    """1: the first is much better, to 6: the second is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a judge said of two responses over both orders."""

    one: float
    """Helpfulness of the one, 1 to 5: the mean of both orders."""
    preference: float
    """From 2.5, the first is much better, to -2.5, the other is; 0 if the orders disagree."""


def read_scores(text: str) -> Scores | None:
    r"""Read a judge's verdict; None where there is none, or a number is out of its scale.

    Forms in the order in which they are tried: the last JSON object with the keys, or with them
    under ``overall``, ranking or not; ``\boxed{3, 4}``
    followed by ``\boxed{5}``; numbers after the words "response 1", "response 2" and "ranking".

    >>> read_scores(r"Scores: \boxed{2, 5} Ranking: \boxed{6}")
    Scores(first=2.0, second=5.0, ranking=6.0)
    """
    for found in (_from_json(text), _from_boxes(text), _from_labels(text)):
        if found is not None:
            first, second, ranking = found
            fits = LOWEST <= first <= HIGHEST and LOWEST <= second <= HIGHEST and 1 <= ranking <= 6
            return Scores(first=first, second=second, ranking=ranking) if fits else None
    return None


def _from_json(text: str) -> tuple[float, float, float] | None:
    """The scores of the last JSON object that has any: as a whole before those by criterion."""
    found = None
    place = text.find("{")
    while place >= 0:
        try:
            value, end = _DECODER.raw_decode(text, place)
        except (ValueError, RecursionError):
            end = place + 1
        else:
            found = _scores_of(value) or found
        place = text.find("{", end)
    return found


def _scores_of(value: Any) -> tuple[float, float, float] | None:
    """Both scores and the ranking of an object; in the middle where it ranks nothing."""
    if not isinstance(value, dict):
        return None
    if whole := _scores_of(value.get("overall")):
        return whole
    try:
        ranking = value.get("ranking", _MIDDLE)
        return float(value["score_1"]), float(value["score_2"]), float(ranking)
    except (ValueError, KeyError, TypeError, OverflowError):
        return None


def _from_boxes(text: str) -> tuple[float, float, float] | None:
    boxes = [[float(one) for one in _NUMBER.findall(box)] for box in _BOXED.findall(text)]
    pairs = [place for place, box in enumerate(boxes) if len(box) == 2]
    singles = [box[0] for box in boxes[pairs[-1] + 1 :] if len(box) == 1] if pairs else []
    return (*boxes[pairs[-1]], singles[-1]) if singles else None  # type: ignore[return-value]


def _from_labels(text: str) -> tuple[float, float, float] | None:
    if "ranking" not in text.casefold():
        return None
    found = [pattern.findall(text) for pattern in _LABELLED]
    return (float(found[0][-1]), float(found[1][-1]), float(found[2][-1])) if all(found) else None


def reconcile(straight: Scores | None, swapped: Scores | None) -> Judgement | None:
    """Put both orders together; None where one of them could not be read.

    Args:
        straight: of (one, two).
        swapped: of (two, one).
    """
    if straight is None or swapped is None:
        return None
    leanings = (_MIDDLE - straight.ranking, swapped.ranking - _MIDDLE)
    agree = leanings[0] * leanings[1] > 0
    return Judgement(
        one=(straight.first + swapped.second) / 2,
        preference=sum(leanings) / 2 if agree else 0.0,
    )
