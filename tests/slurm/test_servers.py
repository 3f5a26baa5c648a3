"""Real servers on the nodes of a job, each on its own node."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.slurm.lab import ROOT, DevCluster, Launcher, logs
from tests.tutorial import walk

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(2400)]


def test_the_tutorial_serves_the_model_on_both_nodes_of_an_element(
    slurm: DevCluster, launcher: Launcher, tmp_path: Path, quick_vllm: Path, demo_model: Path
) -> None:
    (tmp_path / "slurm").symlink_to(ROOT / "slurm")
    (tmp_path / "cluster_configs").mkdir()
    launcher.cluster_file().rename(tmp_path / "cluster_configs" / "dev.yaml")
    out = walk(
        "tutorial-slurm",
        tmp_path,
        {"slurm/devcluster/devcluster down": "true  # other tests need it"},
        TSDG_VLLM=str(quick_vllm),
        TMPDIR=str(slurm.folder.parent),
    )
    run = tmp_path / "runs" / "jobs"
    assert (run / "manifest.json").exists(), out + logs(run)
    workers = [
        json.loads(path.read_text()) for path in (run / "questions-answers/workers").glob("*.json")
    ]
    assert {worker["owner"]["slurm_node"] for worker in workers} == {"node1", "node2"}
    assert [len(worker["replicas"]) for worker in workers] == [1, 1]
    assert [worker["rows_done"] for worker in workers] == [6, 6], "each knows of the whole phase"
    assert sum(worker["units_committed"] for worker in workers) == 6
    assert sum(replica["requests"] for worker in workers for replica in worker["replicas"]) > 0
