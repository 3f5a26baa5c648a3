"""Gathering the study: the syllabus, and the seeds that go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.corpus.test_gather import PROVENANCE
from tsdg.config.study import StudySharesConfig
from tsdg.corpus.studies import gather_studies
from tsdg.corpus.syllabus import Mentions, Pairs
from tsdg.errors import VerificationError
from tsdg.records import SEED_SCHEMA, Outcome, Rejection, Seed, Source, StudiedSeed, Study
from tsdg.tables import UNIT_ROWS, read_rows, work_table

FREE = StudySharesConfig(field={}, difficulty={})


def seed(name: str) -> Seed:
    return Seed(
        seed_id=name,
        group="knowledge",
        family="f",
        task="t",
        output_type="generate_until",
        answer_kind="short_text",
        question=f"What is {name}?",
        context="",
        options=(),
        classes=False,
        answer="a",
        answer_index=-1,
        aliases=(),
        checks=(),
        option_order=(),
        solution="",
        level="",
        subject="",
        domain="d",
        language="en",
        licence="l",
        source=Source(dataset_path="p", config="", split="train", row=0, revision="r"),
    )


def study(name: str, concepts: Sequence[str], **over: Any) -> Study:
    values: dict[str, Any] = {
        "seed_id": name,
        "task": "t",
        "skill": "recall",
        "field": "Biology",
        "subfield": "Cell biology",
        "concepts": tuple(concepts),
        "difficulty": 2,
        "steps": 1,
        "flaw": "",
        "provenance": PROVENANCE,
    }
    return Study(**{**values, **over})


def outcome(name: str, *studies: Study) -> Outcome:
    return Outcome(
        input_id=name,
        studies=studies,
        questions=(),
        samples=(),
        solutions=(),
        rejections=(),
        usage=(),
        saved_samples=0,
    )


def gather(
    folder: Path, outcomes: Sequence[Outcome], shares: StudySharesConfig = FREE
) -> tuple[Any, Path]:
    seeds = folder / "seeds" / "seeds.parquet"
    with work_table(seeds, SEED_SCHEMA, unit_rows=2) as table:
        for one in outcomes:
            table.add(seed(one.input_id))
    made = gather_studies(
        lambda: iter(outcomes), seeds=seeds, directory=folder / "study", unit_rows=2, shares=shares
    )
    return made, folder / "study"


def test_names_are_spelt_as_most_spell_them_and_counted(tmp_path: Path) -> None:
    made, folder = gather(
        tmp_path,
        [
            outcome("a", study("a", ["Cell cycle", "mitosis"])),
            outcome("b", study("b", ["cell-cycles", "Mitosis"], field="biology")),
            outcome("c", study("c", ["Cell cycle", "mitosis"], subfield="Cell Biology")),
            outcome("d", study("d", ["osmosis", "mitosis"])),
            outcome("e"),
            outcome("f", study("f", [], field="", subfield="", difficulty=0, flaw="truncated")),
        ],
    )
    assert (made.asked, made.usable, made.kept, made.left) == (5, 4, 6, 0)
    rows = pq.read_table(folder / "syllabus.parquet").to_pylist()
    assert [(row["field"], row["subfield"], row["concept"], row["count"]) for row in rows] == [
        ("Biology", "Cell biology", "mitosis", 4),
        ("Biology", "Cell biology", "Cell cycle", 3),
        ("Biology", "Cell biology", "osmosis", 1),
    ]
    assert [row["beside"] for row in rows] == [["Cell cycle", "osmosis"], ["mitosis"], ["mitosis"]]
    kept = list(read_rows(folder / "seeds.parquet", StudiedSeed))
    assert [one.seed_id for one in kept] == list("abcdef")
    assert kept[1].study is not None
    assert kept[1].study.concepts == ("Cell cycle", "mitosis")
    assert kept[1].study.field == "Biology"
    assert kept[4].study is None
    assert kept[5].study is None
    assert len(pq.read_table(folder / "studies.parquet")) == 5
    assert pq.read_schema(folder / "seeds.parquet").metadata[UNIT_ROWS] == b"2"


def test_seeds_beyond_a_share_are_rejected_with_their_reason(tmp_path: Path) -> None:
    easy = [outcome(f"e{n}", study(f"e{n}", ["x", "y"], difficulty=1)) for n in range(30)]
    hard = [outcome(f"h{n}", study(f"h{n}", ["x", "z"], difficulty=4)) for n in range(10)]
    shares = StudySharesConfig(field={}, difficulty={"1": 0.5})
    made, folder = gather(tmp_path, [*easy, *hard], shares)
    assert (made.kept, made.left) == (20, 20)
    refused = list(read_rows(folder / "rejected.parquet", Rejection))
    assert {row.reason for row in refused} == {"over_share"}
    assert {row.stage for row in refused} == {"study"}
    assert refused[0].detail == "Biology, difficulty 1"
    both = {row.row_id for row in refused} | {
        row.seed_id for row in read_rows(folder / "seeds.parquet", StudiedSeed)
    }
    assert len(both) == 40


def test_parts_of_other_seeds_are_refused(tmp_path: Path) -> None:
    rows = [outcome("a", study("a", ["x", "y"]))]
    gather(tmp_path, rows)
    with pytest.raises(VerificationError, match="remove the folder study"):
        gather_studies(
            lambda: iter([replace(rows[0], input_id="other")]),
            seeds=tmp_path / "seeds" / "seeds.parquet",
            directory=tmp_path / "study",
            unit_rows=2,
            shares=FREE,
        )


def test_no_usable_study_gives_an_empty_syllabus(tmp_path: Path) -> None:
    made, folder = gather(tmp_path, [outcome("a"), outcome("b")])
    assert (made.concepts, made.kept) == (0, 2)
    assert len(pq.read_table(folder / "syllabus.parquet")) == 0


def test_the_rarest_are_forgotten_where_there_are_too_many() -> None:
    mentions, pairs = Mentions(most=2), Pairs(most=1)
    for n, concepts in enumerate([["a", "b"], ["a", "b"], ["a", "b"], ["c", "d"], ["c", "e"]]):
        mentions.add(study(str(n), concepts))
        pairs.add(concepts)
    names = mentions.names()
    assert set(names.concepts) == {"a", "b"}
    assert mentions.forgotten == 4
    assert pairs.beside() == {"a": ["b"], "b": ["a"]}
    assert pairs.forgotten == 2
