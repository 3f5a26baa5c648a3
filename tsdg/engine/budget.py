"""The caps of a run: what all processes, phases and starts use, against ``budget``.

Use is read from the workers' files, so a restart or another process does not reset the count. A
process knows its own use at once, and that of others from their files, seconds late. So a run ends
a little above its cap, by what was used in that time and what was in flight.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tsdg.accounting import (
    Spent,
    WorkerStatus,
    phases_of,
    read_run,
    read_worker,
    spent,
    worker_path,
    worker_tokens,
)
from tsdg.config.recipe import BudgetConfig
from tsdg.errors import BudgetReachedError


def is_capped(config: BudgetConfig) -> bool:
    """Whether there is any cap."""
    return any(cap for _, cap, _ in _caps(config, spent(())))


def reached(config: BudgetConfig, used: Spent) -> str:
    """Say in one line which cap is reached, its value, the use, and what to do; else empty."""
    for key, cap, use in _caps(config, used):
        if cap and use >= cap:
            return (
                f"budget.{key}={cap} is reached: this run has used {use}; what is done is kept, "
                "and the same command "
                f"with a larger budget.{key} (0: no cap) goes on from here"
            )
    return ""


def check_budget(config: BudgetConfig, run: Path) -> None:
    """Refuse to continue a run that has already reached a cap, before servers are started for it.

    Args:
        config: the caps.
        run: the run directory.

    Raises:
        BudgetReachedError: one is reached.
        StorageError: a worker's file cannot be read.
        VerificationError: a worker's file is damaged.
    """
    if is_capped(config) and (line := reached(config, spent(read_run(run)))):
        raise BudgetReachedError(line)


class Others:
    """What the other processes of a run have used, by their files; ended ones are read once."""

    def __init__(self, run: Path, *, own: Path) -> None:
        """Watch a run directory, but for the file ``own``."""
        self._run = run
        self._own = own
        self._ended: dict[Path, WorkerStatus] = {}
        self.running = 0
        """Files that must be read again next time."""

    def read(self) -> Sequence[WorkerStatus]:
        """Read the files that may have changed.

        Raises:
            StorageError: a file cannot be read.
            VerificationError: a file is damaged.
        """
        found = []
        for phase in phases_of(self._run):
            for token in worker_tokens(phase):
                path = worker_path(phase, token)
                if path == self._own:
                    continue
                status = self._ended.get(path) or read_worker(phase, token)
                if status.ended is not None:
                    self._ended[path] = status
                found.append(status)
        self.running = sum(status.ended is None for status in found)
        return found


def _caps(config: BudgetConfig, used: Spent) -> tuple[tuple[str, float, float], ...]:
    """Key, cap and use of each budget."""
    return (
        ("retries", config.retries, sum(used.retries.values())),
        ("wall_hours", config.wall_hours, round(used.wall_seconds / 3600, 4)),
        ("tokens", config.tokens, used.prompt_tokens + used.completion_tokens),
        ("gpu_hours", config.gpu_hours, used.gpu_hours),
    )
