"""What variables of the launching shell may do: kept or dropped around every call of Slurm.

A job inherits the environment of the ``sbatch`` that submits it, so what is dropped there reaches
no job. The table is ``shellvars.csv``: the first line whose names match decides. What a cluster's
``env_vars`` set comes later and always counts.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Literal

_TABLE = Path(__file__).with_name("shellvars.csv")
_OWN_TIMES = {"TZ": "UTC"}
"""Of commands that only ask: local times would stand still or go back at a change of the clocks."""
_STALE = ("SLURM_STEP_*", "SLURM_MEM_PER_*", "SLURM_TIME_FORMAT", "SLURM_EXPORT_ENV")
"""Of Slurm's own variables, those of a batch shell that can only be an outer job's, or would only
repeat to ``srun`` what the job's allocation says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of the table."""

    names: tuple[str, ...]
    """As in the shell: ``*`` stands for any characters."""
    calls: Literal["keep", "drop"]
    why: str

    def matches(self, name: str) -> bool:
        """Whether this line speaks of a variable."""
        return any(fnmatchcase(name, pattern) for pattern in self.names)


@cache
def rules() -> tuple[Rule, ...]:
    """The table; its last line matches every name."""
    with _TABLE.open(newline="") as file:
        return tuple(
            Rule(
                names=tuple(row["names"].split()),
                calls="keep" if row["calls"] == "keep" else "drop",
                why=row["why"],
            )
            for row in csv.DictReader(file)
        )


def is_kept(name: str) -> bool:
    """Whether a variable of the launching shell reaches Slurm's commands and the jobs."""
    return next(rule for rule in rules() if rule.matches(name)).calls == "keep"


def clean_environ(environ: Mapping[str, str], *, asks: bool) -> dict[str, str]:
    """The environment for a command of Slurm.

    Args:
        environ: of this process.
        asks: whether the command only asks: times are UTC then. Not for what starts a job, which
            would inherit it.
    """
    kept = {name: value for name, value in environ.items() if is_kept(name)}
    return kept | _OWN_TIMES if asks else kept


def unset_script() -> str:
    """Lines of POSIX shell that drop the same from the environment of a shell."""
    return _unset([(rule.calls, rule.names) for rule in rules() if rule.names != ("*",)])


def unset_in_job_script() -> str:
    """The same for the batch shell of a job, which has variables of Slurm that are its own."""
    others = [
        (rule.calls, rule.names)
        for rule in rules()
        if rule.names != ("*",) and "SLURM_*" not in rule.names and not _is_set_by_launch(rule)
    ]
    return _unset([("drop", _STALE), *others])


def _is_set_by_launch(rule: Rule) -> bool:
    """Whether a batch shell has such variables of its own: what Slurm and the job's script set."""
    return bool({"CUDA_VISIBLE_DEVICES", "TSDG_*", "TMPDIR"} & set(rule.names))


def _unset(parts: list[tuple[str, tuple[str, ...]]]) -> str:
    does = {"drop": 'unset "$tsdg_name"', "keep": ":"}
    cases = [f"        {'|'.join(names)}) {does[calls]} ;;" for calls, names in parts]
    listed = "env | sed -n 's/^\\([A-Za-z_][A-Za-z0-9_]*\\)=.*/\\1/p'"
    return "\n".join(
        [
            f"for tsdg_name in $({listed}); do",
            "    case $tsdg_name in",
            *cases,
            "    esac",
            "done",
            "unset tsdg_name",
            "",
        ]
    )
