"""How long the prompts of a run are: as its steps write them, with examples in place of rows.

The rows of a run are not known before it, and the examples of a prompt set are rows of its kinds.
So each is given to the real step, whose request is measured and not sent. What the example itself
says is then left out: rows have lengths of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import mean

from tsdg.config.recipe import Recipe, Role
from tsdg.config.roles import asked_model
from tsdg.errors import PermanentError
from tsdg.generate.answer_case import Case
from tsdg.generate.answer_sampling import Sampler
from tsdg.generate.enrich import enrich_request
from tsdg.generate.fields import as_text, shape_of
from tsdg.generate.own_question import question_of
from tsdg.generate.prompts import Example, Prompts
from tsdg.generate.questions import QuestionStep
from tsdg.generate.study import StudyStep
from tsdg.generate.voteplan import wish_of
from tsdg.protocols import Ask, Reply, Request
from tsdg.records import NO_PLAN, AnswerKind, Provenance, Question, Seed, Source
from tsdg.verify import verifier_for

_MOST = 4
"""Examples of a kind that stand for its rows."""
_OPTIONS = ("a", "b", "c", "d")
_ROWS = tuple(
    Example(user={"question": "What?", "answer": "a", "context": context}, reply={})
    for context in ("", "Told.")
)
"""Stand for the rows of a kind without examples: half of them have a passage."""
_NOBODY = Provenance(model="", prompt="", prompt_hash="", sampling="", request_id="")
_NOWHERE = Source(dataset_path="", config="", split="", row=0, revision="")
_ALL = {"group": "knowledge", "family": "", "task": "", "domain": "", "licence": ""}


class PromptLength:
    """Characters that requests of one step and kind have beside what their row says."""

    def __init__(self, recipe: Recipe, prompts: Prompts) -> None:
        self._recipe, self._prompts = recipe, prompts
        self._known: dict[tuple[Role, AnswerKind], float] = {}

    def of(self, step: Role, kind: AnswerKind) -> float:
        """The mean over the kind's examples; measured once."""
        if (step, kind) not in self._known:
            self._known[step, kind] = self._measured(step, kind)
        return self._known[step, kind]

    def _measured(self, step: Role, kind: AnswerKind) -> float:
        examples = self._prompts.get("questions", kind).examples[:_MOST] or _ROWS
        rows = [_seed(example, kind, number) for number, example in enumerate(examples)]
        with ThreadPoolExecutor(1) as thread:  # as a loop may run in this one
            sent = thread.submit(asyncio.run, self._sent(step, rows)).result()
        return mean(
            sum(len(turn["content"]) for turn in request.body["messages"]) - _length(row)
            for row, request in zip(rows, sent, strict=True)
        )

    async def _sent(self, step: Role, rows: Sequence[Seed]) -> list[Request]:
        return [await self._request(step, row) for row in rows]

    async def _request(self, step: Role, row: Seed) -> Request:
        recipe = self._recipe
        if step == "enrich":
            return enrich_request(
                _question(row),
                answer=row.answer,
                reasoning=False,
                config=recipe.answers,
                model=asked_model(recipe, "enrich"),
                prompts=self._prompts,
                seed=(recipe.seed,),
            )[0]
        if step == "study":
            study = StudyStep(
                config=recipe.study.model_copy(update={"share": 1.0}),
                model=asked_model(recipe, "study"),
                prompts=self._prompts,
                seed=recipe.seed,
            )
            return await _heard(lambda ask: study(row, ask))
        if step == "questions":
            questions = QuestionStep(
                config=recipe.questions,
                model=asked_model(recipe, "questions"),
                prompts=self._prompts,
                seed=recipe.seed,
                judge=None,
                kin=None,
                aim=None,
            )
            return await _heard(lambda ask: questions(row, ask))
        sampler = Sampler(config=recipe.answers, seed=recipe.seed)
        return await _heard(lambda ask: sampler.draw_round(self._case(row, ask), 1))

    def _case(self, row: Seed, ask: Ask) -> Case:
        shape = shape_of(
            row.answer_kind,
            question=row.question,
            context=row.context,
            options=row.options,
            classes=row.classes,
        )
        config = self._recipe.answers
        return Case(
            question=_question(row),
            ask=ask,
            verifier=verifier_for("text"),
            prompt=self._prompts.get("answers", row.answer_kind),
            shape=shape,
            choices=shape.labels or row.options,
            claim=None,
            votes=False,
            by_judge=False,
            wish=wish_of(config, claimed=False),
            plan=None,
            drawn=[],
            replies=[],
            solver=asked_model(self._recipe, "answers"),
            sampling=config.sampling_of(row.answer_kind),
        )


async def _heard(step: Callable[[Ask], Awaitable[object]]) -> Request:
    """The first request that a step makes; it is not sent."""
    heard: list[Request] = []

    async def ask(request: Request) -> Reply:
        heard.append(request)
        raise PermanentError("not_sent", "only measured")

    await step(ask)
    return heard[0]


def _seed(example: Example, kind: AnswerKind, number: int) -> Seed:
    def said(name: str) -> str:
        return as_text(example.user.get(name, ""))

    def listed(name: str) -> tuple[str, ...]:
        return tuple(map(as_text, example.user.get(name, ())))

    return Seed(
        seed_id=str(number),
        output_type="generate_until",
        answer_kind=kind,
        question=said("question"),
        context=said("context"),
        options=listed("options") or (_OPTIONS if kind == "choice" else ()),
        classes=bool(example.user.get("classes", False)),
        answer=said("answer"),
        answer_index=-1,
        aliases=(),
        checks=listed("checks"),
        option_order=(),
        solution=said("solution"),
        level=said("level"),
        subject=said("subject"),
        language=said("language") or "en",
        source=_NOWHERE,
        **_ALL,  # type: ignore[arg-type]
    )


def _question(row: Seed) -> Question:
    return question_of(row, question_id=row.seed_id, plan=NO_PLAN, provenance=_NOBODY)


def _length(row: Seed) -> int:
    """Characters of a row, as far as steps show it."""
    return sum(map(len, (row.question, row.context, *row.options, row.answer, row.solution)))
