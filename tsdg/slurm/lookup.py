"""Finds the jobs of a launch in Slurm without their numbers.

Each job says whose it is in two ways that no other job shares: its comment ends with
``<launch>/<job>``, and its script is ``.../<launch>/<job>_sbatch.sh``. Either will do, because a
cluster's file may set the comment, and a site may put a command of its own before ``sbatch``.
"""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from tsdg.errors import MachineError
from tsdg.slurm.jobs import LaunchRecord, RunJobs
from tsdg.slurm.queue import is_over
from tsdg.slurm.slurm_shell import Shell

_FORMAT = "%F|%T|%k|%o"
_NAME = r"[A-Za-z0-9-]+"
SCRIPT = "_sbatch.sh"
"""How the file of a job's script ends, after the job's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One job that Slurm knows."""

    number: str
    active: bool
    """Whether it, or an element of it, is pending or running."""
    text: str
    """Its comment and its script."""

    def job_of(self, launch: str) -> str:
        """Name of the job that this is of a launch; empty where it is none of it."""
        pattern = rf"(?<![\w.-]){re.escape(launch)}/({_NAME}?)(?:{re.escape(SCRIPT)})?(?![\w.-])"
        match = re.search(pattern, self.text)
        return match[1] if match else ""


def comment_of(run: str, launch: str, job: str) -> str:
    """The comment of a job: the run directory for people, and what it is found by."""
    return f"{run}:{launch}/{job}"


def is_job_number(text: str) -> bool:
    """Whether a text is the number of a job, and nothing else."""
    return re.fullmatch(r"[0-9]+", text) is not None


def parse_found(text: str) -> tuple[Found, ...]:
    """Read what ``squeue --me --noheader --states=all --format=%F|%T|%k|%o`` printed. Pure."""
    found: dict[str, Found] = {}
    for line in text.splitlines():
        number, state, rest = [*line.split("|", 2), "", ""][:3]
        if not is_job_number(number.strip()):
            continue
        key, active = number.strip(), not is_over(state)
        before = found.get(key)
        found[key] = Found(
            number=key, active=active or (before is not None and before.active), text=rest
        )
    return tuple(found.values())


def jobs_of(shell: Shell, *, names: Collection[str] = ()) -> tuple[Found, ...]:
    """All jobs and arrays of the user that Slurm knows: those that ended lately, too.

    Args:
        shell: where the cluster is.
        names: jobs of these names count whoever's they are, as far as Slurm shows them.

    Raises:
        MachineError: Slurm does not answer.
    """
    words = ["--noheader", "--states=all", f"--format={_FORMAT}"]
    found = parse_found(shell.run(["squeue", "--me", *words]))
    if not names:
        return found
    listed = shell.run(["squeue", f"--name={','.join(sorted(names))}", *words])
    mine = {each.number for each in found}
    return (*found, *(each for each in parse_found(listed) if each.number not in mine))


def numbers_of(launch: LaunchRecord, found: Iterable[Found]) -> dict[str, str]:
    """Job's name → number, of the jobs of a launch that were found and have no number yet."""
    wanted = {job.name for job in launch.open}
    names = {each.job_of(launch.id): each.number for each in found}
    return {name: number for name, number in names.items() if name in wanted}


def fill_in(record: RunJobs, found: Iterable[Found]) -> RunJobs:
    """The record with the numbers of the jobs that were found."""
    known = tuple(found)
    launches = tuple(each.numbered(numbers_of(each, known)) for each in record.launches)
    return record.model_copy(update={"launches": launches})


def names_of_others(record: RunJobs) -> set[str]:
    """Names in Slurm of the jobs that others launched, of a run that several people launch."""
    me = user_name()
    return {
        job.slurm_name for launch in record.launches if launch.user != me for job in launch.jobs
    }


def user_name() -> str:
    """Who launches; in a container an account may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def with_numbers(record: RunJobs | None, shell: Shell) -> tuple[RunJobs | None, list[str]]:
    """The record with the numbers that a launch that was broken off never noted; changes no file.

    Also returns a note about the jobs that Slurm never took.
    """
    if record is None or not record.latest.open:
        return record, []
    try:
        record = fill_in(record, jobs_of(shell, names=names_of_others(record)))
    except MachineError as error:
        names = ", ".join(job.name for job in record.latest.open)
        return record, [f"nobody knows whether Slurm took {names} of the last launch: {error}"]
    names = ", ".join(job.name for job in record.latest.open)
    return record, [f"the last launch was broken off: Slurm never took {names}"] if names else []
