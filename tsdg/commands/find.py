"""Finds the command that a line begins with."""

from __future__ import annotations

from collections.abc import Sequence

from tsdg.commands.table import COMMANDS
from tsdg.commands.words import Command, did_you_mean
from tsdg.errors import UsageError


def _no_part(name: str, found: str, parts: Sequence[str]) -> UsageError:
    allowed = ", ".join(f"tsdg {name} {part}" for part in parts)
    return UsageError(
        f"{name}: found {found or 'nothing'}{did_you_mean(found, parts)}; allowed: {allowed}"
    )


def find_command(arguments: Sequence[str]) -> tuple[Command, list[str]]:
    """Find the command that words begin with, and the words after it.

    Raises:
        UsageError: there is none of that name.
    """
    name, *rest = arguments
    parts = [known.partition(" ")[2] for known in COMMANDS if known.startswith(f"{name} ")]
    if parts:
        if rest and rest[0] in parts:
            return COMMANDS[f"{name} {rest[0]}"], rest[1:]
        raise _no_part(name, rest[0] if rest else "", parts)
    if name in COMMANDS:
        return COMMANDS[name], rest
    raise _no_command(name)


def _no_command(name: str) -> UsageError:
    two_words = {known.partition(" ")[0] for known in COMMANDS if " " in known}
    known = [*(one for one in COMMANDS if " " not in one), *sorted(two_words)]
    return UsageError(
        f"there is no command {name!r}{did_you_mean(name, known)}; allowed: {', '.join(known)}"
    )
