"""TriviaQA without its documents: trivia questions.

The aliases of an answer are right as well. They are no options.

Hub path ``mandarjoshi/trivia_qa``, config ``rc.nocontext``, splits train (138,384 rows, one per
evidence document: 87,622 questions), validation (scored) and test, licence unknown. A record::

    {"question": "Which river flows through Basel?", "question_id": "tc_0",
     "question_source": "http://example.org/", "entity_pages": {...}, "search_results": {...},
     "answer": {"aliases": ["Rhein", "River Rhine"], "normalized_aliases": ["rhein",
     "river rhine"], "normalized_value": "rhine", "type": "WikipediaEntity", "value": "Rhine",
     "matched_wiki_entity_name": "", "normalized_matched_wiki_entity_name": ""}}
"""

from __future__ import annotations

from collections.abc import Mapping

from tsdg.seeds.rows.item import Gold, Item, MalformedRowError, Row, found, text
from tsdg.seeds.rows.row_forms import Form
from tsdg.seeds.rows.spans import answered


def item(row: Row) -> Item:
    """The question."""
    return Item(question=text(row, "question"))


def gold(row: Row, item: Item) -> Gold:
    """The value; its aliases are right as well."""
    answer = row["answer"]
    if not isinstance(answer, Mapping):
        raise MalformedRowError("answer", f"found {found(answer)}, a value with aliases is needed")
    return answered(
        "short_text", (text(answer, "value"), *(answer.get("aliases") or ())), "answer.value"
    )


FORMS = {"": Form(columns=("question", "answer"), item=item, gold=gold)}
