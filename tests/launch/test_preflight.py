"""What `tsdg doctor` makes of what Slurm and a node say."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from tests.launch.test_watch import says, write
from tsdg.launch.job_plan import seconds_of
from tsdg.launch.preflight import check_cluster, check_partition, parse_partitions, read_node
from tsdg.slurm.cluster import ClusterConfig, parse_cluster
from tsdg.slurm.slurm_shell import Shell

# 22.05; the second line of gpu as later releases write it, with the type and the cores.
SINFO = """\
batch|up|1-00:00:00|3|gpu:8
gpu|up|infinite|4|gpu:h100:8(S:0-1),lustre:1
gpu|up|infinite|2|gpu:a100:4(S:0)
old|down|30:00|1|(null)
"""


def cluster(**keys: Any) -> ClusterConfig:
    values = {"executor": "slurm", "job_dir": "/jobs", "partition": "gpu"} | keys
    return parse_cluster(values, path=Path("c.yaml"), environ={})


@pytest.mark.parametrize(
    ("limit", "minutes"),
    [
        ("30", 30),
        ("30:30", 30.5),
        ("02:00:00", 120),
        ("1-12", 2160),
        ("1-00:30", 1470),
        ("2-00:00:30", 2880.5),
        ("infinite", math.inf),
        ("n/a", math.inf),
    ],
)
def test_time_limits(limit: str, minutes: float) -> None:
    assert seconds_of(limit) == 60 * minutes


def test_partitions() -> None:
    known = parse_partitions(f"{SINFO}\ngarbage\n")
    assert {name: (p.up, p.nodes, p.gpus) for name, p in known.items()} == {
        "batch": (True, 3, 8),
        "gpu": (True, 6, 8),
        "old": (False, 1, 0),
    }


@pytest.mark.parametrize(
    ("keys", "gpus", "verdict", "said"),
    [
        ({}, True, "ok", "6 nodes, 8 GPUs each, no time limit, asked for its default"),
        (
            {"partition": "batch", "timeouts": {"batch": "24:00:00"}},
            True,
            "ok",
            "up to 1440 minutes",
        ),
        (
            {"partition": "batch", "timeouts": {"batch": "24:00:01"}},
            True,
            "FAILED",
            "lower it in timeouts",
        ),
        ({"partition": "gone"}, True, "FAILED", "allowed: batch, gpu, old"),
        ({"cpu_partition": "old"}, False, "FAILED", "is down"),
        (
            {"tsdg": {"gpus_per_node": 16}},
            True,
            "FAILED",
            "have 8 GPUs as Slurm knows, tsdg.gpus_per_node=16",
        ),
        ({"tsdg": {"gpus_per_node": 16}, "disable_gpus_per_node": True}, True, "ok", "6 nodes"),
        ({"tsdg": {"gpus_per_node": 16}}, False, "ok", "6 nodes, no time limit"),
        ({"partition": ""}, True, "not checked", "names none"),
    ],
)
def test_a_partition_against_the_file(
    keys: dict[str, Any], gpus: bool, verdict: str, said: str
) -> None:
    check = check_partition(cluster(**keys), parse_partitions(SINFO), gpus=gpus)
    assert (check.verdict, said in check.said) == (verdict, True), check.said


def test_what_a_node_says() -> None:
    said = "sees /runs\nlacks /mirror\npython 3.11.2\nend of node7\n"
    assert [(check.name, check.verdict) for check in read_node(said, python="/p")] == [
        ("node7 sees /runs", "ok"),
        ("node7 sees /mirror", "FAILED"),
        ("node7: /p", "ok"),
    ]
    bad = read_node(
        "sees /runs\nModuleNotFoundError: No module named 'orjson'\nend of node7\n", python="/p"
    )[-1]
    assert (bad.verdict, "orjson" in bad.said, "tsdg.python" in bad.said) == ("FAILED", True, True)
    assert "ended early" in read_node("", python="/p")[0].said


def test_where_slurm_does_not_answer_the_rest_is_not_checked(commands: Path) -> None:
    checks = check_cluster(cluster(), Shell(ssh=None), folders=["/runs"], readable=[], python="/p")
    assert [check.verdict for check in checks] == ["FAILED", *["not checked"] * 5]
    assert "there is no command sinfo" in checks[0].said


def test_a_cluster_without_accounting_whose_nodes_are_busy(commands: Path, tmp_path: Path) -> None:
    for name in ("mkdir", "mktemp", "rm", "df", "tail"):
        (commands / name).symlink_to(f"/bin/{name}")
    write(commands, "sinfo", f'[ "$1" = --version ] && echo slurm 24.11.1 && exit\necho "{SINFO}"')
    write(commands, "scontrol", 'echo "MaxArraySize = 500"')
    write(commands, "sacctmgr", "echo no accounting >&2; exit 1")
    write(
        commands,
        "srun",
        "echo srun: error: Unable to allocate resources: Job cancelled >&2; exit 1",
    )
    folder = tmp_path / "runs"
    checks = check_cluster(
        cluster(), Shell(ssh=None), folders=[str(folder)], readable=[], python="/p"
    )
    by_name = {check.name: (check.verdict, check.said) for check in checks}
    assert by_name["slurm"] == ("ok", "slurm 24.11.1")
    assert by_name["accounting"][0] == "not checked"
    assert by_name["arrays"] == ("ok", "at most 500 elements in one array; more are split")
    assert by_name["a node"] == ("not checked", "no node was free within 60 s")
    assert list(folder.iterdir()) == []
    says(commands, "srun", "sees /x\npython 3.12.0\nend of n1\n")
    checks = check_cluster(
        cluster(), Shell(ssh=None), folders=["/proc/none"], readable=[], python="/p"
    )
    assert [check.verdict for check in checks][-2:] == ["FAILED", "not checked"]
