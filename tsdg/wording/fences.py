r"""Markdown fences around code, in all the ways in which models write them.

>>> blocks("1. So:\n   ~~~PYTHON title=a.py\n   x = 1\n   ~~~\nand ```js\ny\n```")
[Block(language='python', body='x = 1\n'), Block(language='js', body='y\n')]
>>> blocks("> ```python\n> x = 1\n> ```"), blocks("```python import re\nx = 1\n```")
([Block(language='python', body='x = 1\n')], [Block(language='python', body='import re\nx = 1\n')])
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

# Everything is bounded: a text of fences alone must not cost quadratic time.
_FENCE = re.compile(
    r"(?<![`~])(?P<fence>`{3,9}|~{3,9})(?![`~])[ \t]{0,9}"
    r"(?:(?P<line>[^\n`~]{1,400})(?P=fence)(?![`~])"
    r"|(?P<info>[^\n`]{0,240})\n"
    r"(?P<body>.*?)(?:(?<=\n)[ \t]{0,40}(?P=fence)[`~]{0,9}|(?P=fence)|\Z))",
    re.DOTALL,
)
_LANGUAGE = re.compile(r"[\w+#.-]{0,40}")
# What the line of a fence has after the language is code where it begins as code does.
_CODE = re.compile(r"(?:async def|def|class|import|from|return|print|for|while|if|lambda|@)\b|@\w")
_MARKDOWN = frozenset(("markdown", "md"))
_QUOTED_FENCE = re.compile(r"^[ \t]{0,3}>[ \t]?[ \t]{0,9}(?:`{3}|~{3})", re.MULTILINE)
_QUOTE = re.compile(r"^[ \t]{0,3}>(?!>)[ \t]?", re.MULTILINE)
# What some models write in place of a fence; looked for only where there is none.
_OTHER = tuple(
    (re.compile(rf"^[ \t]{{0,9}}{opening}[ \t]*\n?", flags), re.compile(closing, flags))
    for flags in (re.MULTILINE | re.IGNORECASE,)
    for opening, closing in (
        (r"'''[ \t]?(?:python|py)\d?", r"^[ \t]{0,9}'''[ \t]*$"),
        (r'"""[ \t]?(?:python|py)\d?', r'^[ \t]{0,9}"""[ \t]*$'),
        (r"\[(?:PYTHON|CODE)\]", r"\[/(?:PYTHON|CODE)\]"),
        (r"<(?:pre><)?(?:code|python)[^<>]{0,80}>", r"</(?:code|python)>"),
        (
            r"\\begin\{(?:lstlisting|verbatim|minted)\}(?:[\[{][^\n]{0,80}[\]}])?",
            r"\\end\{(?:lstlisting|verbatim|minted)\}",
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block."""

    language: str
    """In lower case; empty where none is given."""
    body: str
    """Without the indentation that all its lines share."""


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a text in order; a last one may lack its end."""
    if _QUOTED_FENCE.search(text):
        text = _QUOTE.sub("", text)
    found = [_block(match) for match in _FENCE.finditer(text)]
    if len(found) == 1 and found[0].language in _MARKDOWN and (inner := blocks(found[0].body)):
        return inner
    return [block for block in found if block.body.strip()] if found else _unfenced(text)


def _unfenced(text: str) -> list[Block]:
    """The blocks of a text without fences: between tags and their like, of the first kind found."""
    kinds = (list(_between(text, opening, closing)) for opening, closing in _OTHER)
    return next((found for found in kinds if found), [])


def _between(text: str, opening: re.Pattern[str], closing: re.Pattern[str]) -> Iterator[Block]:
    start = opening.search(text)
    while start and (end := closing.search(text, start.end())):
        yield Block("python", text[start.end() : end.start()].strip("\n") + "\n")
        start = opening.search(text, end.end())


def _block(match: re.Match[str]) -> Block:
    if match["line"] is not None:
        language, code = _parted(match["line"])
        return Block(language, f"{code}\n")
    language, first = _parted(match["info"])
    body = textwrap.dedent(match["body"])
    return Block(language, f"{first}\n{match['body']}" if first else body)


def _parted(info: str) -> tuple[str, str]:
    """The language that the line of a fence names, and the code that stands in that line."""
    if _CODE.match(info):
        return "", info.rstrip()
    language = _LANGUAGE.match(info)
    assert language is not None
    rest = info[language.end() :].strip()
    return language[0].lower(), rest if _CODE.match(rest) else ""
