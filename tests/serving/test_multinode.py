"""One server over several nodes: found, started, stopped and restarted together, whoever dies."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.processes import runs
from tests.serving.conftest import (
    FAULT_SERVER,
    QUICK,
    STOPPED_S,
    Watched,
    model_config,
    server_config,
    until,
)
from tests.serving.test_node_servers import persist
from tsdg.errors import ServerError, StoppedError
from tsdg.serving import is_multinode_worker, open_transport
from tsdg.serving.client import RoutingClient
from tsdg.serving.multinode_worker import work_for_heads
from tsdg.serving.rendezvous import (
    Channel,
    ConnectionLostError,
    Offer,
    interface_of,
    offer_path,
    read_offer,
    write_offer,
)
from tsdg.serving.server_logs import RENDEZVOUS

PACING = replace(QUICK, rejoin_s=20.0, crashes=4)
FOLLOW = """
import asyncio, sys
from pathlib import Path
from tests.serving.conftest import model_config, server_config
from tests.serving.test_multinode import PACING
from tsdg.serving import work_for_heads
asyncio.run(work_for_heads(
    server=server_config(env={env!r}), model=model_config(tensor_parallel=2), logs=Path({logs!r}),
    on_event=lambda event: print(event, file=sys.stderr, flush=True),
    finished=lambda: False, pacing=PACING, stop=asyncio.Event(),
))
"""


def node(number: int, **more: str) -> dict[str, str]:
    """The environment of one of two nodes, which here are two processes of one machine."""
    return {
        "TSDG_NODES": "2",
        "TSDG_NODE": str(number),
        "TSDG_ELEMENT": "e1",
        "TSDG_SLOTS": "1",
        "TSDG_NODE_ADDRESS": "127.0.0.1",
        **more,
    }


@pytest.fixture
def following(watched: Watched) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Followers as processes of their own; ended by the test's end."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()


def start_worker(
    watched: Watched, started: list[subprocess.Popen[bytes]]
) -> subprocess.Popen[bytes]:
    code = FOLLOW.format(env=watched.env(), logs=str(watched.logs))
    env = {**os.environ, **node(1), "PYTHONPATH": str(FAULT_SERVER.parents[2])}
    with (watched.state / "said").open("ab") as said:
        process = subprocess.Popen([sys.executable, "-c", code], env=env, stderr=said)
    started.append(process)
    return process


@contextlib.asynccontextmanager
async def headed(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, **more: Any
) -> AsyncIterator[RoutingClient]:
    for name, value in node(0).items():
        monkeypatch.setenv(name, value)
    async with open_transport(
        server=server_config(env=watched.env()),
        model=model_config(tensor_parallel=2),
        logs=watched.logs,
        on_event=watched.events.append,
        pacing=more.get("pacing", PACING),
    ) as client:
        yield client


async def test_the_nodes_of_a_server_start_and_end_together(
    watched: Watched, following: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = start_worker(watched, following)
    async with headed(watched, monkeypatch) as client:
        assert (await persist(client, "hello")).choices[0].text == "echo hello"
        assert len(watched.pids("rank")) == 1
        began = time.monotonic()
    assert await asyncio.to_thread(worker.wait, 30) == 0
    assert time.monotonic() - began < STOPPED_S
    assert watched.alive() == []
    assert watched.kinds() == ["starting", "ready", "stopped"]
    (log,) = watched.logs.glob(f"server-0.rank1.*.{worker.pid}.log")
    assert "--node-rank 1 --master-addr 127.0.0.1" in log.read_text()


@pytest.mark.parametrize("role", ["rank", "server", "engine"])
async def test_a_killed_part_means_a_restart_of_all_parts(
    watched: Watched,
    following: list[subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
    role: str,
) -> None:
    start_worker(watched, following)
    async with headed(watched, monkeypatch) as client:
        await persist(client, "before")
        first = watched.alive()
        os.kill(watched.pids(role)[0], signal.SIGKILL)
        await until(lambda: watched.kinds().count("ready") == 2)
        assert (await persist(client, "after")).choices[0].text == "echo after"
        assert not any(runs(pid) for pid in first), "both parts are new"
        assert len(watched.pids("rank")) == 2
    (restart,) = (event for event in watched.events if event.kind == "restarting")
    if role == "rank":
        assert "its part on node 1" in restart.detail
        assert "signal 9" in restart.detail
    await until(lambda: watched.alive() == [])


async def test_a_killed_worker_leaves_nothing_and_the_next_one_takes_its_place(
    watched: Watched, following: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = start_worker(watched, following)
    async with headed(watched, monkeypatch) as client:
        await persist(client, "before")
        worker.kill()
        await until(lambda: not runs(watched.pids("rank")[0]) and "restarting" in watched.kinds())
        start_worker(watched, following)
        assert (await persist(client, "after")).choices[0].text == "echo after"
    assert any("node 1" in event.detail and "is gone" in event.detail for event in watched.events)


async def test_a_worker_outlives_a_killed_head_and_serves_the_next(
    watched: Watched, following: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = start_worker(watched, following)
    code = f"""
import asyncio
from pathlib import Path
from tests.serving.conftest import Watched
from tests.serving.test_node_servers import persist
from tests.serving.test_multinode import PACING
from tests.serving.conftest import model_config, server_config
from tsdg.serving import open_transport
async def main():
    async with open_transport(
        server=server_config(env={watched.env()!r}), model=model_config(tensor_parallel=2),
        logs=Path({str(watched.logs)!r}), on_event=lambda event: None, pacing=PACING,
    ) as client:
        await persist(client, "hello")
        print("ready", flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""
    env = {**os.environ, **node(0), "PYTHONPATH": str(FAULT_SERVER.parents[2])}
    head = subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE)
    assert head.stdout is not None
    assert await asyncio.to_thread(head.stdout.readline) == b"ready\n"
    first = watched.alive()
    head.kill()
    head.communicate()
    await until(lambda: not any(runs(pid) for pid in first))
    assert worker.poll() is None
    async with headed(watched, monkeypatch) as client:
        assert (await persist(client, "again")).choices[0].text == "echo again"
    assert await asyncio.to_thread(worker.wait, 30) == 0


async def test_a_node_that_never_comes_ends_the_wait_with_its_number(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in node(0).items():
        monkeypatch.setenv(name, value)
    async with open_transport(
        server=server_config(env=watched.env(), start_timeout_s=1),
        model=model_config(tensor_parallel=2),
        logs=watched.logs,
        on_event=watched.events.append,
        pacing=PACING,
    ) as client:
        with pytest.raises(
            ServerError, match="node 1 of the 2 that share this server has not come within 1 s"
        ):
            await persist(client, "hello")
    assert watched.starts() == 0


async def test_a_hung_part_is_noticed_by_the_tokens(
    watched: Watched, following: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    start_worker(watched, following)
    async with headed(watched, monkeypatch, pacing=replace(PACING, stall_s=1.5)) as client:
        await persist(client, "before")
        for pid in watched.pids("engine"):
            os.kill(pid, signal.SIGSTOP)
        assert (await persist(client, "after")).choices[0].text == "echo after"
        assert len(watched.pids("rank")) == 2
    assert any("it hangs" in event.detail for event in watched.events)


async def test_stale_files_of_other_starts_mislead_nobody(
    watched: Watched, following: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An earlier head of this very start that is gone, and a stranger that listens where it did."""

    async def stranger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.org ESMTP\r\n")
        await writer.drain()
        writer.close()

    folder = watched.logs / RENDEZVOUS
    folder.mkdir(parents=True)
    other = await asyncio.start_server(stranger, "127.0.0.1", 0)
    stale = Offer(
        state="open",
        token="0" * 32,
        address="127.0.0.1",
        port=other.sockets[0].getsockname()[1],
        host="h",
        pid=1,
    )
    write_offer(offer_path(folder, "e1", 0), stale)
    write_offer(offer_path(folder, "e0", 0), replace(stale, state="ended"))
    start_worker(watched, following)
    await asyncio.sleep(1)
    assert watched.pids("rank") == []
    async with headed(watched, monkeypatch) as client:
        await persist(client, "hello")
    other.close()


async def test_a_worker_ends_without_a_head_once_there_is_no_work_or_no_hope(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in node(1).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("tsdg.serving.multinode_worker._FINISHED_S", 0.1)
    server = server_config(start_timeout_s=1)
    model = model_config(tensor_parallel=2)
    assert is_multinode_worker(server, model)
    assert not is_multinode_worker(server, model_config())

    stop = asyncio.Event()

    async def alone(finished: bool) -> None:
        await work_for_heads(
            server=server,
            model=model,
            logs=watched.logs,
            on_event=watched.events.append,
            finished=lambda: finished,
            pacing=PACING,
            stop=stop,
        )

    await alone(finished=True)
    with pytest.raises(
        ServerError, match=r"no head of this node's group .* within 1 s \(there is no such file"
    ):
        await alone(finished=False)
    stop.set()
    with pytest.raises(StoppedError):
        await alone(finished=False)
    with pytest.raises(ServerError, match="only the first of them works"):
        async with open_transport(
            server=server, model=model, logs=watched.logs, on_event=watched.events.append
        ):
            pytest.fail("a multinode worker was let to work")
    assert watched.starts() == 0


async def test_the_head_turns_strangers_away(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with headed(watched, monkeypatch):
        offer = read_offer(offer_path(watched.logs / RENDEZVOUS, "e1", 0))
        assert offer is not None
        for hello in (
            {"token": "wrong", "rank": 1},
            {"token": offer.token, "rank": 2},
            {"token": offer.token},
        ):
            channel = Channel(*await asyncio.open_connection(offer.address, offer.port))
            channel.send("hello", **hello)
            assert (await channel.receive())["kind"] == "stranger"
            with pytest.raises(ConnectionLostError, match="closed"):
                await channel.receive()
            await channel.close()
    assert "ready" not in watched.kinds()


def test_the_crews_token_is_for_its_user_alone(tmp_path: Path) -> None:
    offer = Offer(state="open", token="t", address="10.1.2.3", port=1, host="node1", pid=1)
    path = offer_path(tmp_path, "e", 0)
    path.write_text("of an earlier start")
    path.chmod(0o644)
    for _ in range(2):
        write_offer(path, offer)
        assert path.stat().st_mode & 0o777 == 0o600
    assert read_offer(path) == offer


def test_a_torn_file_is_no_offer(tmp_path: Path) -> None:
    path = offer_path(tmp_path, "e", 3)
    assert read_offer(path) is None
    for content in (b"", b'{"state":', b"[]", b'{"state": "open"}'):
        path.write_bytes(content)
        assert read_offer(path) is None


async def test_a_silent_peer_is_lost() -> None:
    ours, theirs = socket.socketpair()
    channel = Channel(*await asyncio.open_connection(sock=ours))
    with pytest.raises(ConnectionLostError, match=r"silent for 0\.05 s"):
        await channel.receive(0.05)
    await channel.close()
    theirs.close()


def test_an_address_has_an_interface() -> None:
    assert interface_of("127.0.0.1") == "lo"
    assert interface_of("203.0.113.1") == ""
