r"""Answers to questions with verifiable instructions, checked by lm-eval's code and a reader's.

Where lm-eval's checker is too kind, :mod:`tsdg.verify.ifeval_checks` must agree.

A question's ``checks`` are instructions, one JSON object each: the checker's name as ``id``, its
arguments beside it::

    >>> import asyncio
    >>> from tsdg.protocols import Asked
    >>> limit = '"relation": "less than", "num_words": 8'
    >>> checks = ('{"id": "punctuation:no_comma"}',
    ...           f'{{"id": "length_constraints:number_words", {limit}}}')
    >>> question = "Name three metals without commas."
    >>> asked = Asked(question=question, context="", options=(), checks=checks)
    >>> verifier = InstructionVerifier()
    >>> proofs = asyncio.run(verifier.prove(["Iron and gold and tin.", "Iron, gold, tin."], asked))
    >>> [proof.verdict for proof in proofs], proofs[1].detail
    (['passed', 'wrong'], 'does not follow punctuation:no_comma')

Two of the 25 instructions (``number_sentences``, ``capital_word_frequency``) need NLTK's data set
``punkt_tab`` in ``NLTK_DATA``, which no package brings; without it a question that uses one is
answered by nobody.

IFEval's only split is its test, and is denied: the one family of the catalogue with such questions
is tsdg's own ``demo_instructions``. A family that is added names ``ifeval`` as its verifier in the
catalogue.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

from tsdg.errors import MachineError
from tsdg.protocols import Asked, Part, Proof
from tsdg.records import AnswerKind
from tsdg.verify import symbolic
from tsdg.verify.ifeval_checks import follows

_LONGEST = 100_000


class InstructionVerifier:
    """Reads any text; answers that follow every instruction pass, and agree."""

    kind: AnswerKind = "text"
    method: str = "instructions, then their share"
    quick: tuple[Part, ...] = ("read", "same")

    def read(self, text: str, asked: Asked) -> str | None:
        """Return the text unchanged, as white space and mark-up are checked; None if empty."""
        return text if text.strip() and len(text) <= _LONGEST else None

    def same(self, left: str, right: str) -> bool:
        """Whether both are the same text."""
        return left == right

    async def prove(self, answers: Sequence[str], asked: Asked) -> list[Proof]:
        """Check each answer against all instructions, in the child process of ``symbolic.py``."""
        return [await asyncio.to_thread(_prove, answer, asked.checks) for answer in answers]

    def alike(self, left: str, right: str) -> bool:
        """Whether two behaviours are the same: all that passed are."""
        return True


def _prove(answer: str, checks: tuple[str, ...]) -> Proof:
    broken = symbolic.broken_instruction(answer, checks)
    if broken is None:
        return Proof(verdict="timeout", detail="an instruction could not be checked", behaviour="")
    if broken or not checks:
        return Proof(
            verdict="wrong", detail=broken or "the question has no instructions", behaviour=""
        )
    for text in checks:
        given = json.loads(text)
        name = given.pop("id")
        if not follows(answer, name, given):
            return Proof(
                verdict="wrong", detail=f"does not follow {name} as a reader would", behaviour=""
            )
    return Proof(verdict="passed", detail=f"{len(checks)} instructions", behaviour="followed")


def check_ready() -> None:
    """Check that lm-eval's checkers can be imported here.

    Raises:
        MachineError: they cannot.
    """
    if symbolic.broken_instruction("Hello.", ('{"id": "punctuation:no_comma"}',)) != "":
        raise MachineError(
            "verifier ifeval: lm_eval.tasks.ifeval cannot be used in this environment; install "
            "tsdg's dependencies "
            "again (pip install langdetect immutabledict nltk)"
        )
