"""Own servers, from start to stop, with the fault server as the serving command."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.processes import runs
from tests.serving.conftest import (
    FAULT_SERVER,
    QUICK,
    STOPPED_S,
    Watched,
    model_config,
    opened,
    request,
    server_config,
    until,
)
from tsdg.errors import RetryableError, ServerError
from tsdg.protocols import Reply
from tsdg.serving import ServerEvent, open_transport
from tsdg.serving.client import RoutingClient
from tsdg.serving.ports import PortLease


async def persist(client: RoutingClient, said: str) -> Reply:
    """Send until it is answered, as the engine does."""
    while True:
        try:
            return await client.send(request(said))
        except RetryableError:
            await asyncio.sleep(0.05)


async def test_a_server_is_started_used_and_gone(watched: Watched) -> None:
    async with opened(watched, flags={"enforce-eager": True}) as client:
        reply = await client.send(request("hello"))
        assert reply.choices[0].text == "echo hello"
        await until(lambda: len(watched.alive()) == 3)
        began = time.monotonic()
    assert time.monotonic() - began < STOPPED_S
    assert watched.alive() == []
    assert watched.kinds() == ["starting", "ready", "stopped"]
    assert re.search(
        r"^server 0 at http://127\.0\.0\.1:\d+/v1 ready after \d+ s$", str(watched.events[1])
    )
    first, second = watched.log(0).read_text().splitlines()[:2]
    assert re.search(
        (
            r"^tsdg: \d{4}-\d\d-\d\d .* starting .*fault_server\.py serve owner/model "
            r"--served-model-name"
        ),
        first,
    )
    said = json.loads(second)
    assert said["argv"][:2] == ["serve", "owner/model"]
    assert "--enforce-eager" in said["rest"]


async def test_work_begins_with_the_first_ready_replica_and_spreads_to_all(
    watched: Watched,
) -> None:
    async with opened(watched, replicas=2, env=watched.env("ok,deaf")) as client:
        await client.send(request("hello"))
        assert watched.kinds().count("ready") == 1
    async with opened(watched, replicas=2, env=watched.env("ok")) as client:
        await client.send(request("hello"))
        await until(lambda: len(client._pool.ready) == 2)
        sending = [asyncio.create_task(client.send(request("!slow:0.5"))) for _ in range(4)]
        await asyncio.sleep(0)
        await until(lambda: [point.in_flight for point in client._pool.endpoints] == [2, 2])
        await asyncio.gather(*sending)
    assert watched.alive() == []


async def test_the_starts_of_replicas_are_staggered(watched: Watched) -> None:
    async with opened(watched, replicas=2, pacing=replace(QUICK, stagger_s=600.0)) as client:
        await client.send(request("hello"))
        assert watched.kinds() == ["starting", "ready"], "the second one waits"


async def test_requests_of_a_dead_replica_go_to_the_others(watched: Watched) -> None:
    """Replica 0 dies with requests under way and never gets ready again; replica 1 answers all."""
    async with opened(watched, replicas=2, env=watched.env("ok,ok,deaf")) as client:
        await client.send(request("hello"))
        await until(lambda: len(client._pool.ready) == 2)
        sending = [asyncio.create_task(persist(client, f"!slow:1 {n}")) for n in range(8)]
        await until(lambda: [point.in_flight for point in client._pool.endpoints] == [4, 4])
        os.kill(watched.pids("server")[0], signal.SIGKILL)
        replies = await asyncio.gather(*sending)
        assert [reply.choices[0].text for reply in replies] == [
            f"echo !slow:1 {n}" for n in range(8)
        ]
        facts = client.replicas()
    assert sum(each.requests for each in facts) == 9
    assert sorted(each.restarts for each in facts) == [0, 1]


async def test_two_processes_on_one_node_and_run_do_not_collide(watched: Watched) -> None:
    code = f"""
import asyncio, sys
from pathlib import Path
from tests.serving.conftest import QUICK, Watched, opened, request
async def main():
    watched = Watched(state=Path({str(watched.state)!r}), logs=Path({str(watched.logs)!r}))
    async with opened(watched) as client:
        await client.send(request("hello"))
        print(client.replicas()[0].url, flush=True)
        await asyncio.to_thread(sys.stdin.read)
asyncio.run(main())
"""
    env = {**os.environ, "PYTHONPATH": str(FAULT_SERVER.parents[2])}
    other = subprocess.Popen(
        [sys.executable, "-c", code], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    async with opened(watched) as client:
        assert other.stdout is not None
        theirs = (await asyncio.to_thread(other.stdout.readline)).decode().strip()
        await client.send(request("hello"))
        assert client.replicas()[0].url != theirs
        assert len(list(watched.logs.glob("server-0.*.log"))) == 2
        await until(lambda: len(watched.alive()) == 6)
        await asyncio.to_thread(other.communicate)
        await until(lambda: len(watched.alive()) == 3)
        assert (await client.send(request("still here"))).choices[0].text == "echo still here"


async def test_what_each_replica_did_is_counted(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    async with opened(watched, replicas=2, pacing=replace(QUICK, stagger_s=600.0)) as client:
        for _ in range(3):
            await client.send(request("hello"))
        used, unused = client.replicas()
    assert (used.name, used.gpus, used.requests, used.prompt_tokens, used.completion_tokens) == (
        "server-0",
        1,
        3,
        21,
        9,
    )
    assert 0 < used.busy_s <= used.ready_s == pytest.approx(used.busy_s + used.idle_s)
    assert (unused.name, unused.requests, unused.ready_s, unused.restarts) == (
        "server-1",
        0,
        0.0,
        0,
    )


async def test_replicas_get_their_own_gpus(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    async with opened(watched, replicas=2) as client:
        await client.send(request("hello"))
        await until(lambda: watched.starts() == 2)
    logs = [watched.log(n).read_text() for n in range(2)]
    assert [json.loads(log.splitlines()[1])["cuda"] for log in logs] == ["5", "7"]


async def test_the_recipe_can_give_servers_some_of_the_nodes_gpus(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3,4,5,6,7")
    env = watched.env() | {"CUDA_VISIBLE_DEVICES": "6,7"}
    async with opened(watched, replicas="auto", env=env) as client:
        await client.send(request("hello"))
        await until(lambda: watched.starts() == 2)
    assert [json.loads(watched.log(n).read_text().splitlines()[1])["cuda"] for n in range(2)] == [
        "6",
        "7",
    ]


@pytest.mark.parametrize("role", ["server", "engine"])
async def test_a_killed_process_means_a_restart_and_the_work_goes_on(
    watched: Watched, role: str
) -> None:
    async with opened(watched) as client:
        await client.send(request("before"))
        first = watched.alive()
        os.kill(watched.pids(role)[0], signal.SIGKILL)
        assert (await persist(client, "after")).choices[0].text == "echo after"
        assert not any(runs(pid) for pid in first)
        await until(lambda: len(watched.alive()) == 3)
    assert watched.kinds() == ["starting", "ready", "restarting", "starting", "ready", "stopped"]


async def test_a_hung_engine_under_work_is_noticed_though_its_health_is_well(
    watched: Watched,
) -> None:
    async with opened(watched, pacing=replace(QUICK, stall_s=1.5)) as client:
        await client.send(request("before"))
        os.kill(watched.pids("engine")[0], signal.SIGSTOP)
        assert (await persist(client, "after")).choices[0].text == "echo after"
    (restart,) = (event for event in watched.events if event.kind == "restarting")
    assert "it hangs" in restart.detail
    assert "no token for 1.5 s" in restart.detail


async def test_a_hung_engine_without_work_is_noticed_by_a_request_of_one_token(
    watched: Watched,
) -> None:
    async with opened(watched, pacing=replace(QUICK, canary_timeout_s=1.5)) as client:
        await client.send(request("before"))
        os.kill(watched.pids("engine")[0], signal.SIGSTOP)
        await until(lambda: watched.kinds().count("ready") >= 2, 60)
    restart = next(event for event in watched.events if event.kind == "restarting")
    assert "two one-token requests failed: no answer within 1.5 s" in restart.detail


async def test_a_stopped_server_that_answers_nothing_is_restarted(watched: Watched) -> None:
    async with opened(watched, pacing=replace(QUICK, stall_s=0.5, look_timeout_s=0.5)) as client:
        await client.send(request("before"))
        os.kill(watched.pids("server")[0], signal.SIGSTOP)
        await until(lambda: watched.kinds().count("ready") == 2, 40)
    assert "no answer within" in next(
        event.detail for event in watched.events if event.kind == "restarting"
    )


async def test_an_idle_healthy_server_is_left_alone(watched: Watched) -> None:
    async with opened(watched, pacing=replace(QUICK, idle_s=0.3)) as client:
        await client.send(request("hello"))
        await asyncio.sleep(2)
    assert watched.kinds() == ["starting", "ready", "stopped"]


async def test_a_long_request_that_makes_no_token_for_a_while_is_left_alone(
    watched: Watched,
) -> None:
    async with opened(watched, pacing=replace(QUICK, stall_s=6.0)) as client:
        await client.send(request("!slow:1.5"))
    assert watched.kinds() == ["starting", "ready", "stopped"]


@pytest.mark.parametrize(
    ("starts", "count", "cause"),
    [
        (
            "oom",
            3,
            (
                "3 times in a row: it ended with exit 1; .*: ValueError: No available memory for "
                "the "
                "cache blocks."
            ),
        ),
        (
            "silent",
            3,
            "3 times in a row: it ended with exit 1 and wrote nothing|its last telling line: {",
        ),
        ("usage", 1, "failed: it ended with exit 2; .* error: unrecognized arguments: --nonsense"),
        ("bind", 3, "Address already in use"),
        (
            "untemplated",
            1,
            "failed: its first one-token request failed: status 400: .*no chat template",
        ),
        ("mute", 3, "3 times in a row: its first one-token request failed: status 500: .*mute"),
    ],
)
async def test_a_server_that_cannot_start_ends_the_wait_with_its_cause(
    watched: Watched, starts: str, count: int, cause: str
) -> None:
    async with opened(watched, env=watched.env(starts)) as client:
        with pytest.raises(ServerError, match=cause) as caught:
            await persist(client, "hello")
        assert "\n" not in str(caught.value)
        assert str(watched.log(0)) in str(caught.value)
        assert watched.starts() == count
        assert watched.kinds()[-1] == "failed"


async def test_a_server_that_is_never_ready_is_ended_at_its_timeout(watched: Watched) -> None:
    pacing = replace(QUICK, start_failures=1)
    async with opened(watched, env=watched.env("deaf"), start_timeout_s=1, pacing=pacing) as client:
        with pytest.raises(
            ServerError,
            match=r"not ready within server\.start_timeout_s=1 s; the last telling line",
        ):
            await client.send(request("hello"))
    assert watched.alive() == []


async def test_a_failed_start_is_tried_again(watched: Watched) -> None:
    async with opened(watched, env=watched.env("oom,oom,ok")) as client:
        assert (await persist(client, "hello")).choices[0].text == "echo hello"
    assert watched.kinds() == ["starting", "restarting"] * 2 + ["starting", "ready", "stopped"]


async def test_a_server_that_crashes_again_and_again_opens_the_circuit(watched: Watched) -> None:
    async with opened(watched) as client:
        with pytest.raises(
            ServerError,
            match=r"3 times in a row: it ended with exit 1; .*: RuntimeError: CUDA error",
        ):
            await persist(client, "!crash")
    assert watched.starts() == QUICK.crashes


async def test_one_broken_replica_does_not_stop_the_other(watched: Watched) -> None:
    async with opened(watched, replicas=2, env=watched.env("ok,usage")) as client:
        await until(lambda: "failed" in watched.kinds())
        assert (await persist(client, "hello")).choices[0].text == "echo hello"


async def test_a_fixed_port_is_used_and_used_again_after_a_crash(watched: Watched) -> None:
    lease = PortLease("127.0.0.1", 0)  # nobody else gets it meanwhile
    async with opened(watched, port=lease.port) as client:
        await client.send(request("before"))
        os.kill(watched.pids("server")[0], signal.SIGKILL)
        await persist(client, "after")
    assert {event.url for event in watched.events} == {f"http://127.0.0.1:{lease.port}/v1"}
    lease.close()


async def test_a_fixed_port_that_is_let_go_late_is_waited_for(watched: Watched) -> None:
    """As by a killed process that waits for a device, or on a busy machine."""
    lease = PortLease("127.0.0.1", 0)
    holders: list[socket.socket] = []

    def hold(event: ServerEvent) -> None:
        watched.events.append(event)
        if event.kind == "restarting":
            if holders:
                holders.pop().close()
            else:
                holders.append(socket.create_server(("127.0.0.1", lease.port)))

    server = server_config(env=watched.env(), port=lease.port)
    async with open_transport(
        server=server, model=model_config(), logs=watched.logs, on_event=hold, pacing=QUICK
    ) as client:
        await client.send(request("before"))
        os.kill(watched.pids("server")[0], signal.SIGKILL)
        await persist(client, "after")
    lease.close()
    assert watched.kinds()[1:-1] == ["ready", "restarting", "restarting", "starting", "ready"]
    assert f"server.port={lease.port}" in str(watched.events[3])


async def test_nothing_is_started_where_the_early_check_fails(watched: Watched) -> None:
    with pytest.raises(ServerError, match=r"server\.command"):
        async with opened(watched, command=("no-such-vllm",)):
            pytest.fail("it was opened")
    assert not watched.logs.exists()


async def test_a_stop_during_the_start_is_quick_and_complete(watched: Watched) -> None:
    began = time.monotonic()
    async with opened(watched, replicas=2, env=watched.env("deaf")):
        await until(lambda: watched.starts() == 2)
        began = time.monotonic()
    assert time.monotonic() - began < STOPPED_S
    assert watched.alive() == []


async def test_requests_that_wait_are_turned_away_at_the_stop(watched: Watched) -> None:
    async with opened(watched, env=watched.env("deaf")) as client:
        waiting = asyncio.create_task(client.send(request("hello")))
        await asyncio.sleep(0.1)
    with pytest.raises(ServerError, match="being stopped"):
        await waiting


async def test_an_error_in_the_body_still_stops_everything(watched: Watched) -> None:
    with contextlib.suppress(KeyError):
        async with opened(watched) as client:
            await client.send(request("hello"))
            raise KeyError
    assert watched.alive() == []


async def test_a_broken_listener_of_events_does_not_leave_requests_waiting(
    watched: Watched,
) -> None:
    def broken(event: object) -> None:
        if "ready" in str(event):
            raise ValueError("cannot show it")

    async def use() -> None:
        async with open_transport(
            server=server_config(env=watched.env()),
            model=model_config(),
            logs=watched.logs,
            on_event=broken,
            pacing=QUICK,
        ) as client:
            with pytest.raises(ServerError, match="cannot show it"):
                await client.send(request("hello"))

    with pytest.raises(ValueError, match="cannot show it"):
        await use()
    assert watched.alive() == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
async def test_no_process_is_left_when_the_run_dies(
    watched: Watched, tmp_path: Path, number: signal.Signals
) -> None:
    code = f"""
import asyncio
from pathlib import Path
from tests.serving.conftest import QUICK, Watched, opened, request
async def main():
    watched = Watched(state=Path({str(watched.state)!r}), logs=Path({str(watched.logs)!r}))
    async with opened(watched, replicas=2) as c:
        await c.send(request("hello"))
        print("ready", flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""
    env = {**os.environ, "PYTHONPATH": str(FAULT_SERVER.parents[2])}
    run = subprocess.Popen(
        [sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert run.stdout is not None
    assert await asyncio.to_thread(run.stdout.readline) == b"ready\n"
    await until(lambda: len(watched.alive()) == 6)
    run.send_signal(number)
    began = time.monotonic()
    await until(lambda: watched.alive() == [])
    assert time.monotonic() - began < STOPPED_S
    await asyncio.to_thread(run.communicate)
