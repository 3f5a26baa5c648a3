"""What a passage says of itself: its task, its subject, whether it is wanted; and a part of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tsdg.config.passages import PassagesConfig
from tsdg.seeds.draw.rotation import Path as Subject

FAMILY = "passages"
OTHER = "other"
_CODE = re.compile(r"(\d{1,3})(?:\.(\d)(\d)?)?")
_END = re.compile(r"[.!?。！？]['\")\]]*\s|\n\s*\n")


def task_of(domain: str) -> str:
    """The task that the passages of a domain make."""
    return f"{FAMILY}_{re.sub(r'[^a-z0-9]+', '_', domain.lower()).strip('_')}"


def subject_of(domain: str, code: Any) -> Subject:
    """The place of a row in the rotation.

    >>> subject_of("physics", "535.27")
    ('physics', '535', '2', '7')
    """
    match = _CODE.match(str(code).strip()) if code is not None else None
    return (domain, *(part for part in match.groups() if part)) if match else (domain,)


def value_at(row: Mapping[str, Any], path: str) -> Any:
    """The value of a column, or of a field within fields; None where there is none."""
    value: Any = row
    for name in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def wanted(row: Mapping[str, Any], config: PassagesConfig) -> bool:
    """Whether the labels of a row are those that are kept."""
    for column, kept in config.keep.items():
        value = value_at(row, column)
        values = value if isinstance(value, list) else [value]
        if not any(one in kept and not isinstance(one, dict) for one in values):
            return False
    return True


def chunk_of(text: str, limit: int, draw: int) -> str:
    """Cut whole sentences of at most ``limit`` characters from a drawn place of a text.

    Args:
        text: the whole text.
        limit: characters.
        draw: decides the place.
    """
    text = text.strip()
    if len(text) <= limit:
        return text
    start = draw % (len(text) - limit + 1)
    if start:
        after = _END.search(text, start, start + limit // 2)
        start = after.end() if after else start
    piece = text[start : start + limit]
    if start + limit < len(text):
        ends = [match.end() for match in _END.finditer(piece)]
        if ends and ends[-1] >= limit // 2:
            return piece[: ends[-1]].strip()
        piece = piece[: piece.rfind(" ")] if " " in piece[limit // 2 :] else piece
    return piece.strip()


def domain_of(value: str, domains: Mapping[str, str]) -> str:
    """The name of a domain, by what its column says.

    Of a subject's code, by the most of its first digits.

    >>> domain_of("Physics", {"Physics": "physics"})
    'physics'
    >>> domain_of("535.2", {"53": "physics", "5": "science"})
    'physics'
    """
    if value in domains:
        return domains[value]
    begins = [key for key in domains if key.isdigit() and value.startswith(key)]
    return domains[max(begins, key=len)] if begins else OTHER


def domains_of(config: PassagesConfig) -> tuple[str, ...]:
    """The names of the domains, those of the recipe first, each once."""
    return (*dict.fromkeys(config.domains.values()), OTHER)
