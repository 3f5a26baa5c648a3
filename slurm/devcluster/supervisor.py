"""The first process of a dev cluster: it starts daemons and nodes, and obeys its socket.

``supervisor.py login FOLDER`` is the login node: munge, the database, slurmdbd, slurmctld, and a
child per compute node, ``supervisor.py node FOLDER NAME``, which holds slurmd and all jobs of that
node. Both adopt and reap what their children leave behind, so that all that a node started stays
below it and can be killed with it, namespaces or not.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from layout import ACCOUNT, CLUSTER, SUBNET, Folder, Settings

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
READY = ("idle", "mix", "alloc", "comp")
libc = ctypes.CDLL(None)


def run(*words: str) -> str:
    """Run a command and return what it prints.

    Raises:
        SystemExit: it fails.
    """
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(
            f"{' '.join(words)}: exit {done.returncode}: {(done.stderr or done.stdout).strip()}"
        )
    return done.stdout


def wait_for(what: str, seconds: float, ready: Callable[[], bool]) -> None:
    """Wait until ``ready``.

    Raises:
        SystemExit: not within ``seconds``.
    """
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise SystemExit(f"{what}: not ready within {seconds:g} s")
        time.sleep(0.05)


def succeeds(*words: str) -> bool:
    """Whether a command ends with 0."""
    return subprocess.run(words, capture_output=True).returncode == 0


def reap(own: list[subprocess.Popen[bytes]]) -> None:
    """Collect all children that have ended; those in ``own`` keep their exit status."""
    with contextlib.suppress(ChildProcessError):
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            mine = [child for child in own if child.pid == ended.si_pid]
            if mine:
                mine[0].wait()
            else:
                os.waitpid(ended.si_pid, 0)


def descendants(root: int) -> list[int]:
    """Return the process ids below ``root``."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                if state != "Z":
                    children.setdefault(int(parent), []).append(int(entry.name))
    found: list[int] = []
    todo = [root]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def kill_below(root: int) -> None:
    """Kill all that runs below a process; what it starts meanwhile, too."""
    while below := descendants(root):
        for pid in below:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def adopt_orphans() -> None:
    """Make this process the parent of what its descendants leave behind."""
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_with_parent() -> None:
    """In a child: be killed when the supervisor is."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Login:
    """The login node: all daemons but slurmd, and the nodes as children."""

    def __init__(self, folder: Folder, settings: Settings) -> None:
        self.folder, self.settings = folder, settings
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def alive(self, name: str) -> bool:
        """Whether a daemon or a node runs."""
        return name in self.running and self.running[name].poll() is None

    def spawn(self, name: str, *words: str) -> None:
        """Start a daemon or node in the foreground; its output goes to log/NAME.out."""
        with (self.folder.log / f"{name}.out").open("ab") as out:
            self.running[name] = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                cwd="/",
                preexec_fn=end_with_parent,
            )

    def network(self) -> None:
        """Give this network namespace its address, and a bridge to the nodes."""
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", "nodes", "type", "bridge")
        run("ip", "address", "add", f"{SUBNET}.1/24", "dev", "nodes")
        run("ip", "link", "set", "nodes", "up")
        socket.sethostname(self.settings.login)
        run("mount", "--bind", str(self.folder.hosts), "/etc/hosts")
        run(
            "mount", "-t", "tmpfs", "tmpfs", str(self.folder.bin)
        )  # inside, the clients need no wrapper
        run(
            "mount", "--make-rshared", "/"
        )  # what is mounted on the login node from now on is seen by all nodes

    def start_munge(self) -> None:
        """Start munged."""
        at, listens = self.folder.munge, self.folder.munge_socket
        listens.unlink(missing_ok=True)
        self.spawn(
            "munged",
            "munged",
            "--foreground",
            "--force",
            f"--key-file={at}/key",
            f"--socket={listens}",
            f"--pid-file={at}/pid",
            f"--log-file={self.folder.log}/munged.log",
            f"--seed-file={at}/seed",
        )
        wait_for("munged", 10, listens.exists)

    def start_database(self) -> None:
        """Start MariaDB on its own files, made the first time."""
        at, user = str(self.folder.database), f"--user={self.settings.user}"
        if not (self.folder.database / "mysql").exists():
            run(
                "mariadb-install-db",
                "--no-defaults",
                user,
                f"--datadir={at}",
                "--skip-test-db",
                "--auth-root-authentication-method=normal",
            )
        self.spawn(
            "mariadbd",
            "mariadbd",
            "--no-defaults",
            user,
            f"--datadir={at}",
            f"--socket={self.folder.database_socket}",
            f"--pid-file={at}/pid",
            "--bind-address=127.0.0.1",
            f"--port={self.settings.ports + 2}",
            "--skip-log-bin",
            "--innodb-buffer-pool-size=64M",
            "--innodb-lock-wait-timeout=900",
            "--innodb-flush-log-at-trx-commit=2",
        )
        client = (
            "mariadb",
            "--no-defaults",
            "-uroot",
            f"--socket={self.folder.database_socket}",
            "-e",
        )
        wait_for("mariadbd", 60, lambda: succeeds(*client, "select 1"))
        run(*client, "create database if not exists slurm_acct_db")
        for who in ("'slurm'@'localhost'", "'slurm'@'127.0.0.1'"):
            run(*client, f"create user if not exists {who} identified by 'slurm'")
            run(*client, f"grant all on slurm_acct_db.* to {who}")

    def start_slurmdbd(self) -> None:
        """Start the accounting daemon.

        The first time, also create the cluster, an account, a QOS and this user.
        """
        self.spawn("slurmdbd", "slurmdbd", "-D")
        wait_for("slurmdbd", 30, lambda: succeeds("sacctmgr", "-n", "show", "cluster"))
        if CLUSTER not in run("sacctmgr", "-n", "show", "cluster", "format=cluster").split():
            edit = ("sacctmgr", "-Qi")
            run(*edit, "add", "cluster", CLUSTER)
            run(*edit, "add", "account", ACCOUNT, "description=all", "organization=all")
            run(*edit, "add", "qos", "high", "priority=100")
            run(*edit, "add", "user", self.settings.user, f"account={ACCOUNT}")
            run(*edit, "modify", "user", self.settings.user, "set", "qos=normal,high")

    def start_slurmctld(self) -> None:
        """Start the controller."""
        self.spawn("slurmctld", "slurmctld", "-D")
        wait_for("slurmctld", 30, lambda: succeeds("scontrol", "ping"))

    def start_node(self, name: str) -> None:
        """Switch a node on; its network cable is plugged in once it has a network namespace."""
        words = [sys.executable, "-B", __file__, "node", str(self.folder.root), name]
        if not self.settings.namespaces:
            self.spawn(name, *words)
            return
        own = (
            "--net",
            "--uts",
            "--mount",
            "--propagation",
            "slave",
            "--pid",
            "--fork",
            "--kill-child=KILL",
        )
        self.spawn(name, "unshare", *own, "--mount-proc", *words)
        pid = self.running[name].pid
        here = Path("/proc/self/ns/net").readlink()
        wait_for(f"{name}: network", 10, lambda: Path(f"/proc/{pid}/ns/net").readlink() != here)
        subprocess.run(
            ["ip", "link", "delete", name], capture_output=True
        )  # of the node before its crash
        run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
        run("ip", "link", "set", name, "master", "nodes", "up")

    def node_ready(self, name: str) -> bool:
        """Whether the controller may give work to a node."""
        state = subprocess.run(
            ["sinfo", "-hN", "-p", "batch", "-n", name, "-o", "%t"], capture_output=True, text=True
        ).stdout.strip()
        return state in READY or (state.startswith("drain") and not state.endswith("*"))

    def up(self) -> None:
        """Start what does not run."""
        starters = {
            "munged": self.start_munge,
            "mariadbd": self.start_database,
            "slurmdbd": self.start_slurmdbd,
            "slurmctld": self.start_slurmctld,
        }
        for name, start in starters.items():
            if not self.alive(name):
                start()
        missing = [name for name in self.settings.node_names if not self.alive(name)]
        for name in missing:
            self.start_node(name)
        for name in missing:
            wait_for(name, 60, lambda name=name: self.node_ready(name))  # type: ignore[misc]

    def stop(self, name: str) -> None:
        """End a daemon as its administrator would."""
        if self.alive(name):
            self.running[name].terminate()
            try:
                self.running[name].wait(10)
            except subprocess.TimeoutExpired:
                self.running[name].kill()
                self.running[name].wait()

    def crash(self, name: str) -> None:
        """Switch a node off: slurmd and all its jobs are killed at once."""
        if self.alive(name):
            kill_below(self.running[name].pid)
            self.running[name].kill()
            self.running[name].wait()

    def restore(self, name: str) -> None:
        """Switch a node on again, and tell the controller that it was off."""
        if not self.alive(name):
            run("scontrol", "update", f"nodename={name}", "state=down", "reason=off")
            self.start_node(name)
        wait_for(name, 60, lambda: self.node_ready(name))

    def do(self, command: str, *names: str) -> dict[str, object]:
        """Do one command of the control socket."""
        if command == "up":
            self.up()
        elif command == "crash":
            self.crash(*names)
        elif command == "restore":
            self.restore(*names)
        elif command == "restart-ctld":
            self.stop("slurmctld")
            self.start_slurmctld()
        elif command == "stop-dbd":
            self.stop("slurmdbd")
        elif command == "start-dbd" and not self.alive("slurmdbd"):
            self.start_slurmdbd()
        elif command == "down":
            kill_below(os.getpid())
        daemons = ["munged", "mariadbd", "slurmdbd", "slurmctld", *self.settings.node_names]
        return {"daemons": {name: "up" if self.alive(name) else "down" for name in daemons}}

    def answer(self, command: str, *names: str) -> dict[str, object]:
        """Do one command; what went wrong stands under ``error``."""
        try:
            return self.do(command, *names)
        except SystemExit as error:
            return {"error": str(error)}

    def serve(self) -> None:
        """Bring all up, then answer the control socket until ``down``."""
        if self.settings.namespaces:
            self.network()
        self.up()
        os.chdir(self.folder.root)  # a socket's path may not be long
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(self.folder.control.name)
            server.listen()
            server.settimeout(0.5)
            command = ""
            while command != "down":
                reap(list(self.running.values()))
                with contextlib.suppress(TimeoutError, OSError):  # a client that went away
                    connection, _ = server.accept()
                    connection.settimeout(5)
                    with connection, connection.makefile("rw") as stream:
                        if line := stream.readline():  # else it only asked whose socket this is
                            command, *names = json.loads(line)
                            stream.write(json.dumps(self.answer(command, *names)) + "\n")
                            stream.flush()


def node(settings: Settings, name: str) -> None:
    """Be a compute node: set its network up, then hold slurmd and its jobs until it ends."""
    if settings.namespaces:
        wait_for(
            f"{name}: eth0",
            10,
            lambda: "eth0" in [interface for _, interface in socket.if_nameindex()],
        )
        socket.sethostname(name)
        run("ip", "link", "set", "lo", "up")
        run("ip", "address", "add", f"{settings.address(name)}/24", "dev", "eth0")
        run("ip", "link", "set", "eth0", "up")
    slurmd = subprocess.Popen(["slurmd", "-D", "-N", name], preexec_fn=end_with_parent)
    while slurmd.returncode is None:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        reap([slurmd])
    kill_below(os.getpid())


def main() -> None:
    """Play the part that the arguments name."""
    role, root, *names = sys.argv[1:]
    folder = Folder(Path(root))
    settings = Settings.load(folder)
    os.environ["SLURM_CONF"] = str(folder.slurm_conf)
    adopt_orphans()
    if role == "node":
        node(settings, *names)
    else:
        Login(folder, settings).serve()


if __name__ == "__main__":
    main()
