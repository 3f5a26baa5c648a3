"""What a command takes, and how the words after it are read: one way for all commands.

Imports nothing slow, so that help and refusals come at once.
"""

from __future__ import annotations

import argparse
import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from tsdg.amounts import whole_number
from tsdg.errors import UsageError, few
from tsdg.errors import did_you_mean as did_you_mean
from tsdg.layout import find_run

_HELP_COLUMN = 26
WIDEST = 100
"""Columns of the help at most."""
_NARROWEST = 60
_MANY = 99
"""Words that stand for any number of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An argument, a ``KEY=VALUE`` or a flag of a command, as its help shows it."""

    name: str
    help: str
    default: str = ""
    """As the help shows it; empty where there is none."""
    metavar: str = ""
    """Of a flag that takes a value; empty for one that does not."""
    counts: bool = False
    """Whether its value is a number above 0."""
    allowed: tuple[str, ...] = ()
    """The values that it may have; empty for any."""
    kind: str = ""
    """Of the value: ``run``, ``task``, ``stage``, ``family``, or a name of a recipe's group."""

    def shown(self, sign: str) -> str:
        """Its name and, after a sign, what its value is."""
        return f"{self.name}{sign}{self.metavar}" if self.metavar else self.name

    @property
    def told(self) -> str:
        """Its help, the values that it may have, and its default."""
        allowed = f": {', '.join(self.allowed)}" if self.allowed else ""
        return f"{self.help}{allowed}" + (f" (default {self.default})" if self.default else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command: everything that its help and its refusals say."""

    name: str
    """After ``tsdg``; two words for a part of ``tsdg seeds``."""
    summary: str
    usage: str
    """What stands after the name."""
    takes: str
    """Its arguments in words, for the refusal of others."""
    least: int
    """Arguments at least; -1 where Hydra reads the words."""
    most: int
    example: str
    arguments: tuple[Option, ...] = ()
    keys: tuple[Option, ...] = ()
    flags: tuple[Option, ...] = ()
    overrides: str = ""
    """What other ``KEY=VALUE`` words are; empty where there may be none."""
    named: tuple[Option, ...] = ()
    """Those of them that its help names."""
    config: str = ""
    """Of :mod:`tsdg.commands.key_table`: whose keys the others are, where they are not a
    recipe's."""
    passed_on: tuple[Option, ...] = ()
    """Flags that Hydra reads."""
    instead: tuple[Option, ...] = ()
    """Flags that others have, and what to do in place of them here."""
    module: str = ""
    """Of :mod:`tsdg.commands`, where it is not named as the command."""
    function: str = "main"

    @property
    def call(self) -> str:
        """How it is called."""
        return f"tsdg {self.name} {self.usage}".rstrip()

    @property
    def of_hydra(self) -> bool:
        """Whether Hydra reads the words that are neither flags nor keys of the table."""
        return self.least < 0

    def argument(self, index: int) -> Option:
        """The argument at a place; the last one may stand several times."""
        return self.arguments[min(index, len(self.arguments) - 1)]

    def help(self, width: int = 0) -> str:
        """Its call, summary, arguments, keys, flags, defaults and an example.

        Args:
            width: columns; 0 for those of the terminal.
        """
        width = width or help_width()
        told = textwrap.wrap(self.summary, width - 2, break_on_hyphens=False)
        lines = [self.call, "", *(f"  {line}" for line in told), ""]
        for title, rows in self._sections():
            lines += [title, *(line for row in rows for line in columns(*row, width)), ""]
        return "\n".join([*lines, f"Example: {self.example}"])

    def _sections(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """The titles of the help and the rows below each; none without a row."""
        keys = [(option.shown("="), option.told) for option in (*self.keys, *self.named)]
        keys += [(f"{name}=", told) for name, told in self.config_keys()]
        keys += [("KEY=VALUE ...", self.overrides)] if self.overrides else []
        flags = (*self.flags, *self.passed_on)
        sections = {
            "Arguments:": [(option.shown(" "), option.told) for option in self.arguments],
            "Keys:": keys,
            "Flags:": [(option.shown(" "), option.told) for option in flags],
        }
        return ((title, rows) for title, rows in sections.items() if rows)

    def config_keys(self) -> Iterator[tuple[str, str]]:
        """The keys of its own configuration."""
        if self.config:
            from tsdg.commands.key_table import keys_of

            yield from ((key.name, key.told) for key in keys_of(self.config))


def help_width() -> int:
    """Columns that a help has."""
    return max(_NARROWEST, min(WIDEST, shutil.get_terminal_size().columns))


def value_of(words: Sequence[str], flag: str) -> str:
    """The value of a flag, as ``--flag VALUE`` or ``--flag=VALUE``; empty where it is not given."""
    for word, following in zip(words, [*words[1:], ""], strict=False):
        if word == flag:
            return following
        if word.startswith(f"{flag}="):
            return word.partition("=")[2]
    return ""


def columns(shown: str, told: str, width: int, *, start: int = _HELP_COLUMN) -> list[str]:
    """One row of a help, in as many lines as it needs; what is told begins at column ``start``."""
    wrapped = textwrap.wrap(told, width - start, break_on_hyphens=False, break_long_words=False)
    if len(shown) > start - 4:
        return [f"  {shown}", *(" " * start + line for line in wrapped)]
    first = f"  {shown.ljust(start - 4)}  {wrapped[0] if wrapped else ''}"
    return [first, *(" " * start + line for line in wrapped[1:])]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The words after a command, sorted."""

    arguments: tuple[str, ...]
    keys: Mapping[str, str]
    """Those of the command's own keys that were given; of two of a name the last one."""
    overrides: list[str]
    """Other ``KEY=VALUE`` words, as typed; for Hydra's commands all words that are left."""
    flags: Mapping[str, str]
    """Those that were given, with their values; empty for one without."""

    def number(self, name: str, default: int) -> int:
        """The number of a key or flag that counts."""
        given = self.keys.get(name, self.flags.get(name))
        return default if given is None else whole_number(given) or default


def is_value(word: str) -> bool:
    """Whether a word of a command line is ``KEY=VALUE``.

    A path that has a ``=`` has a ``/`` before it.

    >>> is_value("budget=10"), is_value("/runs/a=b"), is_value("out=/runs/a")
    (True, False, True)
    """
    key, equals, _ = word.partition("=")
    return bool(equals) and "/" not in key and not key.startswith("-")


def read(command: Command, words: Sequence[str]) -> Words:
    """Read the words after a command.

    Raises:
        UsageError: a flag or key is unknown or has no such value, or arguments are missing or too
            many.
    """
    _refuse_cut(words)
    keys, others = _keys(command, _in_its_form(command, words))
    flags, rest = _flags(command, others)
    for option in command.instead:
        if option.name in rest:
            raise UsageError(f"tsdg {command.name} has no {option.name}: {option.help}")
    if command.of_hydra:
        _refuse_almost(command, rest)
    _check_values(command, command.keys, keys)
    _check_values(command, command.flags, flags)
    keys = {name: _found_run(command.keys, name, value) for name, value in keys.items()}
    if command.of_hydra:
        return Words(arguments=(), keys=keys, overrides=rest, flags=flags)
    overrides = [word for word in rest if is_value(word)]
    arguments = tuple(word for word in rest if not is_value(word))
    _check_rest(command, arguments, overrides)
    arguments = tuple(
        find_run(word) if command.argument(index).kind == "run" else word
        for index, word in enumerate(arguments)
    )
    return Words(arguments=arguments, keys=keys, overrides=overrides, flags=flags)


def _refuse_cut(words: Sequence[str]) -> None:
    """Refuse a list or mapping that the shell has cut at its spaces."""
    for start, word in enumerate(words):
        if not (is_value(word) and _depth(word) > 0):
            continue
        for end in range(start + 2, len(words) + 1):
            whole = " ".join(words[start:end])
            if _depth(whole) == 0:
                raise UsageError(
                    f"command line: {word!r} goes on after a space; put all of it in quotes: "
                    f"'{whole}'"
                )


def _depth(text: str) -> int:
    """Brackets that are still open at the end of a text."""
    return sum((sign in "[{") - (sign in "]}") for sign in text)


def _in_its_form(command: Command, words: Sequence[str]) -> list[str]:
    """The words, each key as ``KEY=VALUE`` and each flag as ``--FLAG``, however they were typed."""
    flags = {option.name for option in (*command.flags, *command.passed_on)}
    valued = {option.name for option in command.flags if option.metavar}
    names = {option.name for option in (*command.keys, *command.named)}
    names |= {name for name, _ in command.config_keys()}
    found: list[str] = []
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        key = name.removeprefix("--")
        if name.startswith("--") and name not in flags and key in names:
            found.append(f"{key}={value if equals else next(rest, '')}")
        elif equals and name not in names and f"--{name}" in valued:
            found.append(f"--{word}")
        else:
            found.append(word)
    return found


def _found_run(options: Sequence[Option], name: str, value: str) -> str:
    """The value of a key; of one that names a run, where that lies."""
    is_run = any(option.name == name and option.kind == "run" for option in options)
    return find_run(value) if is_run and not Path(value).exists() else value


def _keys(command: Command, words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The command's keys, and all other words in their order."""
    own = {option.name for option in command.keys}
    keys: dict[str, str] = {}
    others = []
    for word in words:
        if is_value(word) and _key(word) in own:
            keys[_key(word)] = word.partition("=")[2]
        else:
            others.append(word)
    return keys, others


def _check_rest(command: Command, arguments: Sequence[str], overrides: Sequence[str]) -> None:
    """Check the words that are neither flags nor keys of a command."""
    for word in arguments:
        if word.startswith("-"):
            _refuse_flag(command, word)
    if overrides and not (command.overrides or command.config):
        _refuse_key(command, overrides[0])
    if not command.least <= len(arguments) <= command.most or "" in arguments:
        raise UsageError(f"tsdg {command.name} takes {command.takes}: {command.call}")


class _Parser(argparse.ArgumentParser):
    """Argparse for the flags alone; it neither prints nor ends the process."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}")


def _flags(command: Command, words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The command's flags, and all other words in their order."""
    parser = _Parser(prog=f"tsdg {command.name}", add_help=False, allow_abbrev=False)
    for option in command.flags:
        how: dict[str, Any] = (
            {"nargs": "?", "const": ""}
            if option.metavar
            else {"action": "store_const", "const": ""}
        )
        parser.add_argument(option.name, dest=option.name, default=None, **how)
    parsed, rest = parser.parse_known_args(words)
    return {name: value for name, value in vars(parsed).items() if value is not None}, rest


def _check_values(command: Command, options: Sequence[Option], given: Mapping[str, str]) -> None:
    for option in options:
        if option.name in given:
            _check_value(command, option, given[option.name])


def _check_value(command: Command, option: Option, value: str) -> None:
    if option.counts and not whole_number(value):
        allowed = f"a number above 0: {command.call}"
    elif option.allowed and value not in option.allowed:
        allowed = ", ".join(option.allowed) + did_you_mean(value, option.allowed)
    else:
        return
    raise UsageError(f"tsdg {command.name}: {option.name}: found {value!r}; allowed: {allowed}")


def _refuse_flag(command: Command, word: str) -> NoReturn:
    known = [option.name for option in command.flags]
    allowed = f"; allowed: {', '.join([*known, '--help'])}"
    raise UsageError(
        f"tsdg {command.name} takes {command.takes}, and no {word}"
        f"{did_you_mean(word, known)}{allowed}: {command.call}"
    )


def _refuse_almost(command: Command, words: Sequence[str]) -> None:
    """Refuse a flag that is nearly one of the command's own; Hydra knows only its own."""
    own = [option.name for option in command.flags]
    for word in words:
        if word.startswith("--") and did_you_mean(word, own):
            raise UsageError(f"tsdg {command.name} has no {word}{did_you_mean(word, own)}")


def _refuse_key(command: Command, word: str) -> NoReturn:
    known = [option.name for option in command.keys]
    allowed = f"; allowed: {few(known, _MANY)}" if known else ""
    raise UsageError(
        f"tsdg {command.name} takes {command.takes}: found {_key(word)}="
        f"{did_you_mean(_key(word), known)}{allowed}: {command.call}"
    )


def _key(word: str) -> str:
    return word.partition("=")[0]
