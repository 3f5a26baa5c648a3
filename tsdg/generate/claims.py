"""What the writer of a question claimed as its answer, as evidence beside the samples.

A claim is read and compared as a sample is, by the verifier of its kind. Free texts are left out,
because two good ones are never worded alike.
"""

from __future__ import annotations

from dataclasses import dataclass

from tsdg.generate.aside import MOST, aside
from tsdg.protocols import Asked, Verifier, is_quick, proves
from tsdg.records import Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claim that was read."""

    said: str
    """What a vote would count: the answer in normal form, or of a verifier that tests answers its
    behaviour; empty where it failed its tests."""


async def read_claim(
    question: Question, options: tuple[str, ...], verifier: Verifier
) -> Claim | None:
    """Read the claim of a question; None where it has none that can be compared.

    Args:
        question: the question.
        options: its options, or the labels of its task; empty where the answer is free.
        verifier: that reads its samples.

    Raises:
        MachineError: this machine cannot run the question's tests.
    """
    claimed = question.claimed_answer
    if question.answer_kind == "text" or not claimed.strip():
        return None
    asked = Asked(
        question=question.question,
        context=question.context,
        options=options,
        checks=question.checks,
    )
    quick = is_quick(verifier, "read") and len(claimed) <= MOST
    answer = await aside(verifier.read, claimed, asked, quick=quick)
    if not answer:
        return None
    if proves(verifier):
        proofs = await verifier.prove([answer], asked)
        return Claim(said=proofs[0].behaviour if proofs[0].verdict == "passed" else "")
    return Claim(said=answer)


async def agreeing(claim: Claim | None, said: str, verifier: Verifier) -> bool | None:
    """Do :func:`agrees`, in a thread where two texts have to be compared."""
    quick = claim is None or claim.said in ("", said) or is_quick(verifier, "same")
    return await aside(agrees, claim, said, verifier, quick=quick)


def agrees(claim: Claim | None, said: str, verifier: Verifier) -> bool | None:
    """Whether a claim says what the samples said; None where there is none."""
    if claim is None:
        return None
    if not claim.said:
        return False
    if proves(verifier):
        return verifier.alike(claim.said, said)
    return claim.said == said or verifier.same(claim.said, said)
