"""What `tsdg status` makes of a run directory and of what Slurm says."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.launch.test_queue import job
from tests.package.make_run import make_run
from tsdg.accounting import WorkerOwner, WorkerStatus, write_worker
from tsdg.amounts import duration
from tsdg.cli import run_command
from tsdg.config.recipe import StepName
from tsdg.engine.commit import part_path
from tsdg.engine.units import read_layout
from tsdg.errors import UsageError, VerificationError
from tsdg.layout import CANARY
from tsdg.protocols import ReplicaFacts
from tsdg.records import SEED_SCHEMA
from tsdg.run.phase_progress import accepted_by_task, is_alive, phase_progress
from tsdg.run.state import RunState
from tsdg.run.status import read_status, run_state
from tsdg.slurm.jobs import LaunchRecord, add_launch
from tsdg.slurm.queue import Element, State, parse_sacct, parse_squeue
from tsdg.slurm.slurm_shell import Ssh
from tsdg.slurm.watch import Answer
from tsdg.tables import UNIT_ROWS
from tsdg.views.status_text import ROWS_EVERY_S, Following, print_status

QUESTIONS: tuple[StepName, ...] = ("questions",)
NAMES = {"1": "seeds", "2": "questions", "3": "questions-gather"}
SEEDS, GATHER = (
    job("1", "seeds"),
    job("3", "questions-gather", stage="questions.gather", after_any=("questions",)),
)
RUNNING = "2|0|RUNNING|n1|None|questions\n"
ARRAY = job("2", "questions", 4, after_ok=("seeds",))


def snapshot(run: Path, phases: str = "[[questions], [answers]]") -> None:
    (run / "snapshot").mkdir(parents=True, exist_ok=True)
    (run / "snapshot/recipe.yaml").write_text(f"name: demo\nphases: {phases}\n")


@pytest.fixture
def half(tmp_path: Path) -> Path:
    """A run with 10 units of 3 rows of two tasks; 4 units are committed.

    The tasks differ in acceptance.
    """
    made = tmp_path / "made"
    make_run(made, seed=3, tasks=2, seeds_per_task=20, unit_rows=3)
    run = tmp_path / "half"
    snapshot(run)
    (run / "seeds").mkdir()
    some = pq.read_table(made / "seeds/seeds.parquet").to_pylist()[0]
    rows = [some | {"seed_id": str(number), "task": "ab"[number % 2]} for number in range(30)]
    seeds = pa.Table.from_pylist(rows, schema=SEED_SCHEMA).replace_schema_metadata(
        {UNIT_ROWS: b"3"}
    )
    pq.write_table(seeds, run / "seeds/seeds.parquet", row_group_size=12)
    pq.write_table(seeds.slice(0, 0), run / "seeds/rejected.parquet")
    counts = {task: {"available": 20, "sampled": 15} for task in "ab"}
    (run / "seeds/counts.json").write_text(json.dumps(counts))
    layout = read_layout(run / "seeds/seeds.parquet")
    assert (layout.units, layout.rows_total) == (10, 30)
    outcome = pq.read_table(next((made / "questions/parts").glob("*.parquet"))).to_pylist()[0]
    schema = pq.read_schema(next((made / "questions/parts").glob("*.parquet")))
    question = next(
        q
        for path in (made / "questions/parts").glob("*.parquet")
        for row in pq.read_table(path).to_pylist()
        for q in row["questions"]
    )
    refusal = {
        "row_id": "x",
        "group": "g",
        "family": "f",
        "task": "?",
        "stage": "questions",
        "reason": "copy",
        "detail": "",
    }
    parts = run / "questions/parts"
    parts.mkdir(parents=True)
    for unit in (0, 1, 5, 7):
        out = []
        for offset in range(3):
            task = "ab"[(3 * unit + offset) % 2]
            kept, lost = ([question, question], []) if task == "a" else ([question], [refusal])
            out.append(
                {**outcome, "questions": kept, "rejections": lost, "samples": [], "solutions": []}
            )
        table = pa.Table.from_pylist(out, schema=schema)
        noted = table.replace_schema_metadata({b"tsdg.input_layout": layout.digest.encode()})
        pq.write_table(noted, part_path(parts, unit))
    return run


def worker(**keys: Any) -> WorkerStatus:
    owner = WorkerOwner(
        host="elsewhere",
        pid=1,
        slurm_job_id="",
        slurm_array_job_id="",
        slurm_array_task_id="",
        slurm_node="",
    )
    now = time.time()
    values: dict[str, Any] = {
        "schema_version": 1,
        "owner": owner,
        "started": now - 100,
        "updated": now,
        "ended": None,
        "state": "running",
        "reason": "",
        "rows_done": 0,
        "rows_total": 30,
        "units_committed": 0,
        "requests_done": 10,
        "resumed_requests": 0,
        "in_flight": 5,
        "in_flight_limit": 9,
        "waiting": 0,
        "retries": {"timeout": 2},
        "failures": {},
        "prompt_tokens": 100,
        "completion_tokens": 50,
        "replicas": (),
        "gpu_seconds": 3600.0,
        "idle_gpu_seconds": 360.0,
        "history": (),
    }
    return WorkerStatus(**(values | keys))


def slurm_worker(array: str, element: str, **keys: Any) -> WorkerStatus:
    owner = WorkerOwner(
        host="n",
        pid=1,
        slurm_job_id="77",
        slurm_array_job_id=array,
        slurm_array_task_id=element,
        slurm_node="n",
    )
    return worker(owner=owner, **keys)


def launched(run: Path) -> None:
    record = LaunchRecord(
        id="e", home="/h", submitted="", host="", user="", jobs=(SEEDS, ARRAY, GATHER)
    )
    add_launch(run, record, cluster="dev", ssh=None, remote=str(run))


def answer(queue: str | None, accounting: str | None = None) -> Answer:
    return Answer(
        queue=None if queue is None else parse_squeue(queue, NAMES),
        accounting=None if accounting is None else parse_sacct(accounting, NAMES),
        notes=(),
    )


NOBODY = answer(None)


def test_acceptance_per_task_comes_from_the_parts(half: Path) -> None:
    counts, exact = accepted_by_task(RunState.of(half), QUESTIONS)
    assert not exact
    shares = {task: (count.accepted, count.asked) for task, count in counts["questions"].items()}
    assert shares == {"a": (10, 10), "b": (7, 14)}
    tasks = read_status(half, answer=NOBODY).tasks
    assert [tasks[name]["question_acceptance"] for name in "ab"] == [1.0, 0.5]
    assert (tasks["a"]["questions"], tasks["a"]["seeds"], tasks["a"]["exact"]) == (None, 15, False)


def test_speed_and_time_left_are_those_of_the_last_minutes(half: Path) -> None:
    now = time.time()
    # Slow for long, then 10 tokens and 0.1 rows a second.
    points = ((0.0, 0, 1, 0), (1000.0, 100, 1, 0), (1100.0, 1100, 1, 10), (1300.0, 3100, 1, 20))
    busy = worker(history=points, rows_done=20, updated=now)
    dead = worker(history=points, rows_done=29, updated=now - 3600)
    seen = phase_progress(
        RunState.of(half), QUESTIONS, [busy, dead, worker(state="stopped", ended=now)], now=now
    )
    assert (seen.units, seen.units_committed, seen.rows, seen.rows_done) == (10, 4, 30, 20)
    assert seen.workers == {"running": 1, "dead": 1, "stopped": 1}
    assert (seen.tokens_per_s, seen.in_flight) == (10.0, 5)
    assert seen.seconds_left == pytest.approx(10 / (20 / 300), abs=0.2)
    assert (seen.gpu_hours, seen.idle_gpu_hours, seen.retries) == (3.0, 0.3, {"timeout": 6})
    still = phase_progress(RunState.of(half), QUESTIONS, [dead], now=now)
    assert (still.rows_done, still.seconds_left, still.in_flight) == (12, None, 0)
    assert phase_progress(RunState.of(half), ("answers",), [], now=now).units == 0


def test_a_worker_lives_as_long_as_it_writes_or_is_seen() -> None:
    now = time.time()
    assert is_alive(worker(), now=now)
    assert not is_alive(worker(updated=now - 61), now=now)
    assert not is_alive(worker(state="complete"), now=now)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    here = replace(worker().owner, host=socket.gethostname())
    assert not is_alive(worker(owner=replace(here, pid=gone.pid)), now=now)
    assert is_alive(worker(owner=replace(here, pid=os.getpid())), now=now)


@pytest.mark.parametrize(
    ("states", "keys", "state"),
    [
        ([], {}, "stopped"),
        ([], {"working": True}, "running"),
        ([], {"failed": True}, "failed"),
        ([], {"working": True, "failed": True}, "running"),
        (["done", "failed"], {"complete": True}, "complete"),
        (["failed", "pending", "running"], {}, "running"),
        (["failed", "pending"], {}, "pending"),
        (["failed", "stopped"], {}, "failed"),
        (["done", "stopped", "unknown"], {}, "stopped"),
    ],
)
def test_the_state_of_a_run(states: list[State], keys: dict[str, bool], state: str) -> None:
    elements = [
        Element(key="1", state=each, slurm_state="", reason="", exit_code="", nodes="", starts=0)
        for each in states
    ]
    given = {"complete": False, "working": False, "failed": False} | keys
    assert run_state(elements=elements, **given) == state


def test_a_local_run_is_told_by_its_lock_and_its_workers(half: Path) -> None:
    assert read_status(half, answer=NOBODY).state == "stopped"
    write_worker(half / "questions", "w", worker())
    seen = read_status(half, answer=NOBODY)
    assert (seen.state, seen.stages[1]) == ("running", {"name": "questions", "state": "running"})
    write_worker(
        half / "questions", "w", worker(state="failed", reason="the disk is full", ended=1.0)
    )
    seen = read_status(half, answer=NOBODY)
    assert (seen.state, seen.failures[0].what) == ("failed", "the disk is full")
    assert "tsdg resume" in seen.why
    hold = (
        "from pathlib import Path; from tsdg.engine.control import sole_owner; import sys\n"
        "with sole_owner(Path(sys.argv[1])): print(flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", hold, str(half)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert read_status(half, answer=NOBODY).state == "running"
        holder.communicate()
    assert read_status(half, answer=NOBODY).state == "failed"


QUEUE = """\
2|0|RUNNING|n1|None|questions
2|1|PENDING||JobArrayTaskLimit|questions
3|N/A|PENDING||Dependency|questions-gather
"""


def test_slurm_and_files_are_put_together(half: Path) -> None:
    launched(half)
    (half / "logs/questions").mkdir(parents=True)
    (half / "logs/questions/2_2.node0.log").write_text("one\ntsdg: no luck\n")
    accounting = (
        "1|COMPLETED|0:0|2026-01-01T00:00:00|n1|seeds\n"
        "2_2|FAILED|1:0|2026-01-01T00:00:00|n1|questions\n"
    )
    write_worker(half / "questions", "w", slurm_worker("2", "3", state="complete", ended=2.0))
    write_worker(
        half / "questions", "v", slurm_worker("2", "3", started=1.0, state="failed", ended=1.0)
    )
    seen = read_status(half, answer=answer(QUEUE, accounting))
    assert seen.state == "running"
    assert [stage["state"] for stage in seen.stages][:4] == [
        "done",
        "running",
        "pending",
        "pending",
    ]
    array = next(each for each in seen.jobs if each.name == "questions")
    # Element 3 is in neither: its own file says that it is done.
    assert array.elements == {"running": 1, "pending": 1, "failed": 1, "done": 1}
    gather = next(each for each in seen.jobs if each.name == "questions-gather")
    assert gather.why_pending == {"waits for the end of questions": 1}
    assert [(f.element, f.what, f.tail) for f in seen.failures] == [
        ("2_2", "FAILED, exit code 1 on n1", ("one", "tsdg: no luck"))
    ]
    assert seen.failures[0].log == str(half / "logs/questions/2_2.node0.log")
    assert read_status(half, answer=answer("")).state == "stopped"


def test_a_dead_element_is_not_taken_for_alive(half: Path) -> None:
    launched(half)
    write_worker(half / "questions", "w", slurm_worker("2", "0", updated=time.time() - 999))
    array = read_status(half, answer=answer("")).jobs[1]
    assert array.elements == {"unknown": 4}


def test_a_process_whose_job_is_over_is_dead_whatever_its_last_word_was(half: Path) -> None:
    launched(half)
    for element in "01":
        write_worker(half / "questions", element, slurm_worker("2", element))
    over = "".join(
        f"2_{number}|FAILED|3:0|2026-01-01T00:00:00|n1|questions\n" for number in range(4)
    )
    seen = read_status(half, answer=answer("", over))
    assert (seen.state, seen.stages[1]["state"]) == ("failed", "failed")
    assert (seen.phases[0].workers, seen.phases[0].in_flight, seen.phases[0].seconds_left) == (
        {"dead": 2},
        0,
        None,
    )
    seen = read_status(half, answer=answer("2|1|RUNNING|n1|None|questions\n", over))
    assert (seen.state, seen.phases[0].workers) == ("running", {"dead": 1, "running": 1})


def test_a_canary_that_slurm_forgot_is_done_where_it_left_its_manifest(half: Path) -> None:
    record = LaunchRecord(
        id="e", home="/h", submitted="", host="", user="", jobs=(job("9", "canary"),)
    )
    add_launch(half, record, cluster="dev", ssh=None, remote=str(half))
    assert read_status(half, answer=answer("")).jobs[0].elements == {"unknown": 1}
    (half / "canary").mkdir()
    (half / "canary/manifest.json").write_text("{}")
    assert read_status(half, answer=answer("")).jobs[0].elements == {"done": 1}


def test_a_run_over_ssh_is_not_judged_by_its_copy(
    half: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ssh = Ssh(user="ada", host="login", port=22, identity="", pre_command="")
    record = LaunchRecord(id="e", home="/h", submitted="", host="", user="", jobs=(SEEDS,))
    add_launch(half, record, cluster="far", ssh=ssh, remote="/lustre/half")
    assert run_command(["list", str(half.parent), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"][0]["state"] == "away"


def test_a_complete_run_is_exact(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "whole"
    manifest = make_run(run, seed=1).package()
    snapshot(run)
    assert run_command(["status", str(run), "--json"]) == 0
    seen = json.loads(capsys.readouterr().out)
    assert (seen["state"], seen["totals"]["records"]) == ("complete", manifest["totals"]["records"])
    assert {stage["state"] for stage in seen["stages"]} == {"done"}
    for name, task in seen["tasks"].items():
        assert (task["records"], task["exact"]) == (manifest["tasks"][name]["records"], True)
    assert run_command(["status", str(run), "--watch"]) == 0  # there is nothing to wait for
    assert capsys.readouterr().out.count(f"{run}: complete") == 1
    assert run_command(["list", str(tmp_path), "--json"]) == 0
    (line,) = json.loads(capsys.readouterr().out)["runs"]
    assert (line["recipe"], line["state"], line["records"]) == (
        "demo",
        "complete",
        seen["totals"]["records"],
    )


def test_what_is_printed(half: Path, capsys: pytest.CaptureFixture[str]) -> None:
    launched(half)
    write_worker(half / "questions", "w", slurm_worker("2", "0", rows_done=15))
    failures = "".join(
        f"2_{number}|FAILED|1:0|2026-01-01T00:00:00|n1|questions\n" for number in range(1, 4)
    )
    print_status(read_status(half, answer=answer(RUNNING, failures)))
    shown = capsys.readouterr().out
    assert "questions  15/30   4/10" in shown
    assert "~50%" in shown
    assert shown.count("failed: questions 2_") == 3
    assert "sent again: timeout 2" in shown


def test_into_a_pipe_goes_a_line_for_each_change(
    half: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    launched(half)
    now = [0.0]
    monkeypatch.setattr("tsdg.views.status_text.time.monotonic", lambda: now[0])
    following = Following()

    def told(rows: int, *, after_s: float, queue: str = RUNNING, more: bool = True) -> str:
        now[0] += after_s
        write_worker(half / "questions", "w", slurm_worker("2", "0", rows_done=rows))
        following.show(read_status(half, answer=answer(queue)), more=more)
        return capsys.readouterr().out

    assert told(15, after_s=0).startswith(f"{half}: running\n")
    assert told(18, after_s=5) == ""
    waiting = told(18, after_s=5, queue=f"{RUNNING}2|1|PENDING|n1|Priority|questions\n")
    assert re.fullmatch(r"\d\d:\d\d:\d\d questions 18/30; elements: .*1 running.*\n", waiting)
    assert told(21, after_s=5) != ""  # one element less
    assert told(24, after_s=5) == ""
    assert " questions 24/30; " in told(24, after_s=ROWS_EVERY_S)
    assert told(24, after_s=ROWS_EVERY_S) == ""
    assert told(24, after_s=5, more=False).startswith(f"{half}: running\n")


def test_what_cannot_be_read_is_one_line(
    half: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match="is not a run directory"):
        read_status(tmp_path / "nowhere")
    (half / "questions/workers").mkdir()
    (half / "questions/workers/x.json").write_text("{")
    assert "is damaged" in read_status(half, answer=NOBODY).notes[0]
    for damage in ("{", "[]", '{"arc": {}}'):
        (half / "seeds/counts.json").write_text(damage)
        with pytest.raises(VerificationError, match=r"counts\.json is damaged; delete it"):
            read_status(half, answer=NOBODY)
    (half / "snapshot/recipe.yaml").write_text("phases: 7")
    with pytest.raises(VerificationError, match="cannot be read"):
        read_status(half, answer=NOBODY)
    for words in (
        ["status"],
        ["cancel", "-x"],
        ["resume"],
        ["logs"],
        ["list", "a", "b"],
        ["doctor", "seed=1"],
        ["logs", str(tmp_path / "no")],
        ["list", str(tmp_path / "no")],
        ["cancel", str(half)],
        ["resume", str(tmp_path)],
    ):
        assert run_command(words) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert run_command(["list", str(half.parent), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"][0]["state"] == "damaged"
    assert run_command(["list", str(half)]) == 0
    assert "holds no run" in capsys.readouterr().out


def test_a_launch_that_was_not_noted_is_not_continued_here(
    half: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (half / "launch").mkdir()
    assert run_command(["resume", str(half)]) == 2
    assert (
        "its launch was not noted in launch/jobs.json; `tsdg launch` it again"
        in capsys.readouterr().err
    )


def test_durations() -> None:
    assert [duration(s) for s in (9, 59.4, 60, 3540, 3600, 12000, 86400 * 2 + 3600 * 5)] == [
        "9 s",
        "59 s",
        "1 min",
        "59 min",
        "1 h 0 min",
        "3 h 20 min",
        "2 d 5 h",
    ]


def replica(ready_s: float) -> ReplicaFacts:
    return ReplicaFacts(
        name="endpoint-0",
        url="http://n1:8000/v1",
        gpus=0,
        held_s=90.0,
        ready_s=ready_s,
        busy_s=0.0,
        idle_s=ready_s,
        requests=0,
        prompt_tokens=0,
        completion_tokens=0,
        restarts=0,
    )


def test_servers_that_never_answered_are_named_of_the_canary_too(half: Path) -> None:
    for phase in (half / "answers", half / CANARY / "questions"):
        write_worker(phase, "lost", worker(replicas=(replica(0.0),)))
    notes = read_status(half).notes
    said = "no server has answered so far, 90 s: http://n1:8000/v1 lost, or not up yet"
    assert [note.partition(";")[0] for note in notes] == [
        f"canary, questions: {said}",
        f"answers: {said}",
    ]
    for phase in (half / "answers", half / CANARY / "questions"):
        write_worker(phase, "lost", worker(replicas=(replica(1.0), replica(0.0))))
    assert read_status(half).notes == []
