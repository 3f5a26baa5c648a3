"""Solvers that write rubbish, the first option, or another language make no record."""

import json
from collections import Counter
from collections.abc import Callable

import pytest

from tests.e2e.conftest import Cli, Endpoint


@pytest.mark.parametrize(
    ("manner", "expected"),
    [
        ("rubbish", {"no_answer", "no_majority", "tie"}),
        ("first", {"no_answer", "no_majority", "tie", "bad_record"}),
        ("chinese", {"no_answer"}),
    ],
)
def test_a_solver_of_no_use_makes_no_record(
    tsdg: Cli, oracle: Callable[..., Endpoint], manner: str, expected: set[str]
) -> None:
    ran = tsdg(
        "run",
        "recipe=demo",
        "run=bad",
        "seeds.tasks=[demo_science,demo_arithmetic,demo_facts]",
        "answers.structured=false",
        "answers.rationale=written",
        "answers.show_options=true",
        *oracle(manner=manner).overrides(),
    )
    assert ran.code == 1
    assert ran.err.endswith(
        "the run made no record; the table says why, and the rejected rows say it one by one\n"
    )
    run = tsdg.root / "bad"
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["totals"]["records"] == 0
    why: Counter[str] = Counter()
    for task in manifest["tasks"].values():
        asked, answers = task["questions"]["generated"], task["answers"]
        assert asked > 5
        assert asked == answers["accepted"] + sum(answers["rejected"].values())
        why.update(answers["rejected"])
    assert why.keys() <= expected
    assert tsdg("verify", str(run)).code == 0
