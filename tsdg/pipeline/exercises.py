"""Rejects exercises whose tests cannot fail, before anybody answers them."""

from __future__ import annotations

from dataclasses import replace

from tsdg.errors import fault_of_row
from tsdg.generate.questions import Asking
from tsdg.generate.requests import together
from tsdg.protocols import Verifier, proves
from tsdg.records import Question, Reason, Rejection
from tsdg.verify.exercises import unfit_tests


async def with_sound_tests(asking: Asking, verifier: Verifier) -> Asking:
    """Reject exercises that their own solution fails, or that have a test which nothing fails.

    Args:
        asking: the questions of one seed, all of one answer kind.
        verifier: of these questions; one that runs nothing leaves them as they are.
    """
    if verifier.kind != "code" or not proves(verifier):
        return asking
    flaws = await together([_flaw(question) for question in asking.questions])
    pairs = list(zip(asking.questions, flaws, strict=True))
    return replace(
        asking,
        questions=tuple(question for question, flaw in pairs if not flaw),
        rejections=(
            *asking.rejections,
            *(
                Rejection.of(question, stage="questions", reason=flaw[0], detail=flaw[1])
                for question, flaw in pairs
                if flaw
            ),
        ),
    )


async def _flaw(question: Question) -> tuple[Reason, str] | None:
    try:
        said = await unfit_tests(question.claimed_answer, question.checks)
    except Exception as error:
        return "step_failed", fault_of_row(error)
    return ("bad_format", said) if said else None
