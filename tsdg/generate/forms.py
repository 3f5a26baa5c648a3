"""How a solution is asked for and read: JSON, free text ending in the answer, or bare.

=======================================  ====  ==================================================
the recipe asks for                      form  constraint on the server's side
=======================================  ====  ==================================================
structured, reasoning                    json  ``{"reasoning": ..., "answer": ...}``
structured, no reasoning, a choice       bare  one of the option texts (``structured_outputs``)
structured, no reasoning, anything else  json  ``{"answer": ...}``
not structured, reasoning                free  none; the last line is ``Answer: ...``
not structured, no reasoning             bare  none
=======================================  ====  ==================================================

A model that has a reasoning parser thinks by itself: its reply proper is asked for without
reasoning (``Answer: ...`` where it is not structured).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tsdg.config.models import ModelConfig
from tsdg.config.recipe import AnswersConfig
from tsdg.generate.fields import as_text, json_reply
from tsdg.generate.prompts import Example
from tsdg.generate.replies import (
    cut_off,
    read_object,
    split_answer_line,
    split_thinking,
    unfit_text,
)
from tsdg.generate.schemas import Flaw, Schema, answer_schema, response_format, sketch
from tsdg.protocols import Choice
from tsdg.records import AnswerKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How one solution is to be written."""

    style: Literal["json", "free", "bare"]
    reasoning: bool
    """Whether the reply proper gives reasoning."""
    code: bool
    schema: Schema
    """What a ``json`` reply is held to; the answer's own schema of a ``json`` question is its
    verifier's business."""
    constraint: Mapping[str, Any]
    """What of it the server enforces: keys of the request's body."""

    def sketch(self) -> str:
        """Return the form as it is shown in the prompt; empty for the answer alone."""
        if self.style == "json":
            return sketch(self.schema)
        if self.style == "bare":
            return ""
        return self._free("...", "```python\n...\n```" if self.code else "...")

    def write(self, example: Example) -> str:
        """Render the reply of a few-shot example."""
        if self.style == "json":
            return json_reply(example, ("reasoning", "answer") if self.reasoning else ("answer",))
        answer = as_text(example.reply["answer"]).strip()
        if self.code:
            answer = f"```python\n{answer}\n```"
        return (
            answer
            if self.style == "bare"
            else self._free(as_text(example.reply["reasoning"]).strip(), answer)
        )

    def read(self, choice: Choice) -> tuple[str, str] | Flaw:
        """Return (reasoning, text that holds the answer) of a completion, or why it has none."""
        thinking, text = split_thinking(choice)
        if cut := cut_off(choice):
            return Flaw(reason="truncated", detail=cut)
        if self.style == "json":
            found = read_object(text, self.schema)
            if isinstance(found, Flaw):
                return found
            return thinking or str(found.get("reasoning", "")).strip(), as_text(found["answer"])
        if flaw := unfit_text(text):
            return flaw
        if self.style == "bare":
            return thinking, text
        before, answer = split_answer_line(text)
        return thinking or before, answer

    def _free(self, reasoning: str, answer: str) -> str:
        mark = "Answer:\n" if self.code else "Answer: "
        return f"{reasoning}\n\n{mark}{answer}" if self.reasoning else f"{mark}{answer}"


def solution_form(
    config: AnswersConfig,
    model: ModelConfig,
    kind: AnswerKind,
    *,
    options: Sequence[str],
    checks: Sequence[str],
) -> Form:
    """Return the form of a solution.

    Args:
        config: of the answers.
        model: whether it reasons by itself decides what its reply proper is asked for.
        kind: answer kind of the question.
        options: texts to choose among, in the order shown; empty where the answer is free.
        checks: of the question.
    """
    thinks = bool(model.reasoning_parser)
    reasoning = config.reasoning and not thinks
    schema = answer_schema(kind, options=options, checks=(), reasoning=reasoning)
    style: Literal["json", "free", "bare"]
    constraint: dict[str, Any] = {}
    if config.structured and options and not reasoning:
        style, constraint = "bare", {"structured_outputs": {"choice": list(options)}}
    elif config.structured:
        enforced = answer_schema(kind, options=options, checks=checks, reasoning=reasoning)
        style, constraint = "json", {"response_format": response_format(f"{kind}_answer", enforced)}
    else:
        style = "free" if reasoning or (thinks and config.reasoning) else "bare"
    return Form(
        style=style, reasoning=reasoning, code=kind == "code", schema=schema, constraint=constraint
    )
