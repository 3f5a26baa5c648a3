"""An example value of a JSON schema: small, not empty, and checked against the schema.

It is for schemas as people write them: nested objects and arrays of common types, local references,
alternatives. What needs a search (patterns, conditions, counts) is given up, and so is a schema of
which only an empty value is made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from tsdg.seeds.rows.item import MalformedRowError

_DEPTH = 8
_LONGEST = 100
_PROPERTIES = 8
"""Properties that are shown of an object, besides those it requires."""
_STRINGS = {
    "date": "2024-05-17",
    "date-time": "2024-05-17T09:30:00Z",
    "time": "09:30:00Z",
    "email": "ada@example.org",
    "hostname": "example.org",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.org/a",
    "uri-reference": "/a",
    "url": "https://example.org/a",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
}
_SAMPLES = (
    "text",
    "Text",
    "a",
    "A",
    "1",
    "12",
    "0",
    "1.0",
    "1.0.0",
    "v1.0.0",
    "some-text",
    "text/plain",
    "./text",
    "/text",
    "@a/text",
    "text.txt",
    "#ffaa00",
    "text@example.org",
    *_STRINGS.values(),
)
"""Strings of common forms, one of which a pattern may want."""


class _NoExampleError(Exception):
    """No simple value follows from a part of a schema."""


def example_of(schema: Any, column: str) -> Any:
    """Make a value that satisfies a schema.

    Args:
        schema: the schema, parsed.
        column: where it came from, for the message.

    Raises:
        MalformedRowError: it is no schema, or no simple value satisfies it.
    """
    from jsonschema.exceptions import SchemaError, UnknownType
    from jsonschema.validators import validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    try:
        kind = validator_for(schema)
        kind.check_schema(schema)
        validator = kind(
            schema, registry=Registry()
        )  # an empty one: no reference is fetched from the network
        for extra in (_PROPERTIES, 0):
            value = _value(schema, schema, _DEPTH, extra)
            if value not in ({}, [], "", None) and validator.is_valid(value):
                return value
    except (
        SchemaError,
        UnknownType,
        Unresolvable,
        _NoExampleError,
        LookupError,
        TypeError,
        AttributeError,
        ValueError,
        ArithmeticError,
        RecursionError,
        re.error,
    ) as error:
        reason = " ".join(str(error).split())[:60]
        raise MalformedRowError(
            column, f"no simple value follows from this schema ({type(error).__name__}: {reason})"
        ) from None
    raise MalformedRowError(column, "no simple value that is not empty satisfies this schema")


def _value(schema: Any, root: Any, depth: int, extra: int) -> Any:
    if schema is True:
        return "any"
    if not isinstance(schema, Mapping) or depth == 0:
        raise _NoExampleError("a part that forbids everything, or is too deep")
    stated = _stated(schema)
    return stated[0] if stated else _derived(schema, root, depth, extra)


def _stated(schema: Mapping[str, Any]) -> list[Any]:
    """A value that the schema itself names; none where it names none."""
    if "const" in schema:
        return [schema["const"]]
    default = schema.get("default")
    if default != "" and isinstance(default, (str, int, float)):
        return [default]
    return list(schema.get("examples") or schema.get("enum") or ())[:1]


def _derived(schema: Mapping[str, Any], root: Any, depth: int, extra: int) -> Any:
    """A value made of what the schema demands."""
    if "$ref" in schema:
        return _value(_referred(schema["$ref"], root), root, depth - 1, extra)
    if schema.get("allOf"):
        return _merged(schema, root, depth, extra)
    for key in ("oneOf", "anyOf"):
        if schema.get(key) and "properties" not in schema:
            return _first(schema[key], root, depth, extra)
    return _typed(schema, root, depth, extra)


def _first(schemas: Any, root: Any, depth: int, extra: int) -> Any:
    for schema in schemas:
        try:
            return _value(schema, root, depth - 1, extra)
        except _NoExampleError:
            continue
    raise _NoExampleError("none of the alternatives")


def _merged(schema: Mapping[str, Any], root: Any, depth: int, extra: int) -> Any:
    own = {key: value for key, value in schema.items() if key != "allOf"}
    parts = [_value(part, root, depth - 1, extra) for part in schema["allOf"]]
    if "properties" in own or own.get("type") == "object":
        parts.append(_value(own, root, depth - 1, extra))
    if not all(isinstance(part, dict) for part in parts):
        return parts[0]
    return {key: value for part in parts for key, value in part.items()}


def _typed(schema: Mapping[str, Any], root: Any, depth: int, extra: int) -> Any:
    match _type(schema):
        case "object":
            return _object(schema, root, depth, extra)
        case "array":
            return _array(schema, root, depth, extra)
        case "string":
            return _string(schema)
        case "integer" | "number":
            return _number(schema)
        case "boolean":
            return True
        case "null":
            return None
        case kind:
            raise _NoExampleError(f"type {kind!r}")


def _type(schema: Mapping[str, Any]) -> Any:
    """The type that is asked for: of several the first that is not null, or what parts imply."""
    kind = schema.get("type")
    if isinstance(kind, list):
        return next((name for name in kind if name != "null"), "null")
    if kind is None:
        return "object" if "properties" in schema else "array" if "items" in schema else "string"
    return kind


def _array(schema: Mapping[str, Any], root: Any, depth: int, extra: int) -> list[Any]:
    items = schema.get("items", schema.get("prefixItems", True))
    if isinstance(items, list):
        return [_value(item, root, depth - 1, extra) for item in items]
    return [_value(items, root, depth - 1, extra)] * _size(schema, "minItems", 1)


def _object(schema: Mapping[str, Any], root: Any, depth: int, extra: int) -> dict[str, Any]:
    properties, required = schema.get("properties", {}), schema.get("required")
    names = required if isinstance(required, list) else []
    value = {name: _value(properties.get(name, True), root, depth - 1, extra) for name in names}
    for name in [name for name in properties if name not in value][:extra]:
        with suppress(_NoExampleError):
            value[name] = _value(properties[name], root, depth - 1, extra)
    general = schema.get("additionalProperties")
    if not value and isinstance(general, Mapping) and general:
        value["name"] = _value(general, root, depth - 1, extra)
    return value


def _string(schema: Mapping[str, Any]) -> str:
    if "pattern" in schema:
        fitting = (text for text in _SAMPLES if re.search(schema["pattern"], text))
        text = next(fitting, None)
        if text is None:
            raise _NoExampleError("a pattern that no sample matches")
        return text
    text = _STRINGS.get(str(schema.get("format")), "text")
    text = text.ljust(_size(schema, "minLength", 0), "x")
    return text[: int(schema.get("maxLength", len(text)))]


def _size(schema: Mapping[str, Any], key: str, lowest: int) -> int:
    size = max(int(schema.get(key) or 0), lowest)
    if size > _LONGEST:
        raise _NoExampleError(f"{key} is {size}")
    return size


def _number(schema: Mapping[str, Any]) -> int | float:
    step: int | float = schema.get("multipleOf", 1)
    low: int | float | None = schema.get("minimum", schema.get("exclusiveMinimum"))
    high: int | float | None = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is not None and low is not True:
        return low + step if schema.get("exclusiveMinimum") else low
    if high is not None and high is not True:
        return min(step, high - step if schema.get("exclusiveMaximum") else high)
    return step


def _referred(reference: Any, root: Any) -> Any:
    """Follow a reference within the document, ``#/definitions/name``."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        raise _NoExampleError("a reference to elsewhere")
    value = root
    for part in reference[1:].split("/")[1:]:
        value = value[
            int(part) if isinstance(value, list) else part.replace("~1", "/").replace("~0", "~")
        ]
    return value
