"""The launches whose scripts are in ``golden/``; ``python -m tests.launch.cases`` renews."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import yaml

from tests.serving.commands import GPUS, ON_GPUS, recipe_of
from tsdg.cli import run_command
from tsdg.config.compose import compose_recipe
from tsdg.config.parallelism import nodes_per_replica
from tsdg.config.recipe import Recipe
from tsdg.config.stages import stages
from tsdg.launch.job_plan import SLURM_DEFAULT_MAX_ARRAY_SIZE, JobPlan, plan_jobs
from tsdg.launch.submit import write_any_scripts
from tsdg.serving.placement import Placement, gpus_of, share_of
from tsdg.serving.vllm import Member, serve_command
from tsdg.slurm.cluster import ClusterConfig, parse_cluster

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
ROOT = HERE.parents[1]

_BASE = [
    "recipe=demo",
    "run=golden",
    "output_root=/lustre/runs",
    "seeds.cap_per_task=1000",
    "engine.unit_rows=4",
]
_H100 = [*_BASE, "server=vllm", f"cluster={HERE / 'h100.yaml'}"]


CASES = {
    "demo-dev": [*_BASE, f"cluster={ROOT / 'cluster_configs' / 'dev.yaml'}"],
    "qwen3-235b-a22b": [*_H100, "model=qwen3-235b-a22b"],
    "deepseek-v3": [*_H100, "model=deepseek-v3", "model.path=/lustre/models/DeepSeek-V3"],
    "genrm": [*_H100, "model=nemotron-3-ultra-genrm"],
    "study": [
        *_H100,
        "model=qwen3-235b-a22b",
        "study.share=1",
        "+model@roles.study.model=qwen3-30b-a3b-instruct-2507",
    ],
    "gpt-oss-120b": [*_H100, "model=gpt-oss-120b"],
    "qwen3-30b-a3b": [
        *_H100,
        "model=qwen3-30b-a3b-instruct-2507",
        "phases=[[questions,answers]]",
        "launch.chain=1",
    ],
}

MODELS = "models"
"""A golden file of its own (tests/serving/test_models.py): every model on every kind of node."""


def models() -> str:
    """The script of a phase's array for each model file on each kind of node, and its servers.

    The first script of a kind of node is whole; of the others what is other than there.
    """
    parts = []
    for hardware, gpus in GPUS.items():
        cluster = _cluster(hardware, gpus)
        recipes = {name: recipe_of(name, f"hardware={hardware}") for name in ON_GPUS}
        jobs = [_array(recipe, cluster, name) for name, recipe in recipes.items()]
        scripts = write_any_scripts(cluster, jobs)
        usual: list[str] = []
        for name, recipe in recipes.items():
            text = re.sub(r"(tsdg-doctor_)\d+", r"\1<number>", scripts[name])
            lines = text.replace(name, "<job>").splitlines()
            shown = [line for line in lines if line not in usual]
            usual = usual or lines
            parts += [f"==== {name} on {hardware}", *shown, *_shares(recipe, name, gpus)]
    return "\n".join(parts) + "\n"


def _cluster(hardware: str, gpus: int) -> ClusterConfig:
    """The cluster of the other golden files, with other nodes."""
    path = HERE / "h100.yaml"
    values = yaml.safe_load(path.read_text())
    values["tsdg"] |= {"gpus_per_node": gpus, "gpu_sbatch": {"constraint": hardware}}
    return parse_cluster(values, path=path, environ={})


def _array(recipe: Recipe, cluster: ClusterConfig, name: str) -> JobPlan:
    """The array of the questions, named after the model."""
    made = plan_jobs(
        recipe,
        cluster,
        stages=[stage for stage in stages(recipe.phases) if stage.name == "questions"],
        canary_stages=(),
        units={"questions": 1000},
        endpoints={"questions": [(recipe.model, recipe.server)]},
        max_array_size=SLURM_DEFAULT_MAX_ARRAY_SIZE,
    )
    return replace(made[0], name=name)


def _shares(recipe: Recipe, name: str, gpus: int) -> list[str]:
    """Which GPUs each server of an element has; its command stands in tests/serving."""
    return [line.partition(" vllm ")[0] for line in servers(recipe, name, gpus)[1:]]


def dry_run(name: str) -> str:
    """What `tsdg launch --scripts` prints, without what differs from machine to machine and from
    time to time."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = run_command(["launch", *CASES[name], "--scripts"])
    assert code == 0
    text = out.getvalue().replace(sys.executable, "<python>").replace(str(Path.cwd()), "<here>")
    if name != "demo-dev":
        text = _arrays(text) + "\n".join(servers(compose_recipe(CASES[name]), name, 8)) + "\n"
    return re.sub(r"(tsdg-golden_)\d+", r"\1<number>", re.sub(r" +$", "", text, flags=re.MULTILINE))


def _arrays(text: str) -> str:
    """The scripts of arrays and the table: the other jobs' are as in the demo."""
    parts = re.split(r"^(?=={4} |job  )", text, flags=re.MULTILINE)
    return "".join(part for part in parts if part.startswith("job  ") or "#SBATCH --array=" in part)


def servers(recipe: Recipe, name: str, count: int) -> list[str]:
    """What the agents of one element start on its nodes.

    Address and ports are found out there.
    """
    server, model = recipe.server, recipe.model
    gpus = tuple(map(str, range(count)))
    nodes = nodes_per_replica(model, len(gpus))
    lines = ["==== servers of an element"]
    for node in range(nodes):
        placement = Placement(
            node=node, nodes=nodes, element=name, address="", gpus=gpus, slots=len(gpus)
        )
        share = share_of(placement, server, model)
        member = (
            Member(nodes=nodes, rank=share.rank, address="<head>", port=29500)
            if nodes > 1
            else None
        )
        for replica in range(share.replicas):
            command = serve_command(server=server, model=model, port=8000 + replica, member=member)
            own = ",".join(gpus_of(placement, share, replica))
            lines.append(
                f"node {node}, {share.role}: CUDA_VISIBLE_DEVICES={own} {' '.join(command)}"
            )
    return lines


def write(folder: Path) -> None:
    """Write all of them into a folder, by a process without the caller's environment, in an empty
    folder."""
    command = [sys.executable, "-m", "tests.launch.cases", str(folder)]
    environ = {"PATH": os.environ["PATH"], "HOME": "/nobody", "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory() as scratch:
        done = subprocess.run(
            command, cwd=scratch, env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert list(Path(scratch).iterdir()) == []


if __name__ == "__main__":
    if len(sys.argv) == 1:
        write(GOLDEN)
        (GOLDEN / f"{MODELS}.txt").write_text(models())
    else:
        for case in CASES:
            (Path(sys.argv[1]) / f"{case}.txt").write_text(dry_run(case))
