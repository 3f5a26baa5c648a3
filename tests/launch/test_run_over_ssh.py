"""A run that was launched over ssh is asked for where it is, with its own code."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
import yaml

from tests.launch.test_jobs import SSH, launch
from tsdg.errors import VerificationError
from tsdg.slurm.jobs import add_launch
from tsdg.slurm.run_over_ssh import RUN, is_away, run_there, told_there


def test_a_copy_of_a_run_is_away_and_the_run_itself_is_not(tmp_path: Path) -> None:
    here, there = tmp_path / "copy", tmp_path / "there"
    for folder in (here, there):
        add_launch(folder, launch(1), cluster="far", ssh=SSH, remote=str(there))
    assert is_away(here)
    assert not is_away(there)
    assert not is_away(tmp_path)
    with pytest.raises(VerificationError, match=r"does not say tsdg\.python"):
        run_there(here, ["status", RUN])


def test_the_same_command_runs_there_with_the_code_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    here, there = tmp_path / "copy", tmp_path / "the re"
    add_launch(here, launch(1), cluster="configs/far.yaml", ssh=SSH, remote=str(there))
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\ncat "$PYTHONPATH/which"\nprintf "<%s>" "$COLUMNS" "$@"\n')
    python.chmod(0o755)
    cluster = here / "snapshot/clusters/far.yaml"
    cluster.parent.mkdir(parents=True)
    cluster.write_text(yaml.safe_dump({"tsdg": {"python": str(python)}}))
    (there / "snapshot").mkdir(parents=True)
    with tarfile.open(there / "snapshot/code.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("which")
        entry.size = 4
        archive.addfile(entry, io.BytesIO(b"mine"))
    # ssh hands its last argument to a shell on the other side, which may say something first.
    ssh = tmp_path / "bin" / "ssh"
    ssh.parent.mkdir()
    greeting = f"export TMPDIR={tmp_path}; echo Welcome; echo Quota exceeded >&2"
    ssh.write_text(f'#!/bin/sh\nfor last; do :; done\n{greeting}\nexec sh -c "$last"\n')
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{ssh.parent}:/usr/bin:/bin")
    assert run_there(here, ["logs", RUN, "a b; echo"]) == 0
    assert capfd.readouterr().out == f"mine<><-P><-m><tsdg><logs><{there}><a b; echo>"
    told = told_there(here, ["watch", RUN], width=72)
    assert told == f"mine<72><-P><-m><tsdg><watch><{there}>"
    python.write_text("#!/bin/sh\nexit 3\n")
    assert run_there(here, ["logs", RUN]) == 3
