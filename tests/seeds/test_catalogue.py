"""The catalogue against lm-eval's own YAMLs, against the scored splits, and against itself."""

import csv
import gzip
import os
from collections import Counter
from pathlib import Path
from typing import get_args

import pyarrow.parquet as pq
import pytest

from tests.seeds.edited import edited, refused, with_one
from tsdg.config.verifier_name import BUILT_IN
from tsdg.records import ANSWER_KINDS, GROUPS, OutputType
from tsdg.seeds.catalogue import build_index
from tsdg.seeds.catalogue.index import Index, load_index
from tsdg.seeds.catalogue.load import load, read_catalogue
from tsdg.seeds.catalogue.model import Catalogue, Commercial, Tier, Unit
from tsdg.seeds.catalogue.tables import DATA, table

CERTAINTIES = {"C", "D", "S", "M", "~", "?"}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load()


@pytest.fixture(scope="module")
def index() -> Index:
    return load_index()


def lm_eval_units(catalogue: Catalogue) -> list[Unit]:
    """Units that an lm-eval task reads."""
    return [
        unit
        for unit in catalogue.units
        if unit.yaml and catalogue.family(unit.family).tier != "demo"
    ]


def test_39_and_34_families(catalogue: Catalogue) -> None:
    ids = [family.id for family in catalogue.families if family.tier in ("A", "B")]
    assert ids == [f"K{n:02}" for n in range(1, 40)] + [f"R{n:02}" for n in range(1, 35)]
    for family in catalogue.families:
        if family.id[0] in "KR":
            assert family.group == {"K": "knowledge", "R": "reasoning"}[family.id[0]]


def test_the_stored_index_is_what_lm_eval_says(tmp_path: Path) -> None:
    fresh = list(build_index.rows())
    with gzip.open(DATA / "index.csv.gz", "rt", encoding="utf-8", newline="") as file:
        stored = list(csv.reader(file))
    assert tuple(stored[0]) == build_index.COLUMNS
    assert stored[1:] == [list(row) for row in fresh]
    assert sum(row[1] in ("task", "python") for row in fresh) == 13_123
    build_index.write(tmp_path / "index.csv.gz", fresh)
    assert (tmp_path / "index.csv.gz").read_bytes() == (DATA / "index.csv.gz").read_bytes()


def test_every_yaml_is_there_and_defines_the_first_task(catalogue: Catalogue, index: Index) -> None:
    import lm_eval.tasks
    from lm_eval.tasks._yaml_loader import load_yaml

    root = Path(lm_eval.tasks.__file__).parent
    for unit in lm_eval_units(catalogue):
        cfg = load_yaml(root / unit.yaml, resolve_func=False)
        assert cfg["task"] == unit.tasks[0], unit.name
        entry = index.entries[unit.tasks[0]]
        assert unit.yaml == entry.yaml
        if entry.kind == "task" and "/" in (cfg.get("dataset_path") or ""):
            assert (cfg["dataset_path"], str(cfg.get("dataset_name") or "")) == (
                unit.dataset_path,
                unit.config,
            )


def test_every_task_reads_the_unit_that_lists_it(catalogue: Catalogue, index: Index) -> None:
    for unit in lm_eval_units(catalogue):
        for task in unit.tasks:
            entry = index.entries[task]
            assert entry.is_task, task
            assert (entry.dataset_path, entry.config) == (unit.dataset_path, unit.config), task


def test_every_task_that_reads_a_unit_is_listed(catalogue: Catalogue, index: Index) -> None:
    """A task over catalogued data may be left out only where it is listed with another part of
    them."""
    units = {(unit.dataset_path, unit.config) for unit in lm_eval_units(catalogue)}
    for path, readers in index.datasets.items():
        for entry in readers:
            if (path, entry.config) in units:
                assert catalogue.unit_of_task(entry.name) is not None, entry.name


def test_names_of_our_own_are_not_lm_evals(catalogue: Catalogue, index: Index) -> None:
    own = [unit for unit in catalogue.units if not unit.yaml]
    assert {unit.family for unit in own if catalogue.family(unit.family).tier != "extra"} == {
        "mmlu_auxiliary_train",
        "race",
        "mlqa_translate_train",
        "agieval_sources",
        "winogrande",
    }
    assert "folio" in {unit.family for unit in own}
    for unit in own:
        assert len(unit.tasks) == 1
        assert unit.tasks[0] not in index.entries


def test_the_declared_training_split_is_the_units(catalogue: Catalogue, index: Index) -> None:
    for unit in lm_eval_units(catalogue):
        declared = {index.entries[task].training for task in unit.tasks} - {""}
        assert not declared or declared == {unit.split}, unit.name


def test_no_unit_is_scored_by_any_task(catalogue: Catalogue, index: Index) -> None:
    scored = {(path.casefold(), config, split) for path, config, split in index.scored}
    aliases = {row["dataset_path"]: row["of"] for row in table("aliases.csv")}
    for unit in catalogue.units:
        names = [
            unit.dataset_path,
            *(alias for alias, of in aliases.items() if of == unit.dataset_path),
        ]
        for name in names:
            assert (name.casefold(), unit.config, unit.split) not in scored, unit.name


def test_no_sister_config_of_a_unit_is_scored_on_a_split_of_its_name(
    catalogue: Catalogue, index: Index
) -> None:
    by_split = {(path, split) for path, _, split in index.scored}
    assert [
        unit.name for unit in catalogue.units if (unit.dataset_path, unit.split) in by_split
    ] == []


def test_units_and_tasks_are_named_once(catalogue: Catalogue) -> None:
    tasks = Counter(task for unit in catalogue.units for task in unit.tasks)
    assert [task for task, count in tasks.items() if count > 1] == []
    # one hub config may hold several languages, each with its own task
    splits = Counter(unit.name for unit in catalogue.units if unit.family != "tydiqa_goldp")
    assert [name for name, count in splits.items() if count > 1] == []


def test_values_are_of_their_closed_sets(catalogue: Catalogue) -> None:
    for family in catalogue.families:
        assert family.group in GROUPS
        assert family.tier in get_args(Tier)
        assert family.output_type in get_args(OutputType)
        assert family.answer_kind in ANSWER_KINDS
        assert family.verifier in BUILT_IN
        assert family.commercial in get_args(Commercial)
        assert family.suggested_cap > 0
        assert family.licence
        assert catalogue.units_of_family(family.family)
        if family.tier == "B":
            assert family.contamination or family.remarks
    for unit in catalogue.units:
        assert unit.commercial in ("", *get_args(Commercial))
        assert unit.answer_kind in ("", *ANSWER_KINDS)
        assert unit.rows_certainty in CERTAINTIES, unit.name
        assert (unit.rows == 0) == (unit.rows_certainty == "?"), unit.name
        assert unit.language in catalogue.family(unit.family).languages
        assert unit.proof
        assert "\n" not in unit.proof + unit.remarks
        assert catalogue.licence_of(unit)


def test_a_smaller_size_is_of_a_unit_that_is_there(catalogue: Catalogue) -> None:
    names = {unit.name for unit in catalogue.units}
    parts = [unit for unit in catalogue.units if unit.part_of]
    assert [unit.name for unit in parts] == ["allenai/winogrande/winogrande_l/train"]
    for unit in parts:
        assert f"{unit.dataset_path}/{unit.part_of}/{unit.split}" in names


def test_non_commercial_words_are_never_commercial(catalogue: Catalogue) -> None:
    for unit in catalogue.units:
        licence = catalogue.licence_of(unit).casefold()
        if any(
            word in licence
            for word in ("nc-", "-nc", "non-commercial", "research only", "none stated", "-nd")
        ):
            assert catalogue.commercial_of(unit) in ("no", "unclear"), unit.name
        if licence.startswith(("unknown", "unset", "unverified", "unclear")):
            assert catalogue.commercial_of(unit) in ("no", "unclear"), unit.name


def test_units_have_the_licence_of_their_evidence(catalogue: Catalogue) -> None:
    of = {
        task: (catalogue.licence_of(unit), catalogue.commercial_of(unit))
        for task in ("boolq", "gsm8k", "piqa")
        if (unit := catalogue.unit_of_task(task))
    }
    assert of == {
        "boolq": ("CC-BY-SA-3.0", "share_alike"),
        "gsm8k": ("MIT", "yes"),
        "piqa": ("unknown", "unclear"),
    }


def test_units_fall_back_to_the_answer_kind_of_their_family(catalogue: Catalogue) -> None:
    kinds = {
        task: catalogue.answer_kind_of(unit)
        for task in ("gsm8k", "record")
        if (unit := catalogue.unit_of_task(task))
    }
    assert kinds == {"gsm8k": "number", "record": "choice"}
    assert catalogue.unit_of_task("blimp") is None


def test_tydiqa_has_one_unit_a_language(catalogue: Catalogue) -> None:
    units = catalogue.units_of_family("tydiqa_goldp")
    assert {unit.name for unit in units} == {"google-research-datasets/tydiqa/secondary_task/train"}
    assert sorted(unit.language for unit in units) == [
        "ar",
        "bn",
        "en",
        "fi",
        "id",
        "ko",
        "ru",
        "sw",
        "te",
    ]
    assert sum(unit.rows for unit in units) == 49_881


@pytest.mark.mirror
@pytest.mark.skipif("TSDG_MIRROR" not in os.environ, reason="TSDG_MIRROR names no mirror")
def test_rows_against_the_mirror(catalogue: Catalogue) -> None:
    root = Path(os.environ["TSDG_MIRROR"])
    counted = 0
    for unit in catalogue.units:
        path = root / unit.dataset_path / (unit.config or "default") / f"{unit.split}.parquet"
        if not path.is_file():
            continue
        rows = pq.read_metadata(path).num_rows
        if unit.rows_certainty == "C":
            counted += 1
            assert rows == unit.rows, unit.name
        else:
            assert rows <= unit.rows, unit.name
    assert counted > 0


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("families.csv", "ai2_arc,knowledge", "ai2_arc,Knowledge", "group: found 'Knowledge'"),
        (
            "families.csv",
            "en,choice,lm_eval",
            "en,multiple,lm_eval",
            "'multiple'",
        ),
        (
            "families.csv",
            "multiple_choice,choice",
            "multiple_choice,mcq",
            "answer_kind: found 'mcq'",
        ),
        ("families.csv", "multiple_choice,choice", "multiple_choice,text", "do not go together"),
        ("families.csv", "knowledge,A,", "knowledge,C,", "tier: found 'C', allowed: A, B"),
        ("families.csv", ",verifier,", ",verifyer,", "column verifier: has no value"),
        ("families.csv", ",science,en,", ",en,", "found 12 cells, allowed: 13"),
        ("units.csv", ",2251,", ",forty,", "rows: found 'forty', allowed: a whole number"),
        ("units.csv", "\nai2_arc,", "\nai2_ark,", "column family: found 'ai2_ark'"),
        ("units.csv", "arc_easy,arc/", "arc_easy|gsm8k,arc/", "task gsm8k stands twice"),
    ],
)
def test_a_typo_in_a_table_is_one_line(
    tmp_path: Path, file: str, old: str, new: str, said: str
) -> None:
    refused(edited(tmp_path, file, with_one(old, new)), said)


def test_an_unchanged_copy_of_the_tables_is_the_catalogue(tmp_path: Path) -> None:
    assert read_catalogue(edited(tmp_path, "units.csv", str)) == load()
