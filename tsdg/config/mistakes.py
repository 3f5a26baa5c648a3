"""Mistakes in a configuration, each as one line in the words of the file's author.

The line names the key, what was found, what is allowed and the next step.

pydantic finds the mistakes; what is allowed at a key is read from the model's JSON Schema, so that
every kind of mistake at a key is told in the same words.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import ValidationError

from tsdg.config.base import Config
from tsdg.errors import did_you_mean

Schema = Mapping[str, Any]
_LONGEST = 80
"""Characters of a value that a line shows."""
_SECRET = frozenset({"env", "env_vars"})
"""Keys whose values may be secrets: of them only the kind is shown."""


def explain(
    error: ValidationError, model: type[Config], *, noun: str, settable: bool = True
) -> str:
    """One line for the first mistake, and how many more keys are wrong.

    Args:
        error: what validating the model raised.
        model: the model.
        noun: what goes before a key, e.g. ``recipe key``; may be empty.
        settable: whether ``KEY=VALUE`` words can correct it; else a file must be edited.
    """
    mistakes = error.errors()
    first, root = mistakes[0], _schema_of(model)
    more = len({_place(root, mistake["loc"])[0] for mistake in mistakes}) - 1
    key, at, bad_name = _place(root, first["loc"])
    lead = f"{noun} {key}".strip()
    if first["type"] == "extra_forbidden":
        line = unknown_key(key.split("."), model, noun=noun)
    elif first["type"] == "missing":
        word = f"{key.partition('[')[0]}=[...]" if "[" in key else f"{key}=VALUE"
        line = f"{lead}: has no value" + (f"; give it one with {word}" if settable else "")
    elif first["type"] == "value_error":
        line = _of_validator(first, lead)
    elif bad_name:
        names = _describe(root, at.get("propertyNames", {"type": "string"}))
        quoted = (
            f"; write it as '{first['input']}', in quotes"
            if isinstance(first["input"], int | float)
            else ""
        )
        line = f"{lead}: found the name {_shown(first['input'], key)}, allowed: {names}{quoted}"
    else:
        line = wrong_value(key, first["input"], model, noun=noun, settable=settable)
    return line + (f" (and {more} more)" if more else "")


def wrong_value(
    key: str, found: object, model: type[Config], *, noun: str, settable: bool = True
) -> str:
    """One line about a wrong value: what was found, what is allowed, how to set it."""
    root = _schema_of(model)
    _, at, _ = _place(
        root, [int(part) if part.isdigit() else part for part in re.split(r"[.\[\]]+", key) if part]
    )
    lead = f"{noun} {key}: ".lstrip() if key else ""
    line = f"{lead}found {_shown(found, key)}, allowed: {_describe(root, at)}"
    return f"{line}; set it with {_setting(root, at, key, found)}" if settable else line


def allowed_at(model: type[Config], key: str) -> str:
    """What a key allows, as the lines about mistakes say it.

    Args:
        model: the model.
        key: with dots; any name in a mapping, ``[]`` for an entry of a list.
    """
    root = _schema_of(model)
    loc = [part if part != "[]" else 0 for part in re.split(r"\.|(?=\[\])", key)]
    return _describe(root, _place(root, loc)[1])


def unknown_key(keys: Sequence[str], model: type[Config], *, noun: str) -> str:
    """One line for a key that is not there: what is allowed in its place, and the nearest of it."""
    root = _schema_of(model)
    *parents, last = keys
    reached, at, _ = _place(root, parents)
    key = ".".join(keys)
    known = sorted(at.get("properties", {})) if reached == ".".join(parents) else []
    free = "additionalProperties" in at and at["additionalProperties"] is not False
    if free or last in known:  # a key that may be left out, and was
        plain = re.fullmatch(r"[\w.-]+", last)  # what Hydra's grammar takes in a key
        way = f"+{key}=VALUE" if plain else f"'+{'.'.join(parents)}={{{last}: VALUE}}'"
        return f"{noun} {key} is not there yet; add it with {way}".strip()
    hint = did_you_mean(last, known, prefix="".join(f"{parent}." for parent in parents))
    return f"{noun} {key} is unknown; allowed: {', '.join(known) or 'none here'}{hint}".strip()


@cache
def _schema_of(model: type[Config]) -> Schema:
    return model.model_json_schema()


def _of_validator(mistake: Any, lead: str) -> str:
    """The words of a validator of ours, which says itself what is allowed."""
    says, found = mistake["ctx"]["error"], mistake["input"]
    if isinstance(found, dict):  # of several keys together; it names them
        return f"{lead}: {says}" if mistake["loc"] else str(says)
    hidden = any(part in _SECRET for part in mistake["loc"])
    return f"{lead}: {says}" if hidden else f"{lead}: found {_shown(found, lead)}; {says}"


def _place(root: Schema, loc: Sequence[str | int]) -> tuple[str, Schema, bool]:
    """Follow a location as far as the schema goes.

    What pydantic adds to it, such as branches of unions, is left off.

    Returns:
        The key as a user writes it, the schema there, and whether the key's own name is what is
        wrong.
    """
    key, at = "", _resolved(root, root)
    for part, following in itertools.zip_longest(loc, loc[1:]):
        if following == "[key]":
            return f"{key}.{part}".removeprefix("."), at, True
        inner = at.get("items") if isinstance(part, int) else _of_key(at, part)
        if inner is None:
            break
        key += f"[{part}]" if isinstance(part, int) else f".{part}"
        told = {"description": at["description"]} if "items" in at and "description" in at else {}
        at = {**_resolved(root, inner or {}), **told}
    return key.removeprefix("."), at, False


def _of_key(mapping: Schema, key: str) -> Schema | None:
    """The schema of a key's value; None where the schema of the mapping has none."""
    named: Schema | None = mapping.get("properties", {}).get(key)
    if named is None and mapping.get("type") == "object":
        return dict(mapping.get("additionalProperties") or {})
    return named


def _resolved(root: Schema, schema: Schema) -> Schema:
    """A schema without its reference; of an optional mapping the mapping."""
    if "$ref" in schema:
        return dict(root["$defs"][schema["$ref"].rpartition("/")[2]])
    for branch in schema.get("anyOf", ()):
        if "$ref" in branch:
            return _resolved(root, branch)
    return schema


def _describe_mapping(root: Schema, schema: Schema) -> str:
    if "properties" in schema:
        return f"a mapping of the keys {', '.join(schema['properties'])}"
    each = _describe(root, schema.get("additionalProperties", {}))
    return f"a mapping {{NAME: VALUE}}, each value {each}"


def _describe(root: Schema, schema: Schema) -> str:
    """What a schema allows."""
    schema = _resolved(root, schema)
    kind = schema.get("type")
    if kind == "object":
        return _describe_mapping(root, schema)
    if told := schema.get("description"):
        return str(told)
    if "anyOf" in schema:
        return _either([_describe(root, branch) for branch in schema["anyOf"]])
    if values := [schema["const"]] if "const" in schema else schema.get("enum"):
        return _either([str(value) for value in values])
    if kind == "array":
        least = " of at least one" if schema.get("minItems") else ""
        return f"a list{least}, e.g. [a,b], each {_describe(root, schema.get('items', {}))}"
    if numbers := {"integer": "a whole number", "number": "a number"}.get(str(kind)):
        return numbers + _bounds(schema)
    return {"boolean": "true or false", "string": "a text", "null": "null"}.get(
        str(kind), "any value"
    )


def _bounds(schema: Schema) -> str:
    low = f"{schema['minimum']:g} or more" if "minimum" in schema else ""
    if "exclusiveMinimum" in schema:
        low = f"above {schema['exclusiveMinimum']:g}"
    high = f"at most {schema['maximum']:g}" if "maximum" in schema else ""
    if "exclusiveMaximum" in schema:
        high = f"below {schema['exclusiveMaximum']:g}"
    told = " and ".join(bound for bound in (low, high) if bound)
    return f" ({told})" if told else ""


def _either(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def _setting(root: Schema, at: Schema, key: str, found: object) -> str:
    """The word of a command line that sets a key; of an entry of a list, the whole list."""
    if "[" in key:
        return f"{key.partition('[')[0]}=[...]"
    at = _resolved(root, at)
    if at.get("type") == "string" and isinstance(found, bool | int | float):
        return f"\"{key}='VALUE'\", as only quotes make a text of it"
    return f"{key}=" + {"array": "[A,B]", "object": "{NAME: VALUE}"}.get(
        str(at.get("type")), "VALUE"
    )


def _shown(value: object, key: str) -> str:
    """A value as it would be written on the command line; of what may be a secret, its kind."""
    if _SECRET & set(re.split(r"[.\[\] ]", key)) and value is not None:
        kinds = (
            (bool, "true or false"),
            (int | float, "a number"),
            (str, "a text"),
            (tuple | list, "a list"),
        )
        return next((told for kind, told in kinds if isinstance(value, kind)), "a mapping")
    text = _plain(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _plain(value: object) -> str:
    if isinstance(value, tuple | list):
        return "[" + ",".join(_plain(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_plain(item)}" for name, item in value.items()) + "}"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return repr(value) if isinstance(value, str) else str(value)
