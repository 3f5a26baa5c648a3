"""``RUN/launch/jobs.json``: what was submitted for a run. Its schema stands here and nowhere else.

A launch is written before its first job is submitted, and again with each number that Slurm gives.
So no job is without a record, however a launch ends; :mod:`tsdg.slurm.lookup` finds the jobs whose
numbers never came back.

::

    {
      "schema_version": 1,
      "run": "/lustre/runs/demo-0123456789",      the run directory on the cluster
      "cluster": "dev",                           the recipe key
      "ssh": {"user", "host", "port", "identity", "pre_command"} or null
                                                  null on the cluster itself
      "launches": [                               oldest first: `tsdg launch`, each `tsdg resume`
        {
          "id": "tsdg-demo-0123456789_1790000000000000000",   NeMo-Run's experiment
          "home": "/lustre/nemo-run",             NEMORUN_HOME; the experiment is in
                                                  experiments/<title>/<id> below it
          "submitted": "2026-06-01T12:00:00+00:00",
          "host": "login-1", "user": "ada",
          "jobs": [                               in the order in which they were submitted
            {
              "name": "questions",                unique in its launch
              "stage": "questions",               of the run, or "canary"
              "stages": ["questions"],            what it does in order; the canary does all
              "job_id": "4711",                   Slurm's; of the array where it is one; empty from
                                                  before it is submitted until Slurm has answered
              "slurm_name": "tsdg-demo-0123456789-questions",
              "array": {"size", "limit", "first"} or null
              "link": 0,                          place in the chain of a phase's arrays
              "gpus": true,                       whether it serves the model
              "nodes": 2, "gpus_per_node": 8,
              "partition": "batch", "qos": "", "time_limit": "04:00:00", "retries": 20,
              "after_ok": ["seeds", "canary"], "after_any": [],     names of jobs of this launch
              "script": "launch/scripts/4711-questions.sh",         relative to the run directory
              "logs": "logs/questions"            folder of its logs, relative to the run directory
            }
          ]
        }
      ]
    }

In the folder of a job's logs: ``<job>.out`` of the batch shell and ``<job>.node<N>.log`` of the
stage on the job's N-th node, where ``<job>`` is the job's number, or ``<array>_<element>``. A
requeued job appends to its logs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from tsdg.config.base import Config
from tsdg.config.mistakes import explain
from tsdg.errors import UsageError, VerificationError
from tsdg.layout import JOBS
from tsdg.slurm.slurm_shell import Ssh
from tsdg.storage import make_directory, remove, write_whole

VERSION = 1


class ArrayRecord(Config):
    """The elements of an array, numbered from 0."""

    size: int
    limit: int
    first: int


class JobRecord(Config):
    """One submitted job or array; the module's text says what each field is."""

    name: str
    stage: str
    stages: tuple[str, ...]
    job_id: Annotated[str, Field(pattern=r"^\d*$")]
    slurm_name: str
    array: ArrayRecord | None
    link: int
    gpus: bool
    nodes: int
    gpus_per_node: int
    partition: str
    qos: str
    time_limit: str
    retries: int
    after_ok: tuple[str, ...]
    after_any: tuple[str, ...]
    script: str
    logs: str


class LaunchRecord(Config):
    """What one command submitted."""

    id: str
    home: str
    submitted: str
    host: str
    user: str
    jobs: tuple[JobRecord, ...]

    @property
    def taken(self) -> tuple[JobRecord, ...]:
        """The jobs that Slurm is known to have taken."""
        return tuple(job for job in self.jobs if job.job_id)

    @property
    def open(self) -> tuple[JobRecord, ...]:
        """The jobs of which nobody knows whether Slurm has taken them."""
        return tuple(job for job in self.jobs if not job.job_id)

    def numbered(self, numbers: Mapping[str, str]) -> LaunchRecord:
        """The same with the numbers of some jobs, by their names."""
        jobs = (
            job.model_copy(update={"job_id": numbers[job.name]}) if job.name in numbers else job
            for job in self.jobs
        )
        return self.model_copy(update={"jobs": tuple(jobs)})


class RunJobs(Config):
    """All that was submitted for a run."""

    schema_version: int
    run: str
    cluster: str
    ssh: Ssh | None
    launches: tuple[LaunchRecord, ...]

    @property
    def jobs(self) -> tuple[JobRecord, ...]:
        """Jobs of all launches that Slurm has taken, oldest first."""
        return tuple(job for launch in self.launches for job in launch.taken)

    @property
    def latest(self) -> LaunchRecord:
        """The last launch."""
        return self.launches[-1]


def read_jobs(run: Path) -> RunJobs:
    """Read what was submitted for a run.

    Raises:
        UsageError: nothing was.
        VerificationError: the record cannot be read.
    """
    path = run / JOBS
    try:
        record = RunJobs.model_validate(json.loads(path.read_bytes()))
    except FileNotFoundError as error:
        raise UsageError(
            f"{run} was not launched: it has no {JOBS}; `tsdg launch` submits a run"
        ) from error
    except ValidationError as error:
        what = explain(error, RunJobs, noun="key", settable=False)
        raise VerificationError(f"{path} cannot be read ({what}); restore it") from error
    except (OSError, ValueError) as error:
        raise VerificationError(
            f"{path} cannot be read ({' '.join(str(error).split())[:120]}); restore it"
        ) from error
    if record.schema_version != VERSION:
        raise VerificationError(
            f"{path} is of schema {record.schema_version}, this tsdg reads {VERSION}"
        )
    return record


def add_launch(
    run: Path, launch: LaunchRecord, *, cluster: str, ssh: Ssh | None, remote: str
) -> RunJobs:
    """Note a launch in ``RUN/launch/jobs.json``.

    Args:
        run: the run directory on this machine.
        launch: what is submitted.
        cluster: the recipe key.
        ssh: how the cluster was reached.
        remote: the run directory on the cluster; the same where this machine is part of it.

    Raises:
        VerificationError: there is a record that cannot be read.
        StorageError: it cannot be written.
    """
    earlier = read_jobs(run).launches if (run / JOBS).exists() else ()
    record = RunJobs(
        schema_version=VERSION, run=remote, cluster=cluster, ssh=ssh, launches=(*earlier, launch)
    )
    _write(run, record)
    return record


def set_launch(run: Path, launch: LaunchRecord) -> RunJobs | None:
    """Note what has become of a launch; one that has no jobs is forgotten.

    Args:
        run: the run directory on this machine.
        launch: as it is now; its id is in the record.

    Returns:
        The record; None where nothing is left of it, and no file.

    Raises:
        VerificationError: the record cannot be read.
        StorageError: it cannot be written.
    """
    record = read_jobs(run)
    launches = tuple(launch if each.id == launch.id else each for each in record.launches)
    left = record.model_copy(update={"launches": tuple(each for each in launches if each.jobs)})
    if not left.launches:
        remove(run / JOBS)
        return None
    _write(run, left)
    return left


def _write(run: Path, record: RunJobs) -> None:
    make_directory((run / JOBS).parent)
    write_whole(run / JOBS, (json.dumps(record.model_dump(mode="json"), indent=1) + "\n").encode())
