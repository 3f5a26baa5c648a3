r"""SLR-Bench: find the Prolog rule that tells eastbound from westbound trains.

The Python module of lm-eval's task needs SWI-Prolog.

Hub path ``AIML-TUDA/SLR-Bench``, configs ``v1-Basic`` to ``v1-Hard`` and ``v1-All`` (all of them
again), splits train (18,053), validation and test (scored), CC-BY-4.0 by the card. A record::

    {"id": 1, "prompt": "You are a train classifier ...\n\neastbound(train0).\nhas_car(train0,
     car0_1).\n\nYour task is to formulate a hypothesis ...", "ground-truth rule":
     "eastbound(Train):- has_car(Train, Car1), short(Car1).",
     "validation program": "eastbound(train0). ...", "symbols": "...", "curriculum level": 1, ...}
"""

from __future__ import annotations

from tsdg.seeds.rows.item import Gold, Item, Row, text
from tsdg.seeds.rows.row_forms import Form

_TASK = "Your task is to"


def item(row: Row) -> Item:
    """The task; the facts, which stand before it, are the context."""
    facts, mark, task = text(row, "prompt").partition(_TASK)
    if not mark or not facts.strip():
        return Item(question=facts + mark + task)
    return Item(question=(mark + task).strip(), context=facts.strip())


def gold(row: Row, item: Item) -> Gold:
    """The rule that made the trains; another one may be right as well."""
    return Gold(kind="text", answer=text(row, "ground-truth rule"))


FORMS = {
    "": Form(
        columns=("prompt", "ground-truth rule"),
        item=item,
        gold=gold,
        verbatim=True,
        level=("curriculum level", "curriculum tier"),
    )
}
