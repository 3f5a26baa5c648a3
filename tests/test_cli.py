"""What the command line says where the machine does not let it, and of words that name no run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.package.make_run import make_run
from tsdg.cli import COMMANDS, run_command

# Root may read everything, unless these capabilities are taken from it.
ORDINARY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


def ordinary(*words: str) -> subprocess.CompletedProcess[str]:
    """``tsdg`` as a user that files' modes hold for."""
    return subprocess.run(
        [*ORDINARY, sys.executable, "-m", "tsdg", *words],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def run(tmp_path: Path) -> Path:
    make_run(tmp_path / "runs" / "run").package()
    return tmp_path / "runs" / "run"


@pytest.mark.parametrize(
    "command", ["status", "logs", "cancel", "resume", "verify", "show", "report"]
)
@pytest.mark.parametrize(
    ("word", "says"), [("", "there is no directory ''"), ("{here}", "is no run directory")]
)
def test_a_word_that_names_no_run_is_one_line(
    command: str, word: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command([command, word.format(here=tmp_path)]) == 2
    err = capsys.readouterr().err
    assert says in err or "takes one run directory" in err
    assert len(err.splitlines()) == 1


def test_what_may_not_be_read_is_not_called_damaged(run: Path) -> None:
    hidden = run / "manifest.json"
    hidden.chmod(0)
    try:
        for command in ("show", "report"):
            done = ordinary(command, str(run))
            assert done.returncode == 3, done.stderr
            assert done.stderr == (
                f"tsdg: this machine refuses {hidden}: Permission denied; "
                "change its owner or mode\n"
            )
    finally:
        hidden.chmod(0o644)


def test_a_run_that_may_not_be_looked_into_is_listed_beside_the_others(run: Path) -> None:
    (run / "snapshot" / "recipe.yaml").write_text("name: made\n")
    shutil.copytree(run, run.with_name("closed"))
    run.with_name("closed").chmod(0)
    try:
        done = ordinary("list", str(run.parent))
    finally:
        run.with_name("closed").chmod(0o755)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == ["closed", "run"]
    assert "unreadable" in done.stdout


@pytest.mark.parametrize(
    "command", [command for command in COMMANDS if command not in {"run", "plan", "launch"}]
)
def test_every_command_says_how_it_is_called(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in ([command, "--help"], [command, "some/run", "-h"]):
        assert run_command(words) == 0
        shown = capsys.readouterr().out.splitlines()
        assert shown[0].startswith(f"  tsdg {command} ")
        assert not [
            line
            for line in shown
            if line.startswith("  tsdg ") and not line.startswith(f"  tsdg {command} ")
        ]
        assert shown[-1].startswith("Exit codes: ")
