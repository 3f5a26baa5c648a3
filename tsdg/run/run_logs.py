"""Finds the logs of a run that belong to a failure, a stage or an element."""

from __future__ import annotations

from pathlib import Path

from tsdg.errors import UsageError
from tsdg.layout import JOBS, LOGS
from tsdg.slurm.job_logs import LogFile, best, by_failure, find_logs
from tsdg.slurm.jobs import read_jobs
from tsdg.slurm.slurm_shell import Shell
from tsdg.slurm.watch import ask


def failed_keys(run: Path) -> frozenset[str]:
    """Jobs and elements of a run, of all its launches, that Slurm says failed.

    None where it was not launched.
    """
    if not (run / JOBS).is_file():
        return frozenset()
    jobs = read_jobs(run).jobs
    answer = ask(Shell(ssh=None), jobs)
    return frozenset(
        element.key for job in jobs for element in answer.elements(job) if element.state == "failed"
    )


def _names_of(run: Path, log: LogFile) -> set[str]:
    """The names by which one log alone is meant."""
    return {log.path.relative_to(run / LOGS).as_posix(), str(log.path)}


def _no_log(run: Path, logs: tuple[LogFile, ...], stage: str, element: str) -> UsageError:
    known = ", ".join(sorted({log.stage or "server" for log in logs})) or "there are none yet"
    asked = f"stage {stage}" + (f", element {element}" if element else "")
    return UsageError(f"{run} has no log of {asked}; there are logs of: {known}")


def choose_log(run: Path, stage: str, element: str) -> Path:
    """Find the log that says most about a stage: of the last failure, else the last one written.

    Args:
        run: the run directory.
        stage: a stage, a job of it, or a log's path below ``logs/``; ``server`` for the servers'.
        element: of an array: its number, or Slurm's; empty for any.

    Raises:
        UsageError: there is none.
    """
    logs = find_logs(run)
    named = [log for log in logs if stage in _names_of(run, log)] or _of_stage(run, logs, stage)
    mine = [log for log in named if _of_element(log, element)]
    if not mine:
        raise _no_log(run, logs, stage, element)
    newest = by_failure(mine, failed_keys(run))[0]
    same = [log for log in mine if (log.key, log.stage) == (newest.key, newest.stage)]
    return (best(same) or newest).path


def _of_element(log: LogFile, element: str) -> bool:
    return not element or element in {log.key, log.key.partition("_")[2]}


def _of_stage(run: Path, logs: tuple[LogFile, ...], stage: str) -> list[LogFile]:
    names = {stage, stage.replace(".", "-")}
    if (run / JOBS).is_file():
        names |= {job.name for job in read_jobs(run).jobs if job.stage == stage}
    if stage == "server":
        return [log for log in logs if log.path.name.startswith("server-")]
    return [log for log in logs if log.stage in names]
