"""The rqa recipe: from labelled passages to records that say they are unverified."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Cli, Endpoint, records

Oracle = Callable[..., Endpoint]
FIELDS = {"Physics": "535.2", "Biology": "572.8", "Chemistry": "541.3", "Gardening": "635"}


def passages(path: Path, count: int) -> Path:
    rows: list[dict[str, Any]] = []
    for number in range(count):
        field = list(FIELDS)[number % 4]
        text = " ".join(
            f"Passage {number} on {field} makes its point number {n} here." for n in range(60)
        )
        level = "Graduate Level" if number % 5 else "High School"
        rows.append(
            {
                "text": text,
                "domain": field,
                "subject": FIELDS[field],
                "language": "en",
                "level": level,
            }
        )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_passages_become_questions_answered_from_the_question_alone(
    tsdg: Cli, oracle: Oracle, tmp_path: Path
) -> None:
    path = passages(tmp_path / "passages.jsonl", 60)
    words = [
        "recipe=rqa",
        "model=smollm2-135m-instruct",
        "passages=default",
        f"passages.path={path}",
        "passages.total=24",
        "model.note=",
        "+passages.keep={level: [Graduate Level]}",
        "passages.chunk_chars=900",
        "run=rqa",
        *oracle().overrides(),
    ]
    done = tsdg("run", *words)
    assert done.code == 0, done.err
    run = tsdg.root / "rqa"
    assert tsdg("verify", str(run)).code == 0
    made = records(run)
    assert made
    assert {row["task"] for row in made.values()} <= {
        "passages_physics",
        "passages_biology",
        "passages_chemistry",
        "passages_other",
    }
    for row in made.values():
        assert row["verification"]["method"] == "none"
        assert row["context"] == ""
        assert "Passage" not in row["text"]
        assert " because " in row["reasoning"]
        assert row["text"] == f"{row['question']}\n\n{row['reasoning']}\n\n{row['answer']}"
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["totals"]["seeds"] == {
        "available": 60,
        "denied": 0,
        "leaked": 0,
        "malformed": 0,
        "doubtful": 0,
        "duplicate": 0,
        "sampled": 24,
        "unsampled": 36,
    }
    assert {task["seeds"]["sampled"] for task in manifest["tasks"].values()} == {6}
    physics = manifest["tasks"]["passages_physics"]["records"]
    more = tsdg("topup", str(run), f"records.passages_physics={physics + 5}")
    assert more.code == 0, more.err
    whole = json.loads((tsdg.root / "rqa-topped-up" / "manifest.json").read_text())["tasks"]
    assert whole["passages_physics"]["records"] >= physics + 5
    biology = manifest["tasks"]["passages_biology"]
    assert whole["passages_biology"]["records"] == biology["records"], (
        "nothing more was asked of it"
    )


def test_seeds_come_from_passages_or_tasks_not_both(tsdg: Cli, tmp_path: Path) -> None:
    path = passages(tmp_path / "passages.jsonl", 4)
    done = tsdg("run", "recipe=demo", f"passages.path={path}")
    assert (done.code, "not from both" in done.err) == (2, True)
    done = tsdg("run", "recipe=rqa", "model=smollm2-135m-instruct", "passages.path=")
    assert (done.code, "are all empty" in done.err) == (2, True)


def test_passages_without_a_licence_are_refused(tsdg: Cli, tmp_path: Path) -> None:
    path = passages(tmp_path / "passages.jsonl", 4)
    words = [
        "recipe=rqa",
        "model=smollm2-135m-instruct",
        "passages=default",
        f"passages.path={path}",
        "model.note=",
    ]
    done = tsdg("plan", *words, "passages.licence=")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "passages.licence must name the texts' licence, or say unclear" in done.err
    assert tsdg("plan", *words).code == 0
