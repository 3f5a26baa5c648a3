"""The logs of a run: which files there are, and which one belongs to a job."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tsdg.layout import LOGS
from tsdg.slurm.jobs import JobRecord
from tsdg.storage import storage, storage_unfit

_JOB_LOG = re.compile(r"(?P<key>\d+(?:_\d+)?)\.(?:out|node(?P<node>\d+)\.log)")
_TAIL_BYTES = 16 * 1024
NOTHING_STARTED = "tsdg: srun started no process"
"""As ``batch.sh`` writes it."""
_LAST = 6
"""Lines of a batch shell's log among which it stands, after srun's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFile:
    """One log."""

    path: Path
    stage: str
    """Folder below ``logs/``, which is the job's name; empty for what lies in ``logs/`` itself."""
    key: str
    """Job or element that wrote it; empty for a server's."""
    size: int
    """Bytes."""
    changed: float
    """Unix seconds."""

    @property
    def of_node(self) -> bool:
        """Whether the stage's own process wrote it, not the batch shell."""
        return not self.path.name.endswith(".out")


def find_logs(run: Path) -> tuple[LogFile, ...]:
    """All logs of a run, by path.

    Raises:
        StorageError: the folder, or one in it, cannot be read.
    """
    found, root = [], run / LOGS
    with storage("list", root):
        for folder, _, names in os.walk(root, onerror=_refuse):
            stage = Path(folder).relative_to(root).as_posix() if folder != str(root) else ""
            for name in names:
                if not name.endswith((".log", ".out")):
                    continue
                path = Path(folder) / name
                match = _JOB_LOG.fullmatch(name)
                facts = path.stat()
                found.append(
                    LogFile(
                        path=path,
                        stage=stage,
                        key=match["key"] if match else "",
                        size=facts.st_size,
                        changed=facts.st_mtime,
                    )
                )
    return tuple(sorted(found, key=lambda log: str(log.path)))


def _refuse(error: OSError) -> None:
    """Refuse a folder that cannot be read, because the log may be in it; a missing one is empty."""
    if not isinstance(error, FileNotFoundError):
        raise storage_unfit("list", Path(error.filename), error) from error


def logs_of(run: Path, job: JobRecord, key: str) -> tuple[LogFile, ...]:
    """The logs of one job or element; the others', maybe thousands, are not looked at.

    Args:
        run: the run directory.
        job: the job.
        key: of the element.
    """
    out = []
    for name in (f"{key}.out", *(f"{key}.node{node}.log" for node in range(job.nodes))):
        path = run / job.logs / name
        try:
            facts = path.stat()
        except OSError:
            continue  # it has not begun to write it
        out.append(
            LogFile(path=path, stage=job.name, key=key, size=facts.st_size, changed=facts.st_mtime)
        )
    return tuple(out)


def best(logs: Iterable[LogFile]) -> LogFile | None:
    """The log that says most of a job: the newest non-empty node's, else the batch shell's.

    Where srun started no process, the nodes' logs are of an earlier start, or empty.
    """
    found = tuple(logs)
    said_by_srun = [log for log in found if not log.of_node and _started_nothing(log.path)]
    of_which = said_by_srun or found
    ordered = sorted(of_which, key=lambda log: (log.size > 0, log.of_node, log.changed))
    return ordered[-1] if ordered else None


def _started_nothing(path: Path) -> bool:
    """Whether the batch shell's log ends with its own word that no process was started."""
    return any(line.startswith(NOTHING_STARTED) for line in last_lines(path, _LAST))


def by_failure(logs: Sequence[LogFile], failed: frozenset[str]) -> tuple[LogFile, ...]:
    """Logs of failed jobs first, the newest of them first; then the others, the newest first.

    Args:
        logs: the logs.
        failed: keys of failed jobs and elements.
    """
    return tuple(sorted(logs, key=lambda log: (log.key not in failed or not log.key, -log.changed)))


def last_lines(path: Path, count: int) -> tuple[str, ...]:
    """The last lines of a text that are not empty; none where it cannot be read."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ()
    # A progress bar rewrites its line: what counts is what stood last.
    lines = [line.rsplit("\r", 1)[-1].rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    return tuple([line for line in lines if line.strip()][-count:])
