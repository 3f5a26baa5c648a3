"""The table of commands: help, refusals and the command line itself come from it."""

from __future__ import annotations

from tsdg.commands.following_table import FOLLOWING_COMMANDS
from tsdg.commands.help_table import HELP_COMMANDS
from tsdg.commands.making_table import MAKING_COMMANDS
from tsdg.commands.reading_table import READING_COMMANDS
from tsdg.commands.seeds_table import SEEDS_COMMANDS
from tsdg.commands.training_table import TRAINING_COMMANDS

GROUPS = {
    "Make a run": MAKING_COMMANDS,
    "Follow it": FOLLOWING_COMMANDS,
    "Look at what came out": READING_COMMANDS,
    "Train on it, and measure": TRAINING_COMMANDS,
    "Where questions come from": SEEDS_COMMANDS,
    "Set up and look up": HELP_COMMANDS,
}
"""Every command, by what one does with it, in the order in which help shows them."""

COMMANDS = {command.name: command for commands in GROUPS.values() for command in commands}
