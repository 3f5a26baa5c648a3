"""Writes what is made of the typed models and the table of commands: ``make reference``.

That is ``docs/reference.md`` and ``tsdg/commands/keys.csv``, which the help and completion read.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import yaml

from tsdg.commands.key_table import RECIPE, TABLE, KeyRow
from tsdg.commands.table import GROUPS
from tsdg.commands.words import WIDEST
from tsdg.config.base import Config
from tsdg.config.comparison import CompareConfig
from tsdg.config.evaluation import EvalConfig
from tsdg.config.folders import recipes_dir
from tsdg.config.key_list import Key, keys_of, recipe_defaults
from tsdg.config.mix import MixConfig
from tsdg.config.recipe import Recipe
from tsdg.package.card import columns

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference.md"
_CONFIGURATIONS: dict[str, type[Config]] = {
    "mix": MixConfig,
    "compare": CompareConfig,
    "eval": EvalConfig,
}
_FIELDS = ("of", "name", "allowed", "default", "values", "comment")
_LONGEST = 80
"""Characters of a default that is shown; of a longer one, where it stands."""


def key_rows() -> list[KeyRow]:
    """All keys, of recipes and of commands, in the order of the typed models."""
    recipes = recipes_dir()
    rows = [
        _row(RECIPE, key, key.name.partition(".")[0])
        for key in keys_of(Recipe, recipe_defaults(recipes))
    ]
    for command, model in _CONFIGURATIONS.items():
        defaults = yaml.safe_load((recipes / command / "default.yaml").read_text())
        rows += [_row(command, key, command) for key in keys_of(model, defaults)]
    return rows


def _row(of: str, key: Key, group: str) -> KeyRow:
    short = len(key.default) <= _LONGEST
    return KeyRow(
        of=of,
        name=key.name,
        allowed=key.allowed,
        default=key.default if short else f"see recipes/{group}",
        values=key.values,
        comment=key.comment,
    )


def table_text(rows: Iterable[KeyRow]) -> str:
    """The keys as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_FIELDS)
    for row in rows:
        writer.writerow(
            [row.of, row.name, row.allowed, row.default, " ".join(row.values), row.comment]
        )
    return text.getvalue()


def page_text(rows: Sequence[KeyRow]) -> str:
    """The page of reference, in Markdown."""
    return "\n".join([_HEAD, *_commands(), _KEYS, *_keys(rows), _COLUMNS, *_columns()])


def _columns() -> Iterator[str]:
    yield "| column | holds |\n|---|---|"
    for name, holds in columns().items():
        yield f"| `{name}` | {_cell(holds)} |"
    yield ""


def _commands() -> Iterator[str]:
    for title, commands in GROUPS.items():
        yield f"### {title}\n"
        for command in commands:
            yield f"#### tsdg {command.name}\n\n```\n{command.help(WIDEST)}\n```\n"


def _keys(rows: Sequence[KeyRow]) -> Iterator[str]:
    for group, members in groupby((row for row in rows if row.of == RECIPE), key=_group_of):
        yield from _section(f"`{group}`" if group else "The run", list(members))


def _group_of(row: KeyRow) -> str:
    group, dot, _ = row.name.partition(".")
    return group if dot or group == "roles" else ""


def _section(title: str, rows: Sequence[KeyRow]) -> Iterator[str]:
    yield f"### {title}\n\n| key | allowed | default | |\n|---|---|---|---|"
    for row in rows:
        default = f"`{row.default}`" if row.default else ""
        yield f"| `{row.name}` | {_cell(row.allowed)} | {default} | {_cell(row.comment)} |"
    yield ""


def _cell(text: str) -> str:
    """A text as a cell of a Markdown table has it."""
    return text.replace("|", "\\|").replace("<", "&lt;") if "`" not in text else _code_cell(text)


def _code_cell(text: str) -> str:
    """As :func:`_cell`; between backticks nothing but ``|`` has a meaning."""
    parts = text.replace("|", "\\|").split("`")
    return "`".join(
        part if index % 2 else part.replace("<", "&lt;") for index, part in enumerate(parts)
    )


_HEAD = """\
# Reference

Every command, every key and every column. This page is written by `make reference`,
from the table of commands, the typed models of `tsdg/config` and the table of columns; a test holds
it to them. `tsdg COMMAND --help` and `tsdg keys [PATTERN]` print the same.

## Commands
"""
_KEYS = """\
## Keys of a recipe

`KEY=VALUE` on the command line, or nested in a recipe's file. `NAME` stands for a name of your
own, or for one of those that the comment gives. A default is that of a recipe which says nothing
else; a recipe may have others, and `tsdg run recipe=R --cfg job --resolve` prints them. Numbers of
rows, requests and tokens may be written as `10B`, `500k`, `1e10` or `40,000,000`; on the command
line of a recipe the last of these needs quotes of its own.
"""
_COLUMNS = """\
## Columns of a record

The files below `dataset/` have these columns, and so have the exports `hf`, `parquet` and `jsonl`.
`seed_ids` names rows of `seeds/seeds.parquet`, whose column `source` says which row of which data
set each comes from.
"""


def main() -> None:
    """Write both."""
    rows = key_rows()
    TABLE.write_text(table_text(rows), encoding="utf-8")
    PAGE.write_text(page_text(rows), encoding="utf-8")
    print(f"{len(rows)} keys in {TABLE.name} and {PAGE.name}")


if __name__ == "__main__":
    main()
