"""How a row class is stored: its fields, and its Arrow schema."""

from __future__ import annotations

from dataclasses import dataclass, is_dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pyarrow as pa

_ARROW = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


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


@cache
def fields_of(cls: Any) -> tuple[Field, ...]:
    """The fields of a row class, in its order."""
    out = []
    for name, annotation in get_type_hints(cls).items():
        kind, many, nullable = annotation, get_origin(annotation) is tuple, False
        if many:
            kind = get_args(annotation)[0]
        elif type(None) in get_args(annotation):
            kind, nullable = get_args(annotation)[0], True
        if get_origin(kind) is Literal:
            kind = str
        out.append(
            Field(name=name, kind=kind, nested=is_dataclass(kind), many=many, nullable=nullable)
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
