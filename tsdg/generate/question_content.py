"""What of a new question depends on its answer kind: options, claimed answer and checks. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tsdg.generate import checks
from tsdg.generate.draws import permutation
from tsdg.generate.fields import as_text
from tsdg.generate.instructions import renewed
from tsdg.generate.replies import strip_fence
from tsdg.generate.schemas import Flaw, Shape
from tsdg.records import Seed


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What of a question depends on its answer kind."""

    options: tuple[str, ...]
    """In an order drawn for the question."""
    answer: str
    """The claimed one; empty where none is asked for."""
    checks: tuple[str, ...]


def read_content(
    seed: Seed, shape: Shape, question_id: str, found: Mapping[str, Any]
) -> Content | Flaw:
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
        options = _shuffled(options, question_id)
    elif shape.kind == "code":
        asserts = tuple(dict.fromkeys(map(str.strip, found["checks"])))
        flaw = checks.check_code(question, asserts, answer)
        answer = strip_fence(answer).strip()
    elif shape.kind == "json":
        asserts = (json.dumps(found["schema"], ensure_ascii=False),)
        flaw = checks.check_json(found["schema"], found["answer"])
    elif shape.instructions:
        asserts = renewed(shape.instructions, found.get("rules", {}))
        flaw = checks.check_instructions(question, asserts)
    return flaw or Content(options=options, answer=answer, checks=asserts)


def _shuffled(options: Sequence[str], question_id: str) -> tuple[str, ...]:
    """Options in an order drawn for their question; what speaks of those above it comes last."""
    places = permutation(len(options), "options", question_id)
    return tuple(sorted((options[place] for place in places), key=checks.is_closing))
