"""How rows are named and stored: ids, the fields of a row class, its schema, rows as dicts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import pyarrow as pa

Row = TypeVar("Row")
_CANONICAL = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode
_ARROW = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


def stable_id(*parts: object) -> str:
    """Hash JSON-able parts into 24 hexadecimal digits (96 bits).

    No clash is to be expected among 10^12 rows.
    """
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()[:24]


def canonical_json(value: object) -> str:
    """Write a JSON-able value in the one form that is hashed: keys sorted, no spaces."""
    return _CANONICAL(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """How one field of a row is stored."""

    name: str
    kind: Any
    """Its scalar type, or the row class nested in it."""
    nested: bool
    many: bool
    """Whether it is a tuple of ``kind``."""
    nullable: bool
    default: Any = MISSING
    """Of a field that came later: rows written before have no such column."""


@cache
def fields_of(cls: Any) -> tuple[Field, ...]:
    """The fields of a row class, in its order."""
    out = []
    defaults = {field.name: field.default for field in fields(cls)}
    for name, annotation in get_type_hints(cls).items():
        kind, many, nullable = annotation, get_origin(annotation) is tuple, False
        if many:
            kind = get_args(annotation)[0]
        elif type(None) in get_args(annotation):
            kind, nullable = get_args(annotation)[0], True
        if get_origin(kind) is Literal:
            kind = str
        out.append(
            Field(
                name=name,
                kind=kind,
                nested=is_dataclass(kind),
                many=many,
                nullable=nullable,
                default=None if nullable else defaults[name],
            )
        )
    return tuple(out)


def schema_of(cls: type) -> pa.Schema:
    """The Arrow schema of a row class: its fields in its order, null only where it allows None."""
    fields = []
    for field in fields_of(cls):
        kind = pa.struct(list(schema_of(field.kind))) if field.nested else _ARROW[field.kind]
        kind = pa.list_(kind) if field.many else kind
        fields.append(pa.field(field.name, kind, nullable=field.nullable))
    return pa.schema(fields)


def to_row(item: object) -> dict[str, Any]:
    """Turn a row into plain dicts, lists and scalars, in the schema's order."""
    row: dict[str, Any] = {}
    cls: Any = type(item)
    for field in fields_of(cls):
        value = getattr(item, field.name)
        if field.many:
            row[field.name] = [to_row(v) for v in value] if field.nested else list(value)
        else:
            row[field.name] = to_row(value) if field.nested and value is not None else value
    return row


def from_row(cls: type[Row], row: Mapping[str, Any]) -> Row:
    """Rebuild a row of ``cls`` from what :func:`to_row`, Parquet or JSONL gave.

    A field that is missing has its default, or None.

    Raises:
        KeyError: a field is missing that has neither.
    """
    values: dict[str, Any] = {}
    row_class: Any = cls
    for field in fields_of(row_class):
        value: Any = row.get(field.name, field.default)
        if value is MISSING:
            raise KeyError(field.name)
        if field.many:
            items = (from_row(field.kind, v) for v in value) if field.nested else value
            values[field.name] = tuple(items)
        else:
            inner = field.nested and value is not None
            values[field.name] = from_row(field.kind, value) if inner else value
    return cls(**values)
