"""Builds the solution of a question from the samples that won.

The replies of the judge and of the enrichment are added to the case's replies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tsdg.config.recipe import AnswersConfig
from tsdg.generate.answer_case import AnswerModels, Case
from tsdg.generate.answer_samples import Drawn
from tsdg.generate.aside import MOST, aside
from tsdg.generate.checks import says_nothing
from tsdg.generate.claims import agreeing, read_claim
from tsdg.generate.enrich import NOTHING, TRIES, Enrichment, enrich_request, read_enrichment
from tsdg.generate.judge import Judge, best_response, judge_answer, response_of, unread_verdict
from tsdg.generate.language import other_language
from tsdg.generate.prompts import Prompts
from tsdg.generate.requests import canonical, length, provenance, try_ask
from tsdg.generate.schemas import Flaw
from tsdg.generate.voting import Accept
from tsdg.protocols import Request, proves
from tsdg.records import Ballot, Provenance, Question, Solution, Verification


class SolutionMaker:
    """Makes solutions of what won. Holds no state."""

    def __init__(
        self,
        *,
        config: AnswersConfig,
        models: AnswerModels,
        prompts: Prompts,
        seed: int,
        judge: Judge | None,
    ) -> None:
        self._config = config
        self._models = models
        self._prompts = prompts
        self._seed = seed
        self._judge = judge

    async def choose(self, case: Case) -> Solution | Flaw:
        """Let the judge choose among free texts, which no vote can."""
        assert self._judge is not None
        answered = [place for place, item in enumerate(case.drawn) if item.said]
        best, came = await best_response(
            self._judge, case.ask, case.question, [case.drawn[p].row.answer for p in answered]
        )
        case.replies.extend(came)
        if best is None:
            return unread_verdict(came)
        tested = f"{case.verifier.method.split(',')[0]}, then " if proves(case.verifier) else ""
        verification = Verification(
            method=f"{tested}judge, best of {len(answered)}",
            votes=1,
            agreement=1 / case.samples,
            samples=len(case.drawn),
            chance=None,
            claim_agrees=None,
            score=0.0,
        )
        return await self._solve(case, (answered[best],), verification)

    async def accepted(
        self, case: Case, verdict: Accept, winners: Sequence[int]
    ) -> Solution | Flaw:
        """Go on with what won the vote, unless it has to be what was claimed and is not."""
        won = case.drawn[winners[0]]
        claim = case.claim or await read_claim(case.question, case.choices, case.verifier)
        agree = await agreeing(claim, won.said, case.verifier)
        if agree is False and self._config.claim == "require":
            claimed, found = (
                " ".join(text.split())[:60]
                for text in (case.question.claimed_answer, won.row.answer)
            )
            return Flaw(
                reason="claim_disagrees",
                detail=f"{len(winners)} of {len(case.drawn)} samples say {found!r}, the writer "
                f"claimed {claimed!r}",
            )
        method = f"{case.verifier.method} with the claim" if case.votes else case.verifier.method
        verification = Verification(
            # One sample is no vote: unless a verifier put it to the test, nothing was verified but
            # its form.
            method="none" if case.samples == 1 and method == "vote" else method,
            votes=len(winners),
            agreement=len(winners) / case.samples,
            samples=len(case.drawn),
            chance=min(1.0, verdict.chance + case.spent) if case.options else None,
            claim_agrees=agree,
            score=0.0,
            ballots=self._ballots(case, won.said, len(winners)),
        )
        return await self._solve(case, winners, verification)

    def _ballots(self, case: Case, said: str, votes: int) -> tuple[Ballot, ...]:
        """How each solver voted, where there is more than one."""
        if self._config.second is None:
            return ()
        prover = proves(case.verifier)
        same = case.verifier.alike if prover else case.verifier.same  # type: ignore[attr-defined]
        now = Ballot(solver=case.role, model=case.solver.name, samples=len(case.drawn), votes=votes)
        if not case.earlier:
            return (now,)
        before = [item.said for item in case.earlier if item.said]
        first = Ballot(
            solver="answers",
            model=self._models.solver.name,
            samples=len(case.earlier),
            votes=sum(one == said or same(one, said) for one in before),
        )
        return (first, now)

    async def _solve(
        self, case: Case, winners: Sequence[int], verification: Verification
    ) -> Solution | Flaw:
        """Build the solution of the samples that won, the first reasoning that is usable in it."""
        question, drawn = case.question, case.drawn
        answer = drawn[winners[0]].row.answer
        quick = len(drawn[winners[0]].row.reasoning) <= MOST
        told = await aside(_first_usable, drawn, winners, question, quick=quick)
        reasoning = "" if told is None else drawn[told].row.reasoning
        judged = await self._judged(case, winners, reasoning, verification)
        if isinstance(judged, Flaw):
            return judged
        enrichment, unenriched = await self._enrich(case, answer, reasoning)
        return Solution(
            question_id=question.question_id,
            answer=answer,
            reasoning=reasoning or enrichment.reasoning,
            trace=drawn[winners[0] if told is None else told].trace,
            knowledge=enrichment.knowledge,
            distractors=enrichment.distractors,
            unenriched=unenriched,
            verification=judged,
            provenance=self._provenance(case, drawn[winners[0]].request),
        )

    async def _judged(
        self, case: Case, winners: Sequence[int], reasoning: str, verification: Verification
    ) -> Verification | Flaw:
        """Have the judge score the answer, where the recipe wants a score."""
        if self._judge is None or not self._judge.config.min_score:
            return verification
        thinks = self._thinks_first(case)
        rivals = [
            response_of(item.row.answer, "" if thinks else item.row.reasoning)
            for place, item in enumerate(case.drawn)
            if item.said and place not in winners
        ]
        answer = case.drawn[winners[0]].row.answer
        response = response_of(answer, "" if thinks else reasoning)
        judged = await judge_answer(
            self._judge, case.ask, case.question, response=response, rivals=rivals
        )
        case.replies.extend(judged.replies)
        if judged.flaw:
            return Flaw(reason=judged.reason, detail=judged.flaw)
        method = verification.method
        method = method if "judge, best of" in method else f"{method}, then judge"
        return replace(verification, method=method, score=judged.score)

    def _thinks_first(self, case: Case) -> bool:
        """Whether the reasoning of the samples is what the model thought before it replied.

        That is no part of a response to judge, and two such traces fit no context.
        """
        return bool(case.solver.reasoning_parser) and self._config.rationale == "trace"

    async def _enrich(self, case: Case, answer: str, reasoning: str) -> tuple[Enrichment, str]:
        """Ask for what the variants need beside the answer, and say why where it does not come."""
        reason = ""
        for attempt in range(TRIES if "enriched" in self._config.variants else 0):
            request, schema = enrich_request(
                case.question,
                answer=answer,
                reasoning=not reasoning,
                config=self._config,
                model=self._models.enricher,
                prompts=self._prompts,
                seed=(self._seed, *([attempt] if attempt else [])),
            )
            reply = await try_ask(case.ask, request)
            case.replies.append(reply)
            found = await aside(
                read_enrichment, reply, schema, case.question, answer, quick=length([reply]) <= MOST
            )
            if not isinstance(found, Flaw):
                return found, ""
            reason = found.reason
            if reason == "request_failed":
                break
        return NOTHING, reason

    def _provenance(self, case: Case, request: Request) -> Provenance:
        config = self._config
        sampling = canonical(
            case.solver,
            case.sampling,
            request_seed=request.body["seed"],
            samples=config.samples,
            few_shot=config.few_shot,
            show_options=config.show_options,
            rationale=config.rationale,
            structured=config.structured,
        )
        return provenance(case.solver, case.prompt, sampling, request)


def _first_usable(drawn: Sequence[Drawn], winners: Sequence[int], question: Question) -> int | None:
    """The first of the winners whose reasoning can be shown; None where none has any."""
    answer = drawn[winners[0]].row.answer
    return next((i for i in winners if _usable(drawn[i].row.reasoning, answer, question)), None)


def _usable(reasoning: str, answer: str, question: Question) -> bool:
    told = bool(reasoning) and not says_nothing(reasoning, answer)
    return told and not other_language(reasoning, question.language)
