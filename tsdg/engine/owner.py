"""Who holds a lease, in enough detail to tell on the same host whether that process still lives."""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from tsdg.errors import MachineError

_PROC = Path("/proc")
_SLURM = {
    "slurm_cluster": "SLURM_CLUSTER_NAME",
    "slurm_job_id": "SLURM_JOB_ID",
    "slurm_array_job_id": "SLURM_ARRAY_JOB_ID",
    "slurm_array_task_id": "SLURM_ARRAY_TASK_ID",
    "slurm_node": "SLURMD_NODENAME",
    "slurm_restarts": "SLURM_RESTART_COUNT",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """One process at one time.

    A process number means nothing outside its PID namespace and its boot, and is used again after
    its process ended; hence the three other fields that make it unique. Two hosts may well have the
    same name.
    """

    host: str
    """For people only."""
    boot: str
    """The kernel's random boot id."""
    pid_namespace: str
    """With its time namespace, where there is one."""
    pid: int
    started: int
    """Start of the process in clock ticks since boot."""
    token: str
    """Random; tells apart two phases of one process."""
    slurm_cluster: str
    slurm_job_id: str
    """Of the job, or of the array's element, that the process belongs to; as the others empty
    outside Slurm."""
    slurm_array_job_id: str
    slurm_array_task_id: str
    slurm_node: str
    slurm_restarts: str
    """How often the job had been requeued when the process began; a requeued job keeps its id."""

    @classmethod
    def current(cls) -> Owner:
        """Describe this process.

        Raises:
            MachineError: there is no Linux ``/proc``.
        """
        try:
            pid = os.getpid()
            started = _start_of(pid)
            boot, namespace = _boot(), _pid_namespace()
        except OSError as error:
            raise MachineError(
                f"cannot read {error.filename}: tsdg needs a Linux /proc to tell live owners of "
                "work from dead ones; "
                "mount it in this container"
            ) from error
        if started is None:
            raise MachineError(
                f"cannot read {_PROC / str(pid) / 'stat'}: mount this PID namespace's own /proc"
            )
        return cls(
            host=socket.gethostname(),
            boot=boot,
            pid_namespace=namespace,
            pid=pid,
            started=started,
            token=secrets.token_hex(4),
            **{field: os.environ.get(name, "") for field, name in _SLURM.items()},
        )

    def to_bytes(self) -> bytes:
        """One line of JSON."""
        return orjson.dumps(asdict(self), option=orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def from_bytes(cls, data: bytes) -> Owner | None:
        """Read what :meth:`to_bytes` wrote; None where it was not written completely."""
        try:
            return cls(**orjson.loads(data))
        except (orjson.JSONDecodeError, TypeError):
            return None

    def is_gone(self) -> bool:
        """Whether the process is known to have ended; False if that cannot be known from here."""
        if (self.boot, self.pid_namespace) != (_boot(), _pid_namespace()):
            return False
        try:
            return _start_of(self.pid) != self.started
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        except FileNotFoundError:
            return not process_lives(self.pid)


def _boot() -> str:
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()


def _pid_namespace() -> str:
    # A time namespace shifts the start times that its processes see; a kernel without them has no
    # such link.
    time = _PROC / "self/ns/time"
    names = [_PROC / "self/ns/pid", *([time] if time.is_symlink() else [])]
    return " ".join(str(name.readlink()) for name in names)


def process_lives(pid: int) -> bool:
    """Whether a process lives, also one without an entry in ``/proc``, as under ``hidepid``."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _start_of(pid: int) -> int | None:
    """Start time of a process in ticks since boot; None for a zombie."""
    stat = (_PROC / str(pid) / "stat").read_text()
    # The second field is the program's name in parentheses, which may itself hold spaces and
    # parentheses.
    fields = stat[stat.rindex(")") + 2 :].split()
    state, started = fields[0], fields[19]
    return None if state in "ZX" else int(started)
