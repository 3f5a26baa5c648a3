"""MedDialog of iCliniq: consultations, each with what the patient asks in one line.

lm-eval's task needs packages for its metrics.

Hub path ``lighteval/med_dialog``, config ``icliniq``, splits train (24,851), validation and test
(scored), scraped: licence unknown. A record::

    {"src": "Patient: Hello doctor, my knee hurts after running. What can I do? Doctor: Hello. Rest
     it ...", "tgt": "What can I do for a knee that hurts after running?", "id": 0}
"""

from __future__ import annotations

from tsdg.seeds.rows.item import Gold, Item, Row, text
from tsdg.seeds.rows.row_forms import Form


def item(row: Row) -> Item:
    """The consultation, and the question what the patient asks."""
    return Item(question="What does the patient ask, in one sentence?", context=text(row, "src"))


def gold(row: Row, item: Item) -> Gold:
    """The summary."""
    return Gold(kind="text", answer=text(row, "tgt"))


FORMS = {"": Form(columns=("src", "tgt"), item=item, gold=gold)}
