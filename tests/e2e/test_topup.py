"""`tsdg topup` reaches what was asked, asks only for what is missing, and says where it stops."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import ROOT, Cli, Endpoint, records
from tests.launch.small_slurm import SmallSlurm
from tsdg.cli import run_command
from tsdg.config.snapshot import read_recipe
from tsdg.launch.ship import write_recipe
from tsdg.slurm.jobs import LaunchRecord, add_launch
from tsdg.slurm.slurm_shell import Ssh

PROMPTS = ROOT / "recipes/prompt/small/questions"


def shown(kind: str, folder: Path) -> Path:
    """The small prompt of a kind, which also shows the domain: by that, yields are planted."""
    folder.mkdir(exist_ok=True)
    text = (PROMPTS / f"{kind}.yaml").read_text(encoding="utf-8")
    path = folder / f"{kind}.yaml"
    path.write_text(text.replace("user: |-\n", "user: |-\n  Domain: {domain}\n\n"))
    return path


YIELDS = {"demo_science": 0.9, "demo_commonsense": 0.4, "demo_arithmetic": 0.05}


def manifest_of(run: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((run / "manifest.json").read_text())
    return manifest


def test_planted_yields_of_90_40_and_5_percent(
    tsdg: Cli, oracle: Callable[..., Endpoint], tmp_path: Path
) -> None:
    endpoint = oracle(manner="planted")
    files = {f"questions/{kind}": shown(kind, tmp_path / "mine") for kind in ("choice", "number")}
    words = [
        "seeds.tasks=[demo_science,demo_commonsense,demo_arithmetic]",
        "+targets={demo_science: 60, demo_commonsense: 24, demo_arithmetic: 9}",
        f"+prompt.files={{{', '.join(f'{key}: {path}' for key, path in files.items())}}}",
        "answers.variants=[answer]",
        "run=r",
    ]
    done = tsdg("run", "recipe=demo", *words, *endpoint.overrides())
    assert done.code == 0, done.err
    run, out = tsdg.root / "r", tsdg.root / "r-topped-up"
    done = tsdg("topup", str(run))
    assert done.code == 1, done.out + done.err
    assert "targets were not reached: demo_arithmetic: its latest" in done.err
    assert "below least_yield=0.1" in done.err
    manifest = manifest_of(out)
    assert manifest["tasks"]["demo_science"]["records"] >= 60
    assert manifest["tasks"]["demo_commonsense"]["records"] >= 24
    assert manifest["totals"]["records"] == len(records(out))
    runs = [run, *(path for path in tsdg.runs() if "-topup-" in path.name)]
    parts = [manifest_of(one) for one in runs]
    for task, share in YIELDS.items():
        each = [part["tasks"][task] for part in parts if task in part["tasks"]]
        asked = sum(one["questions"]["asked"] for one in each)
        made = sum(one["filter"]["packaged"] for one in each)
        assert abs(made - share * asked) < 2, (task, made, asked)
        whole = manifest["tasks"][task]
        assert whole["questions"]["asked"] == asked
        assert made - whole["filter"]["packaged"] == whole["filter"]["rejected"].get("duplicate", 0)
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


def launched(run: Path, cluster: str, *, ssh: Ssh | None = None) -> None:
    """Make a run one that was launched."""
    record = LaunchRecord(id="l", home="h", submitted="s", host="h", user="u", jobs=())
    add_launch(run, record, cluster=cluster, ssh=ssh, remote=str(run))
    away = ["launch.canary=0", "server.base_urls=[http://host:1/v1]"]
    write_recipe(run, read_recipe(run, [f"cluster={cluster}", *away]))


def test_refusals_are_one_line_and_a_launched_run_gets_its_further_runs_as_jobs(
    tsdg: Cli,
    oracle: Callable[..., Endpoint],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["seeds.tasks=[demo_science]", "seeds.cap_per_task=4", "run=r"]
    assert tsdg("run", "recipe=demo", *words, *oracle().overrides()).code == 0
    small = tsdg.root / "r"
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
        assert run_command(["topup", str(small), *asked]) == 2
        assert says in (said := capsys.readouterr().err)
        assert len(said.splitlines()) == 1
    assert (tmp_path / "mine" / "kept").exists()

    cluster = tmp_path / "small.yaml"
    keys = {"executor": "slurm", "job_dir": str(tmp_path / "jobs"), "tsdg": {"max_array_size": 9}}
    cluster.write_text(json.dumps(keys))
    launched(small, str(cluster))
    slurm = SmallSlurm.at(tmp_path / "slurm")
    path = f"{slurm.folder / 'bin'}:{tsdg.environment['PATH']}"
    there = replace(tsdg, environment={**tsdg.environment, "PATH": path})
    done = there("topup", str(small), "records=50")
    assert done.code == 0, done.err
    assert f"jobs are at work on {small}-topup-1" in done.out
    jobs = slurm.active()
    assert len(jobs) == 6
    assert read_recipe(Path(f"{small}-topup-1"), []).questions.first_draw == 1
    again = there("topup", str(small), "records=50")
    assert (again.code, slurm.active()) == (0, jobs), again.err
    assert f"jobs are at work on {small}-topup-1" in again.out

    launched(
        small, "elsewhere", ssh=Ssh(user="me", host="there", port=22, identity="", pre_command="")
    )
    assert run_command(["topup", str(small), "records=5"]) == 2
    assert "was launched over ssh, where topup does not go; on the" in capsys.readouterr().err
