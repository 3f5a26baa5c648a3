r"""SCROLLS: questions on documents of thousands of words.

lm-eval's tasks are Python classes, which need packages for their metrics. Rows with the same id are
references of one question.

Hub path ``tau/scrolls`` (a loading script: the mirror must hold Parquet), configs ``quality``,
``narrative_qa``, ``contract_nli``, ``gov_report``, ``qmsum``, ``summ_screen_fd`` and ``qasper``,
splits train, validation (scored) and test, mixed licences. The input is the question, for QuALITY
its options, and the document, apart by empty lines; of GovReport and SummScreen, the document
alone. A record of QuALITY::

    {"id": "20015_1", "pid": "20015_1_0",
     "input": "Who owns the boat?\n\n (A) Ann\n (B) Bo\n (C) Cy\n (D) Di\n\n\nThe boat was Bo's
     ...", "output": "Bo"}
"""

from __future__ import annotations

import re

from tsdg.seeds.rows.item import Gold, Item, MalformedRowError, Row, found, text
from tsdg.seeds.rows.phrases import Phrase, quoting
from tsdg.seeds.rows.row_forms import Form, named

_CLAIMED = Phrase(
    question='What does the contract say of this? "{}"',
    options=("Entailment", "Contradiction", "Not mentioned"),
)
_YES_NO = ("yes", "no")
_MARK = re.compile(r"\s*\([A-D]\)\s*")


def _parted(row: Row) -> tuple[str, str]:
    """The question, and what follows it."""
    question, mark, document = text(row, "input").partition("\n\n")
    if not mark:
        raise MalformedRowError(
            "input", f"found {found(question)}, a question, an empty line and a document are needed"
        )
    return _spaced(question), document.strip()


def _quality(row: Row) -> Item:
    question, rest = _parted(row)
    document, options = _choices(rest)
    return Item(question=question, context=document.strip(), options=options)


def _contract(row: Row) -> Item:
    claim, document = _parted(row)
    return quoting(_CLAIMED, claim, context=document)


def _open(row: Row) -> Item:
    """A question on the document; where it is answered by yes or no, with these options."""
    question, document = _parted(row)
    yes_no = text(row, "output").lower().rstrip(".") in _YES_NO
    return Item(question=question, context=document, options=_YES_NO if yes_no else ())


def _gold(row: Row, item: Item) -> Gold:
    """The option, the answer or the summary."""
    if item.options:
        return named(row, "output", item)
    answer = text(row, "output")
    if answer.lower().rstrip(" .") == "unanswerable":
        raise MalformedRowError("output", "the document does not answer this question")
    return Gold(kind="text", answer=answer)


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


def _summary(question: str) -> Form:
    return Form(
        columns=_COLUMNS,
        item=lambda row: Item(question=question, context=text(row, "input")),
        gold=_gold,
        same="id",
    )


_COLUMNS = ("input", "output")
# Rows of one id are references of one question, which lm-eval puts together as well.
_ANSWERED = Form(columns=_COLUMNS, item=_open, gold=_gold, classes=True, same="id")
FORMS = {
    "quality": Form(columns=_COLUMNS, item=_quality, gold=_gold),
    "contract_nli": Form(columns=_COLUMNS, item=_contract, gold=_gold, classes=True),
    "narrative_qa": _ANSWERED,
    "qasper": _ANSWERED,
    "qmsum": _ANSWERED,
    "gov_report": _summary("What does this report say, in a summary of some paragraphs?"),
    "summ_screen_fd": _summary("What happens in this episode, in a few sentences?"),
}
