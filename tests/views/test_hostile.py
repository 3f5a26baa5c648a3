"""What others wrote reaches the terminal without what would command it, on each screen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.mixture.test_compare import results
from tests.package.make_run import make_run
from tsdg.cli import run_command
from tsdg.config.snapshot_diff import Difference
from tsdg.launch.check import Check
from tsdg.views.diff import print_differences
from tsdg.views.doctor import print_checks

ODD = "\x1b[2J\x1b]0;title\x07\x9b31m\u202etxt"
COMMANDS = {"\x1b", "\x07", "\x9b", "\u202e"}


def check(capsys: pytest.CaptureFixture[str]) -> None:
    said = "".join(capsys.readouterr())
    assert "txt" in said
    assert not COMMANDS & set(said)


def test_doctor_and_diff_show_what_servers_and_snapshots_hold(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_checks([Check(name="endpoint", verdict="FAILED", said=f"it says {ODD}")])
    check(capsys)
    for left, right in ((ODD, "b"), (f"a\n{ODD}", "b\nc"), ({"a": ODD}, [ODD])):
        found = Difference(part="recipe", key=ODD, left=left, right=right, identity=True)
        print_differences([found], as_json=False)
        check(capsys)


def test_compare_shows_tasks_as_they_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [results(tmp_path / name, {ODD: (0.5, 0.01)}) for name in ("a.json", "b.json")]
    run_command(["compare", *files])
    check(capsys)


def test_runs_of_others_show_their_tasks_and_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    make_run(run).package()
    path = run / "manifest.json"
    manifest = json.loads(path.read_text())
    _, entry = manifest["tasks"].popitem()
    manifest["tasks"][ODD] = entry
    file = manifest["files"][0]
    manifest["files"].append({**file, "path": f"dataset/{ODD}"})
    path.write_text(json.dumps(manifest))
    for words in (
        ["verify", str(run)],
        ["mix", str(run), "budget=100", f"out={tmp_path / 'mix'}"],
        ["show", str(run), "nosuch"],
    ):
        run_command(words)
        check(capsys)
