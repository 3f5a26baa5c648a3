from collections import defaultdict
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from tests.seeds import independent_leaks
from tests.seeds.rows import WriteSplit, arc_rows, collected, config
from tsdg.errors import MirrorError, RecipeError, StorageError
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.draw.collect import SeedCollector
from tsdg.seeds.heldout import build as leaks
from tsdg.seeds.heldout.build import build_index, generic_items, held_out_splits
from tsdg.seeds.rows.item import Item
from tsdg.seeds.rows.keys import keys

ARC = ("allenai/ai2_arc", "ARC-Easy")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TSDG_CACHE", str(tmp_path / "cache"))
    return tmp_path / "mirror"


def leaked(folder: Path, task: str = "arc_easy") -> list[str]:
    return [r.detail for r in collected(config(folder, task))[1] if r.reason == "leaked"]


def test_what_is_held_out(folder: Path, write_split: WriteSplit) -> None:
    for split in ("train", "validation", "test"):
        write_split(*ARC, split, arc_rows(1, split))
    write_split("eladsegal/strategyqa", "", "train", arc_rows(1))
    write_split("truthfulqa/truthful_qa", "generation", "validation", arc_rows(1))
    assert [split.name for split in held_out_splits(folder, load())] == [
        "allenai/ai2_arc/ARC-Easy/test",
        "allenai/ai2_arc/ARC-Easy/validation",
        "eladsegal/strategyqa/default/train",
        "truthfulqa/truthful_qa/generation/validation",
    ]
    collector = SeedCollector(config(folder, "arc_easy"), 0)
    list(collector)
    assert collector.held_out_rows == 4


def test_without_a_mirror_nothing_is_held_out_and_the_counts_say_so() -> None:
    collector = SeedCollector(config("", "demo_facts"), 0)
    list(collector)
    assert collector.held_out_rows == 0


def test_the_form_of_the_text_does_not_hide_a_leak(folder: Path, write_split: WriteSplit) -> None:
    write_split(*ARC, "train", arc_rows(3))
    test = arc_rows(2)[1]
    test["question"] = (
        "  WHERE does the long, and winding river number 1 come out of the mountains "
    )
    test["choices"]["text"] = ["quite", "other", "options"]
    test["answerKey"] = ""
    write_split(*ARC, "test", [arc_rows(1, "sea")[0], test])
    assert leaked(folder) == ["row 1: also in allenai/ai2_arc/ARC-Easy/test row 1"]


SHORT = "Which is a solid?"


def stem(options: list[str]) -> list[dict[str, Any]]:
    return [
        {
            "id": "x",
            "question": SHORT,
            "choices": {"text": options, "label": ["A", "B"]},
            "answerKey": "A",
        }
    ]


def test_a_short_stem_leaks_within_its_data_set(folder: Path, write_split: WriteSplit) -> None:
    write_split(*ARC, "train", stem(["ice", "steam"]))
    write_split("allenai/ai2_arc", "ARC-Challenge", "test", stem(["iron", "air"]))
    assert len(leaked(folder)) == 1


def test_a_short_stem_of_another_data_set_leaks_only_with_its_options(
    folder: Path, write_split: WriteSplit
) -> None:
    write_split(*ARC, "train", stem(["ice", "steam"]))
    path = write_split(
        "cais/mmlu", "all", "test", [{"question": SHORT, "choices": ["iron", "air"], "answer": 0}]
    )
    assert leaked(folder) == []
    path.unlink()
    write_split(
        "cais/mmlu", "all", "test", [{"question": SHORT, "choices": ["Steam", "ice"], "answer": 1}]
    )
    assert len(leaked(folder)) == 1


@pytest.mark.parametrize(
    "row",
    [
        {"question": "{}", "choices": ["a", "b"], "answer": 0},
        {"some_column": "{}", "other": 3},
        {
            "query": "Q: {} Answer Choices: (A)1 (B)2\nA: Among A through B, the answer is",
            "choices": ["(A)1", "(B)2"],
        },
        {"sent1": "{}", "sent2": "", "ending0": "a", "label": 0},
        {"prompt": "{}", "task_id": 3},
    ],
)
def test_data_sets_that_nobody_knows_are_read_by_their_columns(
    folder: Path, write_split: WriteSplit, row: dict[str, Any]
) -> None:
    rows = arc_rows(3)
    write_split(*ARC, "train", rows)
    filled = {k: v.format(rows[2]["question"]) if isinstance(v, str) else v for k, v in row.items()}
    write_split("someone/unknown", "", "test", [filled])
    assert leaked(folder) == ["row 2: also in someone/unknown/default/test row 0"]


def test_chinese_is_compared_by_its_characters(folder: Path, write_split: WriteSplit) -> None:
    def story(third: str) -> dict[str, Any]:
        sentences = {
            f"input_sentence_{n}": text
            for n, text in enumerate(("小明去河边钓鱼。", "天气很好。", third, "他很累。"), 1)
        }
        return sentences | {
            "story_id": "0",
            "sentence_quiz1": "他回家了。",
            "sentence_quiz2": "他飞走了。",
            "answer_right_ending": 1,
        }

    write_split(
        "juletxara/xstory_cloze",
        "zh",
        "train",
        [story("他钓到三条鱼。"), story("他什么也没钓到。")],
    )
    write_split(
        "juletxara/xstory_cloze",
        "zh",
        "eval",
        [story("他钓到了一只鞋。"), story("他什么也没钓到 !")],
    )
    assert leaked(folder, "xstorycloze_zh") == [
        "row 1: also in juletxara/xstory_cloze/zh/eval row 1"
    ]


def test_a_passage_with_another_question_is_no_leak(folder: Path, write_split: WriteSplit) -> None:
    def row(question: str) -> dict[str, Any]:
        return {
            "passage": "A long passage about whales and their songs in the deep sea.",
            "question": question,
            "label": 1,
            "idx": 0,
        }

    write_split("aps/super_glue", "boolq", "train", [row("do whales sing"), row("is the sea deep")])
    write_split(
        "aps/super_glue", "boolq", "validation", [row("is the sea deep"), row("is it cold")]
    )
    assert leaked(folder, "boolq") == ["row 1: also in aps/super_glue/boolq/validation row 0"]


def test_items_told_by_their_options_only(folder: Path, write_split: WriteSplit) -> None:
    rows = [
        {"activity": f"I found coin {n}.", "baseline": f"I lost coin {n}.", "rating": ""}
        for n in range(4)
    ]
    write_split("EleutherAI/hendrycks_ethics", "utilitarianism", "train", rows[:3])
    write_split("EleutherAI/hendrycks_ethics", "utilitarianism", "test", rows[2:])
    assert len(leaked(folder, "ethics_utilitarianism")) == 1


def test_an_unreadable_held_out_split_stops_the_run(folder: Path, write_split: WriteSplit) -> None:
    """Going on without it would hide its leaks."""
    write_split(*ARC, "train", arc_rows(2))
    write_split(*ARC, "test", arc_rows(2)).write_bytes(b"rubbish")
    with pytest.raises(MirrorError, match=r"ARC-Easy/test\.parquet"):
        list(SeedCollector(config(folder, "arc_easy"), 0))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The held-out splits that were read, not taken from the cache."""
    names: list[str] = []
    entries = leaks._Entries

    def counted(held: Any, *rest: Any) -> Any:
        names.append(held.name)
        return entries(held, *rest)

    monkeypatch.setattr(leaks, "_Entries", counted)
    return names


def test_the_cache_follows_the_files(
    folder: Path, write_split: WriteSplit, read: list[str]
) -> None:
    write_split(*ARC, "train", arc_rows(3))
    write_split(*ARC, "test", arc_rows(1, "sea"))
    write_split(*ARC, "validation", arc_rows(1, "lake"))
    assert leaked(folder) == []
    assert len(read) == 2
    assert leaked(folder) == []
    assert len(read) == 2
    write_split(*ARC, "test", arc_rows(1))
    assert len(leaked(folder)) == 1
    assert read[2:] == ["allenai/ai2_arc/ARC-Easy/test"]


def test_the_cache_follows_lm_eval(
    folder: Path, write_split: WriteSplit, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = metadata.version
    held: dict[str, str] = {}

    def version(package: str) -> str:
        if package in held:
            return held[package]
        raise metadata.PackageNotFoundError(package)

    write_split(*ARC, "test", arc_rows(1))
    monkeypatch.setattr(leaks, "_code", leaks._code.__wrapped__)  # a process sees one version only
    for versions, reads in (
        ({"lm-eval": installed("lm-eval")}, 1),
        ({"lm-eval": "999.0"}, 2),
        ({"lm-eval": "999.0"}, 2),
        ({}, 3),
    ):
        held = versions
        monkeypatch.setattr(metadata, "version", version)
        assert build_index(folder, load(), ngram=8, overlap=0.8).rows == 1
        assert len(read) == reads


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1], lambda data: data[:40] + b"x" + data[41:], lambda data: b""]
)
def test_a_damaged_cache_is_made_again(
    tmp_path: Path, folder: Path, write_split: WriteSplit, damage: Callable[[bytes], bytes]
) -> None:
    write_split(*ARC, "train", arc_rows(3))
    write_split(*ARC, "test", arc_rows(2))
    assert len(leaked(folder)) == 2
    for file in (tmp_path / "cache" / "leaks").iterdir():
        file.write_bytes(damage(file.read_bytes()))
    assert len(leaked(folder)) == 2


def test_a_cache_that_cannot_be_written_is_one_clear_line(
    tmp_path: Path, write_split: WriteSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TSDG_CACHE", str(tmp_path / "file"))
    write_split(*ARC, "train", arc_rows(3))
    with pytest.raises(StorageError, match="TSDG_CACHE"):
        list(SeedCollector(config(tmp_path / "mirror", "arc_easy"), 0))


def test_hashes_only_are_kept(folder: Path, write_split: WriteSplit) -> None:
    write_split(*ARC, "test", arc_rows(500))
    index = build_index(folder, load(), ngram=8, overlap=0.8)
    held = keys(
        [Item(question=arc_rows(500)[7]["question"], options=("place 7", "town 7", "lake 7"))]
    )
    (match,) = index.find(held, "another/data_set")
    assert match is not None
    assert (match.split, match.row) == ("allenai/ai2_arc/ARC-Easy/test", 7)


def test_generic_items_skip_what_is_no_question() -> None:
    row = {
        "question": "",
        "context": "c" * 80,
        "solution": "s" * 80,
        "note": "A remark of more than forty letters, which may be one.",
    }
    assert [item.question for item in generic_items(row)] == [row["note"]]


def test_a_benchmark_file_is_held_out_as_well(
    folder: Path, write_split: WriteSplit, tmp_path: Path
) -> None:
    write_split(*ARC, "test", arc_rows(2))
    held = tmp_path / "held.parquet"
    rows = [{"some_column": row["question"]} for row in arc_rows(3, "brook")]
    write_split("somewhere", "else", "rows", rows).rename(held)
    lines = tmp_path / "ours.jsonl"
    asked = "How many bridges cross the brook between the mill and the sea?"
    lines.write_text(f'{{"id": 7, "asks": "{asked}"}}\n\n{{"other": [1], "asks": "Too short"}}\n')
    index = build_index(folder, load(), ngram=8, overlap=0.8, files=[str(held), str(lines)])
    assert index.splits[-2:] == (str(held), str(lines))
    matches = index.compare(
        [Item(question=arc_rows(3, "brook")[2]["question"]), Item(question=asked)]
    )
    assert [str(match) for match in matches] == [f"also in {held} row 2", f"also in {lines} row 0"]
    assert index.rows == 2 + 3 + 2


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.jsonl", None, "there is no file"),
        ("rows.csv", "a,b", r"allowed: files \*\.parquet and \*\.jsonl"),
        ("rows.jsonl", '{"a": 1}\n[2]\n', "line 2 of .* is not a JSON object"),
        ("rows.jsonl", '{"a": ', "line 1 of .* is not a JSON object"),
        ("rows.jsonl", "", "holds no item to compare with, in 0 rows"),
        ("rows.jsonl", '{"a": 1}\n', "holds no item to compare with, in 1 rows"),
        ("rows.parquet", "", "holds no item to compare with, in 0 rows"),
        ("rows.parquet", "rubbish", "cannot be read as a table"),
    ],
)
def test_a_benchmark_file_that_cannot_be_read_is_one_clear_line(
    tmp_path: Path, name: str, content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(RecipeError, match=message):
        build_index(None, load(), ngram=8, overlap=0.8, files=[str(tmp_path / name)])


def test_held_out_rows_in_another_form_are_read_by_their_texts(
    folder: Path, write_split: WriteSplit
) -> None:
    """Columns of other types than the adapter expects must not stop the run, nor hide what the row
    says."""
    rows = arc_rows(2)
    write_split(*ARC, "train", rows)
    write_split(
        *ARC,
        "test",
        [{"id": 1, "question": rows[1]["question"], "choices": "A, B or C", "answerKey": 3}],
    )
    assert leaked(folder) == ["row 1: also in allenai/ai2_arc/ARC-Easy/test row 0"]


Leaks = dict[str, dict[int, list[str]]]
NEAR = {
    "openbookqa": 1,
    "arc_easy": 3,
    "arc_challenge": 0,
    "mutual": 90,
    "mbpp": 6,
    "hendrycks_math_algebra": 8,
    "hendrycks_math_counting_and_prob": 2,
    "hendrycks_math_geometry": 2,
    "hendrycks_math_intermediate_algebra": 1,
    "hendrycks_math_num_theory": 3,
    "hendrycks_math_prealgebra": 1,
    "hendrycks_math_precalc": 9,
}
"""Rows of the real mirror that leak by their runs only; ``docs/decontamination.md`` says what they
are."""
WITHOUT_OPTIONS = {"hendrycks_math_num_theory": {651}}
"""Rows that leak once the options in their question are cut, which the independent count keeps."""


@pytest.mark.mirror
@pytest.mark.usefixtures("mirror_index")  # in the cache then, whichever process made it
def test_the_leaks_of_the_real_mirror_are_those_of_an_independent_count(
    mirror: Path, independent: Leaks
) -> None:
    assert {task: len(rows) for task, rows in independent.items() if rows} == {
        "openbookqa": 45,
        "arc_easy": 11,
        "arc_challenge": 8,
        "mutual": 59,
        "mbpp": 3,
        "hendrycks_math_algebra": 41,
        "hendrycks_math_counting_and_prob": 20,
        "hendrycks_math_geometry": 1,
        "hendrycks_math_intermediate_algebra": 1,
        "hendrycks_math_num_theory": 9,
        "hendrycks_math_prealgebra": 4,
    }
    same: dict[str, set[int]] = {task: set() for task in independent}
    near = dict.fromkeys(independent, 0)
    without: dict[str, set[int]] = defaultdict(set)
    for rejection in collected(config(mirror, *independent))[1]:
        if rejection.reason == "leaked":
            number, _, how = rejection.detail.removeprefix("row ").partition(": ")
            if int(number) in WITHOUT_OPTIONS.get(rejection.task, ()):
                assert how.startswith("also in ")
                without[rejection.task].add(int(number))
            elif how.startswith("also in "):
                assert any(
                    f"{m.replace('.parquet', '')}" == how.removeprefix("also in ")
                    for m in independent[rejection.task][int(number)]
                )
                same[rejection.task].add(int(number))
            else:
                near[rejection.task] += 1
    assert same == {task: set(rows) for task, rows in independent.items()}
    assert near == NEAR
    assert without == WITHOUT_OPTIONS


@pytest.fixture(scope="module")
def independent(mirror: Path) -> Leaks:
    return independent_leaks.leaks(mirror)


def held_rows(leaks: dict[int, list[str]], split: str) -> int:
    """How many rows of one held-out split the leaking rows stand in."""
    return len(
        {
            place
            for places in leaks.values()
            for place in places
            if place.startswith(f"{split}.parquet ")
        }
    )


@pytest.mark.mirror
def test_the_known_leaks_come_out(independent: Leaks) -> None:
    found = independent
    assert held_rows(found["openbookqa"], "allenai/openbookqa/main/test") == 23
    assert (
        held_rows(found["arc_challenge"], "allenai/ai2_arc/ARC-Challenge/test") == 7
    )  # of 6 questions
    assert held_rows(found["mbpp"], "google-research-datasets/mbpp/full/test") == 3
    assert (
        sum(held_rows(rows, "cais/mmlu/all/test") for task, rows in found.items() if "math" in task)
        >= 60
    )
