from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.package.make_run import FUSED, NO_PHASE, Made, dies, make_run, words
from tests.package.test_render import question_of, solution_of
from tsdg.corpus.decontamination import Nothing
from tsdg.errors import MachineError, StorageError, VerificationError
from tsdg.package.dataset import GROUP_ROWS, Packer, Packing, record_id_of, write_dataset
from tsdg.package.fsck import verify_run
from tsdg.package.pairs import Pair, accepted_chunks, accepted_pairs, chunks_of
from tsdg.package.render import Wording
from tsdg.protocols import Match, Posed
from tsdg.records import RECORD_SCHEMA, VARIANTS, AnswerKind, Record, Rejection
from tsdg.tables import read_rows


def pairs_of(tasks: dict[str, int], group: str = "knowledge") -> list[Pair]:
    return [
        (
            question_of(
                question_id=f"{task}-{index}", task=task, group=group, question=f"Question {index}?"
            ),
            solution_of(question_id=f"{task}-{index}"),
        )
        for task, count in tasks.items()
        for index in range(count)
    ]


def state(run: Path) -> dict[str, str]:
    return {
        path.relative_to(run).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(run.rglob("*"))
        if path.is_file()
    }


def write(run: Path, pairs: list[Pair], **changes: object) -> None:
    wording = Wording(style="labelled", knowledge="after", think=False)
    packed = {"variants": VARIANTS, "rows_per_file": 1000, "wording": wording, "seed": 7}
    options = {"tokens_of": words, "held_out": Nothing(), **changes}
    packed |= {name: options.pop(name) for name in packed.keys() & options.keys()}
    processes = options.pop("processes", 1)
    packer = Packer(packing=Packing(**packed), **options)  # type: ignore[arg-type]
    write_dataset(chunks=chunks_of(pairs), run=run, packer=packer, processes=processes)  # type: ignore[arg-type]


class Marked:
    """Holds out what says so, and keeps what it was asked."""

    splits = ("a/set/default/test", "b.jsonl")
    rows = 7

    def __init__(self) -> None:
        self.asked: list[int] = []

    def compare(self, items: Sequence[Posed]) -> list[Match | None]:
        self.asked.append(len(items))
        return [self._match(f"{item.question} {item.context}") for item in items]

    def _match(self, text: str) -> Match | None:
        if "held out" not in text:
            return None
        return Match(split="b.jsonl", row=5, exact=False, how="has 8 of the 9 runs of 8 words of")


@pytest.mark.parametrize(
    ("field", "kind"),
    [("reasoning", "number"), ("knowledge", "number"), ("answer", "text"), ("answer", "code")],
)
def test_what_stands_beside_a_question_is_compared_with_the_held_out_items(
    tmp_path: Path, field: str, kind: AnswerKind
) -> None:
    pairs = pairs_of({"a": 600, "b": 2})
    question = replace(pairs[5][0], answer_kind=kind, options=())
    pairs[5] = (question, replace(pairs[5][1], **{field: "As it is held out elsewhere."}))
    held_out = Marked()
    write(tmp_path, pairs, held_out=held_out)
    assert {"a-5"} == {pair[0].question_id for pair in pairs[:600]} - {
        r.question_id for r in records_of(tmp_path, "a")
    }
    (rejection,) = read_rows(tmp_path / "filter/rejected.parquet", Rejection)
    assert (rejection.row_id, rejection.stage, rejection.reason) == (
        "a-5",
        "filter",
        "contaminated",
    )
    assert rejection.detail == "has 8 of the 9 runs of 8 words of b.jsonl row 5"
    assert json.loads((tmp_path / "filter/contamination.json").read_text()) == {
        "schema_version": 1,
        "held_out": {"splits": 2, "rows": 7},
        "tasks": {
            "a": {
                "questions": 600,
                "contaminated": 1,
                "benchmarks": {"b.jsonl": {"same": 0, "near": 1}},
            },
            "b": {"questions": 2, "contaminated": 0, "benchmarks": {}},
        },
    }
    assert sum(held_out.asked) == 602
    assert len(held_out.asked) <= 5  # many at once


def records_of(run: Path, task: str, group: str = "knowledge") -> list[Record]:
    files = sorted((run / "dataset" / group / task).iterdir())
    return [record for file in files for record in read_rows(file, Record)]


def test_records_hold_what_their_variant_shows(tmp_path: Path) -> None:
    write(tmp_path, pairs_of({"task": 3}))
    records = records_of(tmp_path, "task")
    assert len(records) == 9
    for record in records:
        assert record.record_id == record_id_of(record.question_id, record.variant)
        assert record.tokens == len(record.text.split())
        assert bool(record.reasoning) == (record.variant != "answer")
        assert bool(record.knowledge) == bool(record.distractors) == (record.variant == "enriched")
        assert record.answer == "the roots"


def test_files_are_cut_and_stream(tmp_path: Path) -> None:
    write(tmp_path, pairs_of({"task": 30}), rows_per_file=40)
    files = sorted((tmp_path / "dataset/knowledge/task").iterdir())
    assert [file.name for file in files] == [
        "part-00000.parquet",
        "part-00001.parquet",
        "part-00002.parquet",
    ]
    assert [pq.read_metadata(file).num_rows for file in files] == [40, 40, 10]
    for file in files:
        assert pq.read_schema(file).equals(RECORD_SCHEMA)
        column = pq.read_metadata(file).row_group(0).column(0)
        assert column.compression == "ZSTD"
    write(tmp_path, pairs_of({"task": GROUP_ROWS}), rows_per_file=10**6)
    (file,) = (tmp_path / "dataset/knowledge/task").iterdir()
    metadata = pq.read_metadata(file)
    assert (
        max(metadata.row_group(index).num_rows for index in range(metadata.num_row_groups))
        == GROUP_ROWS
    )


def test_order_is_shuffled_and_fixed(tmp_path: Path) -> None:
    pairs = pairs_of({"task": 50})
    orders = []
    for name, given, seed in (("a", pairs, 7), ("b", pairs[::-1], 7), ("c", pairs, 8)):
        (tmp_path / name).mkdir()
        write(tmp_path / name, given, seed=seed)
        orders.append([record.record_id for record in records_of(tmp_path / name, "task")])
    one, same, other = orders
    assert one == same != other
    assert sorted(one) == sorted(other) != one


def test_rejections_have_a_reason(tmp_path: Path) -> None:
    bad = question_of(question_id="bad"), solution_of(question_id="bad", answer="B")
    bare = question_of(question_id="bare"), solution_of(question_id="bare", knowledge="")
    write(tmp_path, [*pairs_of({"task": 2}), bad, bare], variants=("enriched",))
    rejections = {
        row.row_id: row for row in read_rows(tmp_path / "filter/rejected.parquet", Rejection)
    }
    assert {row_id: row.detail for row_id, row in rejections.items()} == {
        "bad": "the answer is only a letter: 'B'",
        "bare": "its solution has nothing for enriched",
    }
    assert {row.reason for row in rejections.values()} == {"bad_record"}
    assert len(records_of(tmp_path, "task")) == 2


def test_tasks_must_stand_together(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the pairs of task a do not stand together"):
        write(tmp_path, [*pairs_of({"a": 1, "b": 1}), *pairs_of({"a": 1})])


def test_a_second_run_replaces_the_first(tmp_path: Path) -> None:
    made = make_run(tmp_path, seed=5)
    made.package()
    before = state(tmp_path)
    (tmp_path / "dataset/knowledge/stale").mkdir()
    (tmp_path / "dataset/knowledge/stale/part-00000.parquet").write_bytes(b"old")
    made.package()
    assert state(tmp_path) == before


class Killed(BaseException):
    """Stands for the end of the process: once raised, nothing changes the directory."""


def test_a_kill_anywhere_is_completed_by_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ends packaging of a finished run before each of its changes to the directory, in turn, and
    packages again."""
    run = tmp_path / "run"
    made = make_run(run, seed=5, phases=FUSED)
    made.package()
    finished = state(run)
    for turn in range(1000):
        left = turn

        def dying(real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **options: Any) -> Any:
                nonlocal left
                left -= 1
                if left < 0:
                    raise Killed
                return real(*arguments, **options)

            return call

        with monkeypatch.context() as patch:
            for name in ("rename", "replace", "unlink", "mkdir"):
                patch.setattr(Path, name, dying(getattr(Path, name)))
            patch.setattr(shutil, "rmtree", dying(shutil.rmtree))
            try:
                made.package()
                killed = False
            except Killed:
                killed = True
        if (run / "manifest.json").exists():
            assert verify_run(run) == []
        made.package()
        assert state(run) == finished
        if not killed:
            break
    assert turn > 10


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "filter").write_text("a file where a folder has to be")
    with pytest.raises(StorageError, match=r"^cannot write .*filter/rejected\.parquet: "):
        write(tmp_path, pairs_of({"task": 1}))


def test_pairs_come_in_the_order_of_the_questions(tmp_path: Path) -> None:
    made = make_run(tmp_path, seed=5)
    pairs = list(accepted_pairs(tmp_path))
    assert len(pairs) == sum(expected.accepted for expected in made.expected.values()) > 0
    assert all(question.question_id == solution.question_id for question, solution in pairs)


def test_several_processes_make_the_files_of_one(tmp_path: Path) -> None:
    pairs = pairs_of({"one": 600, "two": 3, "three": 300})
    for name, processes in (("alone", 1), ("crew", 2)):
        (tmp_path / name).mkdir()
        write(tmp_path / name, pairs, processes=processes)
    assert state(tmp_path / "crew") == state(tmp_path / "alone")


def test_a_process_that_dies_is_one_line_and_the_old_dataset_stays(tmp_path: Path) -> None:
    write(tmp_path, pairs_of({"task": 3}))
    before = state(tmp_path / "dataset")
    with pytest.raises(MachineError, match=r"package: a process ended with exit code 7"):
        write(tmp_path, pairs_of({"task": 9}), processes=2, tokens_of=dies)
    assert state(tmp_path / "dataset") == before


def test_chunks_hold_the_pairs_of_one_task_each(tmp_path: Path) -> None:
    make_run(tmp_path, seed=5)
    pairs = list(accepted_pairs(tmp_path))
    read, cut = list(accepted_chunks(tmp_path)), list(chunks_of(pairs))
    assert [(chunk.task, chunk.pairs()) for chunk in read] == [
        (chunk.task, chunk.pairs()) for chunk in cut
    ]
    assert [pair for chunk in read for pair in chunk.pairs()] == pairs


def test_solutions_in_another_order_are_refused(tmp_path: Path) -> None:
    make_run(tmp_path, seed=5, seeds_per_task=9)
    path = tmp_path / "answers/solutions.parquet"
    table = pq.read_table(path)
    pq.write_table(table.take(list(range(table.num_rows))[::-1]), path)
    with pytest.raises(
        VerificationError, match=r"does not stand in questions/questions.parquet after"
    ):
        list(accepted_pairs(tmp_path))


LOAD = """
import json, sys
import datasets
datasets.disable_progress_bars()
run = sys.argv[1]
out = {}
for name in datasets.get_dataset_config_names(run):
    out[name] = datasets.load_dataset(run, name, split="train")["record_id"][:]
out["(default)"] = datasets.load_dataset(run, split="train")["record_id"][:]
first = [name for name in out if name.startswith("task")][0]
stream = datasets.load_dataset(run, first, split="train", streaming=True)
row = next(iter(stream))
out["(stream)"] = [r["record_id"] for r in stream]
out["(row)"] = row
print(json.dumps(out))
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, dict[str, list[str]]]:
    folder = tmp_path_factory.mktemp("load")
    made = make_run(folder / "run", seed=1, tasks=5, seeds_per_task=9)
    made.package()
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "home")}
    command = [sys.executable, "-c", LOAD, str(folder / "run")]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return made, json.loads(done.stdout)


def test_load_dataset_reads_every_configuration_offline(
    loaded: tuple[Made, dict[str, list[str]]],
) -> None:
    made, out = loaded
    of_task = {task: expected.by_variant.total() for task, expected in made.expected.items()}
    full = [task for task, records in of_task.items() if records]
    groups = {made.inputs.tasks[task].group for task in full}
    assert set(out) == {"all", *groups, *full, "(default)", "(stream)", "(row)"}
    assert {task: len(out[task]) for task in full} == {task: of_task[task] for task in full}
    for group in groups:
        assert sorted(out[group]) == sorted(
            row for task in full if made.inputs.tasks[task].group == group for row in out[task]
        )
    assert out["(default)"] == out["all"]
    assert len(set(out["all"])) == sum(of_task.values())
    assert out["(stream)"] == out[full[0]]
    assert set(out["(row)"]) == set(RECORD_SCHEMA.names)


def test_a_run_without_records_has_a_card_without_configurations(tmp_path: Path) -> None:
    make_run(tmp_path, phases=NO_PHASE).package()
    assert not (tmp_path / "dataset").exists()
    card = (tmp_path / "README.md").read_text()
    assert "configs:" not in card
    assert "stopped after the seeds" in card
