"""The files of an sshd of the tests' own, and of an ``ssh`` that knows it."""

from __future__ import annotations

import subprocess
from pathlib import Path


def prepare(folder: Path, port: int, *more: str) -> None:
    """Write ``sshd_config`` and ``bin/ssh`` in ``folder``, and the keys ``host`` and ``user``.

    Args:
        folder: has room for them.
        port: of 127.0.0.1 that the daemon listens at.
        more: lines of its configuration.
    """
    for name in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name]
        subprocess.run(command, check=True)
    lines = [
        f"Port {port}",
        "ListenAddress 127.0.0.1",
        f"HostKey {folder / 'host'}",
        f"AuthorizedKeysFile {folder / 'user.pub'}",
        f"PidFile {folder / 'sshd.pid'}",
        *("StrictModes no", "UsePAM no", "PasswordAuthentication no", "PermitRootLogin yes"),
        *more,
    ]
    (folder / "sshd_config").write_text("\n".join(lines) + "\n")
    # `ssh` looks for its files in the home of the user's entry, whatever HOME says.
    (folder / "bin").mkdir()
    (folder / "bin/ssh").write_text(
        "#!/bin/sh\nexec /usr/bin/ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no "
        f'-o UserKnownHostsFile={folder / "known_hosts"} "$@"\n'
    )
    (folder / "bin/ssh").chmod(0o755)
    Path("/run/sshd").mkdir(exist_ok=True)
