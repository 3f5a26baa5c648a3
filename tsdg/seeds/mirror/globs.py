"""File patterns as the README of a data set has them, matched in time that no pattern can blow up.

``*`` and ``?`` stay within a folder; ``**`` does not, and ``**/`` is any folders or none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"(\*\*/|\*\*|\*|\?)")
_MOST = 10_000_000
"""Characters of names, times the specials that patterns have."""


def matching(names: Iterable[str], patterns: object) -> list[str]:
    """Return names that fit a pattern or a list of them: by pattern, then by name, each once.

    Patterns that are no text, or too many for so many names, fit nothing.
    """
    listed = patterns if isinstance(patterns, list) else [patterns]
    wanted = [pattern for pattern in listed if isinstance(pattern, str)]
    ordered = sorted(names)
    cost = sum(map(len, ordered)) * sum(len(_SPECIAL.findall(pattern)) + 1 for pattern in wanted)
    if len(wanted) < len(listed) or cost > _MOST:
        return []
    found: dict[str, None] = {}
    for pattern in wanted:
        tokens = _tokens(pattern.removeprefix("./"))
        found |= dict.fromkeys(name for name in ordered if _fits(name, tokens))
    return list(found)


def _tokens(pattern: str) -> list[str]:
    """Single characters, and the specials; ``**/`` is two: its beginning, and its inside."""
    tokens: list[str] = []
    for piece in _SPECIAL.split(pattern):
        if piece == "**/":
            tokens += ["**/", "inside"]
        elif _SPECIAL.fullmatch(piece):
            tokens.append(piece)
        else:
            tokens += piece
    return tokens


def _fits(name: str, tokens: Sequence[str]) -> bool:
    """Follow all places of the pattern at once: a step for each character of the name."""
    places = _reached({0}, tokens)
    for char in name:
        places = _reached(
            {after for place in places for after in _after(place, char, tokens)}, tokens
        )
        if not places:
            return False
    return len(tokens) in places


def _after(place: int, char: str, tokens: Sequence[str]) -> tuple[int, ...]:
    """Where a character leads to from a place of the pattern."""
    token = tokens[place] if place < len(tokens) else ""
    if token == "inside":
        return (place, place + 1) if char == "/" else (place,)
    if token == "**" or (token == "*" and char != "/"):
        return (place,)
    return (place + 1,) if token == char or (token == "?" and char != "/") else ()


def _reached(places: set[int], tokens: Sequence[str]) -> set[int]:
    """The places, and those that are reached from them without a character."""
    waiting = list(places)
    while waiting:
        place = waiting.pop()
        token = tokens[place] if place < len(tokens) else ""
        steps = {"*": (1,), "**": (1,), "**/": (1, 2)}.get(token, ())
        for step in steps:
            if place + step not in places:
                places.add(place + step)
                waiting.append(place + step)
    return places
