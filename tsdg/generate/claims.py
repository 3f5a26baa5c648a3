"""What the writer of a question claimed as its answer, as evidence beside the samples.

A claim is read and compared as a sample is, by the verifier of its kind. Free texts are left out,
because two good ones are never worded alike.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from tsdg.protocols import Asked, Prover, Verifier
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
    # In a thread: a formula may take its verifier seconds.
    answer = await asyncio.to_thread(verifier.read, claimed, asked)
    if not answer:
        return None
    if isinstance(verifier, Prover):
        proofs = await verifier.prove([answer], asked)
        return Claim(said=proofs[0].behaviour if proofs[0].verdict == "passed" else "")
    return Claim(said=answer)


def agrees(claim: Claim | None, said: str, verifier: Verifier) -> bool | None:
    """Whether a claim says what the samples said; None where there is none."""
    if claim is None:
        return None
    if not claim.said:
        return False
    if isinstance(verifier, Prover):
        return verifier.alike(claim.said, said)
    return claim.said == said or verifier.same(claim.said, said)
