"""A run that was launched over ssh is asked for where it is, with its own code."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml

from tests.launch.test_jobs import SSH, launch
from tsdg.errors import VerificationError
from tsdg.slurm.jobs import add_launch
from tsdg.slurm.run_over_ssh import RUN, command_there, is_away


def test_a_copy_of_a_run_is_away_and_the_run_itself_is_not(tmp_path: Path) -> None:
    here, there = tmp_path / "copy", tmp_path / "there"
    for folder in (here, there):
        add_launch(folder, launch(1), cluster="far", ssh=SSH, remote=str(there))
    assert is_away(here)
    assert not is_away(there)
    assert not is_away(tmp_path)
    with pytest.raises(VerificationError, match=r"does not say tsdg\.python"):
        command_there(here, ["status", RUN])


def test_the_same_command_runs_there_with_the_code_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "copy", tmp_path / "the re"
    add_launch(here, launch(1), cluster="configs/far.yaml", ssh=SSH, remote=str(there))
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\ncat "$PYTHONPATH/which"\nprintf "<%s>" "$@"\n')
    python.chmod(0o755)
    cluster = here / "snapshot/clusters/far.yaml"
    cluster.parent.mkdir(parents=True)
    cluster.write_text(yaml.safe_dump({"tsdg": {"python": str(python)}}))
    (there / "snapshot").mkdir(parents=True)
    with tarfile.open(there / "snapshot/code.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("which")
        entry.size = 4
        archive.addfile(entry, io.BytesIO(b"mine"))
    # ssh hands its last argument to a shell on the other side.
    ssh = tmp_path / "bin" / "ssh"
    ssh.parent.mkdir()
    ssh.write_text('#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n')
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{ssh.parent}:/usr/bin:/bin")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    done = subprocess.run(
        command_there(here, ["logs", RUN, "a b; echo"]), capture_output=True, text=True, check=True
    )
    assert done.stdout == f"mine<-P><-m><tsdg><logs><{there}><a b; echo>"
    assert list(tmp_path.glob("tsdg-code-*")) == []
