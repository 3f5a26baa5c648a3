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

from tsdg.seeds.rows.item import Item, MalformedRowError, Row, text
from tsdg.seeds.rows.phrases import wordings
from tsdg.seeds.rows.row_forms import Form, classified


def _form(language: str) -> Form:
    """The pairs of a language; ``NS`` stands for what the translator left out."""
    form = classified("paraphrase", language, quoted=("sentence1", "sentence2"), label="label")

    def item(row: Row) -> Item:
        for column in ("sentence1", "sentence2"):
            if text(row, column) == "NS":
                raise MalformedRowError(column, "found 'NS': the sentence was not translated")
        return form.item(row)

    return replace(form, item=item)


FORMS = {language: _form(language) for language in wordings("paraphrase")}
