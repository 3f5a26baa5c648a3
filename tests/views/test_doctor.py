"""``tsdg doctor`` without a cluster: one line per check, and exit code 3 where one fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from tsdg.cli import run_command

NOWHERE = ["server=openai", "server.base_urls=[http://127.0.0.1:9/v1]"]


def verdicts(text: str) -> dict[str, str]:
    return {line[13:].partition(": ")[0]: line[:11].strip() for line in text.splitlines()}


def test_this_machine_is_fit(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["doctor"]) == 0
    found = verdicts(capsys.readouterr().out)
    assert found["python"] == "ok"
    assert set(found) == {"python", "sandbox"}


def test_a_recipe_that_cannot_run_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mirror = ["seeds.mirror=/nowhere", "seeds.tasks=[arc_easy]"]
    assert run_command(["doctor", "recipe=demo", f"output_root={tmp_path}", *NOWHERE, *mirror]) == 3
    shown = capsys.readouterr().out
    found = verdicts(shown)
    assert found[f"output_root {tmp_path}"] == "ok"
    assert found["recipe and mirror"] == "FAILED"
    assert found["endpoint http://127.0.0.1:9/v1"] == "FAILED"
    assert "does not answer (" in shown
    assert list(tmp_path.iterdir()) == []
    assert run_command(["doctor", "recipe=demo", "output_root=/proc/runs", *NOWHERE]) == 3
    found = verdicts(capsys.readouterr().out)
    assert (found["output_root /proc/runs"], found["recipe and mirror"]) == ("FAILED", "ok")


def test_a_cluster_without_slurm_commands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("executor: slurm\njob_dir: /jobs\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run_command(["doctor", f"cluster={file}"]) == 3
    shown = capsys.readouterr().out
    assert "FAILED       slurm: there is no command sinfo here" in shown
    assert "not checked  a node: Slurm does not answer" in shown
    file.write_text("executor: local\n")
    assert run_command(["doctor", f"cluster={file}"]) == 0
    assert "slurm" not in capsys.readouterr().out
    assert run_command(["doctor", "cluster=/nowhere.yaml"]) == 2
