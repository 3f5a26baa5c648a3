"""What a source says beside question and answer, and which options are classes."""

import json
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.seeds.rows import unit_of
from tsdg.records import Seed
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.catalogue.model import Unit
from tsdg.seeds.families.renderers import renderer_for
from tsdg.seeds.mirror.split_files import split_file
from tsdg.seeds.rows.item import MalformedRowError, noted, shortened
from tsdg.seeds.rows.keys import normalise
from tsdg.seeds.rows.render import Renderer, RowPlace, build, check

HERE = Path(__file__).parent
BROKEN = (MalformedRowError, KeyError, TypeError, AttributeError, IndexError, ValueError)


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def written_rows() -> Iterator[tuple[str, dict[str, Any]]]:
    """The sound rows that the tests of families and adapters are made of, with their tasks."""
    for path in sorted((HERE / "family_rows").glob("*.yaml")):
        yield from ((case["task"], case["row"]) for case in read(path) if "answer" in case)
    for case in read(HERE / "adapter_rows.yaml")["sound"]:
        yield case["task"], case["row"]


def adapted(unit: Unit, row: Mapping[str, Any]) -> Renderer:
    return renderer_for(load().family(unit.family), unit, frozenset(row))


def seed_of(unit: Unit, renderer: Renderer, row: dict[str, Any]) -> Seed:
    document = row
    if load().family(unit.family).adapter == "lm_eval":
        import pyarrow as pa

        made = renderer.documents(pa.Table.from_pylist([row]), [row])[0]
        assert made is not None
        document = made
    item = renderer.item(document)
    gold = renderer.gold(document, item)
    check(item, gold)
    place = RowPlace(
        family=load().family(unit.family),
        unit=unit,
        task=unit.tasks[0],
        seed_id="0" * 24,
        number=0,
        revision="r",
    )
    return build(renderer, document, item, gold, place)


def rows_by_unit() -> dict[Unit, list[dict[str, Any]]]:
    rows: dict[Unit, list[dict[str, Any]]] = defaultdict(list)
    for task, row in written_rows():
        rows[unit_of(task)].append(row)
    return rows


def mirrored(unit: Unit, at_most: int) -> list[dict[str, Any]]:
    split = split_file(Path(os.environ["TSDG_MIRROR"]), unit.dataset_path, unit.config, unit.split)
    if not split.path.is_file():
        return []
    total = split.check(())
    wanted = range(0, total, -(-total // at_most))
    return [row for batch in split.batches(wanted=wanted) for row in batch.rows]


def classes_are_what_all_rows_share(unit: Unit, rows: list[dict[str, Any]]) -> None:
    seeds = []
    for row in rows:
        try:
            seeds.append((row, seed_of(unit, adapted(unit, row), row)))
        except MalformedRowError:
            continue
    shown = [(row, seed) for row, seed in seeds if seed.options]
    assert not any(seed.classes for _, seed in seeds if not seed.options), unit.name
    widest = max((seed.options for _, seed in shown), key=len, default=())
    for row, seed in shown:
        assert seed.classes == shown[0][1].classes, unit.name
        if seed.classes:
            assert seed.options == widest[: len(seed.options)], unit.name  # all, or without maybe
        else:  # they are the row's own
            said = normalise(json.dumps(row, ensure_ascii=False, default=str))
            own = [normalise(option.split(": ")[-1]) in said for option in seed.options]
            assert sum(own) > len(own) / 2, (unit.name, seed.options)
    if len(shown) > 5 and not shown[0][1].classes:
        assert len({frozenset(seed.options) for _, seed in shown}) > len(shown) / 4, unit.name


def test_options_that_all_written_rows_share_are_classes() -> None:
    for unit, rows in rows_by_unit().items():
        classes_are_what_all_rows_share(unit, rows)


@pytest.mark.mirror
def test_options_that_all_mirrored_rows_share_are_classes() -> None:
    found = 0
    for unit in load().units:
        rows = mirrored(unit, at_most=60)
        classes_are_what_all_rows_share(unit, rows)
        found += len(rows)
    assert found > 1000


def test_which_sets_have_classes() -> None:
    """Said of some of all kinds, in whatever language."""
    rows = {unit.tasks[0]: (unit, rows[0]) for unit, rows in rows_by_unit().items()}
    given = {task: seed_of(unit, adapted(unit, row), row) for task, (unit, row) in rows.items()}
    classes = {task for task, seed in given.items() if seed.classes}
    assert {"anli_r1", "ethics_virtue", "pubmedqa", "folio"} <= classes
    assert classes.isdisjoint({"medmcqa", "race_high", "arc_easy", "ethics_utilitarianism"})


@pytest.mark.parametrize("lost", [None, float("nan"), [], {}, 7, b"\xff", [None, 3], object()])
def test_what_is_optional_costs_no_row(lost: object) -> None:
    """Columns that only add to a seed may be missing, null or of any type."""
    tried = 0
    for unit, rows in rows_by_unit().items():
        if load().family(unit.family).adapter == "lm_eval":
            continue
        for row in rows:
            whole = seed_of(unit, adapted(unit, row), row)
            for column in row.keys() - set(adapted(unit, row).columns):
                less = {name: value for name, value in row.items() if name != column}
                for changed in (less, less | {column: lost}):
                    seed = seed_of(unit, adapted(unit, changed), changed)
                    assert (seed.question, seed.answer) == (whole.question, whole.answer)
                    assert all(
                        isinstance(getattr(seed, name), str) for name in ("level", "subject")
                    )
                    tried += 1
    assert tried > 500


def test_templates_do_without_what_is_optional() -> None:
    unit = unit_of("headqa_en")
    row = next(row for task, row in written_rows() if task == "headqa_en")
    assert seed_of(unit, adapted(unit, row), row).subject == "biology"
    del row["category"]
    assert seed_of(unit, adapted(unit, row), row).subject == ""


@pytest.mark.mirror
@pytest.mark.parametrize(
    ("task", "fields"),
    [
        ("gsm8k", "solution"),
        ("hendrycks_math_algebra", "solution level subject"),
        ("pubmedqa", "solution subject"),
        ("babi", "subject"),
        ("hellaswag", "subject"),
        ("drop", "subject"),
        ("mgsm_direct_bn", "solution"),
        ("arc_easy", "level"),
    ],
)
def test_real_rows_say_more(task: str, fields: str) -> None:
    unit = unit_of(task)
    rows = mirrored(unit, at_most=200)
    seeds = []
    for row in rows:
        try:
            seeds.append(seed_of(unit, adapted(unit, row), row))
        except BROKEN:
            continue
    for name in fields.split():
        said = [getattr(seed, name) for seed in seeds]
        assert sum(map(bool, said)) > 0.9 * len(said), name
    assert not any("<<" in seed.solution or "####" in seed.solution for seed in seeds)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("  Algebra ", "Algebra"),
        ("nan", ""),
        (None, ""),
        (0.25, "level 0.25"),
        (3, "level 3"),
        (float("inf"), ""),
        (True, ""),
        (["b", "a", "b", None, " "], "b; a"),
        ({"Categorical": True, "Other": False, "Odd": None}, "Categorical"),
        (b"x", ""),
    ],
)
def test_noted(value: object, said: str) -> None:
    assert noted({"level": value}, ("level",)) == said


def test_noted_joins_what_is_there() -> None:
    assert noted({"a": "x", "c": "x", "d": "y"}, ("a", "b", "c", "d")) == "x, y"


@pytest.mark.parametrize(
    ("value", "cut"),
    [
        ("short", "short"),
        ("one one\n\ntwo two two\nthree", "one one\n\ntwo two two"),
        ("aaaaaaaaaa bbbbbbbbb ccccc", "aaaaaaaaaa bbbbbbbbb"),
        ("a" * 30, "a" * 22),
    ],
)
def test_long_texts_are_cut_where_a_reader_would(value: str, cut: str) -> None:
    assert shortened(value, 22) == cut


def test_a_long_solution_ends_with_a_paragraph() -> None:
    unit = unit_of("gsm8k")
    step = "It is 3*4=<<3*4=12>>12.\n\n"
    row = {"question": "How many?", "answer": step * 500 + "#### 12"}
    solution = seed_of(unit, adapted(unit, row), row).solution
    assert 3900 < len(solution) <= 4000
    assert set(solution.split("\n\n")) == {"It is 3*4=12."}


def test_heads_of_an_abstract_stand_before_its_paragraphs() -> None:
    unit = unit_of("pubmedqa")
    row = next(row for task, row in written_rows() if task == "pubmedqa")
    first, second = row["CONTEXTS"]

    def shown(heads: object) -> str:
        headed = row | {"LABELS": heads}
        return seed_of(unit, adapted(unit, headed), headed).context

    assert shown(["METHODS", "RESULTS"]) == f"METHODS: {first}\nRESULTS: {second}"
    assert shown(["METHODS"]) == shown(None) == f"{first}\n{second}"
    assert shown([None, "RESULTS"]) == f"{first}\nRESULTS: {second}"
