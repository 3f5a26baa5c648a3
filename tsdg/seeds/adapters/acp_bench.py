"""ACPBench.

What can be done and reached in small planning worlds. lm-eval's prompts are for worked-out answers.

Hub path ``ibm-research/acp_bench``, configs ``acp_<task>_bool``, ``_mcq`` and ``_gen``, splits
validation (40, shown as examples) and test (scored), CDLA-Permissive-2.0. Records::

    {"id": 1, "group": "ferry", "context": "There are 2 cars. The ferry is at l1.", "question": "Is it possible that c0
     is on the ferry?", "answer": "yes"}
    {"id": 1, "group": "ferry", "context": "...", "question": "Which action is applicable? A. sail to l0. B. debark c1.
     C. board c0. D. board c1.", "answer": "A"}
    {"id": 1, "group": "ferry", "context": "...", "question": "Name all actions that are applicable.",
     "answer": ["(sail l1 l0)"], ...}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tsdg.seeds.forms import LETTERS, kind_of, lettered
from tsdg.seeds.item import Gold, Item, MalformedRowError, Row, chosen, found, text

if TYPE_CHECKING:
    from tsdg.seeds.catalogue import Unit

_YES_NO = ("yes", "no")
_MARK = re.compile(r"(?:^|\s)([A-D])\.\s+")


def columns(unit: Unit) -> tuple[str, ...]:
    """Columns that are read."""
    return ("context", "question", "answer")


def shuffle(unit: Unit) -> bool:
    """The right option stands anywhere."""
    return False


def item(row: Row, unit: Unit) -> Item:
    """The question on the state of the world."""
    question, context = text(row, "question"), text(row, "context")
    if unit.config.endswith("_bool"):
        return Item(question=question, context=context, options=_YES_NO)
    if unit.config.endswith("_mcq"):
        stem, *parts = _MARK.split(question)
        letters, options = "".join(parts[::2]), tuple(part.strip() for part in parts[1::2])
        if letters != LETTERS[: len(letters)] or len(letters) < 2 or not stem.strip():
            raise MalformedRowError(
                "question", f"found {found(question)}, a question with options A. to D. is needed"
            )
        return Item(question=stem.strip(), context=context, options=options)
    return Item(question=question, context=context)


def gold(row: Row, unit: Unit, item: Item) -> Gold:
    """The word, the letter, or what has to be listed."""
    if unit.config.endswith("_bool"):
        word = text(row, "answer").lower().strip(" .")
        if word not in _YES_NO:
            raise MalformedRowError("answer", f"found {found(word)}, allowed are yes, no")
        return chosen(item, _YES_NO.index(word), "answer")
    if unit.config.endswith("_mcq"):
        return lettered(row, "answer", item)
    return Gold(kind=kind_of(unit), answer=_listed(row["answer"]))


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
