"""What a split has, by the footers of its Parquet files: rows, columns with types, label names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import pyarrow as pa

Type = str | list["Type"] | dict[str, "Type"]
"""As ``evidence.csv`` writes types: a name, a list of one type, or a mapping of columns."""

_KINDS = (
    (pa.types.is_integer, "int"),
    (pa.types.is_floating, "float"),
    (pa.types.is_boolean, "bool"),
    (pa.types.is_string, "string"),
    (pa.types.is_large_string, "string"),
    (pa.types.is_null, "null"),
)
_LISTS = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)


@dataclass(frozen=True, kw_only=True)
class Outline:
    """What a split has."""

    rows: int
    columns: Mapping[str, Type]
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names of class labels, in order, by column; parts of a nested one are joined by dots."""


def outline_of(files: Sequence[Any]) -> Outline:
    """Return the outline of a split's opened Parquet files, which have the same columns."""
    schema: pa.Schema = files[0].schema_arrow
    columns = {one.name: type_of(one.type) for one in schema}
    return Outline(
        rows=sum(file.metadata.num_rows for file in files),
        columns=columns,
        labels=labels_of(schema),
    )


def type_of(type_: pa.DataType) -> Type:
    """Return an Arrow type as the evidence writes it: widths and layouts do not count."""
    if pa.types.is_struct(type_):
        return {
            type_.field(number).name: type_of(type_.field(number).type)
            for number in range(type_.num_fields)
        }
    if any(is_list(type_) for is_list in _LISTS):
        return [type_of(type_.value_type)]
    return next((name for is_kind, name in _KINDS if is_kind(type_)), str(type_))


def plain_type(expected: Type) -> Type:
    """Return a type of the evidence in the same words: a class label is a number.

    >>> plain_type({"a": ["int32"], "label": "class_label"})
    {'a': ['int'], 'label': 'int'}
    """
    if isinstance(expected, dict):
        return {name: plain_type(inner) for name, inner in expected.items()}
    if isinstance(expected, list):
        return [plain_type(expected[0])]
    name = expected.removeprefix("large_").removeprefix("u").rstrip("0123456789")
    return {"class_label": "int", "double": "float", "halffloat": "float"}.get(name, name)


def labels_of(schema: pa.Schema) -> dict[str, tuple[str, ...]]:
    """Return the class labels that the hub's own metadata of a schema names."""
    try:
        noted = orjson.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = noted["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}
    out: dict[str, tuple[str, ...]] = {}
    _collect(features, "", out)
    return out


def _collect(feature: Any, name: str, out: dict[str, tuple[str, ...]], depth: int = 0) -> None:
    if isinstance(feature, list):
        feature = feature[0] if feature else None
    if not isinstance(feature, dict) or depth > 20:
        return
    names = feature.get("names")
    if feature.get("_type") == "ClassLabel" and isinstance(names, list):
        out[name] = tuple(map(str, names))
        return
    inner = feature.get("feature")
    if isinstance(feature.get("_type"), str) and inner is not None:
        _collect(inner, name, out, depth + 1)
        return
    for part, value in feature.items():
        _collect(value, f"{name}.{part}" if name else str(part), out, depth + 1)


def shown_type(type_: Type) -> str:
    """Return a type as a person reads it: ``{text: [string], label: [string]}``."""
    if isinstance(type_, dict):
        return "{" + ", ".join(f"{name}: {shown_type(part)}" for name, part in type_.items()) + "}"
    return f"[{shown_type(type_[0])}]" if isinstance(type_, list) else type_
