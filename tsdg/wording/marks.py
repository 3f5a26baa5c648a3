r"""The words that mean yes, no, not and answer in many languages, and the marks of an answer.

>>> split_at_mark("Seven times six.\n答案：42")
('Seven times six.', '42')
>>> split_at_mark("We multiply.\n\n### Final Answer\n42"), split_at_mark("It is 42.")
(('We multiply.', '42'), None)
"""

from __future__ import annotations

import csv
import re
from functools import cache
from importlib.resources import files
from typing import Literal

from tsdg.text import fold, unspaced

Role = Literal["yes", "no", "negation", "answer"]

_VERB = (
    r"(?:(?:is|are|was|ist|sind|lautet|est|es|é|è|er|är|jest|je|e|este|adalah|là|ni|είναι|هي|هو|היא|הוא)(?!\w)"
    r"|是|为|為|は|คือ|은(?=\s)|는(?=\s))"
)
_AROUND = r"[ \t>*#_`]*"
_CLOSED = r"(?:[*_]+(?=\s))?[ \t]*(?:[*_]+(?=\s))?[ \t]*"
"""What ends the emphasis of a mark; what begins that of the answer is the answer's."""
_EMPHASISED = re.compile(r"(\*\*|__|\*|_)(?=\S)((?:(?!\1).)+)\1")
_ENDING = re.compile(r"(?:\*+|_+)$")
_DUNDER = re.compile(r"_+[a-z]\w*")
_ARTICLE = (
    r"(?:(?:so|thus|hence|therefore)[ \t,]+)?(?:(?:the|my|our|die|das|la|le|a|o|de|het)[ \t]+)?"
)


@cache
def words(role: Role) -> tuple[str, ...]:
    """Return the case-folded words of one role in all languages of ``words.csv``, longest first."""
    table = (files("tsdg.wording") / "words.csv").read_text(encoding="utf-8").splitlines()
    found = {fold(row["word"]).casefold() for row in csv.DictReader(table) if row["role"] == role}
    return tuple(sorted(found, key=lambda word: (-len(word), word)))


def _answer_words(joined: bool) -> str:
    """Alternatives of the words for an answer, of scripts without spaces or of the others."""
    found = (re.escape(word) for word in words("answer") if unspaced(word) == joined)
    joined_words = "|".join(word.replace(r"\ ", r"\s+") for word in found)
    # What folding takes apart in Thai and Lao stands in one piece where a text is as it was sent.
    for apart, whole in (("\u0e4d\u0e32", "\u0e33"), ("\u0ecd\u0eb2", "\u0eb3")):
        joined_words = joined_words.replace(apart, f"(?:{apart}|{whole})")
    return joined_words


@cache
def answer_mark() -> re.Pattern[str]:
    """Return what finds ``answer: ``, ``the answer is `` and their like anywhere in a line."""
    says = rf"(?:\s*{_VERB}\s*[:：]?|\s*[:：=])"
    spaced, joined = _answer_words(joined=False), _answer_words(joined=True)
    return re.compile(
        rf"(?:(?<!\w)(?:{spaced})(?:\*\*|\s*\([^()\n]{{0,40}}\))?{says}|(?<!お)(?:{joined})\s*{says}?|答\s*[:：])",
        re.IGNORECASE,
    )


@cache
def _line_marks() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What begins a line that holds or heads an answer; and what says it in a sentence."""
    word = rf"(?:{_answer_words(joined=False)}|{_answer_words(joined=True)}|答)"
    flags = re.IGNORECASE | re.MULTILINE
    heads = re.compile(
        rf"^{_AROUND}{_ARTICLE}{word}[ \t*_]*(?:{_VERB}[ \t]*)?[:：]{_CLOSED}"
        rf"|^[ \t]*(?:\#{{1,6}}[ \t]+[*_]*|\*\*)?{word}[*_]*[ \t]*$"
        rf"|^{_AROUND}【{word}】[ \t]*[:：]?|^####[ \t]+(?=[-−$]?\d[^\n]*\Z)",
        flags,
    )
    says = re.compile(rf"^{_AROUND}{_ARTICLE}{word}[ \t*_]*{_VERB}{_CLOSED}", flags)
    return heads, says


def split_at_mark(text: str) -> tuple[str, str] | None:
    """Return (what stands before the last line that is marked as the answer, the answer).

    The answer is all that follows the mark, which may be several lines; a sentence (``the answer is
    12``) counts only as the last line. None where there is no mark.
    """
    heads, says = _line_marks()
    found = list(heads.finditer(text))
    if not found:
        found = [mark for mark in says.finditer(text) if "\n" not in text[mark.end() :].strip()]
    if not found:
        return None
    last = found[-1]
    return text[: last.start()].strip(), _unemphasised(text[last.end() :].strip())


def _unemphasised(answer: str) -> str:
    """Take off emphasis that wraps all of an answer, or that began before its mark."""
    if _DUNDER.fullmatch(answer):
        return answer
    if wraps := _EMPHASISED.fullmatch(answer):
        return wraps[2].strip()
    ending = _ENDING.search(answer)
    if ending and answer.count(ending[0]) % 2:
        answer = answer[: ending.start()]
    return answer.strip()
