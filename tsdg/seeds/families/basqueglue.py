r"""BasqueGLUE: topics, attitudes, coreference and question answering in Basque.

The Python module of lm-eval's tasks can no longer be imported.

Hub path ``orai-nlp/basqueGLUE`` (a loading script: the mirror must hold Parquet), configs ``bec``,
``bhtc``, ``coref``, ``qnli``, ``vaxx``, ``wic``, splits train, validation and test,
CC-BY-NC-SA-4.0. Records::

    {"text": "Gaur eguzkia dago!\\n#Bilbo", "label": 2, "idx": 0}
    {"text": "Anek Mireni liburua eman dio .", "span1_text": "Mireni", "span2_text": "liburua",
     "span1_index": 1, "span2_index": 3, "label": 0, "idx": 0}
    {"question": "Nork eman zuen?", "sentence": "Anek eman zuen.", "label": 0, "idx": 0}
    {"word": "mahai", "sentence1": "Mahaia apurtu da.", "sentence2": "Mahai berria.", "start1": 0,
     ..., "label": 1}
"""

from __future__ import annotations

from collections.abc import Callable

from tsdg.seeds.rows.item import (
    Gold,
    Item,
    MalformedRowError,
    Row,
    found,
    integer,
    labelled,
    text,
)
from tsdg.seeds.rows.phrases import phrase, quoting, written_in
from tsdg.seeds.rows.posts import said, words_of
from tsdg.seeds.rows.row_forms import Form, classified


def _coreference(row: Row) -> Item:
    """Whether both marked expressions mean the same."""
    spans = (text(row, f"span{number}_text") for number in (1, 2))
    return quoting(phrase("basqueglue", "coref"), *spans, context=_marked(row))


def _label(row: Row, item: Item) -> Gold:
    return labelled(row, "label", item)


def _unquoted(value: str) -> str:
    r"""Undo what CSV did to some texts.

    Quotes around, doubled inside, ``\n`` for a line break, ``..`` at the end.
    """
    if len(value) > 1 and value[0] == value[-1] == '"' and ('""' in value or value.count('"') == 2):
        value = value[1:-1].replace('""', '"')
    value = value.replace("\\n", "\n").strip()
    return value[:-1] if value.endswith("..") and not value.endswith("...") else value


def _marked(row: Row) -> str:
    """Mark both expressions with asterisks: the first index counts from 0, the second from 1."""
    words = text(row, "text").split(" ")
    for column, start in (
        ("span1", integer(row, "span1_index")),
        ("span2", integer(row, "span2_index") - 1),
    ):
        span = text(row, f"{column}_text").split(" ")
        end = start + len(span) - 1
        if start < 0 or [word.strip("*") for word in words[start : end + 1]] != [
            word.strip("*") for word in span
        ]:
            raise MalformedRowError(
                f"{column}_index",
                f"found {start}, where the text does not say {found(' '.join(span))}",
            )
        words[start] = "*" + words[start]
        words[end] = words[end] + "*"
    return " ".join(words)


def _post(value: str) -> str:
    """A post that says something, in Basque."""
    value = said(_unquoted(value))
    if "¿" in value or written_in("spanish", words_of(value)):
        raise MalformedRowError("text", f"found {found(value)}, which is Spanish")
    return value


def _form(key: str, clean: Callable[[str], str]) -> Form:
    """The texts of which each belongs to a class."""
    return classified("basqueglue", key, context=("text",), label="label", clean=clean)


FORMS = {
    "bec": _form("bec", _post),
    "bhtc": _form("bhtc", _unquoted),
    "vaxx": _form("vaxx", _post),
    "coref": Form(
        columns=("text", "span1_text", "span2_text", "span1_index", "span2_index", "label"),
        item=_coreference,
        gold=_label,
        classes=True,
    ),
    "qnli": classified(
        "basqueglue", "qnli", context=("sentence",), quoted=("question",), label="label"
    ),
    "wic": classified(
        "basqueglue", "wic", context=("sentence1", "sentence2"), quoted=("word",), label="label"
    ),
}
