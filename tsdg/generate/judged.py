"""Where the judge decides: is an answer or question good enough, which text is best?

What a judge cannot be read on, or contradicts itself on, is not good enough: a judge that answers
rubbish lets nothing through.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tsdg.errors import PermanentError
from tsdg.generate.judging import Judge, Judgement
from tsdg.protocols import Ask, Posed, Reply
from tsdg.records import Question, Reason, Seed


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


def _decide(
    judgement: Judgement | None,
    replies: Sequence[Reply | PermanentError],
    *,
    least: float,
    beaten_by: str,
) -> Judged:
    came = tuple(replies)
    if judgement is None:
        unread = "the judge's verdict could not be read"
        return Judged(score=0.0, reason="judged", flaw=unread, replies=came)
    flaw = ""
    if judgement.one < least:
        flaw = f"the judge gives {judgement.one:g} of 5, less than {least:g}"
    elif beaten_by and judgement.preference < 0:
        flaw = f"the judge prefers {beaten_by}, in both orders"
    return Judged(score=judgement.one, reason="judged", flaw=flaw, replies=came)
