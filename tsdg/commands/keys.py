"""``tsdg keys``: keys of recipes and commands, with what they allow, their default and comment."""

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict

from tsdg.commands.key_table import RECIPE, KeyRow, matching
from tsdg.commands.words import Words, did_you_mean, help_width
from tsdg.errors import UsageError


def main(words: Words) -> int:
    """Print the keys that a pattern names, or all."""
    pattern = words.arguments[0] if words.arguments else ""
    rows = matching(pattern)
    if not rows:
        known = [row.name for row in matching("")]
        raise UsageError(
            f"tsdg keys: no key has {pattern!r} in its name or comment"
            f"{did_you_mean(pattern, known)}; `tsdg keys` lists all {len(known)}"
        )
    if "--json" in words.flags:
        print(json.dumps({"keys": [asdict(row) for row in rows]}, indent=1, ensure_ascii=False))
        return 0
    width = help_width()
    print("\n".join(line for row in rows for line in _lines(row, width)))
    return 0


def _lines(row: KeyRow, width: int) -> list[str]:
    default = f"default {row.default}" if row.default else "no default"
    told = [row.comment, f"{row.allowed}; {default}"]
    name = row.name if row.of == RECIPE else f"{row.name}  (of tsdg {row.of})"
    return [name, *(line for text in told for line in _indented(text, width))]


def _indented(text: str, width: int) -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent="    ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
