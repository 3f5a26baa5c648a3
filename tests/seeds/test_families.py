"""Every family of the catalogue yields sound seeds.

From rows written here in the hub's columns, or from the mirror.

``family_rows/<family>.yaml`` lists rows with what a person would expect of them: the answer, and
where it matters the question, the context, the options and the aliases; or ``malformed`` or
``doubtful``, the column at fault; or ``duplicate``.
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

import tsdg.seeds.families
from tests.seeds.audit import audit
from tests.seeds.rows import collected, config, unit_of
from tsdg.records import Rejection, Seed
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.catalogue.model import Unit
from tsdg.seeds.families import renderers
from tsdg.seeds.mirror.split_files import split_file
from tsdg.seeds.rows import render
from tsdg.seeds.rows.item import MalformedRowError

FOLDER = Path(__file__).with_name("family_rows")
FAMILIES = tuple(family.family for family in load().families)
WRITTEN = tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))
MIRRORED = tuple(
    name for name in FAMILIES if name not in WRITTEN and load().family(name).tier != "demo"
)
"""Families whose evidence is rows of the mirror."""
MIRRORED_SETS = {
    "babi",
    "basqueglue",
    "drop",
    "folio",
    "glue",
    "gsm8k",
    "hellaswag",
    "hendrycks_ethics",
    "hendrycks_math",
    "mbpp",
    "mutual",
    "pubmedqa",
    "super_glue",
    "webqs",
    "winogrande",
    "xstorycloze",
}
NOTED = ("classes", "solution", "level", "subject")
EXPECTED = ("answer", "question", "context", "options", "aliases", *NOTED)

FATES = ("malformed", "doubtful", "duplicate")
"""Why a row is no seed."""

Case = dict[str, Any]
Cases = dict[str, list[Case]]


def cases_of(family: str) -> Cases:
    """The written rows of a family by task, in the order of the file."""
    cases: Cases = defaultdict(list)
    for case in yaml.safe_load((FOLDER / f"{family}.yaml").read_text(encoding="utf-8")):
        cases[case["task"]].append(case)
    return cases


def write(mirror: Path, unit: Unit, rows: list[Case]) -> None:
    path = mirror / unit.dataset_path / (unit.config or "default") / f"{unit.split}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)


def rendered(mirror: Path, task: str, at_most: int = 10**9) -> Iterator[Seed | Rejection]:
    """Render a task's split, or rows from all over it, without the guard, which denies tier B."""
    unit = unit_of(task)
    family = load().family(unit.family)
    split = split_file(mirror, unit.dataset_path, unit.config, unit.split)
    renderer = renderers.renderer_for(family, unit, frozenset(split.columns()))
    rows = split.check(renderer.columns)
    for batch in split.batches(wanted=range(0, rows, -(-rows // at_most))):
        documents = renderer.documents(batch.table, batch.rows)
        for number, row, document in zip(batch.numbers, batch.rows, documents, strict=True):
            seed_id = render.seed_id_of(unit, row)
            try:
                assert document is not None
                item = renderer.item(document)
                gold = renderer.gold(document, item)
                render.check(item, gold)
            except MalformedRowError as error:
                yield Rejection(
                    row_id=seed_id,
                    group=family.group,
                    family=family.family,
                    task=task,
                    stage="seeds",
                    reason=error.reason,
                    detail=f"row {number}: {error}",
                )
                continue
            place = render.RowPlace(
                family=family,
                unit=unit,
                task=task,
                seed_id=seed_id,
                number=number,
                revision="r",
            )
            yield render.build(renderer, document, item, gold, place)


@pytest.mark.parametrize("family", WRITTEN)
def test_written_rows(family: str, tmp_path: Path) -> None:
    cases = cases_of(family)
    for task in cases:
        write(tmp_path, unit_of(task), [case["row"] for case in cases[task]])
    if load().family(family).tier == "B":
        items = [item for task in cases for item in rendered(tmp_path, task)]
    else:
        seeds, rejections, _ = collected(config(tmp_path, *cases))
        items = [*seeds, *rejections]
    seeds = [item for item in items if isinstance(item, Seed)]
    given = {(seed.task, seed.source.row): seed for seed in seeds}
    refused = {
        (item.task, int(item.detail.split(":")[0].removeprefix("row "))): item
        for item in items
        if isinstance(item, Rejection)
    }
    for task, rows in cases.items():
        for number, case in enumerate(rows):
            if "answer" not in case:
                rejection = refused[task, number]
                fate = next(name for name in FATES if name in case)
                assert rejection.reason == fate, case
                column = "" if fate == "duplicate" else case[fate]
                assert rejection.detail.startswith(f"row {number}: {column}")
                continue
            seed = given[task, number]
            shown = {name: getattr(seed, name) for name in EXPECTED}
            shown["options"] = tuple(
                seed.options[seed.option_order.index(n)] for n in range(len(seed.options))
            )
            wanted = {name: case[name] for name in EXPECTED if name in case}
            assert {
                name: list(v) if isinstance(v := shown[name], tuple) else v for name in wanted
            } == wanted
    assert audit(seeds) == ()


def kinds_differ(unit: Unit, seeds: Iterable[Seed]) -> set[str]:
    """Answer kinds of a unit's seeds that the catalogue does not name for it, and output types that
    do not fit."""
    named = {load().answer_kind_of(unit), *unit.other_kinds}
    types = {True: "multiple_choice", False: "generate_until"}
    return {seed.answer_kind for seed in seeds if seed.answer_kind not in named} | {
        seed.output_type
        for seed in seeds
        if seed.output_type != types[seed.answer_kind == "choice"]
    }


@pytest.mark.parametrize("family", WRITTEN)
def test_answer_kinds_of_written_rows_are_the_catalogues(family: str, tmp_path: Path) -> None:
    for task, cases in cases_of(family).items():
        write(tmp_path, unit_of(task), [case["row"] for case in cases])
        seeds = [item for item in rendered(tmp_path, task) if isinstance(item, Seed)]
        assert not kinds_differ(unit_of(task), seeds), task


@pytest.mark.parametrize("family", FAMILIES)
def test_the_familys_output_type_fits_its_answer_kind(family: str) -> None:
    known = load().family(family)
    assert (known.output_type == "multiple_choice") == (known.answer_kind == "choice")
    assert known.verifier == known.answer_kind or known.tier == "demo"


@pytest.mark.parametrize("family", WRITTEN)
def test_every_data_set_of_a_written_family_has_a_row(family: str) -> None:
    seen = {unit_of(task).dataset_path for task in cases_of(family)}
    assert {unit.dataset_path for unit in load().units_of_family(family)} == seen


@pytest.mark.parametrize("family", FAMILIES)
def test_every_unit_has_an_adapter_that_knows_it(family: str) -> None:
    known = load().family(family)
    for unit in load().units_of_family(family):
        if known.adapter != "lm_eval":
            assert renderers.columns_of(known, unit)


@pytest.mark.parametrize("family", ["sciq"])
def test_options_whose_gold_has_a_fixed_place_are_shuffled(family: str, tmp_path: Path) -> None:
    task, cases = next(iter(cases_of(family).items()))
    asks, unit = next(iter(name for name in cases[0]["row"] if name == "question")), unit_of(task)
    write(
        tmp_path,
        unit,
        [cases[0]["row"] | {asks: f"Question number {number}?"} for number in range(60)],
    )
    seeds = [item for item in rendered(tmp_path, task) if isinstance(item, Seed)]
    assert {seed.answer_index for seed in seeds} == set(range(len(seeds[0].options)))
    assert (
        len(
            {
                seed.option_order.index(seeds[0].option_order[seeds[0].answer_index])
                for seed in seeds
            }
        )
        > 1
    )
    assert audit(seeds) == ()


@pytest.mark.parametrize("family", [name for name in WRITTEN if load().family(name).tier == "A"])
def test_held_out_rows_are_read_as_well(family: str, tmp_path: Path) -> None:
    """An adapter that could not read another split would see no leak from it."""
    cases = cases_of(family)
    for task in cases:
        unit, rows = unit_of(task), [case["row"] for case in cases[task]]
        write(tmp_path, unit, rows)
        write(tmp_path, unit.model_copy(update={"split": f"held_out_{unit.split}"}), rows)
    seeds, rejections, _ = collected(config(tmp_path, *cases))
    assert not seeds
    sound = sum("answer" in case for rows in cases.values() for case in rows)
    assert [rejection.reason for rejection in rejections].count("leaked") >= sound


BROKEN_ROW = (MalformedRowError, KeyError, TypeError, AttributeError, IndexError, ValueError)
"""What the collector counts as a malformed row."""


@pytest.mark.parametrize("family", WRITTEN)
def test_rubbish_is_refused_and_never_crashes(family: str) -> None:
    for task, cases in cases_of(family).items():
        unit = unit_of(task)
        row = next((case["row"] for case in cases if "answer" in case), None)
        if row is None:
            continue
        renderer = renderers.renderer_for(load().family(family), unit, frozenset(row))
        if not renderer.columns:
            continue
        refused = 0
        for column in renderer.columns:
            for rubbish in (None, "", -7, [], {}, [None], "\x00", {"text": None}, True):
                try:
                    item = renderer.item(row | {column: rubbish})
                    gold = renderer.gold(row | {column: rubbish}, item)
                    render.check(item, gold)
                except BROKEN_ROW:
                    refused += 1
                else:
                    assert item.question
                    assert gold.answer
        assert refused > 5 * len(renderer.columns)


def test_every_adapter_is_the_adapter_of_a_family() -> None:
    modules = {path.stem for path in Path(tsdg.seeds.families.__file__).parent.glob("*.py")} - {
        "__init__",
        "renderers",
    }
    assert modules == {family.adapter for family in load().families} - {"lm_eval"}


@pytest.mark.parametrize("family", FAMILIES)
def test_no_family_is_without_test_rows(family: str) -> None:
    shown = family in WRITTEN or family in MIRRORED_SETS or load().family(family).tier == "demo"
    assert shown, (
        f"family {family} has no test rows: write some, with the answer that is expected, to "
        f"tests/seeds/family_rows/{family}.yaml"
    )


def test_no_family_is_without_evidence() -> None:
    assert set(WRITTEN) <= set(FAMILIES)
    tiers = [load().family(name).tier for name in FAMILIES]
    assert tiers.count("A") + tiers.count("B") == 73
    assert set(MIRRORED) == MIRRORED_SETS


@pytest.mark.parametrize(
    "family", [name for name in FAMILIES if load().family(name).tier == "demo"]
)
def test_demo_rows(family: str) -> None:
    tasks = [task for unit in load().units_of_family(family) for task in unit.tasks]
    seeds, rejections, _ = collected(config("", *tasks))
    assert len(seeds) > 10
    assert not rejections
    assert audit(seeds) == ()


@pytest.mark.mirror
@pytest.mark.parametrize("family", MIRRORED)
def test_mirrored_rows(family: str) -> None:
    mirror = Path(os.environ["TSDG_MIRROR"])
    found = 0
    for unit in load().units_of_family(family):
        split = split_file(mirror, unit.dataset_path, unit.config, unit.split)
        if not split.path.is_file():
            continue
        items = list(rendered(mirror, unit.tasks[0], at_most=2000))
        seeds = [item for item in items if isinstance(item, Seed)]
        excused = {"repeated item"}  # the collector drops these
        if split.check(()) < unit.rows:  # a part of the split that somebody chose
            excused.add("right option always at one place")
        assert not [finding for finding in audit(seeds) if finding.what not in excused], unit.name
        assert len(seeds) > 0.6 * len(items), unit.name  # of geometry, a third are figures
        assert not kinds_differ(unit, seeds), unit.name
        found += len(seeds)
    assert found


def test_written_rows_say_what_they_expect() -> None:
    """A misspelt key would test nothing."""
    for family in WRITTEN:
        for cases in cases_of(family).values():
            for case in cases:
                assert set(case) <= {"task", "row", *FATES, *EXPECTED}
                assert [name in case for name in ("answer", *FATES)].count(True) == 1
