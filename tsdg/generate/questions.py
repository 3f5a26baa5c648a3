"""Stage 2: new questions from a seed.

Per seed ``per_seed`` *draws*, each one request: what holds for all seeds of a task and a set of its
kin first, then the seed, and last the drawn way from it to the new question. The writer settles a
plan before it writes. For a very small model: few-shot examples as chat turns and a drawn topic
instead.

The reply is read, checked against the format of its answer kind, and compared with everything that
the prompt showed. A draw ends as a :class:`Question`, or as a :class:`Rejection` with its reason,
under an id that is known before the request is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from tsdg.config.models import ModelConfig
from tsdg.config.questions import QuestionsConfig
from tsdg.errors import PermanentError, fault_of_row
from tsdg.generate import checks
from tsdg.generate.draws import number, permutation
from tsdg.generate.fields import (
    as_fields,
    as_text,
    is_stem,
    json_reply,
    language_name,
    shape_of,
    shape_of_example,
    shots,
    window,
)
from tsdg.generate.judge import Judge, Judged, judge_question
from tsdg.generate.kin import KinSets, kin_text
from tsdg.generate.own_question import question_of
from tsdg.generate.plan import doubt, plan_fields, read_plan
from tsdg.generate.prompts import FIELDS, REPLY_FIELDS, Example, Prompt, Prompts
from tsdg.generate.question_content import read_content
from tsdg.generate.replies import read_reply
from tsdg.generate.requests import canonical, chat_request, provenance, together, try_ask, usage_of
from tsdg.generate.schemas import Flaw, Schema, Shape, question_schema, response_format, sketch
from tsdg.generate.topics import draw_topic
from tsdg.generate.ways import Way
from tsdg.protocols import Ask, Reply, Request
from tsdg.records import AnswerKind, Kin, Provenance, Question, Rejection, Seed, Usage
from tsdg.rowform import stable_id

Aim = Callable[[Seed, int], str]
"""Names the concept that one numbered draw of a seed should be about; empty for none."""

_STAYS = frozenset({"deeper"})
"""Types of ways that keep the concept of the seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What became of one seed: ``per_seed`` questions and rejections, in order of the draws."""

    questions: tuple[Question, ...]
    rejections: tuple[Rejection, ...]
    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """One draw before it is asked."""

    question_id: str
    request: Request
    schema: Schema
    provenance: Provenance
    way: Way | None
    """None where no plan is asked for."""
    shown: tuple[checks.Shown, ...]
    """Kin and examples of the prompt, those written in replies included."""


def draws_of(config: QuestionsConfig) -> range:
    """The numbers of a seed's draws."""
    return range(config.first_draw, config.first_draw + config.per_seed)


class QuestionStep:
    """Turns seeds into questions. Stateless: the same seed and replies give the same result."""

    def __init__(
        self,
        *,
        config: QuestionsConfig,
        model: ModelConfig,
        prompts: Prompts,
        seed: int,
        judge: Judge | None,
        kin: KinSets | None = None,
        aim: Aim | None = None,
    ) -> None:
        """Keep what a run's questions are made with.

        Args:
            config: of the recipe.
            model: that writes.
            prompts: the set; it has ways where ``config.plan`` is on.
            seed: of the run.
            judge: of the questions; None for none.
            kin: of the run's seeds; None for none.
            aim: names the concept that a draw should be about; None where nothing does.
        """
        self._config = config
        self._kin, self._aim = kin, aim
        self._judge = judge
        self._model = model
        self._prompts = prompts
        self._seed = seed
        # Seeds of a task mostly have one shape, and its patterns are many.
        self._kind_of = lru_cache(maxsize=1024)(prompts.ways.kind_of) if prompts.ways else None

    async def __call__(self, seed_row: Seed, ask: Ask) -> Asking:
        """Ask for the questions of one seed.

        Args:
            seed_row: the seed.
            ask: gets the reply to a request.
        """
        shape = shape_of(
            seed_row.answer_kind,
            question=seed_row.question,
            context=seed_row.context,
            options=seed_row.options,
            classes=seed_row.classes,
            checks=seed_row.checks,
            stand_alone=self._config.stand_alone,
        )
        drafts = [self._draft(seed_row, shape, draw) for draw in draws_of(self._config)]
        replies = await together([try_ask(ask, draft.request) for draft in drafts])
        questions: list[Question] = []
        rejections: list[Rejection] = []
        # In a thread: a long passage takes milliseconds, and other rows' replies must not wait.
        read = await asyncio.to_thread(self._read_all, seed_row, shape, drafts, replies)
        for draft, made in zip(drafts, read, strict=True):
            if isinstance(made, Flaw):
                rejections.append(_reject(seed_row, draft.question_id, made))
            else:
                questions.append(made)
        if self._judge is not None and self._judge.config.question_min_score:
            verdicts = await together(
                [_try_judge(self._judge, ask, seed_row, made) for made in questions]
            )
            questions, refused = _sorted_out(seed_row, questions, verdicts)
            rejections += refused
            replies += [reply for verdict in verdicts for reply in verdict.replies]
        return Asking(
            questions=tuple(questions),
            rejections=tuple(rejections),
            usage=usage_of("questions", replies),
        )

    def _read_all(
        self,
        seed_row: Seed,
        shape: Shape,
        drafts: Sequence[_Draft],
        replies: Sequence[Reply | PermanentError],
    ) -> list[Question | Flaw]:
        pairs = zip(drafts, replies, strict=True)
        return [self._try_read(seed_row, shape, draft, reply) for draft, reply in pairs]

    def _draft(self, seed_row: Seed, shape: Shape, draw: int) -> _Draft:
        config, kind = self._config, seed_row.answer_kind
        prompt = self._prompts.get("questions", kind)
        way = self._way(seed_row, shape, draw)
        schema, form = _schema_of(shape, planned=way is not None)
        turn = number("shots", self._seed, seed_row.seed_id) + draw
        examples = window(prompt.examples, kind, shape, seed_row.language, config.few_shot, turn)
        kin = tuple(self._kin.of(seed_row, draw)) if self._kin else ()
        drawn = {
            "topic": self._topic(seed_row, draw),
            "aim": self._concept(seed_row, prompt, way, draw),
            "way": way.told() if way else "",
            "target": self._target(seed_row, shape, draw) if way else "",
        }
        fields = _fields(seed_row, shape) | drawn | {"kin": kin_text(kin), "reply": form}
        fields = as_fields(fields, FIELDS["questions"])
        request_seed = number("questions", self._seed, seed_row.seed_id, draw)
        request = chat_request(
            model=self._model,
            turns=prompt.turns(fields, self._shots(examples, kind)),
            sampling=config.sampling,
            seed=request_seed,
            samples=1,
            form={"response_format": response_format(f"{kind}_question", schema)}
            if config.structured
            else {},
            start=prompt.start(fields),
        )
        planned = {"way": way.name, "kin": [one.seed_id for one in kin]} if way else {}
        sampling = canonical(
            self._model,
            config.sampling,
            request_seed=request_seed,
            few_shot=config.few_shot,
            topic=drawn["topic"],
            structured=config.structured,
            draw=draw,
            **planned,
            **({"aim": drawn["aim"]} if drawn["aim"] else {}),
        )
        return _Draft(
            question_id=stable_id(
                "question",
                seed_row.seed_id,
                prompt.hash,
                self._model.name,
                self._model.revision,
                sampling,
                *([drawn["way"]] if way else []),
            ),
            request=request,
            schema=schema,
            provenance=provenance(self._model, prompt, sampling, request),
            way=way,
            shown=_shown(examples, kin),
        )

    def _topic(self, seed_row: Seed, draw: int) -> str:
        if not self._config.topics:
            return ""
        return draw_topic(seed_row.domain, seed=self._seed, row_id=seed_row.seed_id, draw=draw)

    def _concept(self, seed_row: Seed, prompt: Prompt, way: Way | None, draw: int) -> str:
        """The concept to aim at; none where the way keeps the seed's or no prompt shows it."""
        if self._aim is None or "{aim}" not in prompt.user or (way and way.type in _STAYS):
            return ""
        return self._aim(seed_row, draw)

    def _way(self, seed_row: Seed, shape: Shape, draw: int) -> Way | None:
        ways = self._prompts.ways
        if not self._config.plan or ways is None or self._kind_of is None:
            return None
        kind = self._kind_of(seed_row.task, seed_row.family, shape)
        return ways.draw(kind, self._config.ways, draw, self._seed, seed_row.seed_id)

    def _target(self, seed_row: Seed, shape: Shape, draw: int) -> str:
        """The class that a new item should be a case of.

        All are drawn alike, as writers would choose some too often; the draws of one seed take them
        in turn.
        """
        if not shape.labels:
            return ""
        order = permutation(len(shape.labels), "target", self._seed, seed_row.seed_id)
        return shape.labels[order[draw % len(order)]]

    def _shots(
        self, examples: Sequence[Example], kind: AnswerKind
    ) -> list[tuple[Mapping[str, str], str]]:
        """The examples as turns, each with the form that its own reply has."""
        return shots(
            examples,
            FIELDS["questions"],
            hide=() if self._config.topics else ("topic",),
            sketch=lambda example: sketch(question_schema(shape_of_example(example, kind), {})),
            reply=lambda example: json_reply(example, REPLY_FIELDS["questions"]),
        )

    def _try_read(
        self, seed: Seed, shape: Shape, draft: _Draft, reply: Reply | PermanentError
    ) -> Question | Flaw:
        """Read a reply; an exception is a flaw of this draw alone."""
        try:
            return self._read(seed, shape, draft, reply)
        except Exception as error:
            return Flaw(reason="step_failed", detail=fault_of_row(error))

    def _read(
        self, seed: Seed, shape: Shape, draft: _Draft, reply: Reply | PermanentError
    ) -> Question | Flaw:
        found = self._found(draft, reply)
        if isinstance(found, Flaw):
            return found
        plan = read_plan(found, draft.way)
        if isinstance(plan, Flaw):
            return plan
        question, context = found["question"], found.get("context", "")
        flaw = checks.check_texts(seed, shape, question=question, context=context)
        if flaw:
            return flaw
        content = read_content(seed, shape, draft.question_id, found)
        if isinstance(content, Flaw):
            return content
        flaw = checks.check_copy(
            seed,
            question=question,
            context=context,
            options=() if shape.labels else content.options,
            answer="" if shape.labels else content.answer,
            shown=draft.shown,
            limit=self._config.max_overlap,
        )
        if flaw:
            return flaw
        own = question_of(
            seed, question_id=draft.question_id, plan=plan, provenance=draft.provenance
        )
        return replace(
            own,
            question=question,
            context=context,
            options=content.options,
            classes=bool(shape.labels),
            claimed_answer=content.answer,
            checks=content.checks,
        )

    def _found(self, draft: _Draft, reply: Reply | PermanentError) -> dict[str, Any] | Flaw:
        """The fields of a reply, or why they cannot be used: the seed may be to blame."""
        found = read_reply(reply, draft.schema)
        if isinstance(found, Flaw):
            return found
        doubtful = doubt(found) if self._config.doubtful == "reject" else ""
        return Flaw(reason="seed_doubtful", detail=doubtful) if doubtful else found


@lru_cache(maxsize=1024)
def _schema_of(shape: Shape, *, planned: bool) -> tuple[Schema, str]:
    """The schema of a new question, and the form that a prompt shows of it."""
    schema = question_schema(shape, plan_fields(passage=shape.context) if planned else {})
    return schema, sketch(schema)


def _fields(seed: Seed, shape: Shape) -> dict[str, Any]:
    """What a prompt may show of a seed, and of the form of what is to be written."""
    blank = "one blank" if shape.blanks else ""
    wrong = "one wrong option" if shape.options == 2 else ""
    return {
        "language": language_name(seed.language),
        "domain": seed.domain,
        "question": seed.question,
        "context": seed.context,
        "options": seed.options,
        "classes": shape.labels,
        "wrong": f"{shape.options - 1} wrong options" if shape.options > 2 else wrong,
        "answer": seed.answer,
        "checks": seed.checks,
        "solution": seed.solution,
        "level": seed.level,
        "subject": seed.subject,
        "passage": "passage" if shape.context else "",
        "blanks": f"{shape.blanks} blanks" if shape.blanks > 1 else blank,
        "stem": "beginning of a sentence" if is_stem(seed.question, shape) else "",
    }


def _shown(examples: Sequence[Example], kin: Sequence[Kin]) -> tuple[checks.Shown, ...]:
    """Everything beside the seed that a new question could be copied from."""
    written = [
        checks.Shown(
            question=as_text(part.get("question", "")),
            context=as_text(part.get("context", "")),
            options=(),
        )
        for example in examples
        for part in (example.user, example.reply)
    ]
    seen = [checks.Shown(question=k.question, context=k.context, options=k.options) for k in kin]
    return (*written, *seen)


async def _try_judge(judge: Judge, ask: Ask, seed: Seed, question: Question) -> Judged:
    """Judge a question; an exception is a flaw of this question alone."""
    try:
        return await judge_question(judge, ask, seed, question)
    except Exception as error:
        return Judged(score=0.0, reason="step_failed", flaw=fault_of_row(error), replies=())


def _sorted_out(
    seed: Seed, questions: Sequence[Question], verdicts: Sequence[Judged]
) -> tuple[list[Question], list[Rejection]]:
    """The questions that the judge lets through, and the rejections of the others."""
    kept: list[Question] = []
    refused: list[Rejection] = []
    for made, verdict in zip(questions, verdicts, strict=True):
        if verdict.flaw:
            flaw = Flaw(reason=verdict.reason, detail=verdict.flaw)
            refused.append(_reject(seed, made.question_id, flaw))
        else:
            kept.append(made)
    return kept, refused


def _reject(seed: Seed, question_id: str, flaw: Flaw) -> Rejection:
    return Rejection(
        row_id=question_id,
        group=seed.group,
        family=seed.family,
        task=seed.task,
        stage="questions",
        reason=flaw.reason,
        detail=flaw.detail,
    )
