"""Runs the same command over ssh, where a run's files are, with the run's own code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from tsdg.errors import VerificationError
from tsdg.layout import CLUSTERS, JOBS
from tsdg.slurm.jobs import read_jobs
from tsdg.slurm.slurm_shell import Shell

_SCRIPT = (
    'code=$(mktemp -d "${TMPDIR:-/tmp}/tsdg-code-XXXXXX") || exit 3; trap \'rm -rf "$code"\' EXIT; '
    "trap 'exit 130' HUP INT TERM; "  # otherwise they end some shells without what EXIT is to do
    'tar -xzf "$1/snapshot/code.tar.gz" -C "$code" || exit 3; '
    "python=$2 columns=$3; shift 3; "
    'COLUMNS=$columns PYTHONPATH=$code "$python" -P -m tsdg "$@"'
)


def is_away(run: Path) -> bool:
    """Whether a folder is only this machine's record of a run that was launched over ssh.

    Raises:
        VerificationError: the record of its jobs cannot be read.
    """
    if not (run / JOBS).is_file():
        return False
    record = read_jobs(run)
    return record.ssh is not None and str(run.absolute()) != record.run


def run_there(run: Path, words: Sequence[str], *, width: int | None = None) -> int:
    """Run ``tsdg WORD RUN ...`` on the cluster, with its output here; returns its exit code.

    Args:
        run: the run directory here.
        words: the command and its arguments; :data:`RUN` in them stands for the run directory
            there.
        width: cells of a line here; None where there is no terminal.

    Raises:
        VerificationError: the snapshot does not say with which Python.
    """
    shell, command = _there(run, words, width)
    return shell.show(command)


def told_there(run: Path, words: Sequence[str], *, width: int | None) -> str:
    """What ``tsdg WORD RUN ...`` prints on the cluster; see :func:`run_there`.

    Raises:
        VerificationError: the snapshot does not say with which Python.
        MachineError: the cluster cannot be reached, or the command failed.
    """
    shell, command = _there(run, words, width)
    return shell.run(command)


def _there(run: Path, words: Sequence[str], width: int | None) -> tuple[Shell, list[str]]:
    record = read_jobs(run)
    path = run / CLUSTERS / f"{Path(record.cluster).stem}.yaml"
    try:
        python = str(yaml.safe_load(path.read_text())["tsdg"]["python"])
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        raise VerificationError(
            f"{path} does not say tsdg.python; restore it from the cluster"
        ) from error
    there = [record.run if word == RUN else word for word in words]
    columns = str(width or "")
    return Shell(ssh=record.ssh), ["sh", "-c", _SCRIPT, "sh", record.run, python, columns, *there]


RUN = "{run}"
