"""``tsdg cancel``: end all jobs of a run, for good."""

from __future__ import annotations

from tsdg.errors import UsageError
from tsdg.layout import run_directory


def main(arguments: list[str]) -> int:
    """Cancel what is pending and running of a run, and say what that was."""
    from tsdg.launch.cancel import cancel
    from tsdg.slurm.jobs import read_jobs
    from tsdg.slurm.run_over_ssh import is_away
    from tsdg.slurm.slurm_shell import Shell

    if len(arguments) != 1 or arguments[0].startswith("-"):
        raise UsageError("tsdg cancel takes one run directory: tsdg cancel RUN")
    run = run_directory(arguments[0], command="tsdg cancel")
    record = read_jobs(run)
    ended = cancel(record, Shell(ssh=record.ssh if is_away(run) else None))
    for job in ended:
        counts = ", ".join(
            f"{n} {what}" for n, what in ((job.running, "running"), (job.pending, "pending")) if n
        )
        print(f"cancelled {job.job.name} ({job.job.job_id}): {counts}")
    if not ended:
        print(f"{run} has no job that is pending or running")
    else:
        print(f"what was done is kept; `tsdg resume {run}` goes on with it")
    return 0
