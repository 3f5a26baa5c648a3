"""A made-up row of each unit, in the schema that its evidence says, renders right.

A unit whose row was written for it gives what that row's case expects. One that shares the row of a
unit that is read alike gives the same options and gold, in its own language's words.
"""

import re
from collections import defaultdict
from functools import cache
from typing import Any

import pyarrow as pa
import pytest

from tests.seeds.unit_rows import cases, rendered, row_of, table_of
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.catalogue.model import Unit
from tsdg.seeds.rows.item import Gold, Item, MalformedRowError

FAMILIES = tuple(family.family for family in load().families if family.tier != "demo")
ASKS_IN_ENGLISH = {"afrobench_nlu"}
"""Families that ask in English of texts in other languages, as lm-eval's tasks do."""
WITHOUT_SEEDS = {"acp_just_gen"}
"""Tasks of which no row can be a seed: the answers are not what the questions ask for."""
SAME_ANSWER = {"nilc-nlp/assin"}
"""Data sets of which two labels mean the same answer: a paraphrase follows from a text too."""


def units(family: str) -> tuple[Unit, ...]:
    return load().units_of_family(family)


@cache
def shown(task: str) -> tuple[Item, Gold]:
    """What a unit's reader makes of its row."""
    row = row_of(task)
    assert row is not None
    return rendered(row.unit, row.case["row"])


def words(item: Item, gold: Gold) -> dict[str, Any]:
    return {
        "question": item.question,
        "context": item.context,
        "options": list(item.options),
        "answer": gold.answer,
        "aliases": list(gold.aliases),
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_each_unit_renders_a_row_of_its_own_schema(family: str) -> None:
    for unit in units(family):
        task = unit.tasks[0]
        row = row_of(task)
        assert row is not None, (
            f"{unit.name} has no row: write one for {task} to tests/seeds/family_rows/{family}.yaml"
        )
        if task in WITHOUT_SEEDS:
            with pytest.raises(MalformedRowError, match=row.case["malformed"]):
                shown(task)
            continue
        item, gold = shown(task)
        given = words(item, gold)
        where = f"{unit.name}, by the row of {row.case['task']}"
        if row.own:
            expected = {name: row.case[name] for name in given if name in row.case}
            # The aliases of rows of one item come from its other rows.
            expected.pop("aliases", None)
            assert {name: given[name] for name in expected} == expected, where
            continue
        other_item, other_gold = rendered(row.written_for, row.case["row"])
        assert (gold.kind, gold.index) == (other_gold.kind, other_gold.index), where
        assert len(item.options) == len(other_item.options), where
        if unit.language == row.written_for.language:
            assert given["options"] == list(other_item.options), where
        cells = {text for text in _texts(row.case["row"]) if text in other_item.context}
        assert all(text in item.context for text in cells), where


def _same(question: str, cell: str) -> bool:
    """Whether a question is a cell of the row, but for its spaces and marks."""
    said, written = ("".join(filter(str.isalnum, text)).casefold() for text in (question, cell))
    return said in written


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [value] if isinstance(value, str) and len(value) > 3 else []


def test_each_language_has_its_own_words() -> None:
    """Units that share a row differ by language, where the question is ours and not the row's."""
    groups: dict[str, dict[str, tuple[Any, ...]]] = defaultdict(dict)
    for family in FAMILIES:
        for unit in units(family):
            task = unit.tasks[0]
            row = row_of(task)
            if row is None or task in WITHOUT_SEEDS or family in ASKS_IN_ENGLISH:
                continue
            item, _ = shown(task)
            if not any(_same(item.question, text) for text in _texts(row.case["row"])):
                key = f"{unit.dataset_path} {row.case['task']}"
                groups[key][unit.language] = (item.question, item.options)
    several = {key: said for key, said in groups.items() if len(said) > 1}
    assert len(several) >= 3
    for key, said in several.items():
        assert len(set(said.values())) == len(said), (key, said)


def test_options_are_as_many_as_class_labels() -> None:
    compared = 0
    for family in FAMILIES:
        for unit in units(family):
            labels, task = load().evidence[unit.name].labels, unit.tasks[0]
            row = row_of(task)
            if labels is None or row is None or len(labels.value) != 1:
                continue
            item, _ = shown(task)
            names = next(iter(labels.value.values()))
            if unit.dataset_path in SAME_ANSWER:
                continue
            if row.case.get("classes") and next(iter(labels.value)) in row.case["row"]:
                assert len(item.options) == len(names), unit.name
                compared += 1
    assert compared > 20


def test_a_row_in_another_schema_is_refused() -> None:
    """The check can fail: a column that is not in the data set, a value of another type."""
    unit = load().unit_of_task("cola")
    assert unit is not None
    row = {"sentence": "The cat sleeps.", "label": 1, "idx": 0}
    assert table_of(unit, [row]).num_rows == 1
    with pytest.raises(ValueError, match="knows no column verdict"):
        table_of(unit, [row | {"verdict": 1}])
    with pytest.raises(pa.ArrowException, match="acceptable"):
        table_of(unit, [row | {"label": "acceptable"}])


def test_most_units_have_a_row_of_their_own_or_of_one_that_is_read_alike() -> None:
    rows = [row_of(unit.tasks[0]) for family in FAMILIES for unit in units(family)]
    assert None not in rows
    assert len(rows) > 500
    assert len({row.case["task"] for row in rows if row}) <= len(cases())


def _torn(value: Any) -> Any:
    """A cell whose texts end as a tokeniser leaves them."""
    if isinstance(value, dict):
        return {name: _torn(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_torn(inner) for inner in value]
    return f"{value.rstrip(' .')} ." if isinstance(value, str) and " " in value.strip() else value


@pytest.mark.parametrize("path", ["xnli", "paws_x", "glue", "indicxnli", "legalbench", "kobest"])
def test_a_torn_text_is_put_together_wherever_it_lands(path: str) -> None:
    """A question that quotes it included, in whatever quotation marks."""
    for unit in units(path):
        row = row_of(unit.tasks[0])
        assert row is not None
        item, gold = rendered(unit, _torn(row.case["row"]))
        assert not re.search(r"\w \.", str(words(item, gold))), unit.name
