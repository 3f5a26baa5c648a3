"""LogiQA: Chinese civil service questions on short texts, in English.

lm-eval lists the options in the question.

Hub path ``EleutherAI/logiqa``, splits train (7,376), validation and test (scored), no licence
stated. A record::

    {"label": "b", "context": "All owls are birds. No bird is a fish.",
     "question": "Which of these follows?", "options": ["Some owls are fish.", "No owl is a fish.",
     "All birds are owls.", "No fish swims."]}
"""

from __future__ import annotations

import re

from tsdg.seeds.rows.item import Gold, Item, Row, text, texts
from tsdg.seeds.rows.row_forms import Form, lettered

_COLON = re.compile(
    r"((?<![\w'’])[A-D]|\b(?:[Kk]nown?|rules?|conditions?|requirements?|predictions?|guess(?:ed)?"
    r"|reasons?|regulations?|conclusions?|said|follow(?:s|ing)(?: \w+)?)"
    r"|(?:^|(?<=[.?!\n])) ?(?!(?:Why|What|How|Who|When|Where|Really|Right|Yes|No)\b)"
    r"(?:[A-Z][\w.]* ){0,2}(?:[A-Z]\w+|\d+))\?(?= )"
)
"""What a colon followed in Chinese; its translation has a question mark there."""


def item(row: Row) -> Item:
    """The question on the text."""
    context = _COLON.sub(r"\1:", text(row, "context"))
    return Item(question=text(row, "question"), context=context, options=texts(row, "options"))


def gold(row: Row, item: Item) -> Gold:
    """The letter."""
    return lettered(row, "label", item)


FORMS = {"": Form(columns=("context", "question", "options", "label"), item=item, gold=gold)}
