"""The way of NeMo-Run's commands to the cluster: that of all other commands of Slurm.

It imports nothing of NeMo-Run.
"""

from __future__ import annotations

import io
import shlex
import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any

from tsdg.errors import MachineError
from tsdg.slurm.lookup import SCRIPT, is_job_number
from tsdg.slurm.slurm_shell import Shell


class CommandWay:
    """Takes the place of NeMo-Run's tunnels and of its rsync."""

    def __init__(self, shell: Shell, taken: Callable[[str, str], None]) -> None:
        """Take the place of tunnels.

        Args:
            shell: where the cluster is.
            taken: called with the name and number of each job that Slurm has taken.
        """
        self._shell, self._taken = shell, taken

    def replace(self, tunnel: Any) -> None:
        """Let a tunnel's commands take this way; it connects to nothing then."""
        tunnel.run, tunnel.connect = self.run, lambda: None
        tunnel.session = SimpleNamespace(close=lambda: None, clear=lambda: None)

    def run(self, command: str, hide: bool = True, warn: bool = False) -> SimpleNamespace:
        """Run a command; of sbatch only the job's number is returned, and the job is noted."""
        words = shlex.split(command)
        said = self._shell.run(words)
        if words[0] == "sbatch":
            said = job_number(said)
            self._taken(PurePosixPath(words[-1]).name.removesuffix(SCRIPT), said)
        return SimpleNamespace(stdout=said, stderr="", return_code=0)

    def upload(self, session: Any, source: str, target: str, **_: Any) -> None:
        """Copy a folder to the cluster, into another one."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            archive.add(source, arcname=Path(source).name)
        self._shell.run(["mkdir", "-p", target])
        self._shell.run(["tar", "-xzf", "-", "-C", target], data=buffer.getvalue(), timeout_s=600.0)


def job_number(said: str) -> str:
    """The job's number in what ``sbatch --parsable`` printed: ``4711`` or ``4711;cluster``.

    A site's own ``sbatch`` may print other lines before or after it.

    Raises:
        MachineError: there is none, or several.
    """
    lines = [line.strip().partition(";")[0] for line in said.splitlines()]
    numbers = [line for line in lines if is_job_number(line)]
    if len(numbers) != 1:
        raise MachineError(
            f"sbatch printed no number of a job, or several: {' '.join(said.split())[:200]!r}"
        )
    return numbers[0]
