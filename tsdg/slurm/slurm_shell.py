"""Runs Slurm's commands on the cluster, which is this machine or behind ssh.

It uses the plain ``ssh`` command, because importing NeMo-Run's tunnel takes longer than `tsdg
status` may.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from tsdg.config.base import Config
from tsdg.errors import MachineError
from tsdg.slurm.cluster import ClusterConfig


class Ssh(Config):
    """How to reach a cluster."""

    user: str
    host: str
    port: int
    identity: str
    pre_command: str


def ssh_of(cluster: ClusterConfig) -> Ssh | None:
    """How a cluster is reached; None where this machine is part of it."""
    tunnel = cluster.ssh_tunnel
    if tunnel is None:
        return None
    return Ssh(
        user=tunnel.user,
        host=tunnel.host,
        port=cluster.tsdg.ssh_port,
        identity=tunnel.identity,
        pre_command=tunnel.pre_command,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """Runs commands on the cluster."""

    ssh: Ssh | None

    def run(self, words: Sequence[str], *, data: bytes = b"", timeout_s: float = 60.0) -> str:
        """Run one command and return what it printed.

        Args:
            words: the command, as it stands: nothing is expanded.
            data: its standard input.
            timeout_s: seconds after which it is given up.

        Raises:
            MachineError: there is no such command, it fails, or it takes too long.
        """
        command = self.command(words)
        where = f" on {self.ssh.host}" if self.ssh else ""
        try:
            done = subprocess.run(
                command, input=data, capture_output=True, timeout=timeout_s, check=False
            )
        except FileNotFoundError as error:
            raise MachineError(
                f"there is no command {command[0]} here; is this a machine of the cluster?"
            ) from error
        except subprocess.TimeoutExpired as error:
            raise MachineError(
                f"{words[0]}{where} has not answered for {timeout_s:.0f} s; try again"
            ) from error
        if done.returncode:
            said = " ".join((done.stderr or done.stdout).decode(errors="replace").split())[:300]
            raise MachineError(
                f"{words[0]}{where} failed with code {done.returncode}: {said or 'no message'}"
            )
        return done.stdout.decode(errors="replace")

    def command(self, words: Sequence[str]) -> list[str]:
        """The command that runs, on this machine, a command of the cluster."""
        ssh = self.ssh
        if ssh is None:
            return list(words)
        user = f"{ssh.user}@" if ssh.user else ""
        identity = ["-i", ssh.identity] if ssh.identity else []
        before = f"{ssh.pre_command} && " if ssh.pre_command else ""
        return [
            "ssh",
            "-p",
            str(ssh.port),
            *identity,
            f"{user}{ssh.host}",
            f"{before}{shlex.join(words)}",
        ]


def max_array_size(shell: Shell) -> int:
    """Most elements of one array, as Slurm is configured.

    Raises:
        MachineError: Slurm does not answer.
    """
    for line in shell.run(["scontrol", "show", "config"]).splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "MaxArraySize" and value.strip().isdecimal():
            return int(value)
    raise MachineError(
        "scontrol show config does not tell MaxArraySize; set tsdg.max_array_size in the cluster "
        "file"
    )


def active_jobs(shell: Shell) -> frozenset[str]:
    """Numbers of the user's jobs and arrays that Slurm has not ended yet.

    Raises:
        MachineError: Slurm does not answer.
    """
    return frozenset(shell.run(["squeue", "--me", "--noheader", "--format=%F"]).split())
