"""Stage 3: solutions of a question, and the vote on them.

The solver sees the question alone: its passage, and its options unless the recipe hides them, but
never the answer that the generator claimed. Up to ``samples`` solutions are drawn in rounds until
the vote is closed (:mod:`tsdg.generate.answer_sampling`). Options are shown in another order each
time, and the vote is on the texts. What wins becomes a solution (:mod:`tsdg.generate.solutions`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tsdg.config.recipe import AnswersConfig
from tsdg.errors import PermanentError
from tsdg.generate.answer_case import AnswerModels, Case
from tsdg.generate.answer_samples import Drawn
from tsdg.generate.answer_sampling import Sampler
from tsdg.generate.aside import aside
from tsdg.generate.claims import agreeing, read_claim
from tsdg.generate.fields import shape_of
from tsdg.generate.judge import Judge
from tsdg.generate.prompts import Prompts
from tsdg.generate.requests import usage_of
from tsdg.generate.schemas import Flaw
from tsdg.generate.solutions import SolutionMaker
from tsdg.generate.voteplan import plan_of, second_plan, second_wish, spent_chance, wish_of
from tsdg.generate.voting import Accept, Open, Reject, Tally, tally
from tsdg.protocols import Ask, Reply, Verifier, is_quick, proves
from tsdg.records import AnswerSample, Question, Reason, Rejection, Solution, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Solving:
    """The result for one question: a solution or a rejection, and every sample drawn for it."""

    samples: tuple[AnswerSample, ...]
    solution: Solution | None
    rejection: Rejection | None
    usage: Usage
    saved_samples: int
    """Samples of a full vote less those drawn."""


class AnswerStep:
    """Turns questions into solutions. Stateless: the same input gives the same result."""

    def __init__(
        self,
        *,
        config: AnswersConfig,
        models: AnswerModels,
        prompts: Prompts,
        seed: int,
        verifier_for: Callable[[Question], Verifier],
        judge: Judge | None,
    ) -> None:
        self._config = config
        self._models = models
        self._prompts = prompts
        self._verifier_for = verifier_for
        self._judge = judge
        self._sampler = Sampler(config=config, seed=seed)
        self._solutions = SolutionMaker(
            config=config, models=models, prompts=prompts, seed=seed, judge=judge
        )

    async def __call__(self, question: Question, ask: Ask) -> Solving:
        """Solve one question.

        Args:
            question: the question.
            ask: gets the reply to a request.
        """
        case = await self._case(question, ask)
        counted, verdict = await self._vote(case)
        saved = case.samples - len(case.drawn)
        if second := await self._second(case, counted, verdict):
            case = second
            counted, verdict = await self._vote(case)
            saved += case.samples - len(case.drawn)
        made = await self._made(case, counted, verdict)
        return Solving(
            samples=tuple(item.row for item in (*case.earlier, *case.drawn)),
            solution=None if isinstance(made, Flaw) else made,
            rejection=_reject(question, made) if isinstance(made, Flaw) else None,
            usage=usage_of("answers", case.replies),
            saved_samples=saved,
        )

    async def _case(self, question: Question, ask: Ask) -> Case:
        shape = shape_of(
            question.answer_kind,
            question=question.question,
            context=question.context,
            options=question.options,
            classes=question.classes,
        )
        choices = shape.labels or question.options
        verifier = self._verifier_for(question)
        # Else it is read once there is something to compare it with: code has to be run for it.
        votes = self._config.claim == "vote"
        claim = await read_claim(question, choices, verifier) if votes else None
        votes = claim is not None and bool(claim.said)
        return Case(
            question=question,
            ask=ask,
            verifier=verifier,
            prompt=self._prompts.get("answers", question.answer_kind),
            shape=shape,
            choices=choices,
            claim=claim,
            votes=votes,
            by_judge=question.answer_kind == "text"
            and self._judge is not None
            and self._judge.config.best_of,
            wish=wish_of(self._config, claimed=votes),
            plan=plan_of(self._config, len(choices), claimed=votes),
            drawn=[],
            replies=[],
            solver=self._models.solver,
            sampling=self._config.sampling_of(question.answer_kind),
        )

    async def _second(
        self, case: Case, counted: Tally, verdict: Accept | Reject | Open
    ) -> Case | None:
        """The second vote of a question that goes on to the stronger solver; None for others."""
        second, expert = self._config.second, self._models.expert
        if second is None or expert is None or case.by_judge or isinstance(verdict, Open):
            return None
        at_once = case.question.answer_kind in second.kinds
        if isinstance(verdict, Reject):
            goes = at_once or "undecided" in second.when
        else:
            goes = "disagrees" in second.when and await self._disagrees(case, verdict)
        first = None if at_once else case.plan
        plan = second_plan(self._config, second, first, case.options)
        if not goes or plan is None:
            return None
        return replace(
            case,
            wish=second_wish(self._config, second, first),
            plan=plan,
            votes=False,
            drawn=[],
            solver=expert,
            sampling=second.sampling,
            second=True,
            earlier=tuple(case.drawn),
            spent=spent_chance(first),
        )

    async def _disagrees(self, case: Case, verdict: Accept) -> bool:
        """Whether the answer that won is not the one that the writer claimed."""
        claim = case.claim or await read_claim(case.question, case.choices, case.verifier)
        return await agreeing(claim, verdict.winner, case.verifier) is False

    async def _vote(self, case: Case) -> tuple[Tally, Accept | Reject | Open]:
        """Draw samples in rounds until the vote is closed, or all requests of a round failed."""
        verifier = case.verifier
        same = verifier.alike if proves(verifier) else verifier.same
        if not case.second and self._goes_at_once(case):
            return Tally(clusters=(), abstained=0), Reject(reason="no_answer", detail="not asked")
        ballots = [case.claim.said] if case.claim and case.votes else []
        counted = Tally(clusters=(), abstained=0)
        verdict = case.verdict(counted)
        size = case.samples if case.by_judge else min(self._config.first_round, case.samples)
        while isinstance(verdict, Open):
            failed = await self._sampler.draw_round(case, size)
            said = [*ballots, *(item.said or None for item in case.drawn)]
            quick = len(set(said) - {None}) <= 1 or is_quick(verifier, "same")
            # A comparison of formulas may take seconds.
            counted = await aside(tally, said, same, quick=quick)
            verdict = case.verdict(counted)
            if failed:
                break
            size = case.next_round(counted)
        return counted, verdict

    def _goes_at_once(self, case: Case) -> bool:
        """Whether a question is for the stronger solver alone."""
        second = self._config.second
        return (
            second is not None
            and self._models.expert is not None
            and case.question.answer_kind in second.kinds
            and not case.by_judge
        )

    async def _made(
        self, case: Case, counted: Tally, verdict: Accept | Reject | Open
    ) -> Solution | Flaw:
        """The solution that the judge or the vote chose, or why there is none."""
        if case.by_judge and counted.clusters:
            return await self._solutions.choose(case)
        if isinstance(verdict, Accept):
            if winners := case.winners(counted, verdict):
                return await self._solutions.accepted(case, verdict, winners)
            verdict = Reject(reason="no_answer", detail="no sample says what the claim says")
        return _why_none(case.drawn, case.replies, verdict)


def _why_none(
    drawn: Sequence[Drawn], replies: Sequence[Reply | PermanentError], verdict: Reject | Open
) -> Flaw:
    """Say why no answer won; where most samples were cut off or failed their tests, that is why.

    Where no server answered some of the requests, nobody knows what their samples would have said.
    """
    counts = Counter(item.flaw for item in drawn)

    def most(flaw: Reason) -> bool:
        return counts[flaw] * 2 > len(drawn)

    def lost(flaw: Reason, told: str) -> Flaw:
        return Flaw(reason=flaw, detail=f"{counts[flaw]} of {len(drawn)} samples{told}")

    if isinstance(verdict, Open) or counts["request_failed"]:
        failures = [reply for reply in replies if isinstance(reply, PermanentError)]
        return lost("request_failed", f": {failures[0]}")
    if most("truncated"):
        return lost("truncated", " reached the token limit")
    if most("failed_tests"):
        first = next(item.detail for item in drawn if item.flaw == "failed_tests")
        return lost("failed_tests", f"; the first: {first}")
    return Flaw(reason=verdict.reason, detail=verdict.detail)


def _reject(question: Question, flaw: Flaw) -> Rejection:
    return Rejection.of(question, stage="answers", reason=flaw.reason, detail=flaw.detail)
