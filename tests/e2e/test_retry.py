"""Rows that no server answered: said aloud, and asked for again without touching the others."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.e2e.conftest import Cli, Endpoint, records, table

Oracle = Callable[..., Endpoint]


@pytest.mark.slow
def test_lost_rows_are_asked_for_again_and_the_run_is_as_if_nothing_had_been_lost(
    tsdg: Cli, oracle: Oracle
) -> None:
    endpoint = oracle()
    common = [
        "run",
        "recipe=demo",
        "phases=[[questions],[answers]]",
        "engine.unit_rows=4",
        "engine.attempts=1",
    ]
    common += ["engine.max_in_flight=16", "seeds.cap_per_task=4"]
    common += endpoint.overrides()
    assert tsdg(*common, "run=calm").code == 0
    calm = tsdg.root / "calm"
    endpoint.refuse(0.12)
    ran = tsdg(*common, "run=sick")
    assert ran.code == 1, ran.err
    run = tsdg.root / "sick"
    lost = json.loads((run / "manifest.json").read_text())["lost"]
    assert lost["rows"] > 0
    assert lost["share"] == round(lost["rows"] / lost["asked"], 6)
    said = f"{lost['rows']} of {lost['asked']} questions"
    assert said in " ".join(ran.out.split())
    for place in ("README.md", "report.html"):
        assert said in (run / place).read_text()
    assert said in tsdg("status", str(run)).out

    endpoint.refuse(0)
    before, asked = records(run), endpoint.asked()
    again = tsdg("retry", str(run))
    assert (again.code, again.err) == (0, "")
    assert "all other rows stay" in again.out
    resumed = tsdg("resume", str(run))
    assert resumed.code == 0, resumed.err
    assert tsdg("verify", str(run)).code == 0
    assert json.loads((run / "manifest.json").read_text())["lost"]["rows"] == 0
    whole = records(calm)
    assert len(before) < len(whole)
    assert before.items() <= records(run).items()  # the rest was not touched
    assert set(records(run)) >= set(whole)
    mine, theirs = (table(place / "questions/questions.parquet") for place in (run, calm))
    assert sorted(map(repr, mine)) == sorted(map(repr, theirs))
    assert not list(run.rglob("kept"))
    new = sum(endpoint.asked().values()) - sum(asked.values())
    assert new < sum(endpoint.asked().values()) / 4  # not the whole run again
    nothing = tsdg("retry", str(run))
    assert (nothing.code, nothing.out) == (0, f"{run}: nothing was rejected as request_failed\n")


def test_only_reasons_of_transport_are_asked_again(tsdg: Cli, oracle: Oracle) -> None:
    assert tsdg("run", "recipe=demo", "seeds.cap_per_task=4", *oracle().overrides()).code == 0
    (run,) = tsdg.runs()
    refused = tsdg("retry", str(run), "reason=no_majority")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "allowed: request_failed, step_failed" in refused.err
