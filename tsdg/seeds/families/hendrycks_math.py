r"""MATH: competition problems.

The answer is what the last ``\boxed{}`` of the worked solution holds. If the problem lists options
by letter and the box has a letter, the answer is that option. A row is rejected where the letter
names no option, or where the problem draws a figure.

Hub path ``EleutherAI/hendrycks_math``, seven configs (``algebra`` ...), splits train (7,500) and
test (5,000), MIT upstream. A record::

    {"problem": "What is $2x$ when $x = 3$?", "level": "Level 1", "type": "Algebra",
     "solution": "We have $2 \\cdot 3 = \\boxed{6}$."}
"""

from __future__ import annotations

import re

from tsdg.seeds.rows.item import Gold, Item, MalformedRowError, Row, chosen, found, text
from tsdg.seeds.rows.lettered_options import lettered_options
from tsdg.seeds.rows.row_forms import Form

_FIGURE = "[asy]"
_ASKS_LETTER = re.compile(
    r"\s*\(?(?:Enter the|Type the|Express your|Your) (?:letter|answer)\b[^\n]*"
)
_LISTED = re.compile(r"\(A\).+\(B\).+\(C\)", re.DOTALL)
_MARKUP = re.compile(r"\\(?:text|textbf|mathrm|mathbf|bf|rm)\b|[{}()\s$.,]")
_LETTERS = re.compile(r"[A-H]+")
_TEXT = re.compile(r"\\(?:text|textbf|textit|mbox|mathrm)\{([^{}]*)\}")
_NUMBER = r"-?\d[\d,]*(?:\.\d+)?|-?\\[dt]?frac\{?\d+\}?\{?\d+\}?"
_UNITS = re.compile(
    rf"^((?:{_NUMBER}))(?:\\[ ,;!])*\s*\\(?:text|mbox|mathrm)\{{([^{{}}]*)\}}(?:\^\d)?$"
)
_TIME = re.compile(r"\s*[ap]\.?m\.?\s*", re.IGNORECASE)
_NAMED = re.compile(r"^[A-Za-z](?:_\{?\w\}?)?\s*=\s*(.+)$", re.DOTALL)
_VARIABLE = re.compile(r"(?<![\\A-Za-z])[A-Za-z](?![A-Za-z])")


def item(row: Row) -> Item:
    """The problem; some hundred are multiple choice, with lettered options in the text."""
    problem = text(row, "problem")
    if _FIGURE in problem:
        raise MalformedRowError("problem", "a figure is drawn in it, which words cannot replace")
    question, options = lettered_options(problem)
    if not options and _LISTED.search(problem):
        raise MalformedRowError("problem", "its lettered options cannot be told apart")
    if not options:
        return Item(question=problem)
    return Item(question=_ASKS_LETTER.sub("", question).strip(), options=options)


def gold(row: Row, item: Item) -> Gold:
    """The boxed expression; of a multiple choice, the option that it names."""
    solution = text(row, "solution")
    answer = boxed(solution)
    if not answer:
        raise MalformedRowError(
            "solution", f"found {found(solution[-40:])} at its end, a filled \\boxed{{}} is needed"
        )
    letter = _MARKUP.sub("", answer)
    if not item.options and not _LETTERS.fullmatch(letter):
        return Gold(kind="math", answer=undressed(answer, item.question))
    if item.options and len(letter) == 1 and letter in "ABCDEFGH":
        return chosen(item, ord(letter) - ord("A"), "solution")
    same = [_compared(option) for option in item.options]
    if _compared(answer) in same:
        return chosen(item, same.index(_compared(answer)), "solution")
    raise MalformedRowError(
        "solution",
        f"found the answer {found(answer)}: a letter without an option to it, several letters, or "
        "none of the options",
    )


def _compared(value: str) -> str:
    return _MARKUP.sub("", value).replace("\\!", "").replace("\\dfrac", "\\frac").strip("\\")


def undressed(answer: str, question: str) -> str:
    r"""The answer itself: no unit, no mark, no name of what it is the value of.

    >>> undressed(r"114\text{ square units}", ""), undressed("072", ""), undressed("n = 255", "")
    ('114', '72', '255')
    >>> undressed("y = x + 2", ""), undressed(r"\text{Friday}", ""), undressed(r"\$ 21,\!000", "")
    ('y = x + 2', 'Friday', '21,000')
    """
    answer = answer.replace("\\!", "").strip().rstrip(".,").strip()
    answer = re.sub(r"^\\\$\s*(?=[\d.])", "", answer)
    if (unit := _UNITS.match(answer)) and not _TIME.fullmatch(unit[2]):
        answer = unit[1]
    if whole := _TEXT.fullmatch(answer):
        answer = whole[1].strip()
    valued = _NAMED.match(answer)
    if valued and not _VARIABLE.search(_TEXT.sub("", valued[1])) and "equation" not in question:
        answer = valued[1].strip()
    return re.sub(r"^0+(?=\d+$)", "", answer)


def boxed(solution: str) -> str:
    r"""Return the content of the last ``\boxed{...}`` (or ``\boxed 5``, ``\fbox{...}``).

    "" where there is none.
    """
    start = max(solution.rfind(r"\boxed"), solution.rfind(r"\fbox"))
    if start < 0:
        return ""
    rest = (
        solution[start:].split("boxed", 1)[-1]
        if solution.startswith(r"\boxed", start)
        else solution[start + 5 :]
    )
    rest = rest.lstrip()
    if not rest.startswith("{"):
        return rest.split("$")[0].split()[0].rstrip(".") if rest.split("$")[0].split() else ""
    depth = 0
    for place, character in enumerate(rest):
        depth += (character == "{") - (character == "}")
        if depth == 0:
            return rest[1:place].strip()
    return ""


FORMS = {
    "": Form(
        columns=("problem", "solution"),
        item=item,
        gold=gold,
        verbatim=True,
        solution=("solution",),
        level=("level",),
        subject=("type",),
    )
}
