"""What `tsdg doctor` makes of what Slurm and a node say."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.launch.test_job_plan import plan as planned
from tests.launch.test_watch import says, write
from tsdg.errors import UsageError
from tsdg.launch.check import Wanted
from tsdg.launch.folder_probe import MARKS, probe_folder
from tsdg.launch.job_plan import JobPlan, seconds_of
from tsdg.launch.node_look import read_node
from tsdg.launch.partitions import (
    explain_refusal,
    gpus_of_gres,
    parse_partitions,
    refuse_short_limits,
)
from tsdg.launch.preflight import asked_for, check_cluster
from tsdg.slurm.cluster import ClusterConfig, parse_cluster
from tsdg.slurm.slurm_shell import Shell

# 22.05; the second line of gpu as later releases write it, with the type and the cores.
SINFO = """\
batch|up|1-00:00:00|1:00|3|gpu:8
gpu|up|infinite|n/a|4|gpu:h100:8(S:0-1),lustre:1
gpu|up|infinite|n/a|2|gpu:a100:4(S:0)
old|down|30:00|n/a|1|(null)
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
    ("gres", "count"),
    [
        ("(null)", 0),
        ("gpu", 1),
        ("gpu:8", 8),
        ("gpu:4090:2", 2),
        ("gpu:nvidia_h100_80gb_hbm3:8(S:0-1)", 8),
        ("gpu:1g.10gb:7(S:0),gpu:a100:4(S:0-1)", 11),
        ("shard:h100:32,gpu:h100:8,craynetwork:4", 8),
    ],
)
def test_gpus_of_all_kinds_are_counted(gres: str, count: int) -> None:
    assert gpus_of_gres(gres) == count


def job(**fields: Any) -> JobPlan:
    return replace(planned()["questions"], gpus_per_node=0, time_limit="", **fields)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"partition": "gpu"}, ""),
        ({"partition": ""}, ""),
        ({"partition": "gone"}, "there is no partition gone; allowed: batch, gpu, old"),
        ({"partition": "gone,batch"}, ""),
        ({"partition": "old"}, "is down"),
        ({"partition": "old,batch"}, ""),
    ],
)
def test_why_a_partition_refuses_a_job(fields: dict[str, Any], said: str) -> None:
    told = explain_refusal(job(**fields), cluster(), parse_partitions(SINFO))
    assert (said in told) if said else told == ""


def test_what_a_partition_cannot_give_is_named() -> None:
    known = parse_partitions(SINFO)
    long = replace(job(partition="batch"), time_limit="24:00:01")
    assert "allows 1440 minutes, 24:00:01 is asked for" in explain_refusal(long, cluster(), known)
    assert explain_refusal(replace(long, partition="batch,gpu"), cluster(), known) == ""
    many = replace(job(partition="gpu"), gpus_per_node=16)
    assert "have 8 GPUs as Slurm knows, 16 are asked for" in explain_refusal(many, cluster(), known)


def test_a_partitions_default_time_must_leave_time_to_work() -> None:
    known = parse_partitions(SINFO)
    refuse_short_limits([job(partition="gpu", flush_s=120)], known)
    refuse_short_limits([job(partition="batch", flush_s=59)], known)
    for partition in ("batch", "gpu,batch"):
        with pytest.raises(UsageError, match=r"launch\.flush_s=60 is not below the time limit of"):
            refuse_short_limits([job(partition=partition, flush_s=60)], known)


def test_jobs_that_ask_for_the_same_are_tried_once() -> None:
    first = "#!/bin/bash\n#SBATCH --job-name=a\n#SBATCH --nodes=2\n#SBATCH --array=0-3%2\n"
    second = "#!/bin/bash\n#SBATCH --job-name=b\n#SBATCH --nodes=2\n"
    assert asked_for(first) == asked_for(second) == "#SBATCH --nodes=2"


def test_what_a_node_says() -> None:
    answers = "endpoint FAILED http://n1/v1 /models answers 404; they end in /v1\n"
    said = f"sees /runs\nlacks /mirror\npython 3.11.2\n{answers}end of node7\n"
    assert [(check.name, check.verdict) for check in read_node(said, python="/p")] == [
        ("node7 sees /runs", "ok"),
        ("node7 sees /mirror", "FAILED"),
        ("node7: /p", "ok"),
        ("node7: endpoint http://n1/v1", "FAILED"),
    ]
    bad = read_node(
        "sees /runs\nModuleNotFoundError: No module named 'orjson'\nend of node7\n", python="/p"
    )[-1]
    assert (bad.verdict, "orjson" in bad.said, "tsdg.python" in bad.said) == ("FAILED", True, True)
    assert "ended early" in read_node("", python="/p")[0].said


def task(number: int, node: str, **found: object) -> str:
    """What one node prints, as `srun --label` shows it."""
    folder = {"folder": "/runs", "lacks": "", "other": "", "late": 0, "met": True} | found
    lines = [f"folder {json.dumps(folder)}", "sees /runs", "python 3.11.2", f"end of {node}"]
    return "".join(f"{number}: {line}\n" for line in lines)


def test_of_the_second_node_only_what_it_adds_is_said() -> None:
    said = task(1, "n2", other="lock", met=False) + task(0, "n1")
    found = {check.name: (check.verdict, check.said) for check in read_node(said, python="/p")}
    assert list(found) == [
        "n1 sees /runs",
        "n1: /runs's file system",
        "n1: /p",
        "n2: /runs's file system",
    ]
    both = "can do what a run needs, and nodes see one another's files"
    assert found["n1: /runs's file system"] == ("ok", both)
    other = "can do what a run needs (no lock: done in another way)"
    assert found["n2: /runs's file system"] == ("ok", other)


def test_what_fails_on_both_nodes_is_said_once() -> None:
    lines = ["sees /runs", "lacks /mirror", "endpoint FAILED http://e/v1 does not answer"]
    first = "".join(f"0: {line}\n" for line in (*lines, "python 3.11.2", "end of n1"))
    second = "".join(f"1: {line}\n" for line in (*lines, "lacks /w", "python 3.9", "end of n2"))
    failed = [c.name for c in read_node(first + second, python="/p") if c.verdict == "FAILED"]
    assert failed == ["n1 sees /mirror", "n1: endpoint http://e/v1", "n2 sees /w"]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"lacks": "rename (Operation not permitted)"}, "cannot do without rename (Operation"),
        ({"late": 20.0, "met": False}, "what another node writes is not listed within 20.0 s"),
    ],
)
def test_a_file_system_that_will_not_do_is_named(found: dict[str, object], said: str) -> None:
    failed = [c for c in read_node(task(0, "n1", **found), python="/p") if c.verdict == "FAILED"]
    assert [said in check.said for check in failed] == [True]


def test_two_nodes_meet_in_a_folder(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        nodes = [pool.submit(probe_folder, tmp_path, "t", node=node, nodes=2) for node in (0, 1)]
        assert [node.result()["met"] for node in nodes] == [True, True]
    assert {path.name for path in tmp_path.iterdir()} == {f".tsdg-doctor-t{end}" for end in MARKS}
    alone = probe_folder(tmp_path, "u", node=0, nodes=2, sleep=lambda _: None)
    assert (alone["met"], alone["late"]) == (False, 20.0)


def wanted(folder: str) -> Wanted:
    script = "#!/bin/bash\n#SBATCH --nodes=1\n"
    return Wanted(
        folders=(folder,),
        readable=(),
        python="/p",
        endpoints=(),
        scripts=lambda: [(job(partition="gpu"), script)],
    )


def test_where_slurm_does_not_answer_the_rest_is_not_checked(commands: Path) -> None:
    checks = check_cluster(cluster(), Shell(ssh=None), wanted("/runs"))
    assert [check.verdict for check in checks] == ["FAILED", *["not checked"] * 5]
    assert "there is no command sinfo" in checks[0].said


def test_a_cluster_without_accounting_whose_nodes_are_busy(commands: Path, tmp_path: Path) -> None:
    for name in ("mkdir", "mktemp", "rm", "df", "tail"):
        (commands / name).symlink_to(f"/bin/{name}")
    write(commands, "sinfo", f'[ "$1" = --version ] && echo slurm 24.11.1 && exit\necho "{SINFO}"')
    says(commands, "scontrol", "MaxArraySize = 500\nSchedulerParameters = bf,max_array_tasks=90\n")
    write(commands, "sbatch", "echo sbatch: error: Invalid account >&2; exit 1")
    write(commands, "sacctmgr", "echo no accounting >&2; exit 1")
    write(
        commands,
        "srun",
        "echo srun: error: Unable to allocate resources: Job cancelled >&2; exit 1",
    )
    folder = tmp_path / "runs"
    checks = check_cluster(cluster(), Shell(ssh=None), wanted(str(folder)))
    by_name = {check.name: (check.verdict, check.said) for check in checks}
    assert by_name["slurm"] == ("ok", "slurm 24.11.1")
    assert by_name["accounting"][0] == "not checked"
    assert by_name["arrays"] == ("ok", "at most 90 elements in one array; more are split")
    assert by_name["job questions"] == ("FAILED", "Slurm refuses: error: Invalid account")
    assert by_name["a node"] == ("not checked", "no node was free within 60 s")
    assert list(folder.iterdir()) == []
    says(commands, "srun", "sees /x\npython 3.12.0\nend of n1\n")
    checks = check_cluster(cluster(), Shell(ssh=None), wanted("/proc/none"))
    assert [check.verdict for check in checks][-2:] == ["FAILED", "not checked"]
