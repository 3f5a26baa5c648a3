"""Asks Slurm whether the job of a lease's owner is over.

It asks through ``squeue``. Where that is not installed or does not answer, nothing is known, and
only the age of the heartbeat counts.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping

from tsdg.engine.owner import Owner
from tsdg.shellvars import clean_environ

_TIMEOUT_S = 10.0
_FIELDS = "JobID:32,State:32,RestartCnt:32"
_OVER = frozenset(
    {
        "BOOT_FAIL",
        "CANCELLED",
        "COMPLETED",
        "DEADLINE",
        "FAILED",
        "NODE_FAIL",
        "OUT_OF_MEMORY",
        "PREEMPTED",
        "REVOKED",
        "TIMEOUT",
        "PENDING",
        "REQUEUED",
        "REQUEUE_FED",
        "REQUEUE_HOLD",
        "SPECIAL_EXIT",
        "RESV_DEL_HOLD",
    }
)
"""States in which no process of a job lives: it has ended, or was requeued and not yet started
again."""
_UNKNOWN_JOB = "Invalid job id specified"


def is_over(owner: Owner, *, code: int, out: str, err: str) -> bool:
    """Whether the job that a process belonged to has ended, by an answer of ``squeue``. Pure.

    Args:
        owner: the process.
        code: exit code of ``squeue --noheader --states=all --jobs=ID
            --Format=JobID,State,RestartCnt``.
        out: what it wrote.
        err: what it wrote to standard error.

    Returns:
        True only where it is certain: the job has ended, waits to start again, has been started
        again since, or Slurm has already forgotten it.
    """
    if code != 0:
        return _UNKNOWN_JOB in err
    # Asked for the element of an array that has the array's own id, Slurm answers with all
    # elements.
    rows = [line.split() for line in out.splitlines()]
    mine = [row for row in rows if len(row) == 3 and row[0] == owner.slurm_job_id]
    if len(mine) != 1:
        return False
    _, state, restarts = mine[0]
    if not restarts.isdecimal():
        return False
    if int(restarts) > int(owner.slurm_restarts or 0):
        return True
    return state in _OVER


class SlurmJobs:
    """Asks Slurm about the jobs of owners, each job only now and then."""

    def __init__(
        self,
        *,
        every_s: float,
        environment: Mapping[str, str] = os.environ,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Look for ``squeue``.

        Args:
            every_s: seconds between two questions about one job.
            environment: with the PATH to look in, and the name of our own cluster: job ids of
                others mean nothing here.
            monotonic: a clock, seconds.
        """
        self._squeue = shutil.which("squeue", path=environment.get("PATH"))
        self._environment = dict(environment)
        self._every_s = every_s
        self._monotonic = monotonic
        self._asked: dict[tuple[str, str], tuple[float, bool]] = {}

    def gone(self, owner: Owner) -> bool:
        """Whether the job of a process is known to be over; may call ``squeue``, which is slow."""
        cluster = self._environment.get("SLURM_CLUSTER_NAME", "")
        if (
            self._squeue is None
            or not owner.slurm_job_id.isdecimal()
            or owner.slurm_cluster != cluster
        ):
            return False
        key, now = (owner.slurm_job_id, owner.slurm_restarts), self._monotonic()
        at, over = self._asked.get(key, (-self._every_s, False))
        if not over and now - at >= self._every_s:
            over = self._ask(self._squeue, owner)
            self._asked[key] = (now, over)
        return over

    def _ask(self, squeue: str, owner: Owner) -> bool:
        command = [
            squeue,
            "--noheader",
            "--states=all",
            f"--jobs={owner.slurm_job_id}",
            f"--Format={_FIELDS}",
        ]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=_TIMEOUT_S,
                check=False,
                env=clean_environ(self._environment, asks=True),
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.SubprocessError):
            return False
        return is_over(owner, code=done.returncode, out=done.stdout, err=done.stderr)
