"""Knowledge and thoughts of records: where they stand, and what is said of those that are lost."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Cli, Endpoint, records, table

Oracle = Callable[..., Endpoint]
FORMATS = ("jsonl", "hf", "nemo-skills", "nemotron-blend", "megatron")


def test_lost_knowledge_is_counted_and_said(tsdg: Cli, oracle: Oracle) -> None:
    endpoint = oracle(manner="unknowing")
    done = tsdg("run", "recipe=demo", "run=r", *endpoint.overrides())
    assert done.code == 0, done.err
    run = tsdg.root / "r"
    solutions = table(run / "answers/solutions.parquet")
    lost = Counter(row["unenriched"] for row in solutions if row["unenriched"])
    assert set(lost) == {"bad_schema"}
    assert 0 < lost["bad_schema"] < len(solutions)
    said = f"answers without knowledge, so no enriched record: bad_schema {lost['bad_schema']}"
    assert said in done.out.splitlines()
    made = json.loads((run / "manifest.json").read_text())
    answers = made["totals"]["answers"]
    assert answers["unenriched"] == dict(lost)
    by_task = [
        task["answers"]["unenriched"].get("bad_schema", 0) for task in made["tasks"].values()
    ]
    assert sum(by_task) == lost["bad_schema"]
    refused = sum(made["totals"]["filter"]["rejected"].values())
    enriched = made["totals"]["records_by_variant"]["enriched"]
    assert 0 <= len(solutions) - lost["bad_schema"] - enriched <= refused
    without = {row["question_id"] for row in solutions if row["unenriched"]}
    assert not any(
        row["variant"] == "enriched" and row["question_id"] in without
        for row in records(run).values()
    )
    # Each was asked for a second time, and all of it is in the cost.
    assert made["cost"]["requests"] == sum(endpoint.asked().values())
    assert tsdg("verify", str(run)).code == 0
    manifest = (run / "manifest.json").read_text()
    (run / "manifest.json").write_text(manifest.replace('"bad_schema"', '"truncated"'))
    assert tsdg("verify", str(run)).code == 1


def test_thoughts_and_knowledge_in_both_places_reach_every_export(
    tsdg: Cli, oracle: Oracle, tmp_path: Path
) -> None:
    words = ["package.think=true", "package.knowledge=both", "answers.rationale=written"]
    done = tsdg("run", "recipe=demo", "run=r", *words, *oracle().overrides())
    assert done.code == 0, done.err
    run = tsdg.root / "r"
    assert tsdg("verify", str(run)).code == 0
    made = records(run)
    knowledge = {
        row["question_id"]: row["knowledge"] for row in table(run / "answers/solutions.parquet")
    }
    places = Counter[bool]()
    for row in made.values():
        user, assistant = row["messages"]
        assert user["reasoning_content"] is None
        assert bool(assistant["reasoning_content"]) == (row["variant"] != "answer")
        assert (assistant["reasoning_content"] or "-") not in assistant["content"]
        assert row["answer"].strip() in assistant["content"]
        if row["variant"] == "enriched":
            told = knowledge[row["question_id"]].strip()
            labelled = f"Background:\n{told}\n"
            before = user["content"].startswith(labelled)
            assert before != assistant["content"].startswith(labelled)
            assert row["text"].index(told) >= 0
            assert before == (row["text"].index(told) < row["text"].index(row["question"].strip()))
            places[before] += 1
    assert min(places[True], places[False]) > 2
    for form in FORMATS:
        out = tmp_path / form
        done = tsdg("export", str(run), "--format", form, f"out={out}")
        assert done.code == 0, done.err
        if form == "nemo-skills":
            continue
        assert _exported(out) == made, form
    assert {entry["path"] for entry in _blend(tmp_path / "nemotron-blend")["datasets"]} == {
        str(path) for path in (tmp_path / "nemotron-blend").rglob("*/*.jsonl")
    }
    shown = tsdg("show", str(run))
    assert shown.code == 0, shown.err


def _blend(folder: Path) -> Any:
    return json.loads((folder / "blend.json").read_text())


def _exported(folder: Path) -> dict[str, dict[str, Any]]:
    """Records of an export by id; a turn without thoughts has no key for them in JSON lines."""
    if any(folder.rglob("*.parquet")):
        return records(folder)
    rows = [
        json.loads(line)
        for path in folder.rglob("*.jsonl")
        for line in path.read_text().splitlines()
    ]
    for row in rows:
        for turn in row["messages"]:
            assert turn.get("reasoning_content", "some")
            turn.setdefault("reasoning_content", None)
    return {row["record_id"]: row for row in rows}
