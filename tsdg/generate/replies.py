"""Takes a reply apart: reasoning and answer, and the JSON in a text."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from tsdg.errors import PermanentError
from tsdg.generate.schemas import Flaw, Schema, conform
from tsdg.protocols import Choice, Reply
from tsdg.text import storable, unfit
from tsdg.wording.escapes import DOUBT, mended, restored
from tsdg.wording.fences import blocks
from tsdg.wording.marks import split_at_mark
from tsdg.wording.thinking import parted, unclosed

_END_SIGNS = re.compile(r"(?:\s{0,9}(?:</s>|<eos>|<end_of_turn>|<\|[a-z_]{2,20}\|>))+$")
"""Signs of the end that some servers leave in the text."""
_START_SIGN = re.compile(r"\s*<\|(?:im_start|start_header_id|start)\|>assistant(?:<\|[a-z_]+\|>)?")
_ENDS = frozenset(("stop", "eos", "eos_token", "stop_sequence", "end_turn"))
"""Finish reasons, of several kinds of server, of a completion that came to its own end."""
_LIMITS = frozenset(("length", "max_tokens", "model_length"))
_TRAILING_COMMA = re.compile(r'("(?:[^"\\]|\\.)*+(?:"|\\?\Z))|,(?=\s*[}\]])', re.DOTALL)
_OBJECT = re.compile(r'\{\s*[}"]')
_MAX_STARTS = 32
"""Places tried as the start of an object: a reply of them alone must not cost quadratic time."""
_OWN_LINE = re.compile(r"^[ \t]*\{", re.MULTILINE)
_FENCE_END = re.compile(r"\s*[`~]{3,9}[ \t]*(?:json)?\s*$", re.IGNORECASE)
_CALLED = frozenset(("name", "tool", "function", "tool_name"))
_ENVELOPES = frozenset(("response", "output", "result", "json", "data"))
_ARGUMENTS = ("arguments", "parameters", "input", "args")
_CALL_KEYS = 4
"""Most keys of a call of a tool: its name, id, type and arguments."""
_MAX_WRAPS = 3
_ECHO = re.compile(
    r"\.\.\.|…|string|[<\[{](?=[^<>\[\]{}]*\b(?:your|answer|question|text|option|string|reasoning)\b)"
    r"[^<>\[\]{}]{1,80}[>\]}]",
    re.IGNORECASE,
)
"""Values of the form as the prompt shows it, or a model repeats it."""


def split_thinking(choice: Choice) -> tuple[str, str]:
    """Return (reasoning, rest) of a completion.

    The server's reasoning parser comes first; without one, the signs of
    :mod:`tsdg.wording.thinking` are looked for. A closing tag alone ends the reasoning, because
    some chat templates open it in the prompt. An opening tag alone means that the model never came
    to an answer: all of it is reasoning.
    A parser that waits for a tag which a constrained reply cannot have takes the reply itself for
    reasoning: where there is no text, an object at the end of the reasoning is the reply.
    """
    given, text = restored(choice.reasoning).strip(), restored(choice.text)
    if (start := _START_SIGN.match(text)) and "<|channel|>" not in text:
        text = text[start.end() :]
    if (parts := parted(text)) is not None:
        thought, rest = "\n\n".join(part for part in (given, parts[0]) if part), parts[1]
    elif not given and (open_thought := unclosed(text)) is not None:
        thought, rest = open_thought, ""
    elif not text.strip() and (inside := _swallowed(given)) is not None:
        thought, rest = inside
    else:
        thought, rest = given, text
    return storable(thought), _without_end(rest).replace("\r\n", "\n").strip()


def _without_end(text: str) -> str:
    text = text.rstrip()
    return _END_SIGNS.sub("", text) if text.endswith(">") else text


def _swallowed(given: str) -> tuple[str, str] | None:
    """Part what a parser took for reasoning: a reply after a tag, or an object at the end."""
    if (parts := parted(given)) is not None:
        return parts
    if (end := _FENCE_END.sub("", given)).endswith("}"):
        for start in list(_OWN_LINE.finditer(end))[-_MAX_STARTS:]:
            whole: list[dict[str, Any]] = []
            if not _decode(end[start.end() - 1 :], whole).strip() and whole:
                return _FENCE_END.sub("", end[: start.start()]).strip(), end[start.end() - 1 :]
    return None


def cut_off(choice: Choice) -> str:
    """Say why a completion did not come to its own end; empty where it did."""
    reason = choice.finish_reason.casefold()
    if reason in _LIMITS:
        return "the reply reached the limit of tokens"
    said = storable(choice.finish_reason)[:40]
    return "" if reason in _ENDS else f"the server ended the reply with finish_reason {said!r}"


def only_text(reply: Reply | PermanentError) -> str:
    """Return the rest of a reply's one completion.

    Empty where the request failed or the reply was cut off.
    """
    if isinstance(reply, PermanentError) or not reply.choices or cut_off(reply.choices[0]):
        return ""
    return split_thinking(reply.choices[0])[1]


def strip_fence(code: str) -> str:
    """Return code without the Markdown fence around it."""
    found = blocks(code)
    return found[0].body if found else code


def split_answer_line(text: str) -> tuple[str, str]:
    """Return (reasoning, answer) of a reply that ends with ``Answer: ...``, in any language.

    ("", text) where it has no such line.
    """
    return split_at_mark(text) or ("", text.strip())


def read_reply(reply: Reply | PermanentError, schema: Schema) -> dict[str, Any] | Flaw:
    """Read the object that a reply's one completion holds, or say why it cannot be used."""
    if isinstance(reply, PermanentError):
        return Flaw(reason="request_failed", detail=str(reply))
    if not reply.choices:
        return Flaw(reason="bad_schema", detail="the reply holds no completion")
    choice = reply.choices[0]
    if cut := cut_off(choice):
        return Flaw(reason="truncated", detail=cut)
    thought, text = split_thinking(choice)
    return read_object(text, schema, thought)


def read_object(text: str, schema: Schema, thought: str = "") -> dict[str, Any] | Flaw:
    """Find the JSON object in a reply and hold it to ``schema``.

    The last object that conforms wins, as what stands before it is a draft, or the form that was
    asked for. Where none does, the flaw of the first object is returned, or that there is none.
    ``thought`` is the reasoning, where a reply without text says what it has.
    """
    first: Flaw | None = None
    found: dict[str, Any] | None = None
    for value in _candidates(text):
        held = conform(value, schema)
        if not isinstance(held, Flaw):
            found = dict(held)
        first = first or (held if isinstance(held, Flaw) else None)
    if found is not None:
        return unfit_text(found) or found
    where = _start(text)
    if thought and not text:
        where = f"its text is empty, all of it is in the reasoning: {_start(thought)}"
    return first or Flaw(reason="bad_schema", detail=f"no JSON object in the reply: {where}")


def _unfit_char(text: str, where: str) -> Flaw | None:
    char = unfit(text)
    if not char:
        return None
    what = f"U+{ord(char):04X}"
    if char == DOUBT:
        what = "a backslash that may begin LaTeX or break the line"
    return Flaw(reason="bad_format", detail=f"{where} holds {what}")


def unfit_text(value: Any, where: str = "reply") -> Flaw | None:
    """Say which text in a JSON value no row may hold: half a character, or a control character."""
    if isinstance(value, str):
        return _unfit_char(value, where)
    if isinstance(value, dict):
        flaws = (unfit_text(key, where) or unfit_text(item, key) for key, item in value.items())
        return next((flaw for flaw in flaws if flaw), None)
    items = value if isinstance(value, list) else ()
    return next((flaw for item in items if (flaw := unfit_text(item, where))), None)


def _candidates(text: str) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for _ in range(_MAX_STARTS):
        start = _OBJECT.search(text)
        if start is None:
            break
        text = _decode(text[start.start() :], out)
    return out


def _decode(text: str, out: list[dict[str, Any]]) -> str:
    """Append the object that a text starts with, if it does, and return where to look on."""
    text = mended(text)
    for repair in (str, _without_trailing_commas):
        form = repair(text)
        try:
            value, end = _DECODER.raw_decode(form)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and not _is_echo(value):
            out.append(_unwrapped(value))
        return form[end:]
    return text[1:]


def _is_echo(value: dict[str, Any]) -> bool:
    """Whether an object is the form that was asked for: with dots, or all of it placeholders."""
    said = list(map(str, value.values()))
    if any(isinstance(one, dict) for one in value.values()):
        return False
    return not {"...", "…"}.isdisjoint(said) or (bool(said) and all(map(_ECHO.fullmatch, said)))


def _without_trailing_commas(text: str) -> str:
    return _TRAILING_COMMA.sub(r"\1", text)


def _unwrapped(value: dict[str, Any]) -> dict[str, Any]:
    """The arguments of what looks like a call of a tool, in the forms of the usual servers."""
    for _ in range(_MAX_WRAPS):
        inner = _inner(value)
        if inner is None:
            return value
        value = inner
    return value


def _inner(value: dict[str, Any]) -> dict[str, Any] | None:
    """What a call of a tool wraps: the one call, its function, or its arguments."""
    calls = value.get("tool_calls")
    if isinstance(calls, list) and len(calls) == 1:
        found = calls[0]
    elif isinstance(value.get("function"), dict):
        found = value["function"]
    elif len(value) == 1 and not _ENVELOPES.isdisjoint(value):
        found = next(iter(value.values()))
    elif len(value) <= _CALL_KEYS and not _CALLED.isdisjoint(value):
        found = _parsed(next((value[key] for key in _ARGUMENTS if key in value), None))
    else:
        return None
    return found if isinstance(found, dict) else None


def _parsed(arguments: Any) -> Any:
    """Arguments as they are, or decoded where they are JSON in a string."""
    if not isinstance(arguments, str):
        return arguments
    try:
        return _DECODER.decode(mended(arguments))
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _finite(numeral: str) -> float:
    value = float(numeral)
    if not math.isfinite(value):
        raise ValueError("a number is out of range")
    return value


# strict=False: models break lines inside strings, above all in code.
_DECODER = json.JSONDecoder(strict=False, parse_constant=_refuse, parse_float=_finite)


def _start(text: str) -> str:
    line = " ".join(text.split())
    return repr(line[:60] + ("…" if len(line) > 60 else ""))
