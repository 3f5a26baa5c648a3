"""One model over two nodes, as network namespaces, with the real vLLM (CPU build)."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tests.processes import command_of, runs, shared_memory
from tests.serving.test_real_vllm import ROOT

pytestmark = [pytest.mark.root, pytest.mark.server]

NODE = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from tests.serving.test_node_servers import persist
from tests.serving.test_real_vllm import PATIENT, parts
from tsdg.serving import work_for_heads, is_multinode_worker, open_transport

server, model = parts(Path(sys.argv[1]))
model = model.model_copy(update={"tensor_parallel": 2})
told = {
    "server": server, "model": model, "logs": Path(sys.argv[2]),
    "pacing": replace(PATIENT, rejoin_s=120.0),
    "on_event": lambda event: print(event, file=sys.stderr, flush=True),
}

async def head():
    async with open_transport(**told) as client:
        while line := await asyncio.to_thread(sys.stdin.readline):
            print((await persist(client, line.strip())).completion_tokens, flush=True)

if is_multinode_worker(server, model):
    asyncio.run(work_for_heads(**told, finished=lambda: False, stop=asyncio.Event()))
else:
    asyncio.run(head())
"""


@dataclass
class Nodes:
    """Two namespaces with a cable between them."""

    tiny: Path
    logs: Path
    names: tuple[str, str]
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, number: int) -> subprocess.Popen[str]:
        """Start tsdg on a node."""
        env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "TSDG_NODES": "2",
            "TSDG_NODE": str(number),
            "TSDG_ELEMENT": "job-7",
            "TSDG_SLOTS": "1",
            "TSDG_NODE_ADDRESS": f"10.213.7.{number + 1}",
        }
        command = (
            "ip",
            "netns",
            "exec",
            self.names[number],
            sys.executable,
            "-c",
            NODE,
            self.tiny,
            self.logs,
        )
        with (self.logs / f"node-{number}.said").open("a") as said:
            process = subprocess.Popen(
                command,
                env=env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
            )
        self.started.append(process)
        return process

    def said(self) -> str:
        return "".join(path.read_text() for path in sorted(self.logs.glob("*.said")))


@pytest.fixture
def nodes(tiny: Path, tmp_path: Path) -> Iterator[Nodes]:
    names = (f"tsdg-a{os.getpid()}", f"tsdg-b{os.getpid()}")
    cable = f"tsdg{os.getpid()}"
    made = Nodes(tiny=tiny, logs=tmp_path, names=names)
    try:
        for name in names:
            ip("netns", "add", name)
        ip(
            "link",
            "add",
            cable,
            "netns",
            names[0],
            "type",
            "veth",
            "peer",
            "name",
            cable,
            "netns",
            names[1],
        )
        for number, name in enumerate(names):
            ip("-n", name, "addr", "add", f"10.213.7.{number + 1}/24", "dev", cable)
            for device in ("lo", cable):
                ip("-n", name, "link", "set", device, "up")
        yield made
    finally:
        for process in made.started:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(BrokenPipeError):  # what a dead reader was never told
                    assert pipe is not None
                    pipe.close()
        for name in names:
            subprocess.run(("ip", "netns", "del", name), check=False)


def ip(*words: str) -> None:
    subprocess.run(("ip", *words), check=True)


def tree(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """All processes below one: the supervisor, the server's part and its workers."""
    return psutil.Process(process.pid).children(recursive=True)


def ask(head: subprocess.Popen[str], nodes: Nodes) -> None:
    """Have the head ask for a reply."""
    assert head.stdin is not None
    assert head.stdout is not None
    head.stdin.write("hello\n")
    head.stdin.flush()
    line = head.stdout.readline()
    assert line.strip().isdecimal(), nodes.said()
    assert int(line) > 0


def gone(processes: list[psutil.Process], within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while any(runs(process.pid) for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_a_model_over_two_nodes_recovers_from_kill_9_of_either_and_leaves_nothing(
    nodes: Nodes,
) -> None:
    worker, head = nodes.start(1), nodes.start(0)
    ask(head, nodes)

    (supervisor,) = psutil.Process(worker.pid).children()
    (part,) = (process for process in supervisor.children() if "--headless" in command_of(process))
    both = tree(worker) + tree(head)
    memory = shared_memory(both)
    part.send_signal(signal.SIGKILL)
    ask(head, nodes)
    assert gone(both, 1), "both parts were started anew"
    assert "its part on node 1" in nodes.said()

    both = tree(worker) + tree(head)
    memory |= shared_memory(both)
    head.kill()
    assert gone(both, 10), "a killed head leaves nothing on either node"
    head = nodes.start(0)
    ask(head, nodes)

    left = tree(worker) + tree(head)
    memory |= shared_memory(left)
    assert len(left) >= 6
    assert head.stdin is not None
    head.stdin.close()
    assert (head.wait(60), worker.wait(60)) == (0, 0)
    assert gone(left, 1), "who ends has ended its servers"
    assert memory
    assert {path for path in memory if path.exists()} == set()
