"""Stage 2: new questions from a seed.

Per seed ``per_seed`` *draws*, each one request: few-shot examples as chat turns, the real seed
last, a drawn topic, a seed of its own. What comes back is read, held to the format of its answer
kind and compared with everything that the prompt showed; a draw ends as a :class:`Question` or as a
:class:`Rejection` with its reason, under an id that is known before the request is sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tsdg.config.models import ModelConfig
from tsdg.config.recipe import QuestionsConfig
from tsdg.errors import PermanentError
from tsdg.generate import checks
from tsdg.generate.draws import number, permutation
from tsdg.generate.fields import (
    as_fields,
    as_text,
    json_reply,
    language_name,
    shape_of,
    shots,
    window,
)
from tsdg.generate.instructions import renewed
from tsdg.generate.judged import judge_question
from tsdg.generate.judging import Judge
from tsdg.generate.prompts import FIELDS, REPLY_FIELDS, Prompts
from tsdg.generate.replies import read_object, split_thinking, strip_fence
from tsdg.generate.requests import canonical, chat_request, provenance, together, try_ask, usage_of
from tsdg.generate.schemas import Flaw, Schema, Shape, question_schema, response_format, sketch
from tsdg.generate.topics import draw_topic
from tsdg.protocols import Ask, Reply, Request
from tsdg.records import NO_PLAN, Provenance, Question, Rejection, Seed, Usage, stable_id


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
    shown: tuple[tuple[str, str], ...]
    """Question and passage of every example in the prompt, including those in the replies."""


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
    ) -> None:
        self._config = config
        self._judge = judge
        self._model = model
        self._prompts = prompts
        self._seed = seed

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
            checks=seed_row.checks,
            stand_alone=self._config.stand_alone,
        )
        drafts = [self._draft(seed_row, shape, draw) for draw in range(self._config.per_seed)]
        replies = await together([try_ask(ask, draft.request) for draft in drafts])
        questions: list[Question] = []
        rejections: list[Rejection] = []
        for draft, reply in zip(drafts, replies, strict=True):
            made = self._read(seed_row, shape, draft, reply)
            if isinstance(made, Flaw):
                rejections.append(_reject(seed_row, draft.question_id, made))
            else:
                questions.append(made)
        if self._judge is not None and self._judge.config.question_min_score:
            verdicts = await together(
                [judge_question(self._judge, ask, seed_row, made) for made in questions]
            )
            replies += [reply for verdict in verdicts for reply in verdict.replies]
            pairs = list(zip(questions, verdicts, strict=True))
            questions = [made for made, verdict in pairs if not verdict.flaw]
            rejections += [
                _reject(seed_row, made.question_id, Flaw(reason="judged", detail=verdict.flaw))
                for made, verdict in pairs
                if verdict.flaw
            ]
        return Asking(
            questions=tuple(questions),
            rejections=tuple(rejections),
            usage=usage_of("questions", replies),
        )

    def _draft(self, seed_row: Seed, shape: Shape, draw: int) -> _Draft:
        config, kind = self._config, seed_row.answer_kind
        prompt = self._prompts.get("questions", kind)
        schema = question_schema(shape)
        form = sketch(schema)
        turn = number("shots", self._seed, seed_row.seed_id) + draw
        examples = window(prompt.examples, kind, shape, seed_row.language, config.few_shot, turn)
        topic = ""
        if config.topics:
            topic = draw_topic(seed_row.domain, seed=self._seed, row_id=seed_row.seed_id, draw=draw)
        hide = () if config.topics else ("topic",)
        names = FIELDS["questions"]
        values = {
            "language": language_name(seed_row.language),
            "domain": seed_row.domain,
            "topic": topic,
            "question": seed_row.question,
            "context": seed_row.context,
            "options": seed_row.options,
            "answer": seed_row.answer,
            "checks": seed_row.checks,
            "reply": form,
        }
        turns = prompt.turns(
            as_fields(values, names),
            shots(
                examples,
                names,
                hide=hide,
                sketch=form,
                reply=lambda example: json_reply(example, REPLY_FIELDS["questions"]),
            ),
        )
        request_seed = number("questions", self._seed, seed_row.seed_id, draw)
        request = chat_request(
            model=self._model,
            turns=turns,
            sampling=config.sampling,
            seed=request_seed,
            samples=1,
            form={"response_format": response_format(f"{kind}_question", schema)}
            if config.structured
            else {},
        )
        sampling = canonical(
            config.sampling,
            request_seed=request_seed,
            few_shot=config.few_shot,
            topic=topic,
            structured=config.structured,
            draw=draw,
        )
        return _Draft(
            question_id=stable_id(
                "question",
                seed_row.seed_id,
                prompt.hash,
                self._model.name,
                self._model.revision,
                sampling,
            ),
            request=request,
            schema=schema,
            provenance=provenance(self._model, prompt, sampling, request),
            shown=tuple(
                (as_text(part.get("question", "")), as_text(part.get("context", "")))
                for example in examples
                for part in (example.user, example.reply)
            ),
        )

    def _read(
        self, seed: Seed, shape: Shape, draft: _Draft, reply: Reply | PermanentError
    ) -> Question | Flaw:
        if isinstance(reply, PermanentError):
            return Flaw(reason="request_failed", detail=str(reply))
        if not reply.choices:
            return Flaw(reason="bad_schema", detail="the reply holds no completion")
        choice = reply.choices[0]
        if choice.finish_reason == "length":
            limit = self._config.sampling.max_tokens
            return Flaw(reason="truncated", detail=f"the reply reached the limit of {limit} tokens")
        found = read_object(split_thinking(choice)[1], draft.schema)
        if isinstance(found, Flaw):
            return found
        question, context = found["question"], found.get("context", "")
        flaw = checks.check_texts(seed, shape, question=question, context=context)
        if flaw:
            return flaw
        content = _content(seed, shape, draft.question_id, found)
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
        return Question(
            question_id=draft.question_id,
            seed_ids=(seed.seed_id,),
            group=seed.group,
            family=seed.family,
            task=seed.task,
            domain=seed.domain,
            language=seed.language,
            licence=seed.licence,
            answer_kind=seed.answer_kind,
            question=question,
            context=context,
            options=content.options,
            classes=bool(shape.labels),
            claimed_answer=content.answer,
            checks=content.checks,
            plan=NO_PLAN,
            provenance=draft.provenance,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    options: tuple[str, ...]
    answer: str
    checks: tuple[str, ...]


def _content(
    seed: Seed, shape: Shape, question_id: str, found: Mapping[str, Any]
) -> _Content | Flaw:
    """Read what depends on the answer kind: options, claimed answer and checks."""
    question, answer = found["question"], as_text(found["answer"]).strip() if shape.claimed else ""
    options: tuple[str, ...] = seed.options if shape.labels else ()
    asserts: tuple[str, ...] = ()
    flaw: Flaw | None = None
    if shape.claimed and not answer:
        flaw = Flaw(reason="bad_format", detail="the answer is empty")
    elif shape.options:
        options = checks.unlabel((answer, *found["distractors"]))
        answer = options[0]
        flaw = checks.check_options(seed, question, options)
        places = permutation(len(options), "options", question_id)
        options = tuple(sorted((options[place] for place in places), key=checks.is_closing))
    elif shape.kind == "code":
        asserts = tuple(dict.fromkeys(check.strip() for check in found["checks"]))
        flaw = checks.check_code(question, asserts, answer)
        answer = strip_fence(answer).strip()
    elif shape.kind == "json":
        asserts = (json.dumps(found["schema"], ensure_ascii=False),)
        flaw = checks.check_json(found["schema"], found["answer"])
    elif shape.instructions:
        asserts = renewed(shape.instructions, found.get("rules", {}))
        flaw = checks.check_instructions(question, asserts)
    return flaw or _Content(options=options, answer=answer, checks=asserts)


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
