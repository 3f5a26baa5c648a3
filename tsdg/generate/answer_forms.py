"""The form in which a solution is asked for and read.

JSON, free text that ends with the answer, or the answer alone. *Written* is a worked solution in
the reply itself, which ``answers.rationale`` asks for or not.

==========================================  ====  ==================================================
the recipe asks for                         form  constraint on the server's side
==========================================  ====  ==================================================
structured, written                         json  ``{"reasoning": ..., "answer": ...}``
structured, not written, a choice           bare  one of the option texts (``structured_outputs``)
structured, not written, anything else      json  ``{"answer": ...}``
not structured, written                     free  none; the last line is ``Answer: ...``
not structured, not written                 free  none; ``Answer: ...``
the same, and the prompt shows no form      bare  none
==========================================  ====  ==================================================

Whether a model thinks before it replies changes nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

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


class Read(NamedTuple):
    """A completion taken apart."""

    reasoning: str
    answer: str
    """The text that holds it."""
    trace: str
    """What was thought before the reply; empty where it is not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerForm:
    """How one solution is to be written."""

    style: Literal["json", "free", "bare"]
    reasoning: bool
    """Whether the reply proper holds a worked solution."""
    trace: bool
    """Whether what was thought before the reply is kept beside it."""
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

    def read(self, choice: Choice) -> Read | Flaw:
        """Take a completion apart, or say why it holds no answer."""
        thinking, text = split_thinking(choice)
        if cut := cut_off(choice):
            return Flaw(reason="truncated", detail=cut)
        if self.style == "json":
            found = read_object(text, self.schema, thinking)
            if isinstance(found, Flaw):
                return found
            before, answer = str(found.get("reasoning", "")).strip(), as_text(found["answer"])
        elif flaw := unfit_text(text):
            return flaw
        else:
            before, answer = ("", text) if self.style == "bare" else split_answer_line(text)
        reasoning = before if self.reasoning else thinking or before
        return Read(reasoning, answer, thinking if self.trace else "")

    def _free(self, reasoning: str, answer: str) -> str:
        mark = "Answer:\n" if self.code else "Answer: "
        return f"{reasoning}\n\n{mark}{answer}" if self.reasoning else f"{mark}{answer}"


def solution_form(
    config: AnswersConfig,
    kind: AnswerKind,
    *,
    options: Sequence[str],
    checks: Sequence[str],
    shown: bool,
) -> AnswerForm:
    """Return the form of a solution.

    Args:
        config: of the answers.
        kind: answer kind of the question.
        options: texts to choose among, in the order shown; empty where the answer is free.
        checks: of the question.
        shown: whether the prompt shows the form.
    """
    reasoning = config.rationale != "trace"
    schema = answer_schema(kind, options=options, checks=(), reasoning=reasoning)
    style: Literal["json", "free", "bare"]
    constraint: dict[str, Any] = {}
    if config.structured and options and not reasoning:
        style, constraint = "bare", {"structured_outputs": {"choice": list(options)}}
    elif config.structured:
        enforced = answer_schema(kind, options=options, checks=checks, reasoning=reasoning)
        style, constraint = "json", {"response_format": response_format(f"{kind}_answer", enforced)}
    else:
        style = "free" if reasoning or shown else "bare"
    return AnswerForm(
        style=style,
        reasoning=reasoning,
        trace=config.rationale == "both",
        code=kind == "code",
        schema=schema,
        constraint=constraint,
    )
