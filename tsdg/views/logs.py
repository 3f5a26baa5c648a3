"""``tsdg logs``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from tsdg.errors import UsageError
from tsdg.slurm.job_logs import LOGS, LogFile, best, by_failure, find_logs
from tsdg.slurm.jobs import JOBS, read_jobs
from tsdg.slurm.slurm_shell import Shell
from tsdg.slurm.watch import ask
from tsdg.storage import storage

_BLOCK = 1 << 16
_POLL_S = 0.5


def failed_keys(run: Path) -> frozenset[str]:
    """Jobs and elements of all launches that Slurm says failed; none if never launched."""
    if not (run / JOBS).is_file():
        return frozenset()
    jobs = read_jobs(run).jobs
    answer = ask(Shell(ssh=None), jobs)
    return frozenset(
        element.key for job in jobs for element in answer.elements(job) if element.state == "failed"
    )


def print_list(run: Path) -> None:
    """Print one line per log: last written, size, whether its job failed, path."""
    failed = failed_keys(run)
    logs = by_failure(find_logs(run), failed)
    for log in logs:
        when = datetime.fromtimestamp(log.changed).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        mark = "failed" if log.key and log.key in failed else ""
        print(f"{when}  {log.size:>10}  {mark:6}  {log.path}")
    if not logs:
        print(f"{run / LOGS} has no log yet")


def choose_log(run: Path, stage: str, element: str) -> Path:
    """Find the log that tells most of a stage: of what failed last, else of what was written last.

    Args:
        run: the run directory.
        stage: a stage, a job of it, or a log's path below ``logs/``; ``server`` for the servers'.
        element: of an array: its number, or Slurm's; empty for any.

    Raises:
        UsageError: there is none.
    """
    logs = find_logs(run)
    exact = [
        log for log in logs if stage in {log.path.relative_to(run / LOGS).as_posix(), str(log.path)}
    ]
    mine = exact or _of_stage(run, logs, stage)
    if element:
        mine = [log for log in mine if element in {log.key, log.key.partition("_")[2]}]
    if not mine:
        known = ", ".join(sorted({log.stage or "server" for log in logs})) or "there are none yet"
        asked = f"stage {stage}" + (f", element {element}" if element else "")
        raise UsageError(f"{run} has no log of {asked}; there are logs of: {known}")
    newest = by_failure(mine, failed_keys(run))[0]
    chosen = best(log for log in mine if log.key == newest.key and log.stage == newest.stage)
    return (chosen or newest).path


def _of_stage(run: Path, logs: tuple[LogFile, ...], stage: str) -> list[LogFile]:
    names = {stage, stage.replace(".", "-")}
    if (run / JOBS).is_file():
        names |= {job.name for job in read_jobs(run).jobs if job.stage == stage}
    if stage == "server":
        return [log for log in logs if log.path.name.startswith("server-")]
    return [log for log in logs if log.stage in names]


def print_log(path: Path) -> None:
    """Print a log as it stands."""
    with storage("read", path), path.open("rb") as file:
        while block := file.read(_BLOCK):
            sys.stdout.write(block.decode("utf-8", "replace"))
    sys.stdout.flush()


def follow(path: Path, *, more: Callable[[], bool] = lambda: True) -> None:
    """Print a log and what is added to it, until interrupted.

    Args:
        path: the log.
        more: asked before each wait whether to go on.
    """
    with storage("read", path), path.open("rb") as file:
        while True:
            if block := file.read(_BLOCK):
                sys.stdout.write(block.decode("utf-8", "replace"))
                sys.stdout.flush()
            elif more():
                time.sleep(_POLL_S)
            else:
                return
