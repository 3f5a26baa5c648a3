"""Checks whether a cluster is fit for a launch, by asking Slurm and by one tiny job."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from tsdg.errors import MachineError, TsdgError, few
from tsdg.launch import endpoint_probe
from tsdg.launch.job_plan import JobPlan
from tsdg.launch.mounts import python_folders
from tsdg.launch.partitions import (
    Partition,
    ask_partitions,
    explain_refusal,
    refuse_short_limits,
)
from tsdg.slurm.cluster import ClusterConfig
from tsdg.slurm.slurm_shell import Shell, max_array_size

Verdict = Literal["ok", "FAILED", "not checked"]

_NODE_WAIT_S = 60
_NAMES_ONLY = re.compile(r"#SBATCH --(array|comment|job-name|output|error|signal)=")
_OF_NODES = ("constraint", "exclude", "licenses", "mem", "nodelist", "reservation", "wckey")
"""Flags without which a site may give a job no node."""
_SUNDRY = "pyarrow, aiohttp, orjson, pydantic, omegaconf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of `tsdg doctor`."""

    name: str
    verdict: Verdict
    said: str
    """What was found, and where it failed what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a cluster must have for a launch."""

    folders: tuple[str, ...]
    """That jobs must be able to write to: the experiments', the runs'."""
    readable: tuple[str, ...]
    """Paths that a node must see: mirror, weights."""
    python: str
    """Of the nodes."""
    endpoints: tuple[Mapping[str, str], ...]
    """That nodes must reach: ``url``, ``model``, and where its key is: ``env``, ``file``."""
    scripts: Callable[[], Sequence[tuple[JobPlan, str]]]
    """Makes the jobs that a launch would submit, each with its script."""


def attempt(name: str, look: Callable[[], str]) -> Check:
    """Make one check: what ``look`` returns is well, an ``MachineError`` is not."""
    try:
        return Check(name=name, verdict="ok", said=look())
    except MachineError as error:
        return Check(name=name, verdict="FAILED", said=" ".join(str(error).split()))


def check_cluster(cluster: ClusterConfig, shell: Shell, wanted: Wanted) -> tuple[Check, ...]:
    """Check a Slurm cluster. Leaves nothing behind but the folders where they were missing."""
    first = attempt("slurm", lambda: _version(shell))
    if first.verdict != "ok":
        rest = ("accounting", "jobs", "arrays", "folders", "a node")
        return (
            first,
            *(
                Check(name=name, verdict="not checked", said="Slurm does not answer")
                for name in rest
            ),
        )
    checks = [first, _accounting(cluster, shell), *try_jobs(cluster, shell, wanted.scripts)]
    checks.append(attempt("arrays", lambda: _arrays(cluster, shell)))
    writable = [
        attempt(f"folder {folder}", partial(_writable, shell, folder)) for folder in wanted.folders
    ]
    checks += writable
    if any(check.verdict != "ok" for check in writable):
        said = "it needs folders that can be written to"
        return (*checks, Check(name="a node", verdict="not checked", said=said))
    return (*checks, *look_from_node(cluster, shell, wanted))


def try_jobs(
    cluster: ClusterConfig, shell: Shell, scripts: Callable[[], Sequence[tuple[JobPlan, str]]]
) -> list[Check]:
    """Let Slurm itself say of each job whether it would take it, by ``sbatch --test-only``.

    One line for all jobs that ask for the same.
    """
    try:
        jobs = scripts()
        known = ask_partitions(shell)
        refuse_short_limits([job for job, _ in jobs], known)
    except TsdgError as error:
        return [Check(name="jobs", verdict="FAILED", said=" ".join(str(error).split()))]
    alike: dict[str, list[tuple[JobPlan, str]]] = {}
    for job, script in jobs:
        alike.setdefault(asked_for(script), []).append((job, script))
    return [_try_one(cluster, shell, group, known) for group in alike.values()]


def asked_for(script: str) -> str:
    """What a job's script asks Slurm for, without what only names it."""
    flags = [line for line in script.splitlines() if line.startswith("#SBATCH ")]
    return "\n".join(flag for flag in flags if not _NAMES_ONLY.match(flag))


def _try_one(
    cluster: ClusterConfig,
    shell: Shell,
    group: Sequence[tuple[JobPlan, str]],
    known: Mapping[str, Partition],
) -> Check:
    job, script = group[0]
    names = few([each.name for each, _ in group])
    title = f"job{'s' if len(group) > 1 else ''} {names}"
    try:
        said = shell.run(["sh", "-c", "sbatch --test-only 2>&1"], data=script.encode())
    except MachineError as error:
        told = str(error).rpartition("sbatch: ")[2] or str(error)
        why = explain_refusal(job, cluster, known)
        return Check(
            name=title,
            verdict="FAILED",
            said=f"Slurm refuses: {told}" + (f"; {why}" if why else ""),
        )
    start = re.search(r"to start at (\S+)", said)
    where = f"partition {job.partition or '(default)'}, {job.time_limit or 'its default time'}"
    when = f", could start {start[1]} UTC" if start else ""
    return Check(name=title, verdict="ok", said=f"Slurm would take it: {where}{when}")


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
    mine = ["sh", "-c", 'sacctmgr -nP show assoc user="$(id -un)" format=Account']
    try:
        text = shell.run(mine)
    except MachineError as error:
        return Check(
            name="accounting",
            verdict="not checked",
            said=f"{error}; `tsdg status` works without it",
        )
    accounts = sorted(set(text.split()))
    found = ", ".join(accounts[:8]) or "none"
    if cluster.account and cluster.account.lower() not in {name.lower() for name in accounts}:
        said = (
            f"account {cluster.account} is not among yours: {found}; what Slurm says of the jobs "
            "counts"
        )
        return Check(name="accounting", verdict="not checked", said=said)
    return Check(
        name="accounting",
        verdict="ok",
        said=f"account {cluster.account or f'(default) of {found}'}",
    )


def _writable(shell: Shell, folder: str) -> str:
    script = 'mkdir -p "$1" && file=$(mktemp "$1/.tsdg-doctor-XXXXXX") && rm "$file" && df -Pk "$1"'
    try:
        lines = shell.run(["sh", "-c", script, "sh", folder]).splitlines()
    except MachineError as error:
        raise MachineError(f"{folder} cannot be written: {error}; choose another folder") from error
    # A device's or folder's name may hold spaces; three numbers in a row are the sizes.
    sizes = re.search(r"\s\d+\s+\d+\s+(\d+)\s+\d+%", lines[-1] if lines else "")
    free = f", {int(sizes[1]) / 2**20:.0f} GiB free" if sizes else ""
    return f"can be written{free}"


_NODE_SCRIPT = """
python=$1; folders=$2; token=$3; endpoints=$4; probe=$5; shift 5
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
[ -z "$endpoints" ] || "$python" -c "$probe" "$endpoints" 2>&1
echo "end of $(hostname)"
""".replace("SUNDRY", _SUNDRY)


def look_from_node(cluster: ClusterConfig, shell: Shell, wanted: Wanted) -> list[Check]:
    """Run one tiny job that checks folders, paths, imports and endpoints as seen from a node.

    It reads a fresh file from each folder.
    """
    token = secrets.token_hex(8)
    files = [f"{folder}/.tsdg-doctor-{token}" for folder in wanted.folders]
    write = 'token=$1; shift; for file; do printf %s "$token" >"$file" || exit 1; done'
    command = [*_srun(cluster, wanted), "sh", "-c", _NODE_SCRIPT, "sh"]
    asked = json.dumps([dict(each) for each in wanted.endpoints]) if wanted.endpoints else ""
    probe = Path(endpoint_probe.__file__).read_text()
    words = [wanted.python, str(len(files)), token, asked, probe]
    try:
        shell.run(["sh", "-c", write, "sh", token, *files])
        said = shell.run(
            [*command, *words, *wanted.folders, *wanted.readable],
            timeout_s=2.0 * _NODE_WAIT_S,
        )
    except MachineError as error:
        busy = "Unable to allocate resources" in str(error) and "Invalid" not in str(error)
        next_step = f"no node was free within {_NODE_WAIT_S} s" if busy else str(error)
        return [Check(name="a node", verdict="not checked" if busy else "FAILED", said=next_step)]
    finally:
        shell.run(["rm", "-f", *files])
    return read_node(said, python=wanted.python)


def _srun(cluster: ClusterConfig, wanted: Wanted) -> list[str]:
    image = cluster.image_of(gpus=False) or cluster.image_of(gpus=True)
    flags = {
        "account": cluster.account,
        "partition": cluster.partition_of(gpus=False),
        "qos": cluster.tsdg.cpu_qos,
    }
    own = {name.replace("_", "-"): value for name, value in cluster.tsdg.cpu_sbatch.items()}
    flags |= {name: str(own[name]) for name in _OF_NODES if name in own}
    words = [
        "srun",
        "--quiet",
        "--export=ALL",
        "--ntasks=1",
        "--time=2",
        f"--immediate={_NODE_WAIT_S}",
        "--job-name=tsdg-doctor",
        *(f"--{flag}={value}" for flag, value in flags.items() if value),
    ]
    return [*words, *(_container(cluster, image, wanted) if image else ()), *cluster.tsdg.srun]


def _container(cluster: ClusterConfig, image: str, wanted: Wanted) -> list[str]:
    places = [*wanted.folders, *wanted.readable, *python_folders(wanted.python)]
    own = [
        f"{place}:{place}"
        for place in places
        if place.startswith("/") and not _covered(place, cluster.mounts)
    ]
    mounts = ",".join([*cluster.mounts, *own])
    return [f"--container-image={image}", f"--container-mounts={mounts}"]


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
    return [
        *_seen(lines, ends[0]),
        _python(lines, f"{ends[0]}: {python}"),
        *_endpoints(lines, ends[0]),
    ]


def _endpoints(lines: Sequence[str], node: str) -> list[Check]:
    """What endpoints answer to a node."""
    checks = []
    for line in lines:
        word, verdict, url, said = [*line.split(maxsplit=3), "", "", "", ""][:4]
        if word == "endpoint" and verdict in ("ok", "FAILED"):
            right: Verdict = "ok" if verdict == "ok" else "FAILED"
            checks.append(Check(name=f"{node}: endpoint {url}", verdict=right, said=said))
    return checks


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
    known = {"sees", "lacks", "python", "end", "endpoint"}
    other = [line for line in lines if line.partition(" ")[0] not in known]
    why = " ".join(other)[:200] or "does not start"
    said = f"{why}; install tsdg there, or set tsdg.python in the cluster file"
    return Check(name=name, verdict="FAILED", said=said)
