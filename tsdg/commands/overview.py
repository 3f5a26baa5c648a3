"""What `tsdg --help` prints, and the exit codes."""

from __future__ import annotations

from tsdg.commands.table import COMMANDS


def overview() -> str:
    """What `tsdg --help` prints."""
    width = max(len(command.name) for command in COMMANDS.values()) + 2
    lines = [f"  {command.name.ljust(width)}{command.summary}" for command in COMMANDS.values()]
    return "\n".join([_HEAD, *lines, _FOOT])


_HEAD = """\
tsdg: new, verified, answer-enriched questions from the training splits of public benchmark tasks

usage: tsdg COMMAND ...      `tsdg COMMAND --help` has its arguments, keys and an example
"""
_FOOT = """
Recipes are files of recipes/recipe; `tsdg run recipe=R --cfg job --resolve` prints a whole one,
`tsdg --version` the version.
"""
EXIT_CODES = (
    "Exit codes: 0 done, 1 work fell short, 2 request wrong, 3 machine not fit, 130 interrupted."
)
