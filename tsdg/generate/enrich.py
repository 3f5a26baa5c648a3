"""Knowledge for a verified answer: definition, background, and why each wrong option is wrong.

There is one request per accepted question. It shows the question and the verified answer, and the
reply goes into the ``enriched`` variant. If the reply cannot be used, a second one is requested. If
that cannot be used either, the solution says why, and the variant is not made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tsdg.config.models import ModelConfig
from tsdg.config.recipe import AnswersConfig
from tsdg.errors import PermanentError
from tsdg.generate.checks import says_nothing
from tsdg.generate.draws import number
from tsdg.generate.fields import as_fields, json_reply, language_name, shape_of, shots, window
from tsdg.generate.language import other_language
from tsdg.generate.prompts import FIELDS, Prompts
from tsdg.generate.replies import read_reply
from tsdg.generate.requests import chat_request
from tsdg.generate.schemas import Flaw, Schema, enrich_schema, response_format, sketch
from tsdg.protocols import Reply, Request
from tsdg.records import Distractor, Question
from tsdg.text import normalise


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrichment:
    """What the request added."""

    knowledge: str
    reasoning: str
    """Empty also where it was not asked for."""
    distractors: tuple[Distractor, ...]


NOTHING = Enrichment(knowledge="", reasoning="", distractors=())
"""Where nothing was asked for, or no reply could be used."""
TRIES = 2
"""Requests for one enrichment, each with a seed of its own; one that failed is not sent again."""


def wrong_options(question: Question, answer: str) -> tuple[str, ...]:
    """Return the wrong options, in the question's order; None if the kind has no options."""
    return tuple(option for option in question.options if normalise(option) != normalise(answer))


def enrich_request(
    question: Question,
    *,
    answer: str,
    reasoning: bool,
    config: AnswersConfig,
    model: ModelConfig,
    prompts: Prompts,
    seed: Sequence[int],
) -> tuple[Request, Schema]:
    """Build the request, and the schema of its reply.

    Args:
        question: the question.
        answer: its verified answer.
        reasoning: whether reasoning is asked for, because no sample gave any.
        config: of the answers; ``few_shot``, ``structured`` and ``enrich`` count here.
        model: that is asked.
        prompts: the set.
        seed: of the run, and the number of the try where it is not the first.
    """
    wrong = wrong_options(question, answer)
    schema = enrich_schema(wrong, reasoning=reasoning)
    form = sketch(schema)
    prompt = prompts.get("enrich", question.answer_kind)
    kind, names = question.answer_kind, FIELDS["enrich"]
    shape = shape_of(
        kind,
        question=question.question,
        context=question.context,
        options=question.options,
        classes=question.classes,
    )
    turn = number("enrich shots", seed[0], question.question_id)
    examples = window(prompt.examples, kind, shape, question.language, config.few_shot, turn)
    reply_names = tuple(schema["properties"])
    values = {
        "language": language_name(question.language),
        "domain": question.domain,
        "question": question.question,
        "context": question.context,
        "options": question.options,
        "wrong_options": wrong,
        "answer": answer,
        "written": language_name(question.language) if reasoning else "",
        "reply": form,
    }
    turns = prompt.turns(
        as_fields(values, names),
        shots(
            examples,
            names,
            hide=(),
            sketch=form,
            reply=lambda example: json_reply(example, reply_names),
        ),
    )
    request = chat_request(
        model=model,
        turns=turns,
        sampling=config.enrich,
        seed=number("enrich", seed[0], question.question_id, *seed[1:]),
        samples=1,
        form={"response_format": response_format(f"{kind}_knowledge", schema)}
        if config.structured
        else {},
    )
    return request, schema


def read_enrichment(
    reply: Reply | PermanentError, schema: Schema, question: Question, answer: str
) -> Enrichment | Flaw:
    """Read the reply, or say why it cannot be used.

    It explains nothing where a field is empty or only names what it should explain ("The answer is
    iron"), or where it is in another language than the question.
    """
    found = read_reply(reply, schema)
    if isinstance(found, Flaw):
        return found
    why: dict[str, str] = found.get("why_wrong", {})
    texts: Sequence[str] = [found["definition"], found["background"], *why.values()]
    said = [
        (found["definition"], answer),
        (found["background"], answer),
        *((text, option) for option, text in why.items()),
    ]
    if any(says_nothing(text, of) for text, of in said):
        return Flaw(reason="bad_format", detail="a field explains nothing")
    if drifted := other_language("\n".join(texts), question.language):
        return Flaw(reason="bad_format", detail=f"written in the language {drifted!r}")
    paragraphs = dict.fromkeys((found["definition"].strip(), found["background"].strip()))
    return Enrichment(
        knowledge="\n\n".join(paragraphs),
        reasoning=str(found.get("reasoning", "")).strip(),
        distractors=tuple(
            Distractor(option=option, why_wrong=text.strip()) for option, text in why.items()
        ),
    )
