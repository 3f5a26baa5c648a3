r"""Markdown fences around code, in all the ways in which models write them.

>>> blocks("1. So:\n   ~~~PYTHON title=a.py\n   x = 1\n   ~~~\nand ```js\ny\n```")
[Block(language='python', body='x = 1\n'), Block(language='js', body='y\n')]
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

# Everything is bounded: a text of fences alone must not cost quadratic time.
_FENCE = re.compile(
    r"(?P<indent>(?:^|(?<=\n))[ \t]{1,40})?(?<![`~])(?P<fence>`{3,9}|~{3,9})(?![`~])[ \t]{0,9}"
    r"(?P<language>[\w+#.-]{0,40})[^\n`]{0,200}\n"
    r"(?P<body>.*?)(?:(?<=\n)[ \t]{0,40}(?P=fence)[`~]{0,9}|(?P=fence)|\Z)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block."""

    language: str
    """In lower case; empty where none is given."""
    body: str
    """Without the indentation of its fence."""


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a text in order; a last one may lack its end."""
    return [
        Block(
            match["language"].lower(),
            textwrap.dedent(match["body"]) if match["indent"] else match["body"],
        )
        for match in _FENCE.finditer(text)
    ]
