r"""JSONSchemaBench: JSON schemas found on GitHub.

The rows have no answer. Any value that satisfies the schema is right.

Hub path ``epfl-dlab/JSONSchemaBench``, configs ``Github_easy``, ``Github_medium`` and
``Github_hard``, splits train, val and test (scored), MIT (the schemas are of many owners). A
record::

    {"json_schema": "{\"type\": \"object\", \"properties\": {\"city\": {\"type\": \"string\"}}}",
     "unique_id": "Github_easy---o0001"}
"""

from __future__ import annotations

import json

from tsdg.seeds.rows.item import Gold, Item, MalformedRowError, Row, text
from tsdg.seeds.rows.json_examples import example_of
from tsdg.seeds.rows.row_forms import Form


def item(row: Row) -> Item:
    """The schema is the context: the question is the same for all."""
    return Item(
        question="What is an example of a JSON value that satisfies this schema?",
        context=text(row, "json_schema"),
    )


def gold(row: Row, item: Item) -> Gold:
    """A value made from the schema and checked against it; the schema checks other answers."""
    schema = text(row, "json_schema")
    try:
        parsed = json.loads(schema)
    except ValueError as error:
        raise MalformedRowError("json_schema", f"no JSON ({error})") from None
    answer = json.dumps(example_of(parsed, "json_schema"), ensure_ascii=False)
    return Gold(kind="json", answer=answer, checks=(schema,))


FORMS = {"": Form(columns=("json_schema",), item=item, gold=gold, verbatim=True)}
