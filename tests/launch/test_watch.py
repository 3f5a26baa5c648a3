"""Asking Slurm, and ending jobs, with commands that fail as the real ones do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.launch.test_queue import AFTER, ARR, SACCT_22, SQUEUE_22
from tsdg.errors import MachineError
from tsdg.launch.cancel import cancel
from tsdg.slurm.jobs import LaunchRecord, RunJobs
from tsdg.slurm.slurm_shell import Shell
from tsdg.slurm.watch import ask

RECORD = RunJobs(
    schema_version=1,
    run="/r",
    cluster="dev",
    ssh=None,
    launches=(LaunchRecord(id="x", home="/h", submitted="", host="", user="", jobs=(ARR, AFTER)),),
)
SHELL = Shell(ssh=None)


def write(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def says(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.txt").write_text(text)
    write(folder, name, f'echo "$@" >>{folder}/{name}.asked\ncat {folder}/{name}.txt')


def test_one_question_each(commands: Path) -> None:
    says(commands, "squeue", SQUEUE_22)
    says(commands, "sacct", SACCT_22)
    answer = ask(SHELL, [ARR, AFTER])
    assert [element.state for element in answer.elements(ARR)] == [
        "running",
        "failed",
        "running",
        "pending",
    ]
    assert [element.exit_code for element in answer.elements(ARR)][1] == "3:0"
    assert answer.notes == ()
    assert (commands / "squeue.asked").read_text().count("--jobs=1,2 ") == 1


def test_jobs_that_slurm_has_forgotten_are_no_failure(commands: Path) -> None:
    write(commands, "squeue", "echo slurm_load_jobs error: Invalid job id specified >&2; exit 1")
    says(commands, "sacct", "")
    answer = ask(SHELL, [ARR])
    assert (answer.queue, answer.notes) == ({}, ())


def test_where_nothing_answers_notes_say_so(commands: Path) -> None:
    write(commands, "sacct", "echo Problem talking to the database: Connection refused >&2; exit 1")
    answer = ask(SHELL, [ARR])
    assert (answer.queue, answer.accounting) == (None, None)
    assert "there is no command squeue here" in answer.notes[0]
    assert "Connection refused" in answer.notes[1]
    assert ask(SHELL, []).notes == ()


def test_cancel_ends_what_waits_before_what_runs_and_looks_again(commands: Path) -> None:
    says(commands, "squeue", SQUEUE_22)
    says(commands, "sacct", "")
    says(commands, "scancel", "")
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        # At first an element requeues itself at that very moment; then all are gone.
        says(commands, "squeue", "1|0|PENDING||BeginTime|arr\n" if len(pauses) == 1 else "")

    ended = cancel(RECORD, SHELL, sleep=sleep)
    assert [(job.job.name, job.pending, job.running) for job in ended] == [
        ("arr", 1, 2),
        ("after", 1, 0),
    ]
    assert (commands / "scancel.asked").read_text().splitlines() == ["2", "1", "1"]
    assert cancel(RECORD, SHELL) == ()


def test_what_never_comes_true_is_cancelled_too(commands: Path) -> None:
    says(commands, "squeue", "2|N/A|PENDING||DependencyNeverSatisfied|after\n")
    says(commands, "sacct", "")
    says(commands, "scancel", "")
    ended = cancel(RECORD, SHELL, sleep=lambda _: says(commands, "squeue", ""))
    assert [(job.job.name, job.pending) for job in ended] == [("after", 1)]


def test_nothing_is_cancelled_blindly(commands: Path) -> None:
    says(commands, "sacct", SACCT_22)
    with pytest.raises(MachineError, match="nothing was cancelled: there is no command squeue"):
        cancel(RECORD, SHELL)
    says(commands, "squeue", SQUEUE_22)
    says(commands, "scancel", "")
    with pytest.raises(MachineError, match="jobs 1, 2 are cancelled but still there"):
        cancel(RECORD, SHELL, sleep=lambda _: None)
