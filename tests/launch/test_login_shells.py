"""Commands on a cluster by a real ssh, whatever shell the user's account has there."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.launch.test_submission import composed
from tests.sshd import prepare
from tsdg.errors import MachineError, RunConflictError
from tsdg.launch.one_launch import one_launch
from tsdg.launch.target import Target, find_target
from tsdg.serving.ports import PortLease
from tsdg.slurm.cluster import parse_cluster
from tsdg.slurm.slurm_shell import Shell, ssh_of

pytestmark = [pytest.mark.ssh, pytest.mark.root]
SHELLS = ("bash", "dash", "fish", "tcsh", "zsh")
STARTUP = {
    ".bashrc": "echo Welcome; echo Quota >&2\n",
    ".cshrc": "echo Welcome\n",
    ".zshenv": "echo Welcome; echo Quota >&2\n",
    ".config/fish/config.fish": "echo Welcome; echo Quota >&2\n",
}
ODD = (
    "a b",
    "it's",
    "$HOME",
    '"q"',
    "two\nlines",
    "!!",
    "`id`",
    "*",
    "\\",
    "",
    "é",
    "~",
    "%d",
    "(x)",
)


@pytest.fixture(scope="module")
def login(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    """An sshd that knows one account for each shell; the machine's own accounts stay."""
    folder = tmp_path_factory.mktemp("sshd")
    for name, text in STARTUP.items():
        path = folder / "home" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    accounts = [
        f"{shell}-user:x:0:0::{folder}/home:{shutil.which(shell) or '/bin/false'}"
        for shell in SHELLS
    ]
    own = Path("/etc/passwd").read_text()
    (folder / "passwd").write_text("\n".join([own.rstrip("\n"), *accounts, ""]))
    lease = PortLease("127.0.0.1", 0)
    prepare(folder, lease.port)
    start = 'mount --bind "$0/passwd" /etc/passwd && exec /usr/sbin/sshd -De -f "$0/sshd_config"'
    with (folder / "log").open("wb") as log:
        sshd = subprocess.Popen(["unshare", "--mount", "sh", "-c", start, folder], stderr=log)
    deadline = time.monotonic() + 120
    while "Server listening" not in (folder / "log").read_text():
        assert sshd.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield {"port": lease.port, "folder": folder}
    sshd.terminate()
    sshd.wait()
    lease.close()


@pytest.fixture(params=SHELLS)
def target(
    request: pytest.FixtureRequest,
    login: dict[str, object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Target:
    if shutil.which(request.param) is None:
        pytest.skip(f"no {request.param}")
    monkeypatch.setenv("PATH", f"{login['folder']}/bin:{os.environ['PATH']}")
    tunnel = {"host": "127.0.0.1", "user": f"{request.param}-user", "job_dir": str(tmp_path)}
    tunnel |= {"identity": f"{login['folder']}/user"}
    values: dict[str, object] = {"executor": "slurm", "job_dir": str(tmp_path)}
    values |= {"ssh_tunnel": tunnel, "tsdg": {"python": "python3", "ssh_port": login["port"]}}
    cluster = parse_cluster(values, path=Path("c.yaml"), environ={})
    return find_target(composed(), cluster, tmp_path / "runs" / "mine", dict(os.environ))


def test_words_data_and_failures_pass_unchanged_and_a_launch_is_held(
    target: Target, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    shell = Shell(ssh=ssh_of(target.cluster))
    assert shell.run(["printf", "<%s>", *ODD]) == "".join(f"<{word}>" for word in ODD)
    assert shell.run(["cat"], data=b"\x00 data\n").encode() == b"\x00 data\n"
    assert shell.show(["printf", "shown"]) == 0
    assert capfdbinary.readouterr() == (b"shown", b"")
    with pytest.raises(MachineError, match=r"^ls on 127.0.0.1 failed with code 2: ls: .*/nowhere"):
        shell.run(["ls", "/nowhere"])
    with (
        one_launch(target, "one"),
        pytest.raises(RunConflictError, match="ago: one; wait"),
        one_launch(target, "two"),
    ):
        pass
    assert not list(Path(f"{target.run}/launch").iterdir())
