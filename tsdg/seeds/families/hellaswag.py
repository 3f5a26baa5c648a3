"""HellaSwag: how a short description of an activity ends.

The last sentence is left open, and each of the four endings continues it.

Hub path ``Rowan/hellaswag``, splits train (39,905) and validation (10,042, the scored one), MIT. A
record::

    {"ind": 7, "activity_label": "Washing a bike", "ctx_a": "A man carries a bucket to his bike.",
     "ctx_b": "he", "ctx": "A man carries a bucket to his bike. he",
     "endings": ["scrubs the frame with a sponge.", "flies away.", "sings to the bucket.",
     "paints a wall."], "source_id": "activitynet~v_x", "split": "train", "split_type": "indomain",
     "label": "0"}
"""

from __future__ import annotations

from tsdg.seeds.rows.item import Gold, Item, Row, labelled, sentence, text, texts
from tsdg.seeds.rows.residue import tidied
from tsdg.seeds.rows.row_forms import Form


def item(row: Row) -> Item:
    """The description, cut off where the endings go on."""
    story, last = text(row, "ctx"), row["ctx_b"]
    if isinstance(last, str) and last and story.endswith(last):
        story = story[: -len(last)] + sentence(last)
    activity = row["activity_label"]
    lead = f"{_plain(activity)}: " if isinstance(activity, str) and activity.strip() else ""
    endings = tuple(_plain(ending).lstrip(" ,") for ending in texts(row, "endings"))
    return Item(question=f"How does this go on? {lead}{_plain(story)} ...", options=endings)


def gold(row: Row, item: Item) -> Gold:
    """The real ending."""
    return labelled(row, "label", item)


def _plain(value: str) -> str:
    """One line, without the marks of the WikiHow part (``[title]``, ``[header]``, ``[step]``)."""
    return " ".join(tidied(value, "en").split())


FORMS = {
    "": Form(
        columns=("activity_label", "ctx", "ctx_b", "endings", "label"),
        item=item,
        gold=gold,
        subject=("activity_label",),
    )
}
