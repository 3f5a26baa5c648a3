"""A launch's record around its submission: written first, corrected as Slurm answers.

Whatever ends a launch, each of its jobs is in the record, or gone. A launch that ends by an error
cancels what it submitted and says whether Slurm confirms it. One that was killed leaves jobs
without numbers in the record; the next command that may change something looks for them.
"""

from __future__ import annotations

import platform
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from tsdg.errors import MachineError, StorageError
from tsdg.launch.job_plan import JobPlan, log_folder, slurm_name
from tsdg.launch.target import Target
from tsdg.layout import LAUNCH
from tsdg.slurm.jobs import (
    ArrayRecord,
    JobRecord,
    LaunchRecord,
    RunJobs,
    read_jobs,
    set_launch,
)
from tsdg.slurm.lookup import fill_in, jobs_of, names_of_others, numbers_of, user_name
from tsdg.slurm.slurm_shell import Shell

_ROUNDS = 120
_PAUSE_S = 0.5
_LOOKS_IF_UNCLEAR = 6
"""How often a job is looked for that Slurm may have taken without saying so."""
_REFUSED = re.compile(
    r"Batch job submission failed|unrecognized option|invalid option|there is no command"
)
_UNCLEAR = re.compile(r"timed out|Unable to contact|Connection|Communication|Transport|Zero Bytes")


def settle(run: Path, shell: Shell) -> RunJobs:
    """Find out what became of jobs whose numbers never came back, and correct the record.

    Args:
        run: the run directory on this machine, which has a record.
        shell: where the cluster is.

    Returns:
        The record: of jobs that Slurm knows with their numbers, and without those that it never
        took.

    Raises:
        MachineError: Slurm does not answer; the record stays as it was.
        StorageError: the record cannot be written.
    """
    record = read_jobs(run)
    broken = [launch for launch in record.launches if launch.open]
    if not broken:
        return record
    filled = fill_in(record, jobs_of(shell, names=names_of_others(record)))
    for launch in filled.launches:
        if launch.id in {each.id for each in broken}:
            set_launch(run, launch.model_copy(update={"jobs": launch.taken}))
    left = tuple(
        each.model_copy(update={"jobs": each.taken}) for each in filled.launches if each.taken
    )
    return filled.model_copy(update={"launches": left})


def withdraw(
    run: Path,
    launch: LaunchRecord,
    shell: Shell,
    why: str,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Cancel what a launch that failed has submitted, and correct its record.

    Args:
        run: the run directory on this machine.
        launch: as recorded, with the numbers that came back.
        shell: where the cluster is.
        why: the error, which tells whether Slurm may have taken a job nevertheless.
        sleep: waits, seconds.

    Returns:
        What became of its jobs, as the end of a message: only what Slurm confirms is said to be
        cancelled.
    """
    unclear = bool(_UNCLEAR.search(why)) or not _REFUSED.search(why)
    try:
        launch = _found_and_ended(run, launch, shell, unclear=unclear, sleep=sleep)
    except MachineError as error:
        return (
            f"; nobody knows what is left of its jobs{_numbers(launch)}, because Slurm does not "
            f"answer ({error}); `tsdg cancel {run}` ends them once it does"
        )
    taken = f"; jobs{_numbers(launch)} were submitted before and are cancelled"
    told = taken if launch.taken else ""
    if unclear and launch.open:
        told += (
            "; Slurm knows no other job of this launch so far; "
            f"`tsdg cancel {run}` looks for late ones"
        )
    else:
        launch = launch.model_copy(update={"jobs": ()})
    with suppress(StorageError):  # settled by the next command: Slurm knows that they have ended
        set_launch(run, launch)
    return told


def _found_and_ended(
    run: Path,
    launch: LaunchRecord,
    shell: Shell,
    *,
    unclear: bool,
    sleep: Callable[[float], None],
) -> LaunchRecord:
    """Cancel all jobs of a launch until none is left; returns the launch with all numbers.

    Raises:
        MachineError: Slurm does not answer, or jobs are still there after some seconds.
    """
    looks = _LOOKS_IF_UNCLEAR if unclear and launch.open else 1
    for round_ in range(_ROUNDS):
        found = jobs_of(shell)
        launch = launch.numbered(numbers_of(launch, found))
        with suppress(StorageError):  # the record may be what failed: the jobs are ended first
            set_launch(run, launch)
        mine = {job.job_id for job in launch.taken}
        active = [each.number for each in found if each.active and each.number in mine]
        if active:
            shell.run(["scancel", *reversed(active)])
        elif round_ + 1 >= looks:
            return launch
        sleep(_PAUSE_S)
    raise MachineError(f"jobs {', '.join(active)} are cancelled but still there")


def _numbers(launch: LaunchRecord) -> str:
    numbers = [job.job_id for job in launch.taken]
    return f" {', '.join(numbers)}" if numbers else ""


def make_record(target: Target, jobs: Sequence[JobPlan], *, launch: str, home: str) -> LaunchRecord:
    """The record of a launch of which no job has a number yet."""
    number = launch.rpartition("_")[2]
    records = [
        JobRecord(
            name=job.name,
            stage=job.stage,
            stages=job.stages,
            job_id="",
            slurm_name=slurm_name(target.cluster, target.name, job),
            array=ArrayRecord(**asdict(job.array)) if job.array else None,
            link=job.link,
            gpus=job.gpus,
            nodes=job.nodes,
            gpus_per_node=job.gpus_per_node,
            partition=job.partition,
            qos=job.qos,
            time_limit=job.time_limit,
            retries=job.retries,
            after_ok=job.after_ok,
            after_any=job.after_any,
            script=f"{LAUNCH}/scripts/{number}-{job.name}.sh",
            logs=log_folder(job),
        )
        for job in jobs
    ]
    return LaunchRecord(
        id=launch,
        home=home,
        submitted=datetime.now(UTC).isoformat(timespec="seconds"),
        host=platform.node(),
        user=user_name(),
        jobs=tuple(records),
    )
