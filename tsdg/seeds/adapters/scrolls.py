r"""SCROLLS.

Questions on documents of thousands of words. lm-eval's tasks are Python classes that need metrics.

Hub path ``tau/scrolls`` (a loading script: the mirror must hold Parquet), configs ``quality``,
``narrative_qa``, ``contract_nli``, ``gov_report``, ``qmsum``, ``summ_screen_fd`` and ``qasper``,
splits train, validation (scored) and test, mixed licences. The input is the question, for QuALITY
its options, and the document, apart by empty lines; of GovReport and SummScreen, the document
alone. A record of QuALITY::

    {"id": "20015_1", "pid": "20015_1_0", "input": "Who owns the boat?\n\n (A) Ann\n (B) Bo\n (C) Cy\n (D) Di\n\n\nThe
     boat was Bo's ...", "output": "Bo"}
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tsdg.seeds.forms import kind_of
from tsdg.seeds.item import Gold, Item, MalformedRowError, Row, chosen, found, text

if TYPE_CHECKING:
    from tsdg.seeds.catalogue import Unit

_SUMMARIES = {
    "gov_report": "What does this report say, in a summary of some paragraphs?",
    "summ_screen_fd": "What happens in this episode, in a few sentences?",
}
_VERDICTS = ("Entailment", "Contradiction", "Not mentioned")
_YES_NO = ("yes", "no")
_MARK = re.compile(r"\s*\([A-D]\)\s*")


def columns(unit: Unit) -> tuple[str, ...]:
    """Columns that are read."""
    return ("input", "output")


def shuffle(unit: Unit) -> bool:
    """The right option stands anywhere."""
    return False


def item(row: Row, unit: Unit) -> Item:
    """The question on the document."""
    document = text(row, "input")
    if unit.config in _SUMMARIES:
        return Item(question=_SUMMARIES[unit.config], context=document)
    question, mark, document = document.partition("\n\n")
    if not mark:
        raise MalformedRowError(
            "input", f"found {found(question)}, a question, an empty line and a document are needed"
        )
    options: tuple[str, ...] = ()
    if unit.config == "quality":
        document, options = _choices(document)
    elif unit.config == "contract_nli":
        question, options = f'What does the contract say of this? "{question.strip()}"', _VERDICTS
    elif text(row, "output").lower().rstrip(".") in _YES_NO:
        options = _YES_NO
    return Item(question=" ".join(question.split()), context=document.strip(), options=options)


def gold(row: Row, unit: Unit, item: Item) -> Gold:
    """The option, the answer or the summary."""
    answer = _spaced(text(row, "output"))
    if item.options:
        folded = [option.lower() for option in item.options]
        if answer.lower().rstrip(".") not in folded and answer.lower() not in folded:
            raise MalformedRowError(
                "output",
                f"found {found(answer)}, allowed are {', '.join(map(found, item.options))}",
            )
        wanted = answer.lower() if answer.lower() in folded else answer.lower().rstrip(".")
        return chosen(item, folded.index(wanted), "output")
    if answer.lower().rstrip(".") == "unanswerable":
        raise MalformedRowError("output", "the document does not answer this question")
    return Gold(kind=kind_of(unit), answer=text(row, "output"))


def _choices(value: str) -> tuple[str, tuple[str, ...]]:
    """Take the four options off the document that follows them."""
    end = value.find("\n\n", value.find("(D)"))
    listed = _MARK.split(value[:end])
    if end < 0 or listed[0].strip() or len(listed) != 5:
        raise MalformedRowError(
            "input", f"found {found(value)}, '(A) ... (B) ... (C) ... (D) ...' is needed"
        )
    return value[end:], tuple(_spaced(option) for option in listed[1:])


def _spaced(value: str) -> str:
    return " ".join(value.split())
