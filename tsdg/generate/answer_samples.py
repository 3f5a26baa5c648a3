"""Samples of a question: how they are requested, read from the replies, and tested."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tsdg.errors import PermanentError
from tsdg.generate.answer_forms import AnswerForm, Read
from tsdg.generate.language import other_language
from tsdg.generate.schemas import Flaw
from tsdg.protocols import Asked, Choice, Prover, Reply, Request, Verifier
from tsdg.records import AnswerSample, Question, Reason

_LETTER = re.compile(r"\(?[A-Za-z][.)]?")
_UNREAD = Read(reasoning="", answer="", trace="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """One sample before it is asked for."""

    sample: int
    turns: Sequence[Mapping[str, str]]
    form: AnswerForm
    asked: Asked
    option_order: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One sample that came back."""

    row: AnswerSample
    request: Request
    flaw: Reason | None
    """Why it abstained, where that is known; None also where it answered."""
    detail: str
    """Of the flaw, where there is more to say; empty else."""
    said: str
    """What the vote counts: the answer, or of a verifier that tests answers its behaviour; empty
    for an abstention."""
    trace: str
    """What was thought before the reply; empty where it is not kept."""
    asked: Asked


def _drifted(answer: str, question: Question) -> bool:
    """Whether a free answer left the language of its question while the generator kept to it."""
    if question.answer_kind not in ("text", "short_text"):
        return False
    found = other_language(answer, question.language)
    return bool(found) and other_language(question.claimed_answer, question.language) != found


def read_round(
    question: Question,
    came: Sequence[tuple[Sequence[Draw], Request, Reply | PermanentError]],
    verifier: Verifier,
) -> list[Drawn]:
    """Read the replies of a round."""
    return [
        item
        for group, request, reply in came
        for item in _of_request(question, group, request, reply, verifier)
    ]


async def proven(drawn: Sequence[Drawn], verifier: Prover) -> list[Drawn]:
    """Put a round's answers to the test; one that fails counts as an abstention."""
    answered = [item for item in drawn if item.said]
    if not answered:
        return list(drawn)
    proofs = iter(await verifier.prove([item.said for item in answered], answered[0].asked))
    out = []
    for item in drawn:
        if item.said:
            proof = next(proofs)
            passed = proof.verdict == "passed"
            item = replace(
                item,
                said=proof.behaviour,
                flaw=None if passed else "failed_tests",
                detail="" if passed else proof.detail,
            )
        out.append(item)
    return out


def _of_request(
    question: Question,
    group: Sequence[Draw],
    request: Request,
    reply: Reply | PermanentError,
    verifier: Verifier,
) -> list[Drawn]:
    """Read the completions of one request; what is missing or failed is an abstention."""
    out = []
    for place, draw in enumerate(group):
        choice, parsed, flaw = _completion(draw, reply, place)
        answer = _answer(parsed, draw, question, verifier)
        prompt_tokens, completion_tokens, reasoning_tokens = _share(reply, place, len(group))
        row = AnswerSample(
            question_id=question.question_id,
            sample=draw.sample,
            text=choice.text,
            reasoning=parsed.reasoning,
            answer=answer,
            finish_reason=choice.finish_reason,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            reasoning_tokens=reasoning_tokens,
            option_order=draw.option_order,
        )
        out.append(
            Drawn(
                row=row,
                request=request,
                flaw=flaw,
                detail="",
                said=answer,
                trace=parsed.trace,
                asked=draw.asked,
            )
        )
    return out


def _completion(
    draw: Draw, reply: Reply | PermanentError, place: int
) -> tuple[Choice, Read, Reason | None]:
    """A sample's completion, what is read in it, and why it holds no answer where that is known."""
    if isinstance(reply, PermanentError):
        return Choice(text="", reasoning="", finish_reason="failed"), _UNREAD, "request_failed"
    if place >= len(reply.choices):
        return Choice(text="", reasoning="", finish_reason="missing"), _UNREAD, None
    choice = reply.choices[place]
    parsed = draw.form.read(choice)
    return (choice, _UNREAD, parsed.reason) if isinstance(parsed, Flaw) else (choice, parsed, None)


def _answer(parsed: Read, draw: Draw, question: Question, verifier: Verifier) -> str:
    """The answer in normal form; empty for an abstention."""
    said, options = parsed.answer.strip(), draw.asked.options
    if not said:
        return ""
    if options and said not in options and not draw.option_order and _LETTER.fullmatch(said):
        return ""  # a bare letter names an option only to who has seen them
    return "" if _drifted(said, question) else verifier.read(said, draw.asked) or ""


def _share(reply: Reply | PermanentError, place: int, samples: int) -> tuple[int, int, int]:
    """Return a sample's prompt and completion tokens, and of these its tokens of thinking.

    The prompt and any remainder count for the first sample of a request.
    """
    if isinstance(reply, PermanentError):
        return 0, 0, 0
    each, rest = divmod(reply.completion_tokens, samples)
    thought, left = divmod(reply.reasoning_tokens, samples)
    if place == 0:
        return reply.prompt_tokens, each + rest, thought + left
    return 0, each, thought
