import os
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.seeds.rows import WriteSplit, arc_rows, collected, config
from tsdg.errors import CatalogueError, MirrorError, SeedsDeniedError
from tsdg.records import Seed
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.catalogue.model import Catalogue
from tsdg.seeds.draw.collect import SeedCollector
from tsdg.seeds.draw.expectation import check_request

ARC = ("allenai/ai2_arc", "ARC-Easy", "train")


@pytest.fixture
def mirror_folder(tmp_path: Path) -> Path:
    (tmp_path / "mirror").mkdir()
    return tmp_path / "mirror"


def test_every_row_is_accounted_for(mirror_folder: Path, write_split: WriteSplit) -> None:
    rows = arc_rows(8)
    rows[2]["answerKey"] = None
    rows[3] = rows[1] | {"id": "again"}
    rows[5]["question"] = (
        "Which is held out, and quite long enough to be told from any other question?"
    )
    write_split(*ARC, rows)
    write_split(
        "allenai/ai2_arc",
        "ARC-Easy",
        "test",
        [arc_rows(1, "sea")[0] | {"question": rows[5]["question"]}],
    )
    seeds, rejections, counts = collected(config(mirror_folder, "arc_easy", cap=3))
    assert counts["arc_easy"].available == 8
    assert (
        counts["arc_easy"].malformed,
        counts["arc_easy"].duplicate,
        counts["arc_easy"].leaked,
    ) == (1, 1, 1)
    assert (counts["arc_easy"].sampled, counts["arc_easy"].unsampled) == (3, 2)
    details = {rejection.reason: rejection.detail for rejection in rejections}
    assert "row 2" in details["malformed"]
    assert "answerKey" in details["malformed"]
    assert "ARC-Easy/test row 0" in details["leaked"]
    assert [seed.source.row for seed in seeds] == sorted(seed.source.row for seed in seeds)
    assert all(rejection.stage == "seeds" for rejection in rejections)


def test_judging_is_told_before_the_first_seed_comes(
    mirror_folder: Path, write_split: WriteSplit
) -> None:
    write_split(*ARC, arc_rows(40))
    told: list[tuple[int, int]] = []
    request = config(mirror_folder, "arc_easy", "demo_facts", cap=2)
    collector = SeedCollector(request, 5, on_judged=lambda done, total: told.append((done, total)))
    next(row for row in collector if isinstance(row, Seed))
    assert told[-1][0] == told[-1][1] > 40
    assert told == sorted(told)
    assert told[0] == (40, told[-1][1])


def test_tasks_come_in_the_order_asked_for(mirror_folder: Path, write_split: WriteSplit) -> None:
    write_split(*ARC, arc_rows(3))
    write_split("allenai/ai2_arc", "ARC-Challenge", "train", arc_rows(3, "brook"))
    seeds, _, counts = collected(
        config(mirror_folder, "arc_challenge", "demo_facts", "arc_easy", cap=2)
    )
    tasks = [seed.task for seed in seeds]
    assert tasks == ["arc_challenge"] * 2 + ["demo_facts"] * 2 + ["arc_easy"] * 2
    assert list(counts) == ["arc_challenge", "demo_facts", "arc_easy"]


def test_a_sample_is_the_same_whatever_the_order_of_the_file(
    mirror_folder: Path, write_split: WriteSplit
) -> None:
    rows = arc_rows(2500)
    write_split(*ARC, rows)
    request = config(mirror_folder, "arc_easy", cap=300)
    first = {seed.seed_id for seed in collected(request)[0]}
    assert len(first) == 300
    assert first == {seed.seed_id for seed in collected(request)[0]}
    assert first != {seed.seed_id for seed in collected(request, seed=1)[0]}
    random.Random(3).shuffle(rows)
    write_split(*ARC, rows)
    assert first == {seed.seed_id for seed in collected(request)[0]}


def test_a_larger_cap_keeps_what_a_smaller_one_drew(
    mirror_folder: Path, write_split: WriteSplit
) -> None:
    write_split(*ARC, arc_rows(200))
    small = {seed.seed_id for seed in collected(config(mirror_folder, "arc_easy", cap=20))[0]}
    large = {seed.seed_id for seed in collected(config(mirror_folder, "arc_easy", cap=60))[0]}
    assert small < large


def test_the_sample_is_uniform(mirror_folder: Path, write_split: WriteSplit) -> None:
    write_split(*ARC, arc_rows(40))
    drawn = [0] * 40
    for seed in range(150):
        for item in collected(config(mirror_folder, "arc_easy", cap=10), seed)[0]:
            drawn[item.source.row] += 1
    assert sum(drawn) == 1500
    # Each row is drawn 37.5 times on average, with a standard deviation of 5.3.
    assert min(drawn) > 15
    assert max(drawn) < 60


FLAWS: list[dict[str, Any]] = [
    {},
    {},
    {"answerKey": None},
    {"answerKey": "Q"},
    {"question": ""},
    {"choices": None},
    {"question": "the same question"},
    {"choices": {"text": ["a", "a"], "label": ["A", "B"]}},
    {"question": "leak " * 20},
]


@settings(
    max_examples=settings.default.max_examples // 4,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    flaws=st.lists(st.integers(min_value=0, max_value=len(FLAWS) - 1), min_size=1, max_size=40),
    cap=st.integers(min_value=1, max_value=45),
)
def test_counts_add_up_for_any_mixture_of_rows(
    mirror_folder: Path, write_split: WriteSplit, flaws: list[int], cap: int
) -> None:
    rows = [row | FLAWS[flaw] for row, flaw in zip(arc_rows(len(flaws)), flaws, strict=True)]
    write_split(*ARC, rows)
    write_split(
        "allenai/ai2_arc", "ARC-Easy", "test", [arc_rows(1, "sea")[0] | {"question": "leak " * 20}]
    )
    seeds, _, counts = collected(config(mirror_folder, "arc_easy", cap=cap))
    assert counts["arc_easy"].available == len(rows)
    assert len(seeds) == min(cap, len(seeds) + counts["arc_easy"].unsampled)


def test_denied_rows_of_an_allowed_unit_are_counted(
    mirror_folder: Path, write_split: WriteSplit
) -> None:
    row = {
        "text": "",
        "code": "def f(): pass",
        "test_list": ["assert f()"],
        "test_setup_code": "",
        "challenge_test_list": [],
    }
    rows = [
        row | {"task_id": number, "text": f"Write function number {number}."}
        for number in (700, 809, 810, 900)
    ]
    write_split("google-research-datasets/mbpp", "full", "train", rows)
    seeds, rejections, counts = collected(config(mirror_folder, "mbpp"))
    assert [seed.source.row for seed in seeds] == [2, 3]
    assert counts["mbpp"].denied == 2
    assert "task_id 700" in rejections[0].detail


def test_a_smaller_size_of_the_training_set_stands_in(
    mirror_folder: Path, write_split: WriteSplit
) -> None:
    rows = [
        {
            "sentence": f"Mug {n} hit tap {n} and _ broke.",
            "option1": "mug",
            "option2": "tap",
            "answer": "1",
        }
        for n in range(3)
    ]
    write_split("allenai/winogrande", "winogrande_l", "train", rows)
    seeds, _, _ = collected(config(mirror_folder, "winogrande"))
    assert {seed.source.config for seed in seeds} == {"winogrande_l"}
    write_split("allenai/winogrande", "winogrande_xl", "train", rows)
    seeds, _, _ = collected(config(mirror_folder, "winogrande"))
    assert {seed.source.config for seed in seeds} == {"winogrande_xl"}


def test_denied_tasks_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    for act in (check_request, lambda request: SeedCollector(request, 0)):
        with pytest.raises(SeedsDeniedError, match="truthfulqa_mc1"):
            act(config(tmp_path / "nowhere", "arc_easy", "truthfulqa_mc1"))


@pytest.mark.parametrize("task", ["arc_easy", "demo_facts"])
def test_a_mirror_that_does_not_exist(tmp_path: Path, task: str) -> None:
    with pytest.raises(MirrorError, match="no folder"):
        check_request(config(tmp_path / "nowhere", task))


def test_no_mirror_at_all() -> None:
    with pytest.raises(
        MirrorError, match="arc_easy needs the split allenai/ai2_arc/ARC-Easy/train"
    ):
        check_request(config("", "arc_easy"))


def test_missing_splits_are_all_named(mirror_folder: Path, write_split: WriteSplit) -> None:
    write_split(*ARC, arc_rows(2))
    with pytest.raises(MirrorError) as caught:
        check_request(config(mirror_folder, "arc_easy", "gsm8k", "openbookqa"))
    message = str(caught.value)
    assert "2 of 3 splits are missing" in message
    assert "openai/gsm8k/main/train" in message
    assert "allenai/openbookqa/main/train" in message
    assert "tsdg seeds prefetch" in message
    assert "\n" not in message


def test_missing_splits_can_be_skipped_and_are_counted(
    mirror_folder: Path, write_split: WriteSplit
) -> None:
    write_split(*ARC, arc_rows(2))
    request = config(mirror_folder, "gsm8k", "arc_easy", missing="skip")
    check_request(request)
    collector = SeedCollector(request, 0)
    assert len(list(collector)) == 2
    assert collector.skipped == {"gsm8k": "openai/gsm8k/main/train"}
    assert collector.counts["gsm8k"].available == 0
    with pytest.raises(MirrorError, match="1 of 1 splits"):
        check_request(config(mirror_folder, "gsm8k", missing="skip"))


def test_a_missing_column_of_an_adapter_is_found_before_anything_starts(
    mirror_folder: Path, write_split: WriteSplit
) -> None:
    write_split("openai/gsm8k", "main", "train", [{"question": "How many?", "solution": "4"}])
    with pytest.raises(MirrorError, match="no column 'answer', found question, solution"):
        check_request(config(mirror_folder, "gsm8k"))


def test_a_missing_column_of_a_template_is_named(
    mirror_folder: Path, write_split: WriteSplit
) -> None:
    write_split(
        *ARC, [{"question": "Which?", "choices": {"text": ["a", "b"], "label": ["A", "B"]}}]
    )
    with pytest.raises(MirrorError, match="no column 'answerKey'"):
        list(SeedCollector(config(mirror_folder, "arc_easy"), 0))


def test_a_torn_split_is_found_before_anything_starts(
    mirror_folder: Path, write_split: WriteSplit
) -> None:
    path = write_split(*ARC, arc_rows(50))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(MirrorError, match="not a readable Parquet file"):
        check_request(config(mirror_folder, "arc_easy"))


def test_damage_inside_a_split_is_no_crash(mirror_folder: Path, write_split: WriteSplit) -> None:
    path = write_split(*ARC, arc_rows(5000))
    data = bytearray(path.read_bytes())
    data[200:9000] = os.urandom(8800)
    path.write_bytes(data)
    with pytest.raises(MirrorError, match="not a readable Parquet file"):
        list(SeedCollector(config(mirror_folder, "arc_easy"), 0))


def test_a_row_of_another_shape_is_malformed_and_no_crash(
    mirror_folder: Path, write_split: WriteSplit
) -> None:
    write_split(
        "stanfordnlp/web_questions",
        "",
        "train",
        [{"question": "who?", "answers": "not a list", "url": ""}],
    )
    _, rejections, counts = collected(config(mirror_folder, "webqs"))
    assert counts["webqs"].malformed == 1
    assert "answers" in rejections[0].detail


def test_a_family_without_its_adapter_is_one_clear_line(
    mirror_folder: Path, write_split: WriteSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    families = tuple(
        family.model_copy(update={"adapter": "nowhere"}) if family.family == "gsm8k" else family
        for family in load().families
    )
    without = Catalogue(families=families, units=load().units)
    monkeypatch.setattr("tsdg.seeds.draw.selection.load", lambda: without)
    write_split("openai/gsm8k", "main", "train", [{"question": "How many?", "answer": "#### 4"}])
    with pytest.raises(CatalogueError, match="adapter: found 'nowhere'"):
        check_request(config(mirror_folder, "gsm8k"))


def test_the_check_needs_no_lm_eval() -> None:
    """It comes before anything else, and importing lm-eval takes a second or more."""
    import subprocess
    import sys

    code = """
import sys
from tsdg.seeds.draw.expectation import check_request
from tsdg.seeds.draw.selection import by_name
check_request(by_name("", ("demo_facts", "demo_science"), 3))
assert not {"lm_eval", "datasets", "torch", "jinja2"} & set(sys.modules), sorted(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
