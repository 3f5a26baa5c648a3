"""`tsdg diversity` of a real run, and the stage at which a canary that repeats itself stops."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.e2e.conftest import Cli, Endpoint
from tsdg.layout import DIVERSITY


def test_a_canary_that_repeats_itself_stops_before_answers(
    tsdg: Cli, oracle: Callable[..., Endpoint]
) -> None:
    words = ["recipe=demo", "run=a", "questions.per_seed=2", "phases=[[questions]]"]
    assert tsdg("run", *words, *oracle().overrides()).code == 0
    run = tsdg.root / "a"
    found = json.loads((run / DIVERSITY).read_text())["whole"]
    assert found["written"] > 50
    assert found["narrower"] == []
    assert "<h2>Diversity</h2>" in (run / "report.html").read_text()

    for path in (run / "questions/parts").glob("*.parquet"):
        collapse(path)
    (run / "questions/questions.parquet").unlink()
    (run / "launch").mkdir()
    (run / "launch/full_run.json").write_text(json.dumps({"questions": 500_000}))
    stopped = tsdg("work", str(run), "questions.gather")
    assert stopped.code == 1
    assert "at 500,000 questions 100 % (" in stopped.err
    assert "questions.max_duplicates allows 30 %" in stopped.err
    assert len(stopped.err.strip().splitlines()) == 1
    assert tsdg("work", str(run), "questions.gather", "questions.max_duplicates=1").code == 0

    shown = tsdg("diversity", str(run), "at=500000")
    assert shown.code == 0
    assert "all is narrower than its seeds:" in shown.out


def collapse(path: Path) -> None:
    """Let all questions of a part be one."""
    table = pq.read_table(path)
    rows = table.to_pylist()
    for question in (question for row in rows for question in row["questions"]):
        question |= {"question": "Why is it so, and not so?", "context": "", "options": []}
        question |= {"answer_kind": "text", "classes": False, "claimed_answer": ""}
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)
