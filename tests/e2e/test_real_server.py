"""The whole pipeline with a real vLLM server and the demo's real model, as a user starts it."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.e2e.conftest import ROOT, Cli, records, table
from tests.forks import ending_s
from tests.serving.conftest import ANY_CORE
from tests.tutorial import walk

pytestmark = [pytest.mark.server, pytest.mark.model, pytest.mark.timeout(2400)]

REAL_TASKS = ["arc_easy", "arc_challenge", "openbookqa", "winogrande", "gsm8k", "mbpp", "pubmedqa"]


def family(pid: int) -> list[psutil.Process]:
    """A process and all that descend from it."""
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def assert_every_seed_asked(questions: dict[str, Any], *, seeds: int) -> None:
    """Each seed gave a question or a rejection."""
    assert questions["generated"] + sum(questions["rejected"].values()) == seeds


@pytest.fixture
def tsdg(tsdg: Cli, vllm: Path, demo_model: Path) -> Cli:
    return replace(tsdg, environment={**tsdg.environment, **ANY_CORE, "TSDG_VLLM": str(vllm)})


def assert_the_demo_is_done(tsdg: Cli, printed: str) -> None:
    """It ends with a table, and every row is accounted for."""
    (run,) = tsdg.runs()
    assert "run directory: runs/first" in printed.splitlines()
    assert "Do not train on them" in " ".join(printed.split())
    manifest = json.loads((run / "manifest.json").read_text())
    assert len(manifest["tasks"]) == 6
    totals = manifest["totals"]
    assert totals["seeds"]["sampled"] == 24
    assert_every_seed_asked(totals["questions"], seeds=24)
    assert totals["questions"]["generated"] >= 12, totals["questions"]["rejected"]
    # What a model of this size gets past the vote is little; that something does shows every stage
    # at work.
    assert totals["records"] == len(records(run)) >= 1, totals["answers"]["rejected"]
    for record in records(run).values():
        assert record["answer"].strip() in record["text"]
        assert record["tokens"] > 0
    assert tsdg("verify", str(run)).code == 0


MADE = 'make demo ARGS="run=first seeds.cap_per_task=4"'
"""The first tutorial's first command; what it installs is there already."""


def test_ctrl_c_leaves_no_process_within_5_s_and_the_tutorials_command_continues(
    tsdg: Cli, tmp_path: Path
) -> None:
    make = ["make", "-n", *shlex.split(MADE)[1:]]
    told = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    commands = (line for line in told.splitlines() if line.startswith(".venv/bin/tsdg "))
    command = next(commands).removeprefix(".venv/bin/")
    process = tsdg.start(*shlex.split(command)[1:], "engine.max_in_flight=2")
    journal = "questions/journal"
    deadline = time.monotonic() + 600
    while not any(
        path.stat().st_size > 0 for run in tsdg.runs() for path in (run / journal).glob("*")
    ):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.1)
    members = family(process.pid)
    assert len(members) > 3, "the server and its workers belong to it"
    process.send_signal(signal.SIGINT)
    assert ending_s(members) < 5
    _, err = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in err

    printed = walk("tutorial", tmp_path, {MADE: command}, **tsdg.environment)
    assert "from the journal" in printed
    assert_the_demo_is_done(tsdg, printed)
    told = walk("tutorial-dataset", tmp_path, {})
    assert f"{len(records(tmp_path / 'runs' / 'first'))} rows in first-dataset" in told
    assert "source: {'dataset_path': 'tsdg/demo', 'config': " in told


@pytest.mark.mirror
def test_real_benchmark_rows_run_end_to_end(tsdg: Cli, quick_vllm: Path, mirror: Path) -> None:
    tsdg = replace(tsdg, environment={**tsdg.environment, "TSDG_VLLM": str(quick_vllm)})
    ran = tsdg(
        "run",
        "recipe=demo",
        f"seeds.mirror={mirror}",
        f"seeds.tasks=[{','.join(REAL_TASKS)}]",
        "seeds.cap_per_task=2",
        timeout=2300,
    )
    assert ran.code == 0, ran.err
    (run,) = tsdg.runs()
    manifest = json.loads((run / "manifest.json").read_text())
    assert list(manifest["tasks"]) == sorted(REAL_TASKS)
    for name, task in manifest["tasks"].items():
        assert task["seeds"]["sampled"] == 2, name
        assert task["seeds"]["available"] == sum(
            n for key, n in task["seeds"].items() if key != "available"
        )
    assert manifest["tasks"]["openbookqa"]["seeds"]["leaked"] >= 23
    sources = {
        row["task"]: row["source"]["dataset_path"] for row in table(run / "seeds/seeds.parquet")
    }
    assert sources["gsm8k"] == "openai/gsm8k"
    assert sources["winogrande"] == "allenai/winogrande"
    assert_every_seed_asked(manifest["totals"]["questions"], seeds=14)
    # With three seeds a task it was 6 or 7 of 21: the model's words depend on which requests shared
    # a step.
    assert manifest["totals"]["questions"]["generated"] >= 1, manifest["totals"]["questions"][
        "rejected"
    ]
    assert tsdg("verify", str(run)).code == 0
