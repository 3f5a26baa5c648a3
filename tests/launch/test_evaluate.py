"""``tsdg eval``: lm-eval's commands by capability group, printed or as jobs."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from tsdg.cli import run_command
from tsdg.config.compose import recipes_dir

CLUSTER = {
    "executor": "slurm",
    "job_dir": "/shared/jobs",
    "account": "myteam",
    "partition": "batch",
    "timeouts": {"batch": "04:00:00"},
    "containers": {"vllm": "/images/vllm.sqsh"},
    "mounts": ["/a:/b", "/c:/d"],
    "tsdg": {
        "container": "vllm",
        "setup": ["module load cuda"],
        "env_file": "/home/me/my secrets",
        "gpu_sbatch": {"constraint": "h100", "exclusive": True},
    },
}


def test_each_group_is_one_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["eval", "/models/my model", "tensor_parallel=8", "code_runs=true"]) == 0
    commands = [shlex.split(line) for line in capsys.readouterr().out.splitlines()]
    groups = yaml.safe_load((recipes_dir() / "eval/default.yaml").read_text())["groups"]
    assert [words[words.index("--tasks") + 1].split(",") for words in commands] == list(
        groups.values()
    )
    assert all("pretrained=/models/my model,tensor_parallel_size=8" in words for words in commands)
    assert all(words[-1] == "--confirm_run_unsafe_code" for words in commands)


def test_every_group_of_eval_is_one_of_compare_and_finds_its_tasks_there() -> None:
    from fnmatch import fnmatchcase

    evaluated, compared = (
        yaml.safe_load((recipes_dir() / folder / "default.yaml").read_text())["groups"]
        for folder in ("eval", "compare")
    )
    for group, tasks in evaluated.items():
        for task in tasks:
            matching = [
                name
                for name, patterns in compared.items()
                if any(fnmatchcase(task, p) for p in patterns)
            ]
            assert matching[0] == group, task


def test_every_task_is_lm_evals() -> None:
    from tsdg.seeds.catalogue.index import load_index

    known = load_index().entries
    groups = yaml.safe_load((recipes_dir() / "eval/default.yaml").read_text())["groups"]
    assert {task for tasks in groups.values() for task in tasks} <= set(known)


def test_a_job_is_a_script_that_bash_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = tmp_path / "mine.yaml"
    cluster.write_text(yaml.safe_dump(CLUSTER))
    words = [
        "eval",
        "/models/m",
        f"cluster={cluster}",
        "only=[math]",
        "out=/shared/evals",
        "--dry-run",
    ]
    assert run_command(words) == 0
    script = capsys.readouterr().out
    assert script == (Path(__file__).parent / "golden" / "eval.sh").read_text()
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "takes a model"),
        (["m", "n"], "takes a model"),
        (["m", "only=[maths]"], "only names 'maths'; allowed: MMLU-Pro"),
        (["a,b"], "a comma in the model's path"),
        (["m", "tensor_parallel=0"], "tensor_parallel: found 0"),
        (["m", "taks=x"], "taks is unknown"),
        (["m", "cluster=nowhere"], "nowhere"),
        (["m", "cluster=local"], "has executor"),
    ],
)
def test_what_cannot_be_evaluated_is_one_line(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["eval", *words]) == 2
    err = capsys.readouterr().err
    assert says in err
    assert len(err.strip().splitlines()) == 1
