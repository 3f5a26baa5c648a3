r"""MATH: competition problems.

The answer is what the last ``\boxed{}`` of the worked solution holds.

A box with the letter of a listed option stands for that option; one with the letter of a graph says
nothing in words, and its row is rejected.

Hub path ``EleutherAI/hendrycks_math``, seven configs (``algebra`` ...), splits train (7,500) and
test (5,000), MIT upstream. A record::

    {"problem": "What is $2x$ when $x = 3$?", "level": "Level 1", "type": "Algebra",
     "solution": "We have $2 \\cdot 3 = \\boxed{6}$."}
"""

from __future__ import annotations

import re

from tsdg.seeds.rows.item import Gold, Item, MalformedRowError, Row, chosen, found, text
from tsdg.seeds.rows.row_forms import Form

_OPTION = re.compile(r"(?:^|\n|(?<=\\\]))[ \t]*(?:\(?([A-H])|\(([a-h]))(?:\)\.?|\.)[ \t]+([^\n]+)")
_ASKS_LETTER = re.compile(
    r"\s*\(?(?:Enter the|Type the|Express your|Your) (?:letter|answer)\b[^\n]*"
)
_MARKUP = re.compile(r"\\(?:text|textbf|mathrm|mathbf|bf|rm)\b|[{}()\s$]")
_LETTERS = re.compile(r"[A-H](?:,[A-H])*")


def item(row: Row) -> Item:
    """The problem; some fifty are multiple choice, with a list of lettered options in the text."""
    problem = text(row, "problem")
    listed = list(_OPTION.finditer(problem))
    letters = "".join((match.group(1) or match.group(2)).upper() for match in listed)
    if len(letters) < 3 or not "ABCDEFGH".startswith(letters):
        return Item(question=problem)
    question = problem[: listed[0].start()].rstrip() + problem[listed[-1].end() :]
    options = tuple(match.group(3).strip() for match in listed)
    return Item(question=_ASKS_LETTER.sub("", question).strip(), options=options)


def gold(row: Row, item: Item) -> Gold:
    """The boxed expression; of a multiple choice, the option that it names."""
    solution = text(row, "solution")
    answer = boxed(solution)
    if not answer:
        raise MalformedRowError(
            "solution", f"found {found(solution[-40:])} at its end, a filled \\boxed{{}} is needed"
        )
    bare = _MARKUP.sub("", answer)
    if not _LETTERS.fullmatch(bare):
        if answer in item.options:
            return chosen(item, item.options.index(answer), "solution")
        if item.options:
            raise MalformedRowError(
                "solution", f"found the answer {found(answer)}, the letter of an option is needed"
            )
        return Gold(kind="math", answer=answer)
    if not item.options or len(bare) > 1:
        raise MalformedRowError(
            "solution",
            f"found the answer {found(answer)}: a letter without an option to it, or several",
        )
    return chosen(item, ord(bare.upper()) - ord("A"), "solution")


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
        solution=("solution",),
        level=("level",),
        subject=("type",),
    )
}
