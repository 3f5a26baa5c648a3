"""tsdg's own demo questions: complete, sound, and read like any other task."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.seeds.audit import audit
from tests.seeds.rows import collected, config
from tsdg.generate.instructions import unsaid
from tsdg.records import Seed
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.families.renderers import DEMO
from tsdg.verify.symbolic import broken_instruction

TASKS = [unit.tasks[0] for unit in load().units if load().family(unit.family).tier == "demo"]
KINDS = {
    "demo_science": "choice",
    "demo_commonsense": "choice",
    "demo_arithmetic": "number",
    "demo_facts": "short_text",
    "demo_reading": "short_text",
    "demo_python": "code",
    "demo_instructions": "text",
}


@pytest.fixture(scope="module")
def seeds() -> list[Seed]:
    found, rejections, counts = collected(config("", *TASKS))
    assert rejections == []
    assert {task: count.available for task, count in counts.items()} == Counter(
        seed.task for seed in found
    )
    return found


def test_there_are_enough_of_each(seeds: list[Seed]) -> None:
    assert sorted(TASKS) == sorted(KINDS)
    assert len(seeds) >= 72
    assert all(count >= 12 for count in Counter(seed.task for seed in seeds).values())
    assert {seed.task: seed.answer_kind for seed in seeds} == KINDS
    assert {seed.licence for seed in seeds} == {"Apache-2.0"}
    assert {seed.group for seed in seeds} == {"knowledge", "reasoning"}
    assert {unit.tasks[0]: unit.rows for unit in load().units if unit.tasks[0] in TASKS} == Counter(
        s.task for s in seeds
    )


def test_they_pass_the_audit(seeds: list[Seed]) -> None:
    assert audit(seeds) == ()


def test_right_options_stand_everywhere(seeds: list[Seed]) -> None:
    for task in ("demo_science", "demo_commonsense"):
        places = Counter(seed.answer_index for seed in seeds if seed.task == task)
        assert set(places) == {0, 1, 2, 3}
        assert max(places.values()) <= 4


def test_passages_are_contexts(seeds: list[Seed]) -> None:
    assert all(bool(seed.context) == (seed.task == "demo_reading") for seed in seeds)


def test_the_python_answers_pass_their_checks(seeds: list[Seed]) -> None:
    for seed in seeds:
        if seed.answer_kind == "code":
            assert len(seed.checks) >= 3
            subprocess.run(
                [sys.executable, "-c", "\n".join([seed.answer, *seed.checks])], check=True
            )


def test_the_answers_to_instructions_follow_them_and_the_tasks_say_them(seeds: list[Seed]) -> None:
    instructed = [seed for seed in seeds if seed.task == "demo_instructions"]
    assert load().family("demo_instructions").verifier == "ifeval"
    names = Counter(json.loads(check)["id"] for seed in instructed for check in seed.checks)
    assert len(names) >= 14
    for seed in instructed:
        assert unsaid(seed.checks, seed.question) == ""
        assert broken_instruction(seed.answer, seed.checks) == ""


def test_numbers_are_numbers(seeds: list[Seed]) -> None:
    assert all(seed.answer.isdigit() for seed in seeds if seed.answer_kind == "number")


def test_the_record_in_the_documentation_is_the_first_seed(seeds: list[Seed]) -> None:
    first = seeds[0]
    assert first.question == "Which part of a plant takes up water from the soil?"
    assert first.answer == "the roots"
    assert first.seed_id == "3166f5ec819914261c190b88"  # changes only where the row does


@pytest.mark.parametrize("task", TASKS)
def test_each_is_a_task_that_lm_eval_itself_can_build(task: str) -> None:
    from datasets import Dataset, DatasetDict, disable_progress_bars
    from lm_eval.api.task import ConfigurableTask

    disable_progress_bars()
    declared = yaml.safe_load((DEMO / f"{task}.yaml").read_text())
    rows = Dataset.from_json(
        str(DEMO / "data" / declared["dataset_path"] / declared["dataset_name"] / "train.jsonl")
    )

    class Own(ConfigurableTask):  # type: ignore[misc]
        def download(self, *args: object, **kwargs: object) -> None:
            self.dataset = DatasetDict(train=rows)

        @property
        def eval_docs(self) -> object:
            return self.dataset["train"]

    built = Own(config={**declared, "metric_list": []})
    for row in rows:
        assert row["question"] in built.doc_to_text(row)
        assert built.doc_to_target(row) not in ("", None)


def test_the_data_lies_in_the_layout_of_a_mirror() -> None:
    files = sorted(path.relative_to(DEMO / "data") for path in (DEMO / "data").rglob("*.jsonl"))
    assert files == sorted(
        Path("tsdg/demo") / name.removeprefix("demo_") / "train.jsonl" for name in TASKS
    )
