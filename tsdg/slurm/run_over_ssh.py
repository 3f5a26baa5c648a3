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
    'tar -xzf "$1/snapshot/code.tar.gz" -C "$code" || exit 3; '
    'python=$2; shift 2; PYTHONPATH=$code "$python" -P -m tsdg "$@"'
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


def run_there(run: Path, words: Sequence[str]) -> int:
    """Run ``tsdg WORD RUN ...`` on the cluster, with its output here; returns its exit code.

    Args:
        run: the run directory here.
        words: the command and its arguments; :data:`RUN` in them stands for the run directory
            there.

    Raises:
        VerificationError: the snapshot does not say with which Python.
    """
    record = read_jobs(run)
    path = run / CLUSTERS / f"{Path(record.cluster).stem}.yaml"
    try:
        python = str(yaml.safe_load(path.read_text())["tsdg"]["python"])
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        raise VerificationError(
            f"{path} does not say tsdg.python; restore it from the cluster"
        ) from error
    there = [record.run if word == RUN else word for word in words]
    return Shell(ssh=record.ssh).show(["sh", "-c", _SCRIPT, "sh", record.run, python, *there])


RUN = "{run}"
