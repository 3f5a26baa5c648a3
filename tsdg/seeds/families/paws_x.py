"""PAWS-X: pairs of sentences in the same words that may or may not say the same.

In lm-eval's template the question is empty.

Hub path ``google-research-datasets/paws-x``, configs ``de en es fr ja ko zh``, splits train (49,401
each, machine-translated), validation and test (scored), free use with attribution to Google. A
record::

    {"id": 1, "sentence1": "Ann beat Eve in the final .",
     "sentence2": "Eve beat Ann in the final .", "label": 0}
"""

from __future__ import annotations

from dataclasses import replace

from tsdg.seeds.rows.item import Item, MalformedRowError, Row, found, text
from tsdg.seeds.rows.phrases import wordings, written_in
from tsdg.seeds.rows.residue import unquoted
from tsdg.seeds.rows.row_forms import Form, classified


def _form(language: str) -> Form:
    """The pairs of a language; ``NS`` stands for what the translator left out."""
    pair = ("sentence1", "sentence2")
    form = classified("paraphrase", language, quoted=pair, label="label", clean=unquoted)

    def item(row: Row) -> Item:
        for column in pair:
            value = text(row, column)
            if value == "NS" or (language != "en" and written_in("english", value.lower().split())):
                raise MalformedRowError(
                    column, f"found {found(value)}: the sentence was not translated"
                )
        return form.item(row)

    return replace(form, item=item)


FORMS = {language: _form(language) for language in wordings("paraphrase")}
