"""The seeds stage as a person sees it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.seeds.rows import arc_rows
from tsdg.config.compose import compose_recipe
from tsdg.pipeline.make_seeds import make_seeds
from tsdg.progress import PlainReporter


def test_hundreds_of_tasks_without_rows_are_two_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TSDG_CACHE", str(tmp_path / "cache"))
    rows = {
        "ARC-Easy": arc_rows(3),
        "ARC-Challenge": [{**row, "answerKey": "E"} for row in arc_rows(3, "valley")],
    }
    for name, these in rows.items():
        path = tmp_path / "mirror" / "allenai" / "ai2_arc" / name / "train.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(these), path)
    recipe = compose_recipe(
        [
            "recipe=knowledge",
            "run=x",
            "model.path=owner/model",
            f"seeds.mirror={tmp_path}/mirror",
            "seeds.missing=skip",
        ]
    )
    make_seeds(recipe, tmp_path / "run", PlainReporter())
    skipped = [
        line
        for line in capsys.readouterr().out.splitlines()
        if "skipped" in line or "without a seed" in line
    ]
    assert len(skipped) == 2
    assert skipped[0].startswith("seeds: ")
    assert " tasks, not in the mirror: " in skipped[0]
    assert skipped[0].endswith(" more; `tsdg seeds prefetch` fetches them")
    assert (
        skipped[1]
        == "seeds: without a seed: 1 task: arc_challenge; seeds/rejected.parquet has the reasons"
    )
