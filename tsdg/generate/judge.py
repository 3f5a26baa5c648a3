"""The judge: is an answer or question good enough, which text is best?

A judge sees a request and two responses, in both orders (:mod:`tsdg.generate.judge_scores` reads
what it says). Form and scales are those of NVIDIA's generative reward models (card of
NVIDIA-Nemotron-3-Ultra-550B-A55B-GenRM)::

    {"role": "user", "content": "What about 1+2?"}, {"role": "response_1", "content": "1+2=4"},
    {"role": "response_2", "content": "1+2=3"}, {"role": "principle", "content": "..."}

A response is not good enough if the judge's verdict cannot be read or contradicts itself. So a
judge that answers rubbish lets nothing through.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tsdg.config.judge import JudgeConfig
from tsdg.config.models import ModelConfig
from tsdg.errors import PermanentError
from tsdg.generate.draws import number
from tsdg.generate.judge_scores import Judgement, Scores, read_scores, reconcile
from tsdg.generate.replies import only_text
from tsdg.generate.requests import chat_request, together, try_ask
from tsdg.generate.schemas import Flaw, response_format
from tsdg.protocols import Ask, Posed, Reply, Request
from tsdg.records import Question, Reason, Seed

TRIES = 2
"""Requests for one verdict that cannot be read, each with a seed of its own."""
_ORDERS = 2
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

_BY_CRITERIA = (
    "You will be given one or more evaluation criteria (rubrics).\nEvaluate both responses on EACH "
    "criterion individually first, then synthesize an overall judgment."
)
"""As the card of nvidia/NVIDIA-Nemotron-3-Ultra-550B-A55B-GenRM words its principle."""


def principles_text(principles: Sequence[str]) -> str:
    """The principles as one text, numbered; empty for none."""
    if not principles:
        return ""
    listed = "\n".join(
        f"{place}. {principle}" for place, principle in enumerate(principles, start=1)
    )
    return f"{_BY_CRITERIA}\nCriteria:\n\n{listed}"


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
        orders = await together(
            [
                self._verdict(ask, row_id, place, (request, first, second), principles)
                for place, (first, second) in enumerate(((one, two), (two, one)))
            ]
        )
        (straight, came), (swapped, more) = orders
        return reconcile(straight, swapped), [*came, *more]

    async def _verdict(
        self,
        ask: Ask,
        row_id: str,
        place: int,
        turns: tuple[str, str, str],
        principles: Sequence[str],
    ) -> tuple[Scores | None, list[Reply | PermanentError]]:
        """One order's scores, asked for again where they cannot be read; and the replies."""
        replies: list[Reply | PermanentError] = []
        for attempt in range(TRIES):
            request = self._request(row_id, place + _ORDERS * attempt, *turns, principles)
            replies.append(await try_ask(ask, request))
            scores = read_scores(only_text(replies[-1]))
            if scores is not None or isinstance(replies[-1], PermanentError):
                return scores, replies
        return None, replies

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the judge came to."""

    score: float
    """Helpfulness, 1 to 5; 0 where it could not be read."""
    reason: Reason
    """Of the rejection, where there is a flaw."""
    flaw: str
    """Why it is not good enough, one line; empty where it is."""
    replies: tuple[Reply | PermanentError, ...]


def shown(item: Posed) -> str:
    """A question or a seed as the judge sees it: passage, question, options."""
    options = "\n".join(f"- {option}" for option in item.options)
    return "\n\n".join(part for part in (item.context, item.question, options) if part)


def response_of(answer: str, reasoning: str) -> str:
    """A solution as the judge sees it."""
    return f"{reasoning}\n\nAnswer: {answer}" if reasoning else answer


async def judge_answer(
    judge: Judge, ask: Ask, question: Question, *, response: str, rivals: Sequence[str]
) -> Judged:
    """Score the winning answer against the first rival that differs, or against itself."""
    rival = next((rival for rival in rivals if rival != response), response)
    judgement, replies = await judge.compare(
        ask,
        question.question_id,
        request=shown(question),
        one=response,
        two=rival,
        principles=judge.config.principles,
    )
    return _decide(judgement, replies, least=judge.config.min_score, beaten_by="another answer")


async def judge_question(judge: Judge, ask: Ask, seed: Seed, question: Question) -> Judged:
    """Score a new question beside its seed's: as one more response to "write a question like this".

    A passage has no question of its own: beside it stands the new one again.
    """
    example, made = shown(seed), shown(question)
    wish = (
        "calls for the same skill as this one"
        if seed.question
        else "is inspired by this passage, but stands alone"
    )
    judgement, replies = await judge.compare(
        ask,
        f"question/{question.question_id}",
        request=f"Write one new exam question that {wish}:\n\n{example}",
        one=made,
        two=example if seed.question else made,
        principles=judge.config.question_principles,
    )
    return _decide(judgement, replies, least=judge.config.question_min_score, beaten_by="")


async def best_response(
    judge: Judge, ask: Ask, question: Question, responses: Sequence[str]
) -> tuple[int | None, list[Reply | PermanentError]]:
    """Find the best free text: the best so far gives way to one that both orders prefer.

    Returns:
        The index of the best (None where a verdict could not be read), and what came back.
    """
    best = 0
    replies: list[Reply | PermanentError] = []
    for place in range(1, len(responses)):
        judgement, came = await judge.compare(
            ask,
            f"{question.question_id}/{place}",
            request=shown(question),
            one=responses[best],
            two=responses[place],
            principles=judge.config.principles,
        )
        replies += came
        if judgement is None:
            return None, replies
        if judgement.preference < 0:
            best = place
    return best, replies


def unread_verdict(replies: Sequence[Reply | PermanentError]) -> Flaw:
    """Why there is no verdict: nobody answered the judge's request, or the reply says none."""
    lost = next((reply for reply in replies if isinstance(reply, PermanentError)), None)
    if lost is None:
        return Flaw(reason="judged", detail="the judge's verdict could not be read")
    return Flaw(reason="request_failed", detail=f"the judge's verdict: {lost}")


def _decide(
    judgement: Judgement | None,
    replies: Sequence[Reply | PermanentError],
    *,
    least: float,
    beaten_by: str,
) -> Judged:
    came = tuple(replies)
    if judgement is None:
        unread = unread_verdict(came)
        return Judged(score=0.0, reason=unread.reason, flaw=unread.detail, replies=came)
    flaw = ""
    if judgement.one < least:
        flaw = f"the judge gives {judgement.one:g} of 5, less than {least:g}"
    elif beaten_by and judgement.preference < 0:
        flaw = f"the judge prefers {beaten_by}, in both orders"
    return Judged(score=judgement.one, reason="judged", flaw=flaw, replies=came)
