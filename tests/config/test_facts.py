"""What a snapshot says of packages and weights."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from tsdg.config.facts import all_packages, weights_facts


def test_all_packages_are_named_with_their_versions() -> None:
    found = all_packages()
    assert {"pydantic", "pyarrow", "lm-eval"} <= found.keys()
    assert list(found) == sorted(found)
    assert {found[name] == metadata.version(name) for name in found} == {True}


def test_weights_are_told_apart_without_being_read(tmp_path: Path) -> None:
    folder = tmp_path / "snapshots" / "0123abcd"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"12345")
    before = weights_facts(str(folder))
    assert before["files"] == {"config.json": 2, "model.safetensors": 5}
    assert before["commit"] == "0123abcd"
    (folder / "config.json").write_text("[]")
    assert weights_facts(str(folder))["config"] != before["config"]
    assert weights_facts(str(tmp_path))["commit"] == ""


def test_what_is_no_folder_here_has_no_facts() -> None:
    assert weights_facts("Qwen/Qwen3-235B-A22B") == {}
