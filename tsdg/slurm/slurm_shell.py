"""Runs Slurm's commands on the cluster, which is this machine or behind ssh.

Every call of Slurm goes through :class:`Shell`, so that no variable of the shell that launches
changes it (:mod:`tsdg.shellvars`). Over ssh nothing depends on the login shell: it sees a command
of letters, digits and quotes that ``sh`` decodes, and what it prints by itself is left out.

It uses the plain ``ssh`` command, because importing NeMo-Run's tunnel takes longer than `tsdg
status` may.
"""

from __future__ import annotations

import base64
import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TextIO

from tsdg.config.base import Config
from tsdg.errors import MachineError
from tsdg.shellvars import clean_environ, unset_script
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


_STARTS_JOBS = frozenset({"sbatch", "srun", "salloc"})
_BEGIN = b"tsdg-answer-begins\n"
"""What stands before the answer of a command over ssh: a login shell may print before it."""
_CHUNK = 1 << 16
_TASKS = re.compile(r"(?:^|,)max_array_tasks=(\d+)")


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
        where = f" on {self.ssh.host}" if self.ssh else ""
        try:
            done = self._start(words, data, timeout_s)
        except subprocess.TimeoutExpired as error:
            raise MachineError(
                f"{words[0]}{where} has not answered for {timeout_s:.0f} s; try again"
            ) from error
        if self.ssh and _BEGIN not in done.stdout:
            raise MachineError(f"ssh to {self.ssh.host} failed: {one_line(done.stderr)}")
        out, err = (_answer(text) if self.ssh else text for text in (done.stdout, done.stderr))
        if done.returncode:
            raise MachineError(
                f"{words[0]}{where} failed with code {done.returncode}: {one_line(err or out)}"
            )
        return out.decode(errors="replace")

    def _start(
        self, words: Sequence[str], data: bytes, timeout_s: float
    ) -> subprocess.CompletedProcess[bytes]:
        with self._startable(words) as command:
            return subprocess.run(
                command,
                input=data,
                capture_output=True,
                timeout=timeout_s,
                check=False,
                env=self._environ(words),
            )

    @contextmanager
    def open(self, words: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
        """Run a command beside this process, with pipes to all three of its streams.

        Ctrl-C does not reach it. It is killed if it has not ended when the context does.

        Raises:
            MachineError: it cannot be started.
        """
        pipe = subprocess.PIPE
        with self._startable(words) as command:
            process = subprocess.Popen(
                command,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                env=self._environ(words),
                start_new_session=True,
            )
        with process:
            try:
                yield process
            finally:
                process.kill()

    @contextmanager
    def _startable(self, words: Sequence[str]) -> Iterator[list[str]]:
        command = self.command(words)
        try:
            yield command
        except FileNotFoundError as error:
            raise MachineError(
                f"there is no command {command[0]} here; is this a machine of the cluster?"
            ) from error
        except OSError as error:
            raise MachineError(f"{command[0]} cannot be started here: {error.strerror}") from error

    def show(self, words: Sequence[str]) -> int:
        """Run a command whose words are passed on as they come; returns its exit code.

        What login shells say before it is left out; where it never began, as no login was
        possible, the errors are shown.
        """
        pipe = subprocess.PIPE if self.ssh else None
        with subprocess.Popen(
            self.command(words), stdout=subprocess.PIPE, stderr=pipe, env=self._environ(words)
        ) as process:
            errors = threading.Thread(target=lambda: self._pass_on(process.stderr, sys.stderr))
            errors.start()
            self._pass_on(process.stdout, sys.stdout)
            errors.join()
        return process.returncode

    def _pass_on(self, said: IO[bytes] | None, out: TextIO) -> None:
        """Write what a command says to a stream of this process, from where it begins."""
        before, found = b"", self.ssh is None
        while said and (chunk := said.read1(_CHUNK)):  # type: ignore[attr-defined]
            if not found:
                before += chunk
                _, mark, chunk = before.partition(_BEGIN)
                found = bool(mark)
            if found:
                out.buffer.write(chunk)
                out.buffer.flush()
        if not found and out is sys.stderr:
            out.buffer.write(before)
            out.buffer.flush()

    def command(self, words: Sequence[str]) -> list[str]:
        """The command that runs, on this machine, a command of the cluster."""
        ssh = self.ssh
        if ssh is None:
            return list(words)
        user = f"{ssh.user}@" if ssh.user else ""
        identity = ["-i", ssh.identity] if ssh.identity else []
        before = f"{ssh.pre_command} && " if ssh.pre_command else ""
        mark = _BEGIN.decode().strip()
        times = "" if _starts_jobs(words) else "TZ=UTC; export TZ\n"
        script = f"{unset_script()}{times}echo {mark}; echo {mark} >&2\nexec {shlex.join(words)}\n"
        coded = base64.b64encode(script.encode()).decode()
        # csh knows no newline and no `!` in quotes, and fish no `$(...)` outside of them.
        there = f"{before}sh -c 'eval \"$(echo {coded} | base64 -d)\"'"
        return ["ssh", "-p", str(ssh.port), *identity, f"{user}{ssh.host}", there]

    def _environ(self, words: Sequence[str]) -> dict[str, str]:
        return clean_environ(os.environ, asks=self.ssh is None and not _starts_jobs(words))


def _starts_jobs(words: Sequence[str]) -> bool:
    """Whether a job inherits the environment of a command."""
    return words[0] in _STARTS_JOBS


def _answer(text: bytes) -> bytes:
    """What a command over ssh printed itself."""
    before, mark, after = text.partition(_BEGIN)
    return after if mark else before


def one_line(text: bytes) -> str:
    """What a command said, as a part of a message."""
    return " ".join(text.decode(errors="replace").split())[:300] or "no message"


def max_array_size(shell: Shell) -> int:
    """Most elements of one array, as Slurm is configured.

    That is MaxArraySize, or less where SchedulerParameters have ``max_array_tasks``.

    Raises:
        MachineError: Slurm does not answer.
    """
    sizes: dict[str, int] = {}
    for line in shell.run(["scontrol", "show", "config"]).splitlines():
        key, _, value = (part.strip() for part in line.partition("="))
        if key == "MaxArraySize" and value.isdecimal():
            sizes[key] = int(value)
        elif key == "SchedulerParameters" and (most := _TASKS.search(value)):
            sizes[key] = int(most[1])
    if "MaxArraySize" not in sizes:
        raise MachineError(
            "scontrol show config does not tell MaxArraySize; set tsdg.max_array_size in the "
            "cluster file"
        )
    return min(sizes.values())
