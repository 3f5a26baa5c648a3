"""The launches whose scripts are kept in ``golden/``; ``python -m tests.launch.cases`` writes anew."""

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

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
ROOT = HERE.parents[1]

_BASE = ["recipe=demo", "run=golden", "output_root=/lustre/runs", "seeds.cap_per_task=1000", "engine.unit_rows=4"]
_H100 = [*_BASE, "server=vllm", f"cluster={HERE / 'h100.yaml'}"]


def _model(name: str, tensor: int, pipeline: int) -> list[str]:
    return [
        *_H100, f"model.name={name}", f"model.path=/lustre/models/{name}", f"model.tensor_parallel={tensor}",
        f"model.pipeline_parallel={pipeline}",
    ]  # fmt: skip


CASES = {
    "demo-dev": [*_BASE, f"cluster={ROOT / 'cluster_configs' / 'dev.yaml'}"],
    "qwen3-235b-a22b": _model("Qwen3-235B-A22B", 8, 1),
    "deepseek-v3": _model("DeepSeek-V3", 8, 2),
    "genrm": _model("NVIDIA-Nemotron-3-Ultra-550B-A55B-GenRM", 8, 2),
    "gpt-oss-120b": _model("gpt-oss-120b", 1, 1),
    "qwen3-30b-a3b": [*_model("Qwen3-30B-A3B-Instruct-2507", 1, 1), "phases=[[questions,answers]]", "launch.chain=1"],
}


def dry_run(name: str) -> str:
    """What `tsdg launch --dry-run` prints, without what differs from machine to machine and from time to time."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = run_command(["launch", *CASES[name], "--dry-run"])
    assert code == 0
    text = out.getvalue().replace(sys.executable, "<python>").replace(str(Path.cwd()), "<here>")
    if name != "demo-dev":
        text = _arrays(text)
    return re.sub(r"(tsdg-golden_)\d+", r"\1<number>", re.sub(r" +$", "", text, flags=re.MULTILINE))


def _arrays(text: str) -> str:
    """The scripts of arrays and the table: the other jobs' are as in the demo."""
    parts = re.split(r"^(?=={4} |job  )", text, flags=re.MULTILINE)
    return "".join(part for part in parts if part.startswith("job  ") or "#SBATCH --array=" in part)


def write(folder: Path) -> None:
    """Write all of them into a folder, by a process without the caller's environment, in an empty folder."""
    command = [sys.executable, "-m", "tests.launch.cases", str(folder)]
    environ = {"PATH": os.environ["PATH"], "HOME": "/nobody", "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory() as scratch:
        done = subprocess.run(command, cwd=scratch, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert list(Path(scratch).iterdir()) == []


if __name__ == "__main__":
    if len(sys.argv) == 1:
        write(GOLDEN)
    else:
        for case in CASES:
            (Path(sys.argv[1]) / f"{case}.txt").write_text(dry_run(case))
