"""What `tsdg --help` prints, the groups of a recipe, and the exit codes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tsdg.commands.table import COMMANDS, GROUPS
from tsdg.commands.words import Command, columns, help_width, value_of
from tsdg.errors import folded


def overview() -> str:
    """What `tsdg --help` prints."""
    start = max(map(len, COMMANDS)) + 4
    groups = [
        "\n".join([f"{title}:", *_rows(group, start=start)]) for title, group in GROUPS.items()
    ]
    head, foot = ([folded(part, help_width()) for part in parts] for parts in (_HEAD, _FOOT))
    return "\n\n".join([*head, *groups, *foot]) + "\n"


def _rows(commands: Iterable[Command], *, start: int) -> Iterator[str]:
    """The names of commands, and from column ``start`` on what they do."""
    for command in commands:
        yield from columns(command.name, command.summary, help_width(), start=start)


def exit_codes() -> str:
    """What exit codes mean, below every help."""
    return folded(_EXIT_CODES, help_width())


def groups_help(words: Sequence[str]) -> str:
    """The groups of a recipe and their members, for the help of commands that take a recipe.

    Args:
        words: after the command; ``--config-dir`` among them adds a folder's members.
    """
    from tsdg.config.folders import groups_of, recipes_dir

    own = value_of(words, "--config-dir")
    groups = groups_of([*([Path(own)] if own else []), recipes_dir()])
    rows = [
        line
        for group, names in groups.items()
        for line in columns(f"{group}=", ", ".join(names), help_width())
    ]
    return "\n".join(["", "", "Groups, each with its files:", *rows, ""])


_HEAD = (
    "tsdg: new, verified, answer-enriched questions from the training splits of public benchmark "
    "tasks",
    "usage: tsdg COMMAND ...; `tsdg COMMAND --help` has its arguments, keys and an example",
)
_FOOT = (
    "`tsdg keys` explains every key of a recipe, `tsdg run recipe=R --cfg job --resolve` prints a "
    "whole recipe, `tsdg --version` the version.",
)
_EXIT_CODES = (
    "Exit codes: 0 done, 1 work fell short, 2 request wrong, 3 machine not fit, 130 interrupted."
)
