"""ACPBench.

What can be done and reached in small planning worlds. lm-eval's prompts are for worked-out answers.

Hub path ``ibm-research/acp_bench``, configs ``acp_<task>_bool``, ``_mcq`` and ``_gen``, splits
validation (40, shown as examples) and test (scored), CDLA-Permissive-2.0. Records::

    {"id": 1, "group": "ferry", "context": "There are 2 cars. The ferry is at l1.",
     "question": "Is it possible that c0 is on the ferry?", "answer": "yes"}
    {"id": 1, "group": "ferry", "context": "...",
     "question": "Which action is applicable? A. sail to l0. B. debark c1. C. board c0. D. board
     c1.", "answer": "A"}
    {"id": 1, "group": "ferry", "context": "...",
     "question": "Name all actions that are applicable.", "answer": ["(sail l1 l0)"], ...}
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tsdg.seeds.rows.item import Gold, Item, MalformedRowError, Row, chosen, found, text
from tsdg.seeds.rows.row_forms import LETTERS, Form, lettered

_TASKS = ("app", "areach", "just", "land", "nexta", "prog", "reach", "val")
_YES_NO = ("yes", "no")
_MARK = re.compile(r"(?:^|\s)([A-D])\.\s+")


def _yes_no(row: Row) -> Item:
    return Item(question=text(row, "question"), context=text(row, "context"), options=_YES_NO)


def _said(row: Row, item: Item) -> Gold:
    word = text(row, "answer").lower().strip(" .")
    if word not in _YES_NO:
        raise MalformedRowError("answer", f"found {found(word)}, allowed are yes, no")
    return chosen(item, _YES_NO.index(word), "answer")


def _choice(row: Row) -> Item:
    """The options stand in the question."""
    question = text(row, "question")
    stem, *parts = _MARK.split(question)
    letters, options = "".join(parts[::2]), tuple(part.strip() for part in parts[1::2])
    if letters != LETTERS[: len(letters)] or len(letters) < 2 or not stem.strip():
        raise MalformedRowError(
            "question", f"found {found(question)}, a question with options A. to D. is needed"
        )
    return Item(question=stem.strip(), context=text(row, "context"), options=options)


def _open(row: Row) -> Item:
    return Item(question=text(row, "question"), context=text(row, "context"))


def _listed(answer: object) -> str:
    """Facts or actions as the benchmark writes them.

    ``[(a), (b)]``, of what becomes true and false two such lists.
    """
    if isinstance(answer, Mapping) and answer:
        return " ".join(_listed(part) if part else "[]" for part in answer.values())
    if isinstance(answer, (list, tuple)) and answer:
        return f"[{', '.join(_listed(part) for part in answer)}]"
    if isinstance(answer, bool) or not isinstance(answer, (str, int)) or not str(answer).strip():
        raise MalformedRowError("answer", f"found {found(answer)}, an answer is needed")
    return str(answer).strip()


_COLUMNS = ("context", "question", "answer")
_KINDS = {
    "bool": Form(columns=_COLUMNS, item=_yes_no, gold=_said, classes=True, subject=("group",)),
    "mcq": Form(
        columns=_COLUMNS,
        item=_choice,
        gold=lambda row, item: lettered(row, "answer", item),
        subject=("group",),
    ),
    "gen": Form(
        columns=_COLUMNS,
        item=_open,
        gold=lambda row, item: Gold(kind="short_text", answer=_listed(row["answer"])),
        subject=("group",),
    ),
}
FORMS = {f"acp_{task}_{kind}": form for task in _TASKS for kind, form in _KINDS.items()}
