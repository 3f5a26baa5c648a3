r"""What a judge is asked and what it said. Pure, but for :class:`Judge`, which asks.

A judge sees a request and two responses. It gives each a helpfulness from 1 to 5, and a ranking
from 1 (the first is much better) to 6 (the second is). Form and scales are those of NVIDIA's
generative reward models (card of NVIDIA-Nemotron-3-Ultra-550B-A55B-GenRM)::

    {"role": "user", "content": "What about 1+2?"}, {"role": "response_1", "content": "1+2=4"},
    {"role": "response_2", "content": "1+2=3"}, {"role": "principle", "content": "..."}

Both orders are asked, because judges like what stands first: a comparison counts only where both
could be read, and it prefers one only where both orders do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tsdg.config.judge import JudgeConfig
from tsdg.config.models import ModelConfig
from tsdg.errors import PermanentError
from tsdg.generate.draws import number
from tsdg.generate.replies import only_text
from tsdg.generate.requests import chat_request, together, try_ask
from tsdg.generate.schemas import response_format
from tsdg.protocols import Ask, Reply, Request

LOWEST, HIGHEST = 1, 5
_MIDDLE = 3.5
"""Between "slightly better" for the one and for the other."""
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
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "score_1": {"type": "integer", "enum": [1, 2, 3, 4, 5]},
        "score_2": {"type": "integer", "enum": [1, 2, 3, 4, 5]},
        "ranking": {"type": "integer", "enum": [1, 2, 3, 4, 5, 6]},
    },
    "required": ["score_1", "score_2", "ranking"],
    "additionalProperties": False,
}


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

    Forms in the order in which they are tried: the last JSON object with the keys; ``\boxed{3, 4}``
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
    for piece in reversed(re.findall(r"\{[^{}]*\}", text)):
        try:
            value = json.loads(piece)
            return float(value["score_1"]), float(value["score_2"]), float(value["ranking"])
        except (ValueError, KeyError, TypeError):
            continue
    return None


def _from_boxes(text: str) -> tuple[float, float, float] | None:
    boxes = [[float(one) for one in _NUMBER.findall(box)] for box in _BOXED.findall(text)]
    pairs = [place for place, box in enumerate(boxes) if len(box) == 2]
    singles = [box[0] for box in boxes[pairs[-1] + 1 :] if len(box) == 1] if pairs else []
    return (*boxes[pairs[-1]], singles[-1]) if singles else None  # type: ignore[return-value]


def _from_labels(text: str) -> tuple[float, float, float] | None:
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


def principles_text(principles: Sequence[str]) -> str:
    """The principles as one text, numbered; empty for none."""
    if not principles:
        return ""
    listed = "\n".join(
        f"{place}. {principle}" for place, principle in enumerate(principles, start=1)
    )
    request = "Judge both responses by each of these criteria first, then as a whole."
    return f"{request}\nCriteria:\n\n{listed}"


def judge_turns(
    config: JudgeConfig, *, request: str, first: str, second: str, principles: Sequence[str]
) -> list[dict[str, str]]:
    """The chat turns of one comparison."""
    if config.form == "rubric":
        values = {
            "request": request,
            "response_1": first,
            "response_2": second,
            "principles": principles_text(principles),
        }
        pieces = re.split(r"\{(request|response_1|response_2|principles)\}", config.rubric)
        filled = "".join(
            values[piece] if place % 2 else piece for place, piece in enumerate(pieces)
        )
        return [{"role": "user", "content": filled.strip()}]
    turns = [
        {"role": "user", "content": request},
        {"role": "response_1", "content": first},
        {"role": "response_2", "content": second},
    ]
    return (
        [*turns, {"role": "principle", "content": principles_text(principles)}]
        if principles
        else turns
    )


class Judge:
    """Compares two responses in both orders. Holds no state."""

    def __init__(self, *, config: JudgeConfig, model: ModelConfig, seed: int) -> None:
        """Prepare.

        Args:
            config: of the judge.
            model: that judges.
            seed: of the run.
        """
        self.config = config
        self._model = model
        self._seed = seed

    async def compare(
        self, ask: Ask, row_id: str, *, request: str, one: str, two: str, principles: Sequence[str]
    ) -> tuple[Judgement | None, list[Reply | PermanentError]]:
        """Compare two responses; return the judgement (None if unreadable) and the replies.

        Args:
            ask: gets the reply to a request.
            row_id: what is judged, for the requests' seeds.
            request: what was to be responded to.
            one: a response.
            two: another.
            principles: what counts; empty for the judge's own idea.
        """
        requests = [
            self._request(row_id, place, request, first, second, principles)
            for place, (first, second) in enumerate(((one, two), (two, one)))
        ]
        replies = await together([try_ask(ask, request) for request in requests])
        straight, swapped = (read_scores(only_text(reply)) for reply in replies)
        return reconcile(straight, swapped), list(replies)

    def _request(
        self,
        row_id: str,
        place: int,
        request: str,
        first: str,
        second: str,
        principles: Sequence[str],
    ) -> Request:
        rubric = self.config.form == "rubric"
        return chat_request(
            model=self._model,
            turns=judge_turns(
                self.config, request=request, first=first, second=second, principles=principles
            ),
            sampling=self.config.sampling,
            seed=number("judge", self._seed, row_id, place),
            samples=1,
            form={"response_format": response_format("judgement", _SCHEMA)} if rubric else {},
        )
