"""Every key of a configuration, with what it allows, its default and its comment.

Read from the typed models and from ``recipes/``. The help of commands, ``tsdg keys``, completion
and ``docs/reference.md`` are made of it.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import yaml

from tsdg.config.base import Config
from tsdg.config.mistakes import allowed_at

_INTERPOLATION = re.compile(r"\$\{([^{}]*)\}")
_NAME = "NAME"
"""Stands in a key for a name of the user's, or for one of the mapping's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key."""

    name: str
    """With dots; ``NAME`` for any name of a mapping, ``[]`` for any entry of a list."""
    allowed: str
    """In words, as messages have it."""
    default: str
    """As YAML would have it, or what it follows from; empty where there is none."""
    comment: str
    values: tuple[str, ...]
    """All words that it may be, of a mapping its names; empty where there are too many to list."""


def keys_of(model: type[Config], defaults: Mapping[str, Any]) -> tuple[Key, ...]:
    """List the keys of a model in the order of its fields.

    Args:
        model: the model.
        defaults: values of keys that have one, nested, as YAML has them.
    """
    return tuple(_walk(model, model, "", defaults))


def recipe_defaults(recipes: Path) -> dict[str, Any]:
    """The values of a recipe that names no member of a group; without the keys of its model.

    Args:
        recipes: the folder of ``config.yaml``.
    """
    base = yaml.safe_load((recipes / "config.yaml").read_text())
    values = {name: value for name, value in base.items() if name not in ("defaults", "hydra")}
    for entry in base["defaults"]:
        if isinstance(entry, dict):
            [(group, name)] = entry.items()
            file = recipes / group / f"{name}.yaml"
            if file.is_file():
                own = yaml.safe_load(file.read_text())
                values[group] = {key: value for key, value in own.items() if key != "defaults"}
    return values


def _walk(root: type[Config], model: type[Config], prefix: str, defaults: object) -> Iterator[Key]:
    comments = _comments(model)
    given: Mapping[str, Any] = defaults if isinstance(defaults, Mapping) else {}
    for name, field in model.model_fields.items():
        key = f"{prefix}{name}"
        inner, sign = _inner(field.annotation)
        if inner and not sign:
            yield from _walk(root, inner, f"{key}.", given.get(name, {}))
            continue
        own = {} if field.is_required() else {name: field.get_default(call_default_factory=True)}
        default = {**own, **given}.get(name, _Missing)
        yield Key(
            name=key,
            allowed=_keys_allowed(root, field.annotation) or allowed_at(root, key),
            default="" if default is _Missing else shown_default(default),
            comment=comments.get(name) or (_first_paragraph(inner) if inner else ""),
            values=_values(field.annotation),
        )
        if inner and not (sign == "?" and _stands_elsewhere(root, inner)):
            yield from _walk(root, inner, f"{key}{sign.removeprefix('?')}.", {})


class _Missing:
    """No default."""


def _stands_elsewhere(root: type[Config], inner: type[Config]) -> bool:
    """Whether a group of the recipe has the same keys, as a role's own model."""
    return any(field.annotation is inner for field in root.model_fields.values())


def _keys_allowed(root: type[Config], annotation: Any) -> str:
    """What a key allows whose values have keys of their own; empty for any other."""
    inner, sign = _inner(annotation)
    if inner is None or sign == "[]":
        return "a list of mappings {KEY: VALUE, ...}, with the keys below" if inner else ""
    if sign != "?":
        return "a mapping {NAME: {KEY: VALUE, ...}}, with the keys below"
    group = next((name for name, one in root.model_fields.items() if one.annotation is inner), "")
    return f"a mapping with {f'the keys of `{group}`' if group else 'the keys below'}, or null"


def _inner(annotation: Any) -> tuple[type[Config] | None, str]:
    """The model that the keys below a key have.

    Returns:
        The model or None, and what stands between: nothing for the model itself, ``?`` where it may
        be missing, ``.NAME`` in a mapping, ``[]`` in a list.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if inspect.isclass(annotation) and issubclass(annotation, Config):
        return annotation, ""
    if origin is dict:
        return _inner(arguments[1])[0], f".{_NAME}"
    if origin is tuple:
        return _inner(arguments[0])[0], "[]"
    if origin in (Union, UnionType):
        found = [_inner(part)[0] for part in arguments]
        return next((one for one in found if one), None), "?"
    return None, ""


def _values(annotation: Any) -> tuple[str, ...]:
    """The words that a value, or an entry of a list, may be."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is bool:
        return ("true", "false")
    if origin is Literal:
        return tuple(map(str, arguments))
    if origin in (tuple, dict):
        return _values(arguments[0])
    if origin in (Union, UnionType):
        return tuple(word for part in arguments for word in _values(part))
    return ()


@cache
def _comments(model: type[Config]) -> Mapping[str, str]:
    """Field → the text that stands below it in the code, in one line, without its markup."""
    found = {}
    for base in reversed(model.__mro__):
        if not issubclass(base, Config):
            continue
        [definition] = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        assert isinstance(definition, ast.ClassDef)
        for field, following in zip(definition.body, definition.body[1:], strict=False):
            text = _text(following)
            if isinstance(field, ast.AnnAssign) and text:
                assert isinstance(field.target, ast.Name)
                found[field.target.id] = " ".join(text.split())
    return {name: _plain(text) for name, text in found.items()}


def _first_paragraph(model: type[Config]) -> str:
    """What a model's own docstring begins with."""
    return _plain(" ".join((inspect.getdoc(model) or "").partition("\n\n")[0].split()))


def _text(node: ast.stmt) -> str:
    """The text that a statement is; empty for any other."""
    value = node.value if isinstance(node, ast.Expr) else None
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def _plain(text: str) -> str:
    """A docstring's text for a terminal and for Markdown.

    >>> _plain(":mod:`tsdg.text` and ``trace``")
    '`tsdg.text` and `trace`'
    """
    return re.sub(r":\w+:(?=`)", "", text).replace("``", "`")


def shown_default(value: object) -> str:
    """A default as YAML has it in one line; what it follows from, where it is none itself."""
    if value == "???":
        return ""
    text = yaml.safe_dump(
        value, default_flow_style=True, width=100_000, allow_unicode=True, sort_keys=False
    )
    text = text.removesuffix("\n").removesuffix("\n...")
    return _INTERPOLATION.sub(lambda match: _followed(match[1]), text).strip() or '""'


def _followed(inner: str) -> str:
    """What an interpolation of OmegaConf stands for."""
    resolver, colon, rest = inner.partition(":")
    if not colon:
        return f"that of {inner.lstrip('.')}"
    parts = [part.strip() for part in rest.split(",")]
    if resolver == "oc.env":
        otherwise = parts[1] if len(parts) > 1 else ""
        return f"${parts[0]}, else {otherwise.strip(chr(34)) or 'empty'}"
    if len(parts) == 4:
        return f"the model's, at most {parts[2]}; {parts[3]} where it thinks"
    return "the model's"
