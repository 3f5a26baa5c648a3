"""The launches whose scripts are in ``golden/``; ``python -m tests.launch.cases`` renews."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tsdg.cli import run_command
from tsdg.config.compose import compose_recipe
from tsdg.config.parallelism import nodes_per_replica
from tsdg.serving.placement import Placement, gpus_of, share_of
from tsdg.serving.vllm import Member, serve_command

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


def dry_run(name: str) -> str:
    """What `tsdg launch --dry-run` prints, without what differs from machine to machine and from
    time to time."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = run_command(["launch", *CASES[name], "--dry-run"])
    assert code == 0
    text = out.getvalue().replace(sys.executable, "<python>").replace(str(Path.cwd()), "<here>")
    if name != "demo-dev":
        text = _arrays(text) + _servers(name)
    return re.sub(r"(tsdg-golden_)\d+", r"\1<number>", re.sub(r" +$", "", text, flags=re.MULTILINE))


def _arrays(text: str) -> str:
    """The scripts of arrays and the table: the other jobs' are as in the demo."""
    parts = re.split(r"^(?=={4} |job  )", text, flags=re.MULTILINE)
    return "".join(part for part in parts if part.startswith("job  ") or "#SBATCH --array=" in part)


def _servers(name: str) -> str:
    """What the agents of one element start on its nodes of 8 GPUs.

    Address and ports are found out there.
    """
    recipe = compose_recipe(CASES[name])
    server, model = recipe.server, recipe.model
    gpus = tuple(map(str, range(8)))
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
    return "\n".join(lines) + "\n"


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
    else:
        for case in CASES:
            (Path(sys.argv[1]) / f"{case}.txt").write_text(dry_run(case))
