"""Stage 3: solutions of a question, and the vote on them.

The solver sees the question alone: its passage, and its options unless the recipe hides them, but
never the answer that the generator claimed. Up to ``samples`` solutions are drawn in rounds until
the vote is closed. Options are shown in another order each time, so that a liking for a position
cancels, and the vote is on the texts. Samples with the same prompt go out as one request with ``n``
completions; others are requests of their own, each with its own seed.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tsdg.config.models import ModelConfig
from tsdg.config.recipe import AnswersConfig
from tsdg.errors import PermanentError
from tsdg.generate.answer_forms import solution_form
from tsdg.generate.answer_samples import Draw, Drawn, proven, read_round
from tsdg.generate.checks import is_closing, says_nothing
from tsdg.generate.claims import Claim, agrees, read_claim
from tsdg.generate.draws import number, permutation
from tsdg.generate.enrich import NOTHING, TRIES, Enrichment, enrich_request, read_enrichment
from tsdg.generate.fields import as_fields, language_name, shape_of, shots, window
from tsdg.generate.judge import Judge, best_response, judge_answer, response_of
from tsdg.generate.language import other_language
from tsdg.generate.prompts import FIELDS, Prompt, Prompts
from tsdg.generate.requests import canonical, chat_request, provenance, together, try_ask, usage_of
from tsdg.generate.schemas import Flaw, Shape
from tsdg.generate.voteplan import VotePlan, Wish, plan_of, wish_of
from tsdg.generate.voting import Accept, Open, Reject, Tally, VoteRule, decide, next_round, tally
from tsdg.protocols import Ask, Asked, Prover, Reply, Request, Verifier
from tsdg.records import (
    AnswerSample,
    Provenance,
    Question,
    Reason,
    Rejection,
    Solution,
    Usage,
    Verification,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Solving:
    """What became of one question: a solution or a rejection, and every sample drawn for it."""

    samples: tuple[AnswerSample, ...]
    solution: Solution | None
    rejection: Rejection | None
    usage: Usage
    saved_samples: int
    """Samples of a full vote less those drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One question on its way; ``drawn`` and ``replies`` grow."""

    question: Question
    ask: Ask
    verifier: Verifier
    prompt: Prompt
    shape: Shape
    choices: tuple[str, ...]
    """What can be chosen; empty where the answer is free."""
    claim: Claim | None
    """Where it is read before the samples."""
    votes: bool
    """Whether the claim votes."""
    wish: Wish
    plan: VotePlan | None
    drawn: list[Drawn]
    replies: list[Reply | PermanentError]

    @property
    def options(self) -> int:
        """Possible answers; 0 where they are not bounded."""
        return len(self.choices)

    @property
    def samples(self) -> int:
        """Samples of a full vote; 0 where no vote is beyond guessing."""
        return self.plan.votes - self.votes if self.plan else 0

    def verdict(self, counted: Tally) -> Accept | Reject | Open:
        """Where the vote stands; without a plan it is lost before it begins."""
        return decide(counted, self._rule(), self.options)

    def next_round(self, counted: Tally) -> int:
        """Fewest further samples that could close the vote."""
        return next_round(counted, self._rule(), self.options)

    def winners(self, counted: Tally, verdict: Accept) -> tuple[int, ...]:
        """Samples that gave the answer that won; none where the claim alone did."""
        won = next(c.members for c in counted.clusters if c.representative == verdict.winner)
        places = [place - self.votes for place in won if place >= self.votes]
        # The form that most of them gave speaks for all: the first may have a slip in it.
        forms = Counter(self.drawn[place].said for place in places)
        return tuple(sorted(places, key=lambda place: -forms[self.drawn[place].said]))

    def _rule(self) -> VoteRule:
        return self.wish.rule(self.plan.votes if self.plan else self.wish.samples)


class AnswerStep:
    """Turns questions into solutions. Stateless: the same input gives the same result."""

    def __init__(
        self,
        *,
        config: AnswersConfig,
        model: ModelConfig,
        prompts: Prompts,
        seed: int,
        verifier_for: Callable[[Question], Verifier],
        judge: Judge | None,
    ) -> None:
        self._config = config
        self._model = model
        self._prompts = prompts
        self._seed = seed
        self._verifier_for = verifier_for
        self._judge = judge

    async def __call__(self, question: Question, ask: Ask) -> Solving:
        """Solve one question.

        Args:
            question: the question.
            ask: gets the reply to a request.
        """
        case = await self._case(question, ask)
        verifier, drawn, replies = case.verifier, case.drawn, case.replies
        ballots = [case.claim.said] if case.claim and case.votes else []
        counted, verdict = tally([], verifier.same), case.verdict(tally([], verifier.same))
        free = question.answer_kind == "text" and self._judge is not None
        free = free and self._judge is not None and self._judge.config.best_of
        size = case.samples if free else min(self._config.first_round, case.samples)
        while isinstance(verdict, Open):
            failed = await self._round(case, size)
            counted = await asyncio.to_thread(
                tally,
                [*ballots, *(item.said or None for item in drawn)],
                verifier.alike if isinstance(verifier, Prover) else verifier.same,
            )
            verdict = case.verdict(counted)
            if failed:
                break
            size = case.next_round(counted)
        made: Solution | Flaw
        if free and counted.clusters:
            made = await self._choose(case)
        elif isinstance(verdict, Accept) and (winners := case.winners(counted, verdict)):
            made = await self._accepted(case, verdict, winners)
        else:
            if isinstance(verdict, Accept):
                verdict = Reject(reason="no_answer", detail="no sample says what the claim says")
            made = _why_none(drawn, replies, verdict)
        return Solving(
            samples=tuple(item.row for item in drawn),
            solution=None if isinstance(made, Flaw) else made,
            rejection=_reject(question, made) if isinstance(made, Flaw) else None,
            usage=usage_of("answers", replies),
            saved_samples=case.samples - len(drawn),
        )

    async def _case(self, question: Question, ask: Ask) -> _Case:
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
        return _Case(
            question=question,
            ask=ask,
            verifier=verifier,
            prompt=self._prompts.get("answers", question.answer_kind),
            shape=shape,
            choices=choices,
            claim=claim,
            votes=votes,
            wish=wish_of(self._config, claimed=votes),
            plan=plan_of(self._config, len(choices), claimed=votes),
            drawn=[],
            replies=[],
        )

    async def _round(self, case: _Case, size: int) -> bool:
        """Draw and read further samples; return whether all their requests failed."""
        draws = [
            self._draw(case.question, case.shape, case.prompt, len(case.drawn) + step)
            for step in range(size)
        ]
        groups = [
            list(group)
            for _, group in itertools.groupby(draws, key=lambda d: (d.turns, d.form.constraint))
        ]
        requests = [self._request(case.question, group) for group in groups]
        came = await together([try_ask(case.ask, request) for request in requests])
        case.replies.extend(came)
        # In a thread: a formula may take its verifier seconds, and other rows' replies must not
        # wait for it.
        fresh = await asyncio.to_thread(
            read_round,
            case.question,
            list(zip(groups, requests, came, strict=True)),
            case.verifier,
        )
        if isinstance(case.verifier, Prover):
            fresh = await proven(fresh, case.verifier)
        case.drawn.extend(fresh)
        return all(isinstance(reply, PermanentError) for reply in came)

    def _draw(self, question: Question, shape: Shape, prompt: Prompt, sample: int) -> Draw:
        config, kind = self._config, question.answer_kind
        order: tuple[int, ...] = ()
        if config.show_options and question.options:
            places = permutation(len(question.options), "order", self._seed, question.question_id)
            # Turned by one place per sample, each option stands in each place equally often, "none
            # of these" too: a liking for the last place must not win.
            turn = sample % len(places)
            order = places[turn:] + places[:turn]
        shown = tuple(question.options[index] for index in order)
        choices = shown or shape.labels or question.options
        form = solution_form(
            config,
            kind,
            options=choices,
            checks=question.checks,
            shown="{reply}" in prompt.user,
        )
        turn = number("answer shots", self._seed, question.question_id) + sample
        examples = window(prompt.examples, kind, shape, question.language, config.few_shot, turn)
        names = FIELDS["answers"]
        values = {
            "language": language_name(question.language),
            "domain": question.domain,
            "question": question.question,
            "context": question.context,
            "options": shown,
            "written": language_name(question.language) if form.reasoning else "",
            "closing": tuple(option for option in shown if is_closing(option)),
            # One call shows the order of the arguments; the other assertions stay hidden tests.
            "checks": question.checks[:1],
            "reply": form.sketch(),
        }
        hide = () if config.show_options else ("options",)
        turns = prompt.turns(
            as_fields(values, names),
            shots(examples, names, hide=hide, sketch=form.sketch(), reply=form.write),
        )
        asked = Asked(
            question=question.question,
            context=question.context,
            options=choices,
            checks=question.checks,
        )
        return Draw(sample=sample, turns=turns, form=form, asked=asked, option_order=order)

    def _request(self, question: Question, group: Sequence[Draw]) -> Request:
        return chat_request(
            model=self._model,
            turns=group[0].turns,
            sampling=self._config.sampling,
            seed=number("answers", self._seed, question.question_id, group[0].sample),
            samples=len(group),
            form=group[0].form.constraint,
        )

    async def _choose(self, case: _Case) -> Solution | Flaw:
        """Let the judge choose among free texts, which no vote can."""
        assert self._judge is not None
        answered = [place for place, item in enumerate(case.drawn) if item.said]
        best, came = await best_response(
            self._judge, case.ask, case.question, [case.drawn[p].row.answer for p in answered]
        )
        case.replies.extend(came)
        if best is None:
            return Flaw(reason="judged", detail="the judge's verdict could not be read")
        tested = (
            f"{case.verifier.method.split(',')[0]}, then "
            if isinstance(case.verifier, Prover)
            else ""
        )
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

    async def _accepted(
        self, case: _Case, verdict: Accept, winners: Sequence[int]
    ) -> Solution | Flaw:
        """Go on with what won the vote, unless it has to be what was claimed and is not."""
        won = case.drawn[winners[0]]
        claim = case.claim or await read_claim(case.question, case.choices, case.verifier)
        agree = await asyncio.to_thread(agrees, claim, won.said, case.verifier)
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
            chance=verdict.chance if case.options else None,
            claim_agrees=agree,
            score=0.0,
        )
        return await self._solve(case, winners, verification)

    async def _solve(
        self, case: _Case, winners: Sequence[int], verification: Verification
    ) -> Solution | Flaw:
        """Build the solution.

        What else is asked for, of the judge and for the enrichment, is added to the replies.
        """
        question, ask, drawn, replies = case.question, case.ask, case.drawn, case.replies
        answer = drawn[winners[0]].row.answer
        told = next((i for i in winners if _usable(drawn[i].row.reasoning, answer, question)), None)
        reasoning = "" if told is None else drawn[told].row.reasoning
        if self._judge is not None and self._judge.config.min_score:
            # What a model thought before it replied is no part of its response, and two such traces
            # fit no context.
            thinks = bool(self._model.reasoning_parser) and self._config.rationale == "trace"
            rivals = [
                response_of(item.row.answer, "" if thinks else item.row.reasoning)
                for place, item in enumerate(drawn)
                if item.said and place not in winners
            ]
            response = response_of(answer, "" if thinks else reasoning)
            judged = await judge_answer(
                self._judge, ask, question, response=response, rivals=rivals
            )
            replies += judged.replies
            if judged.flaw:
                return Flaw(reason="judged", detail=judged.flaw)
            method = verification.method
            method = method if "judge, best of" in method else f"{method}, then judge"
            verification = replace(verification, method=method, score=judged.score)
        enrichment, unenriched = await self._enrich(case, answer, reasoning)
        return Solution(
            question_id=question.question_id,
            answer=answer,
            reasoning=reasoning or enrichment.reasoning,
            trace=drawn[winners[0] if told is None else told].trace,
            knowledge=enrichment.knowledge,
            distractors=enrichment.distractors,
            unenriched=unenriched,
            verification=verification,
            provenance=self._provenance(case.prompt, drawn[winners[0]].request),
        )

    async def _enrich(self, case: _Case, answer: str, reasoning: str) -> tuple[Enrichment, str]:
        """Ask for what the variants need beside the answer, and say why where it does not come."""
        reason = ""
        for attempt in range(TRIES if "context" in self._config.variants else 0):
            request, schema = enrich_request(
                case.question,
                answer=answer,
                reasoning=not reasoning,
                config=self._config,
                model=self._model,
                prompts=self._prompts,
                seed=(self._seed, *([attempt] if attempt else [])),
            )
            reply = await try_ask(case.ask, request)
            case.replies.append(reply)
            found = read_enrichment(reply, schema, question=case.question, answer=answer)
            if not isinstance(found, Flaw):
                return found, ""
            reason = found.reason
            if reason == "request_failed":
                break
        return NOTHING, reason

    def _provenance(self, prompt: Prompt, request: Request) -> Provenance:
        config = self._config
        sampling = canonical(
            config.sampling,
            request_seed=request.body["seed"],
            samples=config.samples,
            few_shot=config.few_shot,
            show_options=config.show_options,
            rationale=config.rationale,
            structured=config.structured,
        )
        return provenance(self._model, prompt, sampling, request)


def _usable(reasoning: str, answer: str, question: Question) -> bool:
    told = bool(reasoning) and not says_nothing(reasoning, answer)
    return told and not other_language(reasoning, question.language)


def _why_none(
    drawn: Sequence[Drawn], replies: Sequence[Reply | PermanentError], verdict: Reject | Open
) -> Flaw:
    """Say why no answer won; where most samples failed or were cut off, that is the reason."""
    failures = [reply for reply in replies if isinstance(reply, PermanentError)]
    reason: Reason = verdict.reason if isinstance(verdict, Reject) else "request_failed"
    detail = verdict.detail if isinstance(verdict, Reject) else ""
    lost = {
        flaw: sum(item.flaw == flaw for item in drawn)
        for flaw in ("request_failed", "truncated", "failed_tests")
    }
    if isinstance(verdict, Open) or lost["request_failed"] * 2 > len(drawn):
        reason, detail = (
            "request_failed",
            f"{lost['request_failed']} of {len(drawn)} samples: {failures[0]}",
        )
    elif lost["truncated"] * 2 > len(drawn):
        reason, detail = (
            "truncated",
            f"{lost['truncated']} of {len(drawn)} samples reached the token limit",
        )
    elif lost["failed_tests"] * 2 > len(drawn):
        first = next(item.detail for item in drawn if item.flaw == "failed_tests")
        reason, detail = (
            "failed_tests",
            f"{lost['failed_tests']} of {len(drawn)} samples; the first: {first}",
        )
    return Flaw(reason=reason, detail=detail)


def _reject(question: Question, flaw: Flaw) -> Rejection:
    return Rejection.of(question, stage="answers", reason=flaw.reason, detail=flaw.detail)
