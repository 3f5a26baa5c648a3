r"""Finds where a reply's answer stands; all verifiers use it, and its words for yes, no and not.

>>> list(marked("So it is 7.\nFinal answer: **12 apples**"))
['12 apples']
>>> list(marked(r"We get \boxed{\frac{1}{2}}, hence #### 0.5"))
['0.5', '\\frac{1}{2}']
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

from tsdg.protocols import Asked
from tsdg.text import normalise, unspaced
from tsdg.wording.marks import answer_mark, split_at_mark, words
from tsdg.wording.refusals import refuses

TAIL = 4000
"""Characters at the end of a reply in which an answer is looked for."""

_BOXES = 8
"""Boxes tried from the end: more than that unclosed ones are rubbish, and would take quadratic
time."""
_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")
_BOXED_SIGN = re.compile(r"\\boxed\s+([^\s${}\\]+)")
_HASHES = re.compile(r"####[ \t]*([^\n]+)")
_TAGS = (
    *("answer", "final_answer", "final", "solution", "response", "output", "result", "ans"),
    *("b", "strong", "em", "i", "u", "p", "span", "code", "mark"),
)
# Signs that stand around an answer in pairs. One that stands on one side only may be content.
_PAIRS = (
    *(("*" * size, "*" * size) for size in (3, 2, 1)),
    *(("_" * size, "_" * size) for size in (2, 1)),
    *((sign, sign) for sign in ("`", '"', "'", "$$", "$")),
    *zip("“‘«「『„【", "”’»」』“】", strict=True),
    ("\\(", "\\)"),
    ("\\[", "\\]"),
    ("[[", "]]"),
    *((f"<{tag}>", f"</{tag}>") for tag in _TAGS),
)
_PAIRS_OF = {
    first: tuple(pair for pair in _PAIRS if pair[0].startswith(first))
    for first in {opening[0] for opening, _ in _PAIRS}
}
"""First character → the pairs whose opening sign begins with it, in their order."""
_STARTS = frozenset("`~{\\")
"""What else may wrap an answer begins with one of these."""
_COMMAND = re.compile(
    r"\\(?:boxed|fbox|text|textbf|textit|texttt|textrm|mathrm|mathbf|mathit|mbox|emph)\s*\{"
)
_LEFTOVER = re.compile(r"^\*\*(?=\s|$)|(?<=\s)\*\*$")
_END_SIGN = re.compile(r"(?:</s>|<eos>|<end_of_turn>|<\|[a-z_]{1,30}\|>|\[(?:END|EOS|DONE)\])$")
_POLITE = re.compile(r"(?:입니다|이다|です|である|だ)[.。]?$")
_FENCED = re.compile(r"(`{3,9}|~{3,9})[\w-]{0,20}\n([^`~]+)\n\1")
_JSON = re.compile(
    r"\{\s*[\"'](?:final_?)?(?:answer|result)[\"']\s*:\s*(?:\"([^\"\\]*)\"|([^{}\[\]\",]+))\s*\}",
    re.IGNORECASE,
)
_IDENTIFIER = re.compile(r"_+[a-z][a-z0-9_]*")
_AND_OR = "and|or|und|oder|et|ou|y|o|или|и"
JOINING_WORDS = f"{_AND_OR}|e|和|或"
"""Words between two answers, as a pattern's alternatives."""
_BETWEEN = re.compile(rf"[\s,;.$]*(?:(?:{JOINING_WORDS})(?!\w))?[\s,;.$]*")
_HASH = re.compile("####")
_LEADING = re.compile(rf"^(?:[-•*]\s+)?(?:(?:{_AND_OR})\s+(?!=))?", re.IGNORECASE)
_VALUE_LINE = re.compile(
    r"[\s$\\(]*(?:(?:\\?[^\W\d]+(?:_?\{?\w{1,3}\}?)?|\w)\s*=\s*)?"
    r"[-+−]?[\d.,/]*\d[\s$\\)%.,;]*"
)
_STOP = re.compile(r"(?<=[^.\s])(?<!\.\w)[.。．]$")
_STOPS = (".", "。", "．")


def tail(text: str) -> str:
    """Return the end of a reply; a longer one has its answer there, or none that could be found."""
    return text[-TAIL:].strip()


def shown(asked: Asked) -> str:
    """What the answerer was shown, as one text."""
    return "\n".join((asked.question, asked.context, *asked.options))


def is_stacked(text: str) -> bool:
    r"""Whether a reply ends with two values, one below the other: which one is meant is not said.

    >>> is_stacked("Answer:\nx = 12\ny = 13"), is_stacked("Answer: 12\n13"), is_stacked("7 * 2\n14")
    (True, True, False)
    """
    if has_box(text):
        return False
    lines = last_lines(text)
    return len(set(lines)) > 1 and all(map(_VALUE_LINE.fullmatch, lines))


def last_lines(text: str) -> list[str]:
    r"""Return a reply's last two lines that say anything, without the mark of the first, and bare.

    >>> last_lines("So.\nThe answer is **x = 7\n- x = 8**"), last_lines("Answer:\n7")
    (['x = 7', 'x = 8'], ['7'])
    """
    lines = [line for line in text.splitlines() if line.strip()][-2:]
    if len(lines) == 2:
        ends = [
            match.end() for match in (*answer_mark().finditer(lines[0]), *_HASH.finditer(lines[0]))
        ]
        lines[0] = lines[0][max(ends, default=0) :]
    inner = bare("\n".join(lines)).splitlines()
    return [line for line in (bare(_LEADING.sub("", one)) for one in inner) if line]


def gives_up(text: str, asked: Asked) -> bool:
    """Whether a reply, or what it marks as its answer, refuses or says that it does not know."""
    marks = split_at_mark(text)
    parts = (text, *(marks[1:] if marks else ()), *marked(text))
    forms = dict.fromkeys(form for part in parts for form in (part, bare(part)))
    return any(refuses(form, shown(asked)) for form in forms)


def bare(text: str) -> str:
    r"""Strip space, what wraps an answer (Markdown, quotes, ``\text{}``, tags) and one full stop.

    >>> bare(r" \boxed{\textbf{Paris}}. "), bare("**`x`**"), bare("__init__"), bare("rock 'n' roll")
    ('Paris', 'x', '__init__', "rock 'n' roll")
    """
    before = None
    while text != before:
        before = text
        text = _unwrapped(_trimmed(text.strip()))
    return text


def _trimmed(text: str) -> str:
    """Take off what is left of emphasis, a sign of the end, and one full stop."""
    if "**" in text:
        text = _LEFTOVER.sub("", text).strip()
    if text.endswith((">", "]")):
        text = _END_SIGN.sub("", text).strip()
    if text.endswith(_STOPS):
        text = _STOP.sub("", text)
    if text.count("**") == 1:  # the other two stood before the mark of the answer
        text = text.removesuffix("**").removeprefix("** ")
    return text


def _unwrapped(text: str) -> str:
    folded = text.lower() if text.startswith("<") else text
    first = text[:1]
    for opening, closing in _PAIRS_OF.get(first, ()):
        if inner := _between(text, folded, opening, closing):
            # __init__ is a name, not an emphasis
            return text if opening[0] == "_" and _IDENTIFIER.fullmatch(text) else inner
    if first not in _STARTS:
        return text
    if whole := _FENCED.fullmatch(text) or _JSON.fullmatch(text):
        return str(whole[2] or whole[1])
    return _argument(text)


def _argument(text: str) -> str:
    """The argument of the command that a whole text is; any other text as it is."""
    match = _COMMAND.match(text)
    if match and _closes(text, match.end()) == len(text) - 1:
        return text[match.end() : -1]
    return text


def _between(text: str, folded: str, opening: str, closing: str) -> str:
    """What stands between two signs around a whole text; empty where they are not around it.

    The signs are looked for in ``folded``, the text with its tags in lower case.
    """
    inner = text[len(opening) : len(text) - len(closing)]
    wraps = folded.startswith(opening) and folded.endswith(closing) and inner.strip()
    return inner if wraps and opening not in inner and closing not in inner else ""


def _closes(text: str, start: int) -> int:
    """Where the brace closes that was opened before ``start``; -1 where it does not."""
    depth = 1
    for position in range(start, len(text)):
        if text[position - 1] == "\\":
            continue
        depth += (text[position] == "{") - (text[position] == "}")
        if depth == 0:
            return position
    return -1


def marked(text: str) -> Iterator[str]:
    r"""Yield the parts of a reply marked as its answer: surest mark first, last place first.

    Marks are ``#### 12``, ``\boxed{12}`` and ``answer: 12`` or ``the answer is 12`` in the
    languages of ``words.csv``.
    """
    text = tail(text)
    if hashes := _HASHES.findall(text):
        yield bare(hashes[-1])
    if (inner := boxed(text)) is not None:
        yield bare(inner)
    for line in reversed(text.splitlines()):
        found = [match.end() for match in answer_mark().finditer(line)]
        if found and (rest := bare(line[found[-1] :])):
            yield _POLITE.sub("", rest)
            return


def has_box(text: str) -> bool:
    r"""Whether a text has a ``\boxed``."""
    return "\\boxed" in text or "\\fbox" in text


def boxed(text: str) -> str | None:
    r"""Return the content of the last ``\boxed{...}`` whose braces close, of ``\boxed 2`` else.

    Boxes that only commas or "and" and "or" join are one answer: their contents with commas
    between. None where there is no box.
    """
    contents: list[str] = []
    begins = len(text)
    for match in list(_BOXED.finditer(text))[: -_BOXES - 1 : -1]:
        end = _closes(text, match.end())
        if end < 0:
            continue
        if contents and not _BETWEEN.fullmatch(text, end + 1, begins):
            break
        contents.append(text[match.end() : end])
        begins = match.start()
    if contents:
        return ", ".join(dict.fromkeys(reversed(contents)))
    unbraced = _BOXED_SIGN.findall(text)
    return unbraced[-1] if unbraced else None


@cache
def _negation() -> re.Pattern[str]:
    spaced = "|".join(
        re.escape(normalise(word)) for word in words("negation") if not unspaced(word)
    )
    joined = "|".join(re.escape(normalise(word)) for word in words("negation") if unspaced(word))
    return re.compile(rf"(?<!\w)(?:{spaced})(?!\w)|{joined}")


def negated(text: str) -> bool:
    """Whether a text says "not" in one of the languages of ``words.csv``."""
    return _negation().search(normalise(text)) is not None


def ends_at(text: str, position: int) -> bool:
    """Whether a word that ends at ``position`` stands alone: the text or the clause ends there."""
    rest = text[position:].lstrip()
    return not rest or unicodedata.category(rest[0])[0] == "P"
