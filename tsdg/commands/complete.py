"""What may stand at the cursor of a command line, for the scripts of ``tsdg completion``.

Asked at every Tab: it imports nothing slow and reads no large file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tsdg.commands.find import find_command
from tsdg.commands.key_table import NAME, RECIPE, KeyRow, keys_of
from tsdg.commands.table import COMMANDS
from tsdg.commands.words import Command, Option, is_value, value_of
from tsdg.config.folders import groups_of, recipes_dir
from tsdg.errors import TsdgError
from tsdg.installation import packaged
from tsdg.layout import DATASET, PHASE_FOLDERS, output_root, run_names
from tsdg.seeds.catalogue.tables import table

Candidate = tuple[str, str]
"""A whole word, and what it is; the latter may be empty."""
_BREAKS = re.compile(r".*[=:@]")
"""What bash has in front of the word that it completes."""
_TEXT = 60
"""Characters of what a candidate is, at most."""


def answer(shell: str, *words: str) -> int:
    """Print the candidates of the last word, one a line.

    Args:
        shell: bash, which gives the line up to the cursor as one word and takes the rest of its own
            last word; or zsh or fish, which give the words after ``tsdg``, and take each candidate
            with a tab and what it is.
        words: as the shell gives them.
    """
    quote = ""
    if shell == "bash":
        words, quote = _split(words[0])
    found = candidates(words[:-1], words[-1].lstrip("'\""))
    if shell == "bash":
        before = "" if quote else "".join(_BREAKS.findall(words[-1])[:1])
        lines = [word.removeprefix(before) for word, _ in found]
    else:
        lines = [f"{word}\t{told[:_TEXT]}".rstrip("\t") for word, told in found]
    print("\n".join(lines), end="\n" if lines else "")
    return 0


def _split(line: str) -> tuple[tuple[str, ...], str]:
    """The words of a line after the first, the last one as far as it is typed; and its quote."""
    words = re.findall(r"(?:'[^']*(?:'|$)|\"[^\"]*(?:\"|$)|\\.|[^\s'\"\\])+", line)[1:]
    if not words or (line[-1:].isspace() and _open_quote(words[-1]) == ""):
        words.append("")
    quote = _open_quote(words[-1])
    return tuple(re.sub(r"['\"\\]", "", word) for word in words), quote


def _open_quote(word: str) -> str:
    """The quote that a word is still in; empty for none."""
    inside = ""
    for sign in word:
        if sign in "'\"" and inside in ("", sign):
            inside = "" if inside else sign
    return inside


def candidates(words: Sequence[str], current: str) -> list[Candidate]:
    """The words that may stand at the cursor, whole, in their order.

    Args:
        words: between ``tsdg`` and the cursor's word.
        current: what is typed of that.
    """
    if not words:
        return [one for one in _first_words() if one[0].startswith(current)]
    if len(words) == 1 and words[0] not in COMMANDS:
        return _matching(_parts(words[0]), current)
    try:
        command, rest = find_command(words)
    except TsdgError:
        return []
    return _matching(_Line(command, rest, current).candidates(), current)


def _matching(found: Iterator[Candidate], current: str) -> list[Candidate]:
    return list({word: (word, told) for word, told in found if word.startswith(current)}.values())


def _first_words() -> Iterator[Candidate]:
    for command in COMMANDS.values():
        first, space, _ = command.name.partition(" ")
        if not space:
            yield first, command.summary
    for first in dict.fromkeys(name.partition(" ")[0] for name in COMMANDS if " " in name):
        yield first, ", ".join(part for part, _ in _parts(first))
    yield from (("--help", "all commands"), ("--version", "the version"))


def _parts(first: str) -> Iterator[Candidate]:
    for command in COMMANDS.values():
        if command.name.startswith(f"{first} "):
            yield command.name.partition(" ")[2], command.summary


class _Line:
    """A command, the words after it, and the word at the cursor."""

    def __init__(self, command: Command, rest: Sequence[str], current: str) -> None:
        self.command, self.rest, self.current = command, rest, current
        self.flags = (*command.flags, *command.passed_on)
        own = value_of(rest, "--config-dir")
        self.groups = groups_of([*([Path(own)] if own else []), recipes_dir()])

    def candidates(self) -> Iterator[Candidate]:
        """All that may stand there, and more: what does not begin as the word is left out later."""
        waiting = next(
            (one for one in self.flags if one.metavar and [one.name] == [*self.rest[-1:]]), None
        )
        if waiting:
            yield from self._values(waiting)
        elif self.current.startswith("-"):
            yield from self._flags()
        elif "=" in self.current:
            yield from self._after_equals()
        else:
            yield from self._arguments()
            yield from self._keys()

    def _flags(self) -> Iterator[Candidate]:
        name, equals, _ = self.current.partition("=")
        for option in self.flags:
            if not equals:
                yield option.name, option.help
            elif option.name == name:
                yield from ((f"{name}={value}", told) for value, told in self._values(option))
        yield "--help", "arguments, keys, flags and an example"

    def _arguments(self) -> Iterator[Candidate]:
        options = self.command.arguments
        place = sum(not is_value(word) and not word.startswith("-") for word in self.rest)
        if options and place < self.command.most:
            yield from self._values(options[min(place, len(options) - 1)])

    def _values(self, option: Option) -> Iterator[Candidate]:
        yield from ((value, "") for value in option.allowed)
        yield from self._of_kind(option.kind)

    def _of_kind(self, kind: str) -> Iterator[Candidate]:
        names: Callable[[], Sequence[str]] | None = {
            "run": run_names,
            "stage": _stages,
            "task": self._run_tasks,
            "family": lambda: [*_column("families", "family"), *_tasks()],
            "tasks": _tasks,
            "families": lambda: _column("families", "family"),
            "cluster": _clusters,
        }.get(kind)
        yield from ((name, "") for name in (names() if names else self.groups.get(kind, ())))

    def _run_tasks(self) -> list[str]:
        """The tasks of the run that the line names."""
        named = next((Path(word) for word in self.rest if not is_value(word)), Path())
        run = named if named.is_dir() else output_root() / named
        return sorted(folder.name for folder in (run / DATASET).glob("*/*") if folder.is_dir())

    def _after_equals(self) -> Iterator[Candidate]:
        """Values of the key that the word begins with; of a list, one more entry."""
        key, _, value = self.current.partition("=")
        head = value[: max(value.rfind("["), value.rfind(",")) + 1]
        for name, told in self._values_of_key(key):
            yield f"{key}={head}{name}", told

    def _values_of_key(self, key: str) -> Iterator[Candidate]:
        for option in (*self.command.keys, *self.command.named):
            if option.name == key:
                yield from self._values(option)
        name = key.lstrip("+~").partition("@")[0]
        last = name.rpartition(".")[2]
        yield from self._of_kind(name)
        if name in ("seeds.tasks", "seeds.families"):
            yield from self._of_kind(last)
        for row in self._rows():
            if _as_typed(row.name, name) == name and not row.is_mapping:
                yield from ((value, "") for value in row.values)

    def _rows(self) -> list[KeyRow]:
        if self.command.config:
            return keys_of(self.command.config)
        return keys_of(RECIPE) if self.command.overrides else []

    def _keys(self) -> Iterator[Candidate]:
        for option in (*self.command.keys, *self.command.named):
            yield f"{option.name}=", option.help
        if self.command.overrides:
            yield from ((f"{group}=", "a group of the recipe") for group in self.groups)
        sign = self.current[:1] if self.current[:1] in {"+", "~"} else ""
        base = self.current[len(sign) : self.current.rfind(".") + 1]
        for row in self._rows():
            yield from ((sign + word, told) for word, told in _next_part(row, base))


def _next_part(row: KeyRow, base: str) -> Iterator[Candidate]:
    """A key as far as its next dot, where it begins as what is typed up to the last one."""
    own = _as_typed(row.name, base)
    inner = [f"{own}.{name}" for name in row.values] if row.is_mapping else []
    deeper = "." if row.has_keys else "="
    for name, end in ((own, "="), *((name, deeper) for name in inner)):
        part, dot, _ = name.removeprefix(base).partition(".")
        if name.startswith(base) and part and part != NAME and "[]" not in part:
            yield f"{base}{part}{dot or end}", "" if dot else row.comment


def _as_typed(name: str, typed: str) -> str:
    """A key with the names of mappings that the cursor's word has in their places."""
    parts, given = name.split("."), typed.split(".")
    return ".".join(
        given[index] if part == NAME and given[index : index + 1] not in ([], [""]) else part
        for index, part in enumerate(parts)
    )


def _stages() -> list[str]:
    phases = [name for folder in PHASE_FOLDERS for name in (folder, f"{folder}.gather")]
    return ["seeds", *phases, "package"]


def _tasks() -> list[str]:
    return [task for cell in _column("units", "tasks") for task in cell.split("|")]


def _column(subject: str, column: str) -> list[str]:
    """A column of one of the catalogue's tables and of the demo's, without repeats."""
    found = []
    for name in (subject, f"demo_{subject}"):
        found += [row[column] for row in table(f"{name}.csv")]
    return list(dict.fromkeys(found))


def _clusters() -> list[str]:
    folders = (Path("cluster_configs"), packaged("cluster_configs"))
    return sorted({file.stem for folder in folders for file in folder.glob("*.yaml")})
