"""The study: one short request asks a model what a seed tests.

A seed whose reply cannot be used goes on without a study, and the study says why (``flaw``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tsdg.concepts import concept_key, tidy
from tsdg.config.models import ModelConfig
from tsdg.config.study import StudyConfig
from tsdg.errors import PermanentError, fault_of_row
from tsdg.generate.draws import number
from tsdg.generate.fields import as_fields
from tsdg.generate.prompts import FIELDS, Prompts
from tsdg.generate.replies import read_reply
from tsdg.generate.requests import canonical, chat_request, provenance, try_ask, usage_of
from tsdg.generate.schemas import Flaw, Schema, response_format, sketch
from tsdg.protocols import Ask, Reply
from tsdg.records import Provenance, Seed, Study, Usage

LEAST_CONCEPTS, MOST_CONCEPTS = 2, 6
HARDEST, MOST_STEPS = 5, 20
MAX_NAME = 80
"""Characters of a field, a subfield or a concept; more is a sentence."""
MAX_SKILL = 300
_DRAWS = 1 << 31
_STRING: Schema = {"type": "string"}
_SCHEMA: Schema = {
    "type": "object",
    "properties": {
        "skill": _STRING,
        "field": _STRING,
        "subfield": _STRING,
        "concepts": {
            "type": "array",
            "items": _STRING,
            "minItems": LEAST_CONCEPTS,
            "maxItems": MOST_CONCEPTS,
        },
        "difficulty": {"type": "integer", "enum": list(range(1, HARDEST + 1))},
        "steps": {"type": "integer", "enum": list(range(1, MOST_STEPS + 1))},
    },
    "required": ["skill", "field", "subfield", "concepts", "difficulty", "steps"],
    "additionalProperties": False,
}
_PASSAGE_CHARS = 1_500
"""Of a passage: what it is about stands at its beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Studied:
    """What became of one seed."""

    studies: tuple[Study, ...]
    """One; none for a seed that was not drawn for the study."""
    usage: tuple[Usage, ...]


class StudyStep:
    """Studies seeds. Holds no state: the same seed and reply give the same result."""

    def __init__(
        self, *, config: StudyConfig, model: ModelConfig, prompts: Prompts, seed: int
    ) -> None:
        self._config, self._model, self._seed = config, model, seed
        self._prompt = prompts.study()

    async def __call__(self, seed_row: Seed, ask: Ask) -> Studied:
        """Study one seed, if it is drawn.

        Args:
            seed_row: the seed.
            ask: gets the reply to a request.
        """
        if number("study", self._seed, seed_row.seed_id) >= self._config.share * _DRAWS:
            return Studied(studies=(), usage=())
        config, names = self._config, FIELDS["study"]
        form = sketch(_SCHEMA)
        values = {
            "question": seed_row.question,
            "context": seed_row.context[:_PASSAGE_CHARS],
            "options": seed_row.options,
            "answer": seed_row.answer[:_PASSAGE_CHARS],
            "reply": form,
        }
        request_seed = number("study request", self._seed, seed_row.seed_id)
        request = chat_request(
            model=self._model,
            turns=self._prompt.turns(as_fields(values, names), []),
            sampling=config.sampling,
            seed=request_seed,
            samples=1,
            form={"response_format": response_format("study", _SCHEMA)}
            if config.structured
            else {},
        )
        sampling = canonical(
            self._model, config.sampling, request_seed=request_seed, structured=config.structured
        )
        made = provenance(self._model, self._prompt, sampling, request)
        reply = await try_ask(ask, request)
        found = _try_read(reply)
        study = (
            _unusable(seed_row, found, made)
            if isinstance(found, Flaw)
            else Study(
                seed_id=seed_row.seed_id, task=seed_row.task, flaw="", provenance=made, **found
            )
        )
        return Studied(studies=(study,), usage=(usage_of("study", [reply]),))


def _try_read(reply: Reply | PermanentError) -> dict[str, Any] | Flaw:
    """Read a reply; an exception is a flaw of this study alone."""
    try:
        return _read(reply)
    except Exception as error:
        return Flaw(reason="step_failed", detail=fault_of_row(error))


def _read(reply: Reply | PermanentError) -> dict[str, Any] | Flaw:
    """The fields of a study that a reply holds, or why it holds none."""
    found = read_reply(reply, _SCHEMA)
    return found if isinstance(found, Flaw) else _held(found)


def _is_name(key: str, name: str) -> bool:
    """Whether something is left of a name in its key, and it is not too long."""
    return bool(key) and len(name) <= MAX_NAME


def _held(found: Mapping[str, Any]) -> dict[str, Any] | Flaw:
    """The fields, if they name anything: names tidied, each concept once."""
    field, subfield = tidy(found["field"]), tidy(found["subfield"])
    concepts: dict[str, str] = {}
    for name in found["concepts"]:
        concepts.setdefault(concept_key(name), tidy(name))
    kept = [name for key, name in concepts.items() if _is_name(key, name)]
    named = all(_is_name(concept_key(name), name) for name in (field, subfield))
    numbers = (found["difficulty"], found["steps"])
    if not named or len(kept) < LEAST_CONCEPTS or not all(isinstance(n, int) for n in numbers):
        return Flaw(reason="bad_format", detail="it names no field, no subfield or no concepts")
    return {
        "skill": tidy(found["skill"])[:MAX_SKILL],
        "field": field,
        "subfield": subfield,
        "concepts": tuple(kept),
        "difficulty": min(max(found["difficulty"], 1), HARDEST),
        "steps": min(max(found["steps"], 1), MOST_STEPS),
    }


def _unusable(seed: Seed, flaw: Flaw, made: Provenance) -> Study:
    return Study(
        seed_id=seed.seed_id,
        task=seed.task,
        skill="",
        field="",
        subfield="",
        concepts=(),
        difficulty=0,
        steps=0,
        flaw=flaw.reason,
        provenance=made,
    )
