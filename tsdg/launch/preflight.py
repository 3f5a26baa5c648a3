"""Checks whether a cluster is fit for a launch, by asking Slurm and by one tiny job."""

from __future__ import annotations

import math
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from tsdg.errors import MachineError
from tsdg.launch.job_plan import seconds_of
from tsdg.slurm.cluster import ClusterConfig
from tsdg.slurm.slurm_shell import Shell, max_array_size

Verdict = Literal["ok", "FAILED", "not checked"]

_NODE_WAIT_S = 60
_GPUS = re.compile(r"gpu(?::[A-Za-z][\w.-]*)?:(\d+)")
_SUNDRY = "pyarrow, aiohttp, orjson, pydantic, omegaconf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of `tsdg doctor`."""

    name: str
    verdict: Verdict
    said: str
    """What was found, and where it failed what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """What ``sinfo`` says of a partition."""

    up: bool
    minutes: float
    """Time limit."""
    nodes: int
    gpus: int
    """Of the node that has most."""


def attempt(name: str, look: Callable[[], str]) -> Check:
    """Make one check: what ``look`` returns is well, an ``MachineError`` is not."""
    try:
        return Check(name=name, verdict="ok", said=look())
    except MachineError as error:
        return Check(name=name, verdict="FAILED", said=" ".join(str(error).split()))


def check_cluster(
    cluster: ClusterConfig,
    shell: Shell,
    *,
    folders: Sequence[str],
    readable: Sequence[str],
    python: str,
) -> tuple[Check, ...]:
    """Check a Slurm cluster. Leaves nothing behind but the folders where they were missing.

    Args:
        cluster: the cluster.
        shell: where it is.
        folders: that jobs must be able to write to: the experiments', the runs'.
        readable: paths that a node must see: mirror, weights.
        python: of the nodes.
    """
    first = attempt("slurm", lambda: _version(shell))
    if first.verdict != "ok":
        rest = ("accounting", "partitions", "arrays", "folders", "a node")
        return (
            first,
            *(
                Check(name=name, verdict="not checked", said="Slurm does not answer")
                for name in rest
            ),
        )
    checks = [first, _accounting(cluster, shell)]
    try:
        known = parse_partitions(shell.run(["sinfo", "-h", "-o", "%R|%a|%l|%D|%G"]))
        checks += [check_partition(cluster, known, gpus=gpus) for gpus in (True, False)]
    except MachineError as error:
        checks.append(Check(name="partitions", verdict="FAILED", said=str(error)))
    checks.append(attempt("arrays", lambda: _arrays(cluster, shell)))
    writable = [
        attempt(f"folder {folder}", partial(_writable, shell, folder)) for folder in folders
    ]
    checks += writable
    if any(check.verdict != "ok" for check in writable):
        checks.append(
            Check(
                name="a node", verdict="not checked", said="it needs folders that can be written to"
            )
        )
    else:
        checks += look_from_node(cluster, shell, folders=folders, readable=readable, python=python)
    return tuple(checks)


def _version(shell: Shell) -> str:
    return shell.run(["sinfo", "--version"]).strip()


def _arrays(cluster: ClusterConfig, shell: Shell) -> str:
    limit = max_array_size(shell)
    if cluster.tsdg.max_array_size > limit:
        raise MachineError(
            f"tsdg.max_array_size={cluster.tsdg.max_array_size} is above Slurm's "
            f"MaxArraySize={limit}; "
            "lower it or use 0"
        )
    return f"at most {limit} elements in one array; more are split"


def _accounting(cluster: ClusterConfig, shell: Shell) -> Check:
    """Check that accounting answers and knows the account; a cluster may have none."""
    try:
        text = shell.run(["sacctmgr", "-nP", "show", "assoc", "format=Account,Partition"])
    except MachineError as error:
        return Check(
            name="accounting",
            verdict="not checked",
            said=f"{error}; `tsdg status` works without it",
        )
    accounts = sorted({line.split("|")[0] for line in text.splitlines() if line})
    if cluster.account and cluster.account not in accounts:
        found = ", ".join(accounts[:8]) or "none"
        said = (
            f"account {cluster.account} is not among yours: {found}; "
            "set account in the cluster file"
        )
        return Check(name="accounting", verdict="FAILED", said=said)
    return Check(name="accounting", verdict="ok", said=f"account {cluster.account or '(default)'}")


def parse_partitions(text: str) -> dict[str, Partition]:
    """Read ``sinfo -h -o '%R|%a|%l|%D|%G'``: a line for each kind of node of each partition."""
    out: dict[str, Partition] = {}
    for line in text.splitlines():
        fields = [field.strip() for field in line.split("|")]
        if len(fields) != 5:
            continue
        name, available, limit, nodes, gres = fields
        before = out.get(name, Partition(up=False, minutes=0, nodes=0, gpus=0))
        gpus = sum(int(count) for count in _GPUS.findall(gres))
        out[name] = Partition(
            up=available == "up",
            minutes=seconds_of(limit) / 60,
            nodes=before.nodes + (int(nodes) if nodes.isdecimal() else 0),
            gpus=max(before.gpus, gpus),
        )
    return out


def _lacking(found: Partition, limit: str, cluster: ClusterConfig, *, gpus: bool) -> str:
    """What a partition cannot give of what is asked for; empty where it can give all."""
    if not found.up:
        return "is down; wait, or choose another in the cluster file"
    if limit and seconds_of(limit) / 60 > found.minutes:
        return (
            f"allows {found.minutes:.0f} minutes, the cluster file asks for {limit}; lower it in "
            "timeouts"
        )
    want = cluster.tsdg.gpus_per_node
    if gpus and want > found.gpus and not cluster.disable_gpus_per_node:
        return (
            f"its nodes have {found.gpus} GPUs as Slurm knows, tsdg.gpus_per_node={want}; lower "
            "it, or disable_gpus_per_node=true where Slurm does not know them"
        )
    return ""


def check_partition(cluster: ClusterConfig, known: Mapping[str, Partition], *, gpus: bool) -> Check:
    """Check the partition of the phases, or of the other jobs, against Slurm's list. Pure."""
    name = cluster.partition_of(gpus=gpus)
    title = f"partition {name or '(default)'}" + (
        " of the phases" if gpus else " of the other jobs"
    )
    if not name:
        return Check(
            name=title,
            verdict="not checked",
            said="the cluster file names none; Slurm takes its own default",
        )

    def failed(said: str) -> Check:
        return Check(name=title, verdict="FAILED", said=said)

    if name not in known:
        return failed(f"there is none of that name; allowed: {', '.join(sorted(known)) or 'none'}")
    found, limit = known[name], cluster.time_limit_of(name)
    if lacking := _lacking(found, limit, cluster, gpus=gpus):
        return failed(lacking)
    has = f", {found.gpus} GPUs each" if gpus and found.gpus else ""
    allows = "no time limit" if math.isinf(found.minutes) else f"up to {found.minutes:.0f} minutes"
    said = f"{found.nodes} nodes{has}, {allows}, asked for {limit or 'its default'}"
    return Check(name=title, verdict="ok", said=said)


def _writable(shell: Shell, folder: str) -> str:
    script = (
        'mkdir -p "$1" && file=$(mktemp "$1/.tsdg-doctor-XXXXXX") && rm "$file" '
        '&& df -Pk "$1" | tail -n 1'
    )
    try:
        free = shell.run(["sh", "-c", script, "sh", folder]).split()
    except MachineError as error:
        raise MachineError(f"{folder} cannot be written: {error}; choose another folder") from error
    gib = int(free[3]) / 2**20 if len(free) > 3 and free[3].isdecimal() else math.nan
    return f"can be written, {gib:.0f} GiB free"


_NODE_SCRIPT = """
python=$1; folders=$2; token=$3; shift 3
i=0; while [ "$i" -lt "$folders" ]; do
    if [ "$(cat "$1/.tsdg-doctor-$token" 2>/dev/null)" = "$token" ]
    then echo "sees $1"; else echo "lacks $1"; fi
    shift; i=$((i + 1))
done
for path; do if [ -r "$path" ]; then echo "sees $path"; else echo "lacks $path"; fi; done
"$python" -c '
import sys
assert sys.version_info >= (3, 11), "older than 3.11"
import SUNDRY
print("python %d.%d.%d" % sys.version_info[:3])' 2>&1 | tail -n 1
echo "end of $(hostname)"
""".replace("SUNDRY", _SUNDRY)


def look_from_node(
    cluster: ClusterConfig,
    shell: Shell,
    *,
    folders: Sequence[str],
    readable: Sequence[str],
    python: str,
) -> list[Check]:
    """Run one tiny job that checks folders, paths and imports as seen from a node.

    It reads a fresh file from each folder.
    """
    token = secrets.token_hex(8)
    files = [f"{folder}/.tsdg-doctor-{token}" for folder in folders]
    write = 'token=$1; shift; for file; do printf %s "$token" >"$file" || exit 1; done'
    command = [*_srun(cluster, folders, readable, python), "sh", "-c", _NODE_SCRIPT, "sh"]
    try:
        shell.run(["sh", "-c", write, "sh", token, *files])
        said = shell.run(
            [*command, python, str(len(folders)), token, *folders, *readable],
            timeout_s=2.0 * _NODE_WAIT_S,
        )
    except MachineError as error:
        busy = "Unable to allocate resources" in str(error) and "Invalid" not in str(error)
        next_step = f"no node was free within {_NODE_WAIT_S} s" if busy else str(error)
        return [Check(name="a node", verdict="not checked" if busy else "FAILED", said=next_step)]
    finally:
        shell.run(["rm", "-f", *files])
    return read_node(said, python=python)


def _srun(
    cluster: ClusterConfig, folders: Sequence[str], readable: Sequence[str], python: str
) -> list[str]:
    partition, image = (
        cluster.partition_of(gpus=False),
        cluster.image_of(gpus=False) or cluster.image_of(gpus=True),
    )
    words = [
        "srun",
        "--quiet",
        "--ntasks=1",
        "--time=2",
        f"--immediate={_NODE_WAIT_S}",
        "--job-name=tsdg-doctor",
    ]
    for flag, value in (
        ("account", cluster.account),
        ("partition", partition),
        ("qos", cluster.tsdg.cpu_qos),
    ):
        if value:
            words.append(f"--{flag}={value}")
    if image:
        beside = Path(python).parents[1:2] if python.startswith("/") else ()
        places = [*folders, *readable, *map(str, beside)]
        own = [
            place
            for place in places
            if place.startswith("/") and not _covered(place, cluster.mounts)
        ]
        mounts = [*cluster.mounts, *(f"{path}:{path}" for path in own)]
        words += [f"--container-image={image}", f"--container-mounts={','.join(mounts)}"]
    return [*words, *cluster.tsdg.srun]


def _covered(path: str, mounts: Sequence[str]) -> bool:
    return any(f"{path}/".startswith(f"{mount.split(':')[1]}/") for mount in mounts)


def read_node(said: str, *, python: str) -> list[Check]:
    """Read what the tiny job printed. Pure.

    Args:
        said: its output.
        python: that it was asked to start.
    """
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    ends = [line.removeprefix("end of ") for line in lines if line.startswith("end of ")]
    if not ends:
        why = " ".join(lines)[:200] or "silent"
        return [Check(name="a node", verdict="FAILED", said=f"the job ended early: {why}")]
    return [*_seen(lines, ends[0]), _python(lines, f"{ends[0]}: {python}")]


def _seen(lines: Sequence[str], node: str) -> list[Check]:
    """Which folders a node sees."""
    checks = []
    for line in lines:
        word, _, path = line.partition(" ")
        if word == "sees":
            checks.append(Check(name=f"{node} sees {path}", verdict="ok", said="read there"))
        elif word == "lacks":
            said = (
                "is not there, or not shared, or not mounted; "
                "use a shared file system, or add it to mounts"
            )
            checks.append(Check(name=f"{node} sees {path}", verdict="FAILED", said=said))
    return checks


def _python(lines: Sequence[str], name: str) -> Check:
    """Whether Python starts on a node and has what tsdg imports."""
    for line in lines:
        if line.startswith("python "):
            return Check(name=name, verdict="ok", said=f"{line}, with what tsdg imports")
    known = {"sees", "lacks", "python", "end"}
    other = [line for line in lines if line.partition(" ")[0] not in known]
    why = " ".join(other)[:200] or "does not start"
    said = f"{why}; install tsdg there, or set tsdg.python in the cluster file"
    return Check(name=name, verdict="FAILED", said=said)
