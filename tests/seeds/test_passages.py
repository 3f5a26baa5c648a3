"""Seeds from passages: labels, rotation over subjects, chunks, and every row accounted for."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.package.data_designer import write_output
from tsdg.config.compose import compose_recipe
from tsdg.config.passages import PassagesConfig
from tsdg.config.snapshot import write_snapshot
from tsdg.errors import MirrorError, RecipeError, RunConflictError
from tsdg.records import Rejection, Seed
from tsdg.seeds.draw.rotation import quotas, turns
from tsdg.seeds.passages.collector import PassageCollector, locate
from tsdg.seeds.passages.passage_files import DEMO_FILE, rows_of
from tsdg.seeds.passages.passage_texts import chunk_of, domain_of, subject_of, task_of


def config(path: Path | str, **values: Any) -> PassagesConfig:
    base: dict[str, Any] = {
        "path": str(path),
        "text": "text",
        "domain": "labels.field",
        "subject": "code",
        "language": "language",
        "licence": "CC-BY-4.0",
        "commercial": True,
        "domains": {"Physics": "physics", "Biology": "biology"},
        "keep": {},
        "min_chars": 20,
        "chunk_chars": 400,
        "total": 100,
    }
    return PassagesConfig(**base | values)


def row(number: int, field: str, code: str, **more: Any) -> dict[str, Any]:
    text = (
        f"Passage {number} on {field}. It has a second sentence, number {number}. "
        "And it has a third one."
    )
    return {
        "text": text,
        "labels": {"field": field, "level": "Graduate"},
        "code": code,
        "language": "en",
        **more,
    }


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    else:
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=7)
    return path


def collector_of(tmp_path: Path, held: PassagesConfig, seed: int) -> PassageCollector:
    return PassageCollector(held, seed=seed, scratch=tmp_path / "scratch")


def collected(collector: PassageCollector) -> tuple[list[Seed], list[Rejection]]:
    found = list(collector)
    return [one for one in found if isinstance(one, Seed)], [
        one for one in found if isinstance(one, Rejection)
    ]


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_passages_become_seeds_by_domain(tmp_path: Path, suffix: str) -> None:
    rows = [row(n, "Physics" if n % 3 else "Cookery", f"53{n % 4}.{n % 10}") for n in range(30)]
    collector = collector_of(tmp_path, config(write(tmp_path / f"p{suffix}", rows)), 0)
    seeds, rejections = collected(collector)
    assert not rejections
    assert Counter(seed.task for seed in seeds) == {"passages_physics": 20, "passages_other": 10}
    assert all(
        seed.context.startswith("Passage") and not seed.question and not seed.answer
        for seed in seeds
    )
    assert all(seed.licence == "CC-BY-4.0" and seed.answer_kind == "text" for seed in seeds)
    assert len({seed.seed_id for seed in seeds}) == 30
    assert collected(collector_of(tmp_path, config(tmp_path / f"p{suffix}"), 0))[0] == seeds


def test_single_tasks_may_have_seeds_of_their_own_number(tmp_path: Path) -> None:
    path = write(tmp_path / "p.parquet", [row(n, "Physics", f"53{n % 5}") for n in range(20)])
    first = {one.seed_id for one in collected(collector_of(tmp_path, config(path, total=4), 0))[0]}
    held = config(path, total=4, per_task={"passages_physics": 9})
    more = {one.seed_id for one in collected(collector_of(tmp_path, held, 0))[0]}
    assert len(more) == 9
    assert first < more
    held = config(path, per_task={"passages_biology": 9})
    assert collected(collector_of(tmp_path, held, 0))[0] == []
    with pytest.raises(RecipeError, match="passages_art is no task of these passages; allowed: "):
        locate(config(path, per_task={"passages_art": 1}))


def test_only_wanted_labels_and_long_enough_texts_are_taken_and_all_rows_are_counted(
    tmp_path: Path,
) -> None:
    rows = [
        row(n, "Physics", "535", quality=["good"] if n % 2 else ["bad", "worse"]) for n in range(20)
    ]
    rows += [row(50, "Biology", "570"), {**row(51, "Biology", "571"), "text": "short"}]
    rows += [{**row(52, "Biology", "570"), "text": None}, row(50, "Biology", "570")]
    for one in rows[20:]:
        one["quality"] = ["good"]
    keep = {"quality": ["good"], "labels.level": "Graduate"}
    collector = collector_of(
        tmp_path, config(write(tmp_path / "p.parquet", rows), keep=keep, total=8), 1
    )
    seeds, rejections = collected(collector)
    assert len(seeds) == 8
    assert {one.reason for one in rejections} == {"malformed", "duplicate"}
    counts = collector.counts
    assert counts["passages_physics"].available == 20
    biology = counts["passages_biology"]
    assert (biology.available, biology.malformed, biology.duplicate, biology.sampled) == (
        4,
        1,
        1,
        1,
    )
    for count in counts.values():
        parts = (
            count.denied,
            count.leaked,
            count.malformed,
            count.duplicate,
            count.sampled,
            count.unsampled,
        )
        assert sum(parts) == count.available


def test_what_data_designer_wrote_is_passages(tmp_path: Path) -> None:
    rows = [
        {
            "domain": "Physics",
            "sample": f"Why {number}?\n\nBecause of it.\n\nSo {number}.",
            "quality": {"Depth": {"reasoning": "It says why.", "score": number % 3 + 1}},
        }
        for number in range(1100)
    ]
    folder = write_output(tmp_path / "artifacts", rows)
    kept = {"quality.Depth.score": [3]}
    held = config(
        folder, text="sample", domain="domain", subject="", language="", keep=kept, total=2000
    )
    collector = collector_of(tmp_path, held, 0)
    seeds, rejections = collected(collector)
    assert not rejections
    assert [seed.context for seed in seeds] == [row["sample"] for row in rows[2::3]]
    assert collector.counts["passages_physics"].unsampled == 1100 - len(seeds)


def test_no_subject_dominates(tmp_path: Path) -> None:
    rows = [row(n, "Physics", "535.1") for n in range(200)]
    rows += [row(1000 + n, "Physics", "536") for n in range(10)] + [
        row(2000 + n, "Physics", "537") for n in range(3)
    ]
    rows += [row(3000 + n, "Biology", "570") for n in range(40)]
    seeds, _ = collected(
        collector_of(tmp_path, config(write(tmp_path / "p.parquet", rows), total=46), 0)
    )
    kinds = Counter(
        str(seed.source.row // 200 if seed.source.row < 200 else seed.source.row) for seed in seeds
    )
    assert Counter(seed.domain for seed in seeds) == {"physics": 23, "biology": 23}
    physics = [seed.source.row for seed in seeds if seed.domain == "physics"]
    assert Counter(
        "535" if place < 200 else "536" if place < 210 else "537" for place in physics
    ) == {
        "535": 10,
        "536": 10,
        "537": 3,
    }
    assert kinds["0"] == 10


def test_another_seed_draws_other_passages(tmp_path: Path) -> None:
    path = write(tmp_path / "p.parquet", [row(n, "Physics", "535") for n in range(200)])
    first, second = (
        {s.seed_id for s in collected(collector_of(tmp_path, config(path, total=20), n))[0]}
        for n in (0, 1)
    )
    assert len(first) == len(second) == 20
    assert first != second


@given(
    st.text(alphabet="ab .!?\n", max_size=3000), st.integers(100, 500), st.integers(0, 2**64 - 1)
)
def test_a_chunk_is_a_piece_of_its_text_and_never_too_long(
    text: str, limit: int, draw: int
) -> None:
    piece = chunk_of(text, limit, draw)
    assert len(piece) <= limit
    assert piece in text
    assert piece == chunk_of(text, limit, draw)


def test_a_chunk_begins_and_ends_with_sentences() -> None:
    text = " ".join(f"Sentence number {n} says what it says." for n in range(200))
    pieces = {chunk_of(text, 400, draw) for draw in range(0, 5000, 7)}
    assert len(pieces) > 50
    assert all(piece.startswith("Sentence") and piece.endswith(".") for piece in pieces)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("535.27", ("535", "2", "7")),
        ("535.2", ("535", "2")),
        ("535", ("535",)),
        (535.2, ("535", "2")),
        (None, ()),
        ("none", ()),
        ("535.279", ("535", "2", "7")),
    ],
)
def test_subject_codes(code: Any, expected: tuple[str, ...]) -> None:
    assert subject_of("physics", code) == ("physics", *expected)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=8), st.integers(0, 200))
def test_turns_are_what_taking_one_by_one_gives(sizes: list[int], total: int) -> None:
    taken, left = [0] * len(sizes), min(total, sum(sizes))
    while left:
        for i, size in enumerate(sizes):
            if left and taken[i] < size:
                taken[i], left = taken[i] + 1, left - 1
    assert turns(sizes, total) == taken


@given(
    st.dictionaries(
        st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(tuple),
        st.integers(1, 30),
        min_size=1,
    ),
    st.integers(0, 300),
)
def test_quotas_use_what_there_is_and_grow_with_the_total(
    counts: dict[tuple[str, ...], int], total: int
) -> None:
    got, more = quotas(counts, total), quotas(counts, total + 1)
    assert sum(got.values()) == min(total, sum(counts.values()))
    assert all(0 <= got[path] <= counts[path] for path in counts)
    assert all(more[path] >= got[path] for path in counts)
    assert sum(more.values()) - sum(got.values()) <= 1


def test_what_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 no")
    (tmp_path / "torn.jsonl").write_text('{"text": "a"}\n{"text"\n')
    (tmp_path / "list.jsonl").write_text("[1]\n")
    for path, says in (
        (tmp_path / "empty", "is not a file or folder of .parquet or .jsonl"),
        (tmp_path / "torn.parquet", "cannot be read"),
        (tmp_path / "torn.jsonl", "torn.jsonl:2 is not JSON"),
        (tmp_path / "list.jsonl", "list.jsonl:1 is list"),
    ):
        with pytest.raises(MirrorError, match=says):
            list(collector_of(tmp_path, config(path), 0))


@pytest.mark.parametrize("name", ["corpus.parquet", "corpus.jsonl"])
@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"text": "body"}, "passages.text"),
        ({"text": "labels"}, "passages.text"),
        ({"domain": "labels.fild"}, "passages.domain"),
    ],
)
def test_a_key_that_names_no_column_is_named(
    tmp_path: Path, name: str, changes: dict[str, str], says: str
) -> None:
    path = write(tmp_path / name, [row(n, "Physics", "535") for n in range(3)])
    with pytest.raises(RecipeError) as caught:
        list(collector_of(tmp_path, config(path).model_copy(update=changes), 0))
    line = str(caught.value)
    assert line.startswith(says)
    assert f"{says}=COLUMN" in line
    assert "text, " in line
    assert not (tmp_path / "scratch").exists()


def test_a_filter_on_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "corpus.parquet", [row(n, "Physics", "535") for n in range(3)])
    with pytest.raises(RecipeError, match=r"passages\.keep: .* has no column 'level'; found: "):
        list(collector_of(tmp_path, config(path).model_copy(update={"keep": {"level": ("x",)}}), 0))


def test_task_names() -> None:
    assert task_of("Medicine & Health") == "passages_medicine_health"


DOMAINS = {
    "biology",
    "chemistry",
    "computer_science",
    "engineering",
    "mathematics",
    "medicine",
    "physics",
    "other",
}


def test_the_demos_passages_give_each_domain_two_and_the_filters_something_to_do(
    tmp_path: Path,
) -> None:
    recipe = compose_recipe(["recipe=rqa"])
    collector = collector_of(tmp_path, recipe.passages, 0)
    seeds, rejections = collected(collector)
    assert not rejections
    assert Counter(seed.task for seed in seeds) == {f"passages_{domain}": 2 for domain in DOMAINS}
    assert all(seed.language == "en" and 1000 < len(seed.context) <= 1500 for seed in seeds)
    rows = [json.loads(line) for line in DEMO_FILE.read_text(encoding="utf-8").splitlines()]
    assert rows_of(recipe.passages) == len(rows) == 20
    for column, kept in recipe.passages.keep.items():
        assert {one[column] in kept for one in rows} == {True, False}, (
            f"nothing for the filter on {column} to do"
        )
    assert len({subject_of("d", one["subject"]) for one in rows}) == len(rows)


def test_what_a_passage_task_does_not_say_its_family_does_which_is_in_no_catalogue(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "p.jsonl", [row(1, "Physics", "535")])
    for commercial, word in ((True, "yes"), (False, "no")):
        source = locate(config(path, commercial=commercial)).there[0]
        silent = replace(
            source,
            unit=source.unit.model_copy(
                update={"licence": "", "commercial": "", "answer_kind": ""}
            ),
        )
        assert silent.family.answer_kind_of(silent.unit) == "text"
        for one in (source, silent):
            shown = one.catalogue_row()
            assert (shown["licence"], shown["commercial"]) == ("CC-BY-4.0", word)


def test_a_plan_counts_what_it_can(tmp_path: Path) -> None:
    rows = [row(n, "Physics", "535") for n in range(5)]
    write(tmp_path / "a.jsonl", rows)
    write(tmp_path / "b.parquet", rows)
    assert rows_of(config(tmp_path)) == 10
    (tmp_path / "c.jsonl").write_bytes(b"\n" * (1 << 24) + b"{}\n")
    assert rows_of(config(tmp_path)) is None
    (tmp_path / "b.parquet").write_bytes(b"torn")
    with pytest.raises(MirrorError, match=r"b\.parquet cannot be read"):
        rows_of(config(tmp_path))


def test_essential_webs_columns_are_named_as_its_schema_has_them(tmp_path: Path) -> None:
    def labelled(code: str, level: str) -> dict[str, Any]:
        labels = {
            "education_level": level,
            "reasoning_depth": "Advanced Reasoning",
            "technical_correctness": "Highly Correct",
            "bloom_cognitive_process": "Analyze",
            "bloom_knowledge_domain": "Conceptual",
        }
        taxonomy: dict[str, Any] = {
            name: {"primary": {"label": label}} for name, label in labels.items()
        }
        taxonomy["free_decimal_correspondence"] = {"primary": {"code": code}}
        return {"text": f"On {code}. " * 200, "eai_taxonomy": taxonomy}

    levels = ["Graduate/Expert Level", "Undergraduate Level", "General Audience"]
    rows = [labelled(code, level) for code in ("535.2", "004.6", "616", "940") for level in levels]
    path = write(
        tmp_path / "web.parquet",
        [{**one, "text": f"{n} {one['text']}"} for n, one in enumerate(rows)],
    )
    recipe = compose_recipe(["recipe=rqa", "passages=essential_web", f"passages.path={path}"])
    seeds, _ = collected(collector_of(tmp_path, recipe.passages, 0))
    assert Counter(seed.domain for seed in seeds) == dict.fromkeys(
        ("physics", "computer science", "medicine", "other"), 2
    )


def test_the_most_digits_of_a_code_decide() -> None:
    domains = {"5": "science", "53": "physics", "Physics": "physics"}
    assert [
        domain_of(value, domains) for value in ("530", "590.1", "Physics", "Physicsx", "6", "")
    ] == [
        "physics",
        "science",
        "physics",
        "other",
        "other",
        "other",
    ]


def test_a_corpus_that_changes_between_its_two_readings(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    lines = DEMO_FILE.read_text().splitlines(keepends=True)
    path.write_text("".join(lines))
    request = compose_recipe(["recipe=rqa", f"passages.path={path}"]).passages
    collector = PassageCollector(request, seed=0, scratch=tmp_path / "scratch")
    spool = collector._spool

    def changed(drawn: frozenset[int]) -> dict[str, int]:
        aside = tmp_path / "aside"
        aside.write_text("".join(reversed(lines)))
        aside.replace(path)
        return spool(drawn)

    collector._spool = changed  # type: ignore[method-assign]
    with pytest.raises(MirrorError, match=r"corpus\.jsonl changed while the seeds were made"):
        list(collector)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_corpus_is_the_same_for_the_whole_run(tmp_path: Path, kind: str) -> None:
    first = write(tmp_path / "texts" / "a.jsonl", [row(n, "Physics", "530") for n in range(3)])
    path = first if kind == "file" else first.parent
    recipe = compose_recipe(["recipe=rqa", f"passages.path={path}"])

    def start() -> None:
        write_snapshot(
            tmp_path / "run" / "snapshot",
            recipe=recipe,
            overrides=[],
            prompt_texts={},
            prompt_hashes={},
            catalogue=[source.catalogue_row() for source in locate(config(path)).there],
            own_files={},
        )

    start()
    os.utime(first, (1, 1))
    start()  # the same texts, whenever they were put there
    if kind == "folder":
        more = write(first.with_name("b.jsonl"), [row(4, "Biology", "570")])
        with pytest.raises(RunConflictError, match=r"the data of .*/passages changed"):
            start()
        more.unlink()
        start()
    write(first, [row(n, "Physics", "530") for n in (0, 1, 5)])
    with pytest.raises(RunConflictError, match="put it back as it was, or choose another name"):
        start()
