"""ACPBench: what can be done and reached in small planning worlds.

lm-eval's prompts ask for a worked-out answer. Its ``acp_utils.py`` says what the answer column of
an open question holds. For ``nexta`` and ``land`` it is a struct of right, wrong and undecided
answers. For ``areach`` and ``reach`` it is a list of alternatives, of which the question asks for
one. For ``just`` it names actions that the plan can do without, while the question asks for the
plan.

Hub path ``ibm-research/acp_bench``, configs ``acp_<task>_bool``, ``_mcq`` and ``_gen``, splits
validation (40, shown as examples) and test (scored), CDLA-Permissive-2.0. Records::

    {"id": 1, "group": "ferry", "context": "There are 2 cars. The ferry is at l1.",
     "question": "Is it possible that c0 is on the ferry?", "answer": "yes"}
    {"id": 1, "group": "ferry", "context": "...",
     "question": "Which action is applicable? A. sail to l0. B. debark c1. C. board c0. D. board
     c1.", "answer": "A"}
    {"id": 1, "group": "ferry", "context": "...",
     "question": "Name all actions that are applicable.", "answer": ["(sail l1 l0)"], ...}
    {"id": 1, "group": "goal_closer_gen", "context": "...", "question": "What is the next action?",
     "answer": {"yes": ["(sail l1 l0)"], "no": ["(board c1 l1)"], "maybe": [], "opt": "4"}, ...}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from tsdg.seeds.rows.item import (
    Gold,
    Item,
    MalformedRowError,
    Row,
    as_text,
    found,
    text,
    unprinted,
)
from tsdg.seeds.rows.row_forms import LETTERS, Form, lettered, named
from tsdg.seeds.rows.spans import answered

_YES_NO = ("yes", "no")
_NONE = "none"
"""What is right where no action or fact is, in whatever case."""
_MARK = re.compile(r"(?:^|\s)([A-D])\.\s+")


def _yes_no(row: Row) -> Item:
    return Item(question=text(row, "question"), context=text(row, "context"), options=_YES_NO)


def _said(row: Row, item: Item) -> Gold:
    return named(row, "answer", item)


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


def _one_of(alternatives: object, *, bracketed: bool = False) -> Gold:
    """One of several right answers; where there are none, that is the right answer."""
    if not isinstance(alternatives, (list, tuple)):
        raise MalformedRowError("answer", f"found {found(alternatives)}, a list is needed")
    named = [str(one).strip() for one in alternatives if one]
    if bracketed:  # facts of ``reach`` come without the parentheses that an answer has
        named = [one if one.startswith("(") else f"({one})" for one in named]
    return answered("short_text", named or [_NONE], "answer")


def _right(answer: object) -> Gold:
    """One of the answers that are known to be right."""
    if not isinstance(answer, Mapping) or "yes" not in answer:
        raise MalformedRowError(
            "answer", f"found {found(answer)}, a struct with the right ones is needed"
        )
    return _one_of(answer["yes"])


def _next(answer: object) -> Gold:
    """A next action that is known to be right: there always is one."""
    gold = _right(answer)
    if gold.answer == _NONE:
        raise MalformedRowError("answer", "no action is known to be right")
    return gold


def _all_of(answer: object) -> Gold:
    """A list as the benchmark writes it, ``[(a), (b)]``, of which all is asked for."""
    if not isinstance(answer, (list, tuple)):
        raise MalformedRowError("answer", f"found {found(answer)}, a list is needed")
    return Gold(kind="short_text", answer=_written(answer))


def _effects(answer: object) -> Gold:
    """What becomes true and what becomes false: two lists, in this order."""
    if not isinstance(answer, Mapping) or not {"pos", "neg"} <= answer.keys():
        raise MalformedRowError(
            "answer", f"found {found(answer)}, a struct of pos and neg is needed"
        )
    both = (_written(answer[side] or ()) for side in ("pos", "neg"))
    return Gold(kind="short_text", answer=" ".join(both))


def _plan(_: object) -> Gold:
    raise MalformedRowError(
        "answer", "it names actions that the plan can do without, and the question asks for a plan"
    )


def _index(answer: object) -> Gold:
    """The place of an action."""
    place = as_text(answer)
    if not place or not place.isdecimal():
        raise MalformedRowError("answer", f"found {found(answer)}, a place is needed")
    return Gold(kind="short_text", answer=place)


def _written(parts: Iterable[object]) -> str:
    return f"[{', '.join(str(part).strip() for part in parts)}]"


_COLUMNS = ("context", "question", "answer")
_OPEN: dict[str, Callable[[object], Gold]] = {
    "app": _all_of,
    "areach": _one_of,
    "just": _plan,
    "land": _right,
    "nexta": _next,
    "prog": _effects,
    "reach": partial(_one_of, bracketed=True),
    "val": _index,
}
"""What the answer of an open question means, by task."""


def _form(task: str, kind: str) -> Form:
    items = {"bool": _yes_no, "mcq": _choice, "gen": _open}
    golds: dict[str, Callable[[Row, Item], Gold]] = {
        "bool": _said,
        "mcq": lambda row, item: lettered(row, "answer", item),
        "gen": lambda row, item: _OPEN[task](unprinted(row["answer"])),
    }
    return Form(
        columns=_COLUMNS,
        item=items[kind],
        gold=golds[kind],
        classes=kind == "bool",
        verbatim=True,
        subject=("group",),
    )


FORMS = {
    f"acp_{task}_{kind}": _form(task, kind) for task in _OPEN for kind in ("bool", "mcq", "gen")
}
