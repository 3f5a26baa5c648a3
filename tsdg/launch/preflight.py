"""Checks whether a cluster is fit for a launch, by asking Slurm and by one tiny job."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from tsdg.errors import MachineError, TsdgError, few
from tsdg.launch.check import Check, Wanted, attempt
from tsdg.launch.job_plan import JobPlan
from tsdg.launch.node_look import look_from_node
from tsdg.launch.partitions import (
    Partition,
    ask_partitions,
    explain_refusal,
    refuse_short_limits,
)
from tsdg.slurm.cluster import ClusterConfig
from tsdg.slurm.slurm_shell import Shell, max_array_size

_NAMES_ONLY = re.compile(r"#SBATCH --(array|comment|job-name|output|error|signal)=")


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
