"""The commands that help to type others."""

from __future__ import annotations

from tsdg.commands.options import JSON
from tsdg.commands.words import Command, Option

SHELLS = ("bash", "zsh", "fish")
"""What `tsdg completion` writes for."""

HELP_COMMANDS = (
    Command(
        name="completion",
        summary="a script that completes commands, keys, names and runs at Tab",
        usage="bash|zsh|fish",
        takes="the name of a shell",
        least=1,
        most=1,
        arguments=(Option(name="SHELL", help="which", allowed=SHELLS),),
        example="tsdg completion bash",
    ),
    Command(
        name="keys",
        summary="every key of a recipe with what it may be, its default and its comment",
        usage="[PATTERN] [--json]",
        takes="one pattern at most",
        least=0,
        most=1,
        arguments=(Option(name="PATTERN", help="part of a key or of its comment; * is any text"),),
        flags=(JSON,),
        example="tsdg keys cap_per",
    ),
)
