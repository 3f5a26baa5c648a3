"""A run on this machine that is killed: what it is said to be, and how it goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from tests.e2e.conftest import Cli, Endpoint, records

Oracle = Callable[..., Endpoint]


def test_a_killed_run_is_stopped_and_goes_on_from_its_directory(tsdg: Cli, oracle: Oracle) -> None:
    endpoint, run = oracle(delay=1.0), tsdg.root / "r"

    def state() -> str:
        return str(json.loads(tsdg("status", str(run), "--json").out)["state"])

    words = ["seeds.tasks=[demo_science]", "engine.max_in_flight=4", "engine.unit_rows=4"]
    process = tsdg.start("run", "recipe=demo", "run=r", *words, *endpoint.overrides())
    while not any(run.glob("questions/workers/*.json")):
        assert process.poll() is None
        time.sleep(0.1)
    assert state() == "running"
    process.kill()
    process.communicate()
    assert state() == "stopped"
    cancelled = tsdg("cancel", str(run))
    assert (cancelled.code, cancelled.err.count("\n")) == (2, 1)
    assert "was not launched" in cancelled.err
    other = tsdg("resume", str(run), "seed=7")
    assert (other.code, other.err.count("\n")) == (2, 1)
    assert "would become another run: seed is 0 there and 7 here" in other.err
    endpoint.answer_after(0)
    resumed = tsdg("resume", str(run), "engine.max_in_flight=64")
    assert resumed.code == 0, resumed.err
    assert state() == "complete"
    assert tsdg("verify", str(run)).code == 0
    asked = sum(endpoint.asked().values())
    assert tsdg("resume", str(run)).code == 0
    assert sum(endpoint.asked().values()) == asked
    logs = tsdg("logs", str(run))
    assert (logs.code, logs.out) == (0, f"{run}/logs has no log yet\n")
    missing = tsdg("logs", str(run), "answers")
    assert (missing.code, missing.err.count("\n")) == (2, 1)


def test_a_finished_run_is_packaged_anew_in_another_style_without_asking(
    tsdg: Cli, oracle: Oracle
) -> None:
    endpoint = oracle()
    common = ["run", "recipe=demo", "seeds.cap_per_task=3", *endpoint.overrides()]
    assert tsdg(*common).code == 0
    (run,) = tsdg.runs()
    labelled, asked = records(run), endpoint.asked()
    other = ["package.style=plain", "package.rows_per_file=1"]
    other += ["package.knowledge=before", "package.think=true"]
    ran = tsdg("resume", str(run), *other)
    assert ran.code == 0, ran.err
    plain = records(run)
    assert plain.keys() == labelled.keys()
    assert all(record["text"] != labelled[name]["text"] for name, record in plain.items())
    assert json.loads((run / "manifest.json").read_text())["package"] == {
        "rows_per_file": 1,
        "style": "plain",
        "knowledge": "before",
        "think": True,
    }
    assert any(turn["reasoning_content"] for row in plain.values() for turn in row["messages"])
    assert tsdg("verify", str(run)).code == 0
    assert endpoint.asked() == asked
    assert "package: done before" in tsdg("resume", str(run), *other).out
    assert tsdg(*common).code == 0
    assert records(run) == labelled
