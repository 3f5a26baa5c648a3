"""Further keys of chat requests: anything that a server takes and no other key of a recipe sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, JsonValue

_SET_ELSEWHERE = {
    "model": "model.name",
    "messages": "the prompt files",
    "temperature": "sampling.temperature of the step",
    "top_p": "sampling.top_p of the step",
    "max_tokens": "sampling.max_tokens of the step",
    "max_completion_tokens": "sampling.max_tokens of the step",
    "seed": "seed",
    "n": "answers.samples",
    "response_format": "the step's key structured",
    "structured_outputs": "the step's key structured",
    "stream": "nothing: a reply is read whole",
    "stream_options": "nothing: a reply is read whole",
}


def _checked(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    for name in value:
        if name in _SET_ELSEWHERE:
            raise ValueError(
                f"{name}: not allowed as a request key, it is set by {_SET_ELSEWHERE[name]}; "
                "remove it"
            )
    return value


RequestKeys = Annotated[dict[str, JsonValue], AfterValidator(_checked)]


def merged(*layers: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Put request keys over one another, later ones first; mappings key by key.

    >>> merged({"top_k": 20, "a": {"x": 1}}, {"a": {"y": 2}})
    {'top_k': 20, 'a': {'x': 1, 'y': 2}}
    """
    out: dict[str, JsonValue] = {}
    for layer in layers:
        for name, value in layer.items():
            below = out.get(name)
            both = isinstance(value, dict) and isinstance(below, dict)
            out[name] = merged(below, value) if both else value  # type: ignore[arg-type]
    return out
