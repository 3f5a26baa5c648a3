"""The scripts that make the documentation's pictures and notebook still fit the code."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from tests.package.make_run import make_run

DOCS = Path(__file__).parents[1] / "docs"


def loaded(script: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(script.stem, script)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_terminal_is_drawn_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawing = loaded(DOCS / "images" / "draw.py")
    run = tmp_path / "run"
    manifest = make_run(run, seed=5, tasks=2, seeds_per_task=9).package()
    monkeypatch.setattr(drawing, "HERE", tmp_path)
    with drawing.columns(60):
        drawing.draw("table", 60, lambda: drawing.table(run))
    picture = (tmp_path / "table-60.svg").read_text()
    assert "60&#160;columns" in picture
    assert f"{manifest['totals']['records']:,}" in picture
    assert "http" not in picture.replace("http://www.w3.org/2000/svg", "")


def test_the_notebook_shows_a_run_of_today(tmp_path: Path) -> None:
    made = make_run(tmp_path, seed=5, tasks=2, seeds_per_task=9).package()
    notebook = json.loads((DOCS / "first-look.ipynb").read_text())
    anew = loaded(DOCS / "notebook.py").executed(notebook, tmp_path)
    cells = [cell for cell in anew["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] for cell in cells)
    assert str(made["totals"]["records"]) in json.dumps(cells[1]["outputs"])
    kept = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for cell, now in zip(kept, cells, strict=True):  # the one in git was run as it stands
        assert cell["execution_count"] == now["execution_count"]
        assert [one["output_type"] for one in cell["outputs"]] == [
            one["output_type"] for one in now["outputs"]
        ]
