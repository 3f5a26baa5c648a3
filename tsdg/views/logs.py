"""``tsdg logs``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from tsdg.errors import shown
from tsdg.layout import LOGS
from tsdg.run.run_logs import failed_keys
from tsdg.slurm.job_logs import by_failure, find_logs
from tsdg.storage import storage
from tsdg.views.grid import Column, numbers, print_table

_COLUMNS = (
    Column(name="last written", left=True, drop=1),
    *numbers("bytes", drop=2),
    Column(name="", left=True),
    Column(name="log", left=True),
)
_BLOCK = 1 << 16
_POLL_S = 0.5


def print_list(run: Path) -> None:
    """Print one line per log: last written, size, whether its job failed, path."""
    failed = failed_keys(run)
    logs = by_failure(find_logs(run), failed)
    rows = []
    for log in logs:
        when = datetime.fromtimestamp(log.changed).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        mark = "failed" if log.key and log.key in failed else ""
        rows.append((when, f"{log.size:,}", mark, str(log.path)))
    if rows:
        print_table(_COLUMNS, rows)
    if not logs:
        print(f"{run / LOGS} has no log yet")


def _of_log(block: bytes) -> str:
    """A part of a log; on a terminal without what would command it."""
    text = block.decode("utf-8", "replace")
    return shown(text.replace("\r\n", "\n")) if sys.stdout.isatty() else text


def print_log(path: Path) -> None:
    """Print a log as it stands."""
    with storage("read", path), path.open("rb") as file:
        while block := file.read(_BLOCK):
            sys.stdout.write(_of_log(block))
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
                sys.stdout.write(_of_log(block))
                sys.stdout.flush()
            elif more():
                time.sleep(_POLL_S)
            else:
                return
