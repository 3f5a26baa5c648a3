"""The table at the end of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tsdg.views.run import print_run, rows


def task(
    *, seeds: int, generated: int, accepted: int, records: int, **reasons: dict[str, int]
) -> dict[str, Any]:
    return {
        "seeds": {"sampled": seeds},
        "study": {"rejected": reasons.get("study", {})},
        "questions": {"generated": generated, "rejected": reasons.get("questions", {})},
        "answers": {
            "accepted": accepted,
            "rejected": reasons.get("answers", {}),
            "unenriched": reasons.get("unenriched", {}),
        },
        "filter": {"rejected": reasons.get("filter", {})},
        "records": records,
        "tokens": 10 * records,
    }


MANIFEST = {
    "tasks": {
        "arc_easy": task(
            seeds=9,
            generated=6,
            accepted=4,
            records=1,
            study={"over_share": 5},
            questions={"bad_format": 2, "truncated": 1},
            answers={"truncated": 2},
            unenriched={"truncated": 1, "knowledge_short": 2},
            filter={"bad_record": 3},
        ),
        "gsm8k": task(seeds=2, generated=2, accepted=2, records=4, unenriched={"truncated": 2}),
    }
}


WHY = "over_share 5, truncated 3, bad_record 3, bad_format 2"


def test_every_stage_says_why_rows_are_missing() -> None:
    assert rows(MANIFEST) == [
        ("arc_easy", "9", "6", "4", "1", "10", WHY),
        ("gsm8k", "2", "2", "2", "4", "40", ""),
        ("all", "11", "8", "6", "5", "50", WHY),
    ]


def test_the_directory_is_the_last_line_whole(capsys: pytest.CaptureFixture[str]) -> None:
    directory = Path("/runs") / ("long-" * 40)
    print_run(directory, MANIFEST, note="Know [this].")
    shown = capsys.readouterr().out.splitlines()
    lost = "answers without knowledge, so no enriched record: truncated 3, knowledge_short 2"
    assert lost in shown
    assert "Know [this]." in shown
    assert shown[-1] == f"run directory: {directory}"
