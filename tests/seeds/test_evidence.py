"""The evidence for rows, columns, labels and licences: what it may hold, and what follows from
it."""

import csv
import io
import itertools
import re
from pathlib import Path

import pytest

from tests.seeds.edited import edited, refused, with_one
from tsdg.config.compose import compose_recipe
from tsdg.run.prepare import look_up
from tsdg.run.run_plan import make_plan
from tsdg.seeds.catalogue import count_evidence
from tsdg.seeds.catalogue.evidence import (
    NO_EVIDENCE,
    Evidence,
    Licence,
    UnitEvidence,
    evidence_of,
    licence_of,
)
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.catalogue.model import Catalogue, Unit
from tsdg.seeds.catalogue.tables import table
from tsdg.views.seeds import print_family

LICENCES = {row["licence"]: Licence.model_validate(row) for row in table("licences.csv")}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load()


def read(**cells: str) -> Evidence:
    """A statement on the licence of all of a data set, but for the cells that are given."""
    row = {
        "dataset_path": "nyu-mll/glue",
        "config": "*",
        "split": "*",
        "fact": "licence",
        "found": "mit",
        "read": "card",
        "where": "hub:nyu-mll/glue: README.md line 9",
        "when": "2026-11-30",
        "remarks": "",
    }
    return Evidence.model_validate({**row, **cells})


def unit_of(task: str) -> Unit:
    unit = load().unit_of_task(task)
    assert unit is not None
    return unit


@pytest.mark.parametrize(
    ("statements", "licence", "commercial"),
    [
        ([], NO_EVIDENCE, "unclear"),
        ([read()], "MIT", "yes"),
        ([read(), read(found="cc-by-sa-4.0")], "MIT and CC-BY-SA-4.0", "share_alike"),
        ([read(), read(found="unknown")], "MIT and unknown", "unclear"),
        ([read(found="unknown"), read(found="cc-by-nc-4.0")], "unknown and CC-BY-NC-4.0", "no"),
        # a licence of the unit itself outdoes an unclear one of the collection, and no other
        ([read(found="other"), read(config="rte")], "MIT", "yes"),
        ([read(found="cc-by-nc-4.0"), read(config="rte")], "MIT and CC-BY-NC-4.0", "no"),
        ([read(), read(config="rte", found="unknown")], "unknown and MIT", "unclear"),
        # other units and other data sets
        ([read(config="cola")], NO_EVIDENCE, "unclear"),
        ([read(split="validation")], NO_EVIDENCE, "unclear"),
        ([read(dataset_path="aps/super_glue")], NO_EVIDENCE, "unclear"),
    ],
)
def test_commercial_use_follows_from_what_was_read(
    statements: list[Evidence], licence: str, commercial: str
) -> None:
    rte = unit_of("rte")
    for order in itertools.permutations(statements):
        found = licence_of(evidence_of(rte, order), LICENCES)
        assert found[1] == commercial
        assert sorted(found[0].split(" and ")) == sorted(licence.split(" and "))


def test_the_closest_statement_on_rows_and_columns_is_taken() -> None:
    rte = unit_of("rte")
    both = [
        read(fact="columns", found='{"a": "string"}'),
        read(fact="columns", found='{"b": ["int64"]}', config="rte"),
    ]
    for order in (both, both[::-1]):
        columns = evidence_of(rte, order).columns
        assert columns is not None
        assert columns.value == {"b": ["int64"]}
    assert evidence_of(unit_of("cola"), both).columns == both[0]
    counted, told = (
        evidence_of(rte, [read(fact="rows", found="7", read=kind)]) for kind in ("files", "card")
    )
    assert (counted.rows_certainty, told.rows_certainty) == ("C", "D")
    assert evidence_of(rte, []).rows_certainty is None


def test_every_unit_has_the_use_that_its_evidence_gives(catalogue: Catalogue) -> None:
    for unit in catalogue.units:
        evidence = catalogue.evidence[unit.name]
        assert (unit.licence, unit.commercial) == licence_of(evidence, LICENCES), unit.name
        if unit.commercial in ("yes", "share_alike"):
            assert evidence.licences, unit.name
            uses = {LICENCES[one.found].commercial for one in evidence.licences}
            assert "no" not in uses, unit.name
        if evidence.rows is not None and unit.family != "tydiqa_goldp":
            assert unit.rows == evidence.rows.value, unit.name


def test_the_commercial_recipe_lists_only_units_with_evidence(catalogue: Catalogue) -> None:
    plan = make_plan(
        look_up(compose_recipe(["recipe=commercial", "seeds.mirror="]), mirror="optional")
    )
    assert plan.tasks
    for task in plan.tasks:
        unit = unit_of(task.task)
        evidence = catalogue.evidence[unit.name]
        assert evidence.licences, unit.name
        assert all(
            LICENCES[one.found].commercial in ("yes", "share_alike") or one.exactness == 0
            for one in evidence.licences
        ), unit.name
        assert all(one.where and one.when for one in evidence.licences)


def test_what_nobody_may_call_open() -> None:
    """Words in a licence's name that no table may turn into a yes."""
    for licence in LICENCES.values():
        words = set(re.split(r"[^a-z]+", licence.name.casefold()))
        if words & {"nc", "nd", "research", "race"}:
            assert licence.commercial == "no", licence.name
        if words & {"unknown", "stated", "other", "others"}:
            assert licence.commercial == "unclear", licence.name
        if "sa" in words and "nc" not in words:
            assert licence.commercial == "share_alike", licence.name


def test_labels_are_of_columns(catalogue: Catalogue) -> None:
    """Names are those of class-label columns, where the columns are known."""
    for unit in catalogue.units:
        evidence = catalogue.evidence[unit.name]
        if evidence.columns is None or evidence.labels is None:
            continue
        assert set(evidence.labels.value) == class_labels(evidence.columns.value), unit.name


def class_labels(columns: object, key: str = "") -> set[str]:
    """Columns of a type, by their names joined with dots, that are class labels."""
    if isinstance(columns, dict):
        return {
            found
            for name, inner in columns.items()
            for found in class_labels(inner, f"{key}.{name}" if key else name)
        }
    if isinstance(columns, list):
        return class_labels(columns[0], key)
    return {key} if columns == "class_label" else set()


def test_the_documented_counts_are_those_of_the_tables(catalogue: Catalogue) -> None:
    docs = (Path(__file__).parents[2] / "docs" / "seeds.md").read_text(encoding="utf-8")
    assert "\n".join(count_evidence.levels_table(catalogue)) in docs
    assert "\n".join(count_evidence.uses_table(catalogue)) in docs
    for group, tier in itertools.product(("knowledge", "reasoning"), "AB"):
        families = [f for f in catalogue.families if (f.group, f.tier) == (group, tier)]
        units = [unit for f in families for unit in catalogue.units_of_family(f.family)]
        names = sum(len(unit.tasks) for unit in units)
        rows = sum(unit.rows for unit in units if not unit.part_of)
        line = f"| {group}, tier {tier} | {len(families)} | {len(units)} | {names:,} | {rows:,} |"
        assert line in docs, line


def test_levels_are_counted(catalogue: Catalogue) -> None:
    levels = count_evidence.counts(catalogue)
    units = [unit for unit in catalogue.units if catalogue.family(unit.family).tier in ("A", "B")]
    for fact in ("rows", "columns", "licence"):
        assert sum(levels[fact].values()) == len(units)
    assert levels["labels"].total() < len(units)
    assert (
        count_evidence.level_of(
            UnitEvidence(rows=None, columns=None, labels=None, licences=(read(),)), "licence"
        )
        == "card"
    )


def test_seeds_show_prints_what_was_read(capsys: pytest.CaptureFixture[str]) -> None:
    print_family("cola", "")
    lines = capsys.readouterr().out.splitlines()
    for fact in ("rows: 8551", "columns: {", 'labels: {"label": ["unacceptable", ', "licence: "):
        line = next(line for line in lines if line.strip().startswith(fact))
        assert "read in github:" in line
        assert " on 2026-" in line
    print_family("headqa", "")
    assert "name one of the tasks to see what was read" in capsys.readouterr().out
    print_family("scrolls_quality", "")
    assert "columns: nobody has read anything about it" in capsys.readouterr().out


ARC = "allenai/ai2_arc,*,*,licence,cc-by-sa-4.0,card,"
ROWS = "allenai/ai2_arc,ARC-Easy,train,rows,2251,files,"


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("evidence.csv", ARC, ARC.replace("-4.0", ""), "a licence of licences.csv"),
        ("evidence.csv", ARC, ARC.replace("card", "cards"), "read: found 'cards', allowed: files"),
        ("evidence.csv", ARC, ARC.replace("licence", "license"), "fact: found 'license', allowed"),
        ("evidence.csv", ARC, ARC + "https://hub/", "column where: found 'https://hub/"),
        ("evidence.csv", ARC, ARC.replace("ai2_arc", "ai2_ark"), "found no such unit, allowed"),
        ("evidence.csv", ARC, ARC.replace("*,*", "*,dev"), "split 'dev': found no such unit"),
        ("evidence.csv", "2026-11-30", "30 Nov 2026", "when: found '30 Nov 2026', allowed"),
        ("evidence.csv", ROWS, ROWS.replace("2251", "2252"), "found 2,252, but units.csv says"),
        ("evidence.csv", ROWS, ROWS.replace("2251", "0"), "allowed: a number of rows from 1 on"),
        ("evidence.csv", ROWS, ROWS.replace("2251", "many"), "is not JSON"),
        ("evidence.csv", ROWS, ROWS.replace("files", "card"), "rows_certainty of units.csv"),
        ("evidence.csv", '""class_label""', '""class_label', "is not JSON"),
        ("evidence.csv", '""string""', "[]", "allowed: the name of a type, a list of one type"),
        ("units.csv", ",2251,C,", ",2251,S,", "found 'S', allowed: C, because the evidence says"),
        ("licences.csv", "share_alike", "sharealike", "commercial: found 'sharealike', allowed"),
        ("licences.csv", "\ncc-by-sa-4.0,", "\nCC BY SA,", "licence: found 'CC BY SA', allowed"),
    ],
)
def test_a_mistake_in_the_evidence_is_one_line(
    tmp_path: Path, file: str, old: str, new: str, said: str
) -> None:
    refused(edited(tmp_path, file, with_one(old, new)), said)


def test_a_fact_that_stands_twice_is_refused(tmp_path: Path) -> None:
    twice: list[str] = []

    def doubled(text: str) -> str:
        twice.extend(next(row for row in csv.reader(io.StringIO(text)) if row[3] == "columns"))
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(twice)
        return text + line.getvalue()

    folder = edited(tmp_path, "evidence.csv", doubled)
    refused(folder, f"columns of {twice[0]}/*/* stand twice")


def test_rows_without_evidence_are_not_certain(tmp_path: Path) -> None:
    def without(text: str) -> str:
        lines = text.splitlines(keepends=True)
        kept = [line for line in lines if not line.startswith(ROWS)]
        assert len(kept) == len(lines) - 1
        return "".join(kept)

    folder = edited(tmp_path, "evidence.csv", without)
    refused(folder, "found 'C', allowed: S, M, ~ or ?, because the evidence has no row on its rows")
