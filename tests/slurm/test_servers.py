"""Real servers on the nodes of a job, each on its own node."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.slurm.lab import Launcher, logs

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(1200)]


def test_both_nodes_of_an_element_serve_the_model_and_share_the_work(
    launcher: Launcher, vllm: Path, demo_model: Path
) -> None:
    launcher.environment["TSDG_VLLM"] = str(vllm)
    run = launcher.launch(
        "served",
        "seeds.cap_per_task=1",
        "phases=[[questions,answers]]",
        "launch.elements=1",
        "launch.nodes_per_element=2",
        "launch.canary=0",
        "engine.unit_rows=1",
    )
    launcher.wait(900)
    assert (run / "manifest.json").exists(), logs(run)
    launcher("verify", str(run))
    workers = [
        json.loads(path.read_text()) for path in (run / "questions-answers/workers").glob("*.json")
    ]
    assert {worker["owner"]["slurm_node"] for worker in workers} == {"node1", "node2"}
    assert [len(worker["replicas"]) for worker in workers] == [1, 1]
    assert [worker["rows_done"] for worker in workers] == [6, 6], "each knows of the whole phase"
    assert sum(worker["units_committed"] for worker in workers) == 6
    assert sum(replica["requests"] for worker in workers for replica in worker["replicas"]) > 0
