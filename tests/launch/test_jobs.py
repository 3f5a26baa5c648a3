"""The record of what was submitted."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest

from tsdg.errors import UsageError, VerificationError
from tsdg.layout import JOBS
from tsdg.slurm.jobs import ArrayRecord, JobRecord, LaunchRecord, add_launch, read_jobs
from tsdg.slurm.slurm_shell import Shell, Ssh

SSH = Ssh(user="ada", host="login", port=22, identity="", pre_command="")


def launch(number: int) -> LaunchRecord:
    job = JobRecord(
        name="questions",
        stage="questions",
        stages=("questions",),
        job_id=str(number),
        slurm_name="run-questions",
        array=ArrayRecord(size=4, limit=2, first=0),
        link=0,
        gpus=True,
        nodes=2,
        gpus_per_node=8,
        partition="batch",
        qos="",
        time_limit="04:00:00",
        retries=20,
        after_ok=("seeds",),
        after_any=(),
        script="launch/scripts/1.sh",
        logs="logs/questions",
    )
    return LaunchRecord(
        id=f"e_{number}", home="/h", submitted="2026-01-01", host="login", user="ada", jobs=(job,)
    )


def test_each_launch_is_added(tmp_path: Path) -> None:
    add_launch(tmp_path, launch(1), cluster="dev", ssh=None, remote="/r")
    written = add_launch(tmp_path, launch(2), cluster="far", ssh=SSH, remote="/r")
    assert read_jobs(tmp_path) == written
    assert (written.cluster, written.ssh, [job.job_id for job in written.jobs]) == (
        "far",
        SSH,
        ["1", "2"],
    )


def test_what_was_not_launched_or_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"was not launched: it has no launch/jobs\.json"):
        read_jobs(tmp_path)
    add_launch(tmp_path, launch(1), cluster="dev", ssh=None, remote="/r")
    path = tmp_path / JOBS
    values = json.loads(path.read_text())
    path.write_text(json.dumps(values | {"schema_version": 9}))
    with pytest.raises(VerificationError, match="is of schema 9, this tsdg reads 1"):
        read_jobs(tmp_path)
    for damage, says in (
        ("null", "found null, allowed: a mapping"),
        ("{}", "key schema_version: has no value"),
    ):
        path.write_text(damage)
        with pytest.raises(VerificationError, match=says):
            read_jobs(tmp_path)
    for damage in ("{", "[]", json.dumps({**values, "launches": [{}]})):
        path.write_text(damage)
        with pytest.raises(VerificationError, match=r"cannot be read \(.*\); restore it"):
            read_jobs(tmp_path)


def test_over_ssh_words_stay_words() -> None:
    shell = Shell(
        ssh=Ssh(user="ada", host="login", port=2222, identity="/k", pre_command="module load slurm")
    )
    *words, last = shell.command(["squeue", "--me", "a b;c\n!"])
    assert words == ["ssh", "-p", "2222", "-i", "/k", "ada@login"]
    # No login shell takes this otherwise: csh, fish or any other.
    form = r"module load slurm && sh -c 'eval \"\$\(echo ([A-Za-z0-9+/=]+) \| base64 -d\)\"'"
    coded = re.fullmatch(form, last)
    assert coded
    assert base64.b64decode(coded[1]).decode().endswith("\nexec squeue --me 'a b;c\n!'\n")
    assert Shell(ssh=None).command(["squeue", "a b"]) == ["squeue", "a b"]
