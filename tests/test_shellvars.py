"""What the launching shell's variables may do."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tsdg.shellvars import clean_environ, is_kept, rules, unset_script

DROPPED = {
    *("SBATCH_PARTITION", "SBATCH_EXPORT", "SLURM_JOB_ID", "SLURM_STEP_GPUS", "SLURM_TIME_FORMAT"),
    *("SRUN_CPUS_PER_TASK", "SQUEUE_FORMAT2", "SACCT_FORMAT", "SINFO_PARTITION", "SALLOC_QOS"),
    *("SCANCEL_STATE", "PYTHONHOME", "PYTHONPATH", "PYTHONWARNINGS", "CONDA_PREFIX", "VIRTUAL_ENV"),
    *("LD_PRELOAD", "VLLM_API_KEY", "VLLM_PORT", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES"),
    *("NVIDIA_VISIBLE_DEVICES", "PMIX_RANK", "RANK", "MASTER_ADDR", "TSDG_NODES", "TMPDIR"),
}
KEPT = {
    *("SLURM_CONF", "SLURM_CLUSTERS", "SLURM_JWT", "PATH", "HOME", "USER", "LD_LIBRARY_PATH"),
    *("HTTPS_PROXY", "no_proxy", "HF_HOME", "MODULEPATH", "BASH_ENV", "TSDG_CACHE", "LANG"),
}


def test_each_variable_is_kept_or_dropped_on_purpose() -> None:
    assert [name for name in DROPPED if is_kept(name)] == []
    assert [name for name in KEPT if not is_kept(name)] == []
    everything = dict.fromkeys(DROPPED | KEPT, "x")
    assert set(clean_environ(everything, asks=False)) == KEPT
    assert clean_environ({"TZ": "Asia/Tokyo"}, asks=True)["TZ"] == "UTC"
    assert clean_environ({"TZ": "Asia/Tokyo"}, asks=False)["TZ"] == "Asia/Tokyo"


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_shell_drops_the_same(shell: str) -> None:
    environ = dict.fromkeys(DROPPED | KEPT, "x\nSLURM_CONF=no") | {"PATH": "/usr/bin:/bin"}
    environ.pop("BASH_ENV")
    script = f"set -u\n{unset_script()}\nenv"
    done = subprocess.run([shell, "-c", script], env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    left = {line.partition("=")[0] for line in done.stdout.splitlines() if "=" in line}
    assert left & DROPPED == set()
    assert KEPT - {"BASH_ENV"} <= left


def test_the_table_of_the_documentation_is_the_one_that_counts() -> None:
    text = (Path(__file__).parents[1] / "docs" / "clusters.md").read_text()
    told = re.findall(r"^\| (`.*`) \| (kept|dropped) \| (.*) \|$", text, flags=re.MULTILINE)
    words = {"keep": "kept", "drop": "dropped"}
    assert told == [
        (", ".join(f"`{name}`" for name in rule.names), words[rule.calls], rule.why)
        for rule in rules()
    ]
