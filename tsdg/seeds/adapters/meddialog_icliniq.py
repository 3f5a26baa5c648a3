"""MedDialog from iCliniq.

Consultations with a one-line summary of what the patient asks. lm-eval's needs metrics.

Hub path ``lighteval/med_dialog``, config ``icliniq``, splits train (24,851), validation and test
(scored), scraped: licence unknown. A record::

    {"src": "Patient: Hello doctor, my knee hurts after running. What can I do? Doctor: Hello. Rest it ...",
     "tgt": "What can I do for a knee that hurts after running?", "id": 0}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsdg.seeds.forms import kind_of
from tsdg.seeds.item import Gold, Item, Row, text

if TYPE_CHECKING:
    from tsdg.seeds.catalogue import Unit


def columns(unit: Unit) -> tuple[str, ...]:
    """Columns that are read."""
    return ("src", "tgt")


def shuffle(unit: Unit) -> bool:
    """There are no options."""
    return False


def item(row: Row, unit: Unit) -> Item:
    """The consultation, and the question what the patient asks."""
    return Item(question="What does the patient ask, in one sentence?", context=text(row, "src"))


def gold(row: Row, unit: Unit, item: Item) -> Gold:
    """The summary."""
    return Gold(kind=kind_of(unit), answer=text(row, "tgt"))
