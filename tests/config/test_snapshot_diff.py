"""`tsdg diff`: what differs between two snapshots, and what of it rows depend on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tsdg.cli import run_command
from tsdg.config.compose import compose_recipe
from tsdg.config.snapshot import write_snapshot
from tsdg.config.snapshot_diff import ABSENT, Difference, compare_snapshots
from tsdg.errors import UsageError, VerificationError

ROW = {
    "task": "demo_science",
    "dataset_path": "tsdg/demo",
    "config": "",
    "split": "train",
    "revision": "a",
    "rows": 3,
}


def snapshot(run: Path, *overrides: str, prompt: str = "one\ntwo\n", revision: str = "a") -> Path:
    write_snapshot(
        run / "snapshot",
        recipe=compose_recipe(["recipe=demo", *overrides]),
        overrides=overrides,
        prompt_texts={"answers/choice": prompt},
        prompt_hashes={"answers/choice": prompt},
        catalogue=[{**ROW, "revision": revision}],
        own_files={},
    )
    return run


def differences(left: Path, right: Path) -> dict[tuple[str, str], Difference]:
    return {(item.part, item.key): item for item in compare_snapshots(left, right)}


def test_equal_snapshots_say_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    left, right = snapshot(tmp_path / "a"), snapshot(tmp_path / "b")
    assert compare_snapshots(left, right) == []
    assert run_command(["diff", str(left), str(right)]) == 0
    assert capsys.readouterr().out == "the snapshots say the same\n"


def test_each_part_is_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    left = snapshot(tmp_path / "a")
    right = snapshot(
        tmp_path / "b", "seed=7", "engine.unit_rows=9", prompt="one\nthree\n", revision="b"
    )
    path = right / "snapshot/versions.json"
    versions = json.loads(path.read_text())
    versions["packages"]["pyarrow"] = versions["environment"]["pyarrow"] = "0.1"
    path.write_text(json.dumps({**versions, "commit": "0" * 40}))
    (right / "snapshot/clusters").mkdir()
    (right / "snapshot/clusters/dev.yaml").write_text("account: research\n")
    found = differences(left, right)
    assert {key for key in found if found[key].identity} == {
        ("recipe", "seed"),
        ("prompts", "answers/choice"),
        ("catalogue", "demo_science tsdg/demo - train.revision"),
    }
    assert {key for key in found if not found[key].identity} == {
        ("recipe", "engine.unit_rows"),
        ("versions", "commit"),
        ("packages", "pyarrow"),
        ("clusters", "dev.account"),
    }
    assert (found["recipe", "seed"].left, found["recipe", "seed"].right) == (0, 7)
    assert found["clusters", "dev.account"].left == ABSENT
    assert run_command(["diff", str(left), str(right)]) == 1
    out = capsys.readouterr().out
    assert out.startswith("different runs: rows depend on 3 of 7\n")
    assert "  ! seed: 0 → 7\n" in out
    assert "      -two\n      +three\n" in out
    assert run_command(["diff", str(left), str(right), "--json"]) == 1
    assert len(json.loads(capsys.readouterr().out)) == 7


def test_what_rows_do_not_depend_on_is_the_same_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left, right = (
        snapshot(tmp_path / "a"),
        snapshot(tmp_path / "b", "launch.elements=3", "cluster=dev"),
    )
    assert run_command(["diff", str(left), str(right)]) == 1
    assert capsys.readouterr().out.startswith("the same: no row depends on it\n")


def test_places_are_no_difference(tmp_path: Path) -> None:
    assert (
        compare_snapshots(
            snapshot(tmp_path / "a"), snapshot(tmp_path / "b", "output_root=/x", "run=y")
        )
        == []
    )


def test_a_directory_without_a_snapshot_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a run directory"):
        compare_snapshots(snapshot(tmp_path / "a"), tmp_path)
    assert run_command(["diff", str(tmp_path / "a")]) == 2


@pytest.mark.parametrize("name", ["recipe.yaml", "versions.json", "catalogue.json"])
def test_a_damaged_snapshot_is_one_line(tmp_path: Path, name: str) -> None:
    left, right = snapshot(tmp_path / "a"), snapshot(tmp_path / "b")
    for damage in ("{", "", "5"):
        (right / "snapshot" / name).write_text(damage)
        with pytest.raises(VerificationError, match="cannot be read"):
            compare_snapshots(left, right)
