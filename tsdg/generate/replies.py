"""What a model sent, taken apart: reasoning and answer, and the JSON in a text."""

from __future__ import annotations

import json
import re
from typing import Any

from tsdg.errors import PermanentError
from tsdg.generate.schemas import Flaw, Schema, conform
from tsdg.protocols import Choice, Reply

_OPEN = re.compile(r"<think(?:ing)?>", re.IGNORECASE)
_CLOSE = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
_FENCE = re.compile(r"```[\w+-]*[ \t]*\n(.*?)```", re.DOTALL)
_MARK = re.compile(
    r"^[ \t>*#_]*(?:final answer|answer)[ \t*_]*[::][ \t*_]*", re.IGNORECASE | re.MULTILINE
)
# braces tried as the start of an object: a reply of braces alone must not cost quadratic time
_MAX_STARTS = 64


def split_thinking(choice: Choice) -> tuple[str, str]:
    """Return (reasoning, rest) of a completion.

    The server's reasoning parser comes first; without one, ``<think>`` tags are looked for. Chat
    templates of some models open the tag in the prompt, so a closing tag alone ends the reasoning;
    an opening tag alone means that the model never came to an answer, and everything is reasoning.
    """
    if choice.reasoning.strip():
        return choice.reasoning.strip(), choice.text.strip()
    text = choice.text
    closing = list(_CLOSE.finditer(text))
    if closing:
        reasoning = _OPEN.sub("", _CLOSE.sub("", text[: closing[-1].start()]))
        return reasoning.strip(), text[closing[-1].end() :].strip()
    opening = _OPEN.search(text)
    if opening:
        return text[opening.end() :].strip(), ""
    return "", text.strip()


def only_text(reply: Reply | PermanentError) -> str:
    """Return the text of a reply's one completion; empty if the request failed or was cut."""
    if (
        isinstance(reply, PermanentError)
        or not reply.choices
        or reply.choices[0].finish_reason == "length"
    ):
        return ""
    return split_thinking(reply.choices[0])[1]


def strip_fence(code: str) -> str:
    """Return code without the Markdown fence around it."""
    match = _FENCE.search(code)
    return match.group(1) if match else code


def split_answer_line(text: str) -> tuple[str, str]:
    """Split a reply ending in ``Answer: ...`` into (reasoning, answer); else ("", text)."""
    marks = list(_MARK.finditer(text))
    if not marks:
        return "", text.strip()
    last = marks[-1]
    return text[: last.start()].strip(), text[last.end() :].strip().rstrip("*_").strip()


def read_object(text: str, schema: Schema) -> dict[str, Any] | Flaw:
    """Find the JSON object in a reply and hold it to ``schema``.

    The whole text is tried first, then code fences, then every opening brace; the first object that
    conforms wins. Where none does, the flaw of the first object is returned, or that there is none.
    """
    first: Flaw | None = None
    for value in _candidates(text):
        held = conform(value, schema)
        if not isinstance(held, Flaw):
            return dict(held)
        first = first or held
    return first or Flaw(reason="bad_schema", detail=f"no JSON object in the reply: {_start(text)}")


def _candidates(text: str) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for piece in [text.strip(), *(match.strip() for match in _FENCE.findall(text))]:
        if piece.startswith("{"):
            _decode(piece, 0, out, whole=True)
    if out:
        return out
    position, starts = text.find("{"), 0
    while position >= 0 and starts < _MAX_STARTS:
        end = _decode(text, position, out, whole=False)
        position, starts = text.find("{", max(end, position + 1)), starts + 1
    return out


def _decode(text: str, position: int, out: list[dict[str, Any]], *, whole: bool) -> int:
    """Append the object that starts at ``position`` and return its end, or -1 if none does."""
    try:
        value, end = _DECODER.raw_decode(text, position)
    except (ValueError, RecursionError):
        return -1
    if isinstance(value, dict) and not (whole and text[end:].strip()):
        out.append(value)
    return end


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


# strict=False: models break lines inside strings, above all in code.
_DECODER = json.JSONDecoder(strict=False, parse_constant=_refuse)


def _start(text: str) -> str:
    line = " ".join(text.split())
    return repr(line[:60] + ("…" if len(line) > 60 else ""))
