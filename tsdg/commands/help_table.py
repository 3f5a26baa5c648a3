"""The commands that say what this machine and other commands can do."""

from __future__ import annotations

from tsdg.commands.options import CLUSTER, CONFIG_DIR, JSON, RECIPE
from tsdg.commands.words import Command, Option

SHELLS = ("bash", "zsh", "fish")
"""What `tsdg completion` writes for."""

HELP_COMMANDS = (
    Command(
        name="doctor",
        summary="check whether this machine and a cluster are fit",
        usage="[cluster=C] [recipe=R [KEY=VALUE ...]] [--config-dir FOLDER]",
        takes="a cluster and a recipe at most",
        least=0,
        most=0,
        flags=(CONFIG_DIR,),
        overrides="with a recipe, its keys",
        named=(CLUSTER, RECIPE),
        example="tsdg doctor recipe=demo cluster=dev",
    ),
    Command(
        name="keys",
        summary="explain the keys of a recipe: allowed values, defaults",
        usage="[PATTERN] [--json]",
        takes="one pattern at most",
        least=0,
        most=1,
        arguments=(Option(name="PATTERN", help="part of a key or of its comment; * is any text"),),
        flags=(JSON,),
        example="tsdg keys cap_per",
    ),
    Command(
        name="completion",
        summary="print a script that completes words at Tab",
        usage="bash|zsh|fish",
        takes="the name of a shell",
        least=1,
        most=1,
        arguments=(Option(name="SHELL", help="your shell", allowed=SHELLS),),
        example="tsdg completion bash",
    ),
)
