"""`tsdg topup` reaches what was asked, asks only for what is missing, and says where it stops."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.e2e.conftest import ROOT, Cli, Endpoint, records

SHOWN = ROOT / "recipes/prompt/small/questions/choice.yaml"


def test_targets_are_reached_or_given_up_with_the_figures(
    tsdg: Cli, oracle: Callable[..., Endpoint], tmp_path: Path
) -> None:
    endpoint = oracle(manner="planted")
    prompt = tmp_path / "choice.yaml"
    text = SHOWN.read_text(encoding="utf-8")
    prompt.write_text(text.replace("user: |-\n", "user: |-\n  Domain: {domain}\n\n"))
    tasks = "seeds.tasks=[demo_science,demo_commonsense,demo_facts]"
    targets = "+targets={demo_science: 60, demo_commonsense: 24, demo_facts: 9}"
    words = [tasks, targets, f"+prompt.files={{questions/choice: {prompt}}}", "run=r"]
    done = tsdg("run", "recipe=demo", *words, *endpoint.overrides())
    assert done.code == 0, done.err
    run, out = tsdg.root / "r", tsdg.root / "r-topped-up"
    done = tsdg("topup", str(run))
    assert done.code == 1, done.out + done.err
    assert "targets were not reached: demo_facts: its latest" in done.err
    assert "0 with records: 0.0%, below least_yield=0.1" in done.err
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["tasks"]["demo_science"]["records"] >= 60
    assert manifest["tasks"]["demo_commonsense"]["records"] >= 24
    assert manifest["totals"]["records"] == len(records(out))
    funnel = manifest["totals"]
    ends = funnel["filter"]
    assert ends["packaged"] + sum(ends["rejected"].values()) == funnel["answers"]["accepted"]
    assert tsdg("verify", str(out)).code == 0
    assert set(endpoint.asked().values()) == {1}, "no request of an earlier run was sent again"
    # The same command finds everything done.
    before = endpoint.asked()
    assert tsdg("topup", str(run)).code == 1
    assert endpoint.asked() == before
    again = tsdg("topup", str(run), "records.demo_science=10")
    assert again.code == 0, again.err
    assert endpoint.asked() == before


def test_what_cannot_be_topped_up_is_one_line(
    tsdg: Cli, oracle: Callable[..., Endpoint], tmp_path: Path
) -> None:
    words = ["seeds.tasks=[demo_science]", "seeds.cap_per_task=4", "run=r"]
    assert tsdg("run", "recipe=demo", *words, *oracle().overrides()).code == 0
    run = str(tsdg.root / "r")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "kept").write_text("kept")
    for asked, says in (
        ([], "takes targets: records.TASK=N"),
        (["records.demo_facts=5"], "demo_facts is no task of the run"),
        (["records.demo_science=x"], "found 'x', allowed: a whole number"),
        (["colour=red"], "found 'colour=red'"),
        (["records=5", "least_yield=7"], "least_yield: found '7'"),
        (["records=5", f"out={tmp_path / 'mine'}"], "mine"),
    ):
        done = tsdg("topup", run, *asked)
        assert done.code == 2, asked
        assert says in done.err
        assert len(done.err.strip().splitlines()) == 1
    assert (tmp_path / "mine" / "kept").exists()
