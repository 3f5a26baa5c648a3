"""One launch of a run at a time, from whatever machine."""

from __future__ import annotations

import errno
import os
import selectors
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tsdg.errors import MachineError, RunConflictError
from tsdg.installation import packaged
from tsdg.launch.target import Target
from tsdg.layout import LAUNCH
from tsdg.slurm.slurm_shell import Shell, one_line, ssh_of
from tsdg.storage import WAY_IN

_SAYS = b"launching: "
_PATIENCE_S = 60.0


@contextmanager
def one_launch(target: Target, who: str) -> Iterator[None]:
    """Hold the run's launch folder on the cluster, so that no other launch is under way meanwhile.

    A process on the cluster holds it as long as this one is connected (``slurm/job/one_launch.sh``,
    which says how).

    Args:
        target: what is launched.
        who: launches, for those who wait.

    Raises:
        RunConflictError: another launch of this run is under way.
        MachineError: the cluster does not answer, or its folder cannot be written.
    """
    shell = Shell(ssh=ssh_of(target.cluster))
    script = (packaged("slurm") / "job" / "one_launch.sh").read_text(encoding="utf-8")
    words = ["sh", "-c", script, "one_launch", f"{target.run}/{LAUNCH}", who]
    with shell.open([*words, "away" if shell.ssh else "here"]) as process:
        said = _first_word(process)
        if said.startswith("busy"):
            raise RunConflictError(
                f"{target.here}: another launch of it is under way, or was cut off less than two "
                f"minutes ago: {said.removeprefix('busy').strip() or 'nobody knows whose'}; wait "
                "for it"
            )
        try:
            yield
        finally:
            with suppress(OSError):  # the connection may be gone, which lets go in time
                process.communicate(b"done\n", timeout=_PATIENCE_S)


def _cure(said: str) -> str:
    return f"; {WAY_IN}" if os.strerror(errno.EACCES) in said else ""


def _first_word(process: subprocess.Popen[bytes]) -> str:
    """What the process on the cluster says; a login shell may print something before it.

    Raises:
        MachineError: it ends without a word, or says none in time.
    """
    assert process.stdout is not None
    assert process.stderr is not None
    deadline, heard = time.monotonic() + _PATIENCE_S, b""
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ)
        while ready.select(max(0.0, deadline - time.monotonic())):
            piece = os.read(process.stdout.fileno(), 4096)
            heard += piece
            line, ended, _ = heard.rpartition(_SAYS)[2].partition(b"\n")
            if _SAYS in heard and ended:
                return line.decode(errors="replace")
            if not piece:
                said = one_line(process.stderr.read() or heard).rpartition("one_launch: ")[2]
                raise MachineError(f"this run cannot be launched there: {said}{_cure(said)}")
    process.kill()
    raise MachineError(f"the cluster has not answered for {_PATIENCE_S:.0f} s; try again")
