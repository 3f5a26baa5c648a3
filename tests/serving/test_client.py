"""The client against endpoints that do wrong, over real sockets."""

import asyncio
import contextlib
import gc
import itertools
import resource
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.serving.conftest import QUICK, model_config, request, server_config, until
from tsdg.errors import PermanentError, RetryableError, ServerError
from tsdg.protocols import Choice, Reply, Request
from tsdg.serving import ServerEvent, client, conduct, open_transport, outage
from tsdg.serving.client import RoutingClient, new_session
from tsdg.serving.events import OnEvent
from tsdg.serving.metrics import Load
from tsdg.serving.pool import Endpoint, Pool

Start = Callable[..., str]


@contextlib.asynccontextmanager
async def to(
    *urls: str,
    reply_s: int | None = None,
    on_event: OnEvent = lambda event: None,
    **server: Any,
) -> AsyncIterator[RoutingClient]:
    async with open_transport(
        server=server_config(type="openai", command=(), base_urls=urls, **server),
        model=model_config(),
        logs=Path("/nowhere"),
        on_event=on_event,
        reply_s=reply_s,
        pacing=QUICK,
    ) as client:
        yield client


async def failing(client: RoutingClient, said: str) -> RetryableError | PermanentError:
    return await failing_with(client, request(said))


async def failing_with(client: RoutingClient, asked: Request) -> RetryableError | PermanentError:
    with pytest.raises((RetryableError, PermanentError)) as caught:
        await client.send(asked)
    return caught.value


async def test_a_request_is_answered_with_all_its_choices(endpoint: Start) -> None:
    async with to(endpoint()) as client:
        reply = await client.send(request("hello", n=3))
    one = Choice(text="echo hello", reasoning="", finish_reason="stop")
    assert reply == Reply(choices=(one, one, one), prompt_tokens=7, completion_tokens=9)


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
async def test_null_content_comes_back_as_empty_text_with_its_reasoning(
    endpoint: Start, field: str
) -> None:
    async with to(endpoint()) as client:
        reply = await client.send(request(f"!null:{field}"))
    assert reply.choices == (Choice(text="", reasoning="thought", finish_reason="stop"),)


async def test_each_failure_of_a_server_has_its_class(endpoint: Start) -> None:
    async with to(endpoint()) as client:
        seen = {}
        for said in (
            "!500",
            "!503:4",
            "!429:2",
            "!drop",
            "!cut",
            "!html",
            "!truncated",
            "!schema",
            "!fewer",
            "!unused",
            "!toolong",
            "!400",
            "!408",
        ):
            await client.send(request("hi"))  # so that no failure is taken for an outage
            failure = await failing(client, said)
            more = (
                (failure.retry_after, failure.counts > 0)
                if isinstance(failure, RetryableError)
                else ()
            )
            seen[said] = (failure.reason, *more)
        assert seen == {
            "!500": ("http_500", 0.0, True),
            "!503:4": ("http_503", 4.0, True),
            "!429:2": ("http_429", 2.0, False),
            "!drop": ("connection", 0.0, True),
            "!cut": ("connection", 0.0, True),
            "!html": ("bad_reply", 0.0, True),
            "!truncated": ("bad_reply", 0.0, True),
            "!schema": ("bad_reply", 0.0, True),
            "!fewer": ("bad_reply", 0.0, True),
            "!unused": ("bad_reply", 0.0, True),
            "!toolong": ("too_long",),
            "!400": ("http_400", 0.0, True),
            "!408": ("timeout", 0.0, True),
        }
        assert (await client.send(request("fine"))).choices[0].text == "echo fine"


async def test_a_crash_under_way_counts_and_the_refusals_after_it_do_not(endpoint: Start) -> None:
    async with to(endpoint()) as client:
        await client.send(request("hello"))
        crash = await failing(client, "!crash")
        assert isinstance(crash, RetryableError)
        assert crash.reason == "connection"
        assert crash.counts > 0
        await asyncio.sleep(0.5)  # until the end of idle connections has come through
        refused = await failing(client, "hello")
        assert isinstance(refused, RetryableError)
        assert (refused.reason, refused.counts) == ("connection", False)


async def test_requests_go_to_the_endpoint_with_the_fewest_under_way() -> None:
    """Two endpoints on sockets of the test's own, so that it sees who gets what."""
    got: dict[int, int] = {0: 0, 1: 0}
    release = asyncio.Event()

    def serve(number: int) -> Any:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            got[number] += 1
            await release.wait()
            writer.close()

        return handle

    servers = [await asyncio.start_server(serve(n), "127.0.0.1", 0) for n in range(2)]
    points = tuple(
        Endpoint(
            f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1",
            proxy=None,
            name="server-0",
            gpus=0,
        )
        for server in servers
    )
    pool = Pool(points)
    for point in points:
        pool.open(point)
    async with new_session() as session:
        routing = RoutingClient(
            session=session, pool=pool, model=model_config(name="m"), api_key="", key_source=""
        )
        sending = [asyncio.create_task(routing.send(request(str(n)))) for n in range(10)]
        await until(lambda: sum(got.values()) == 10)
        assert got == {0: 5, 1: 5}
        assert [point.in_flight for point in points] == [5, 5]
        release.set()
        results = await asyncio.gather(*sending, return_exceptions=True)
        assert all(isinstance(result, RetryableError) for result in results)
        assert [point.in_flight for point in points] == [0, 0]
    for server in servers:
        server.close()
        await server.wait_closed()


async def test_a_dead_endpoint_is_left_out_and_the_other_takes_over(endpoint: Start) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{nobody.getsockname()[1]}/v1"
        async with to(dead, endpoint()) as client:
            replies = await asyncio.gather(*(client.send(request(str(n))) for n in range(20)))
    assert [reply.choices[0].text for reply in replies] == [f"echo {n}" for n in range(20)]


async def test_waiting_for_a_server_is_no_failure_that_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "WAIT_S", 0.1)
    async with new_session() as session:
        pool = Pool((Endpoint("http://127.0.0.1:1/v1", proxy=None, name="server-0", gpus=0),))
        failure = await failing(
            RoutingClient(
                session=session, pool=pool, model=model_config(name="m"), api_key="", key_source=""
            ),
            "hello",
        )
    assert isinstance(failure, RetryableError)
    assert (failure.reason, failure.counts) == ("no_server", False)


async def test_endpoints_that_never_answer_end_the_run_with_their_address() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        async with to(f"http://127.0.0.1:{port}/v1", start_timeout_s=1) as client:
            with pytest.raises(
                ServerError, match=rf"^http://127\.0\.0\.1:{port}/v1 has not answered for 1 s"
            ):
                await client.send(request())


async def test_who_waits_for_an_endpoint_is_told_at_once_and_then_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tsdg.serving.external_endpoints._TOLD_EACH_S", 0.1)
    events: list[ServerEvent] = []
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/v1"
        async with open_transport(
            server=server_config(type="openai", command=(), base_urls=(url,), start_timeout_s=2),
            model=model_config(),
            logs=tmp_path,
            on_event=events.append,
            pacing=QUICK,
        ) as client:
            with pytest.raises(ServerError):
                await client.send(request())
    assert [event.kind for event in events[:2]] == ["lost", "lost"]
    assert events[-1].kind == "failed"
    lines = [event.detail for event in events]
    assert lines[0].startswith("it does not answer (Connection refused); asked again until ")
    assert lines[0].endswith("(server.start_timeout_s=2), then given up")
    assert lines[1].startswith("still no answer after ")


async def test_an_endpoint_that_comes_back_is_used_again(endpoint: Start, tmp_path: Path) -> None:
    events: list[ServerEvent] = []
    url = endpoint()
    async with open_transport(
        server=server_config(type="openai", command=(), base_urls=(url,)),
        model=model_config(),
        logs=tmp_path,
        on_event=events.append,
        pacing=QUICK,
    ) as client:
        await failing(client, "!crash")
        await asyncio.sleep(0.5)  # until the end of idle connections has come through
        await failing(client, "hello")
        waiting = asyncio.create_task(client.send(request("patient")))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        endpoint(port=url.removesuffix("/v1").rpartition(":")[2])
        assert (await waiting).choices[0].text == "echo patient"
    assert [event.kind for event in events] == ["ready", "lost", "ready"]
    assert "it does not answer (Connection refused); asked again until" in events[1].detail


async def test_a_key_is_sent_and_never_shown(
    endpoint: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = endpoint(FAULT_KEY="sesame-1234")
    monkeypatch.setenv("GOOD", "sesame-1234")
    monkeypatch.setenv("WRONG", "wrong-5678")
    async with to(url, api_key_env="GOOD") as client:
        assert (await client.send(request("hi"))).choices[0].text == "echo hi"
        failure = await failing(client, "!400 sesame-1234")
        assert "sesame" not in repr(failure) + str(failure.__dict__) + repr(client)
    async with to(url, api_key_env="WRONG") as client:
        with pytest.raises(ServerError, match="refuses the key") as caught:
            await client.send(request("hi"))
        assert "wrong-5678" not in str(caught.value)


async def test_a_key_that_is_refused_by_a_request_is_named_by_its_source(
    endpoint: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "k")
    async with to(endpoint(), api_key_env="MY_KEY") as client:
        with pytest.raises(
            ServerError, match=r"refuses the key from server\.api_key_env=MY_KEY with status 401"
        ):
            await client.send(request("!401"))


async def refused_for_good(client: RoutingClient, *said: str) -> ServerError:
    """What ends the run where all these requests are refused, again and again."""
    for one in itertools.cycle(said):
        try:
            await client.send(request(one))
        except RetryableError:
            continue
        except ServerError as error:
            return error
    raise AssertionError


async def test_an_unknown_model_ends_the_run_and_names_the_cure(
    endpoint: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outage, "REFUSED_S", 0.2)
    async with to(endpoint()) as client:
        client._model = model_config(name="other")
        error = await refused_for_good(client, "a", "b")
    assert "404 for model 'other': model other does not exist" in str(error)
    assert "model.name must be a name that GET /v1/models lists" in str(error)


async def test_a_spent_quota_ends_the_run_at_once(endpoint: Start) -> None:
    async with to(endpoint()) as client:
        await client.send(request("hello"))
        with pytest.raises(ServerError, match="quota"):
            await client.send(request("!quota"))


async def test_a_prompt_that_is_refused_with_403_among_good_ones_is_its_own_fault(
    endpoint: Start,
) -> None:
    """A guardrail before the server; at the start of a run, too."""
    async with to(endpoint()) as client:
        spent, said = 0.0, 0
        while spent < 2:
            failure = await failing(client, "!403")
            assert isinstance(failure, RetryableError)
            assert failure.reason == "http_403"
            spent += failure.counts
            said += 1
            await client.send(request(f"good {said}"))


BAD = ("!400", "!404", "!401", "!403", "!413", "!500", "!503", "!429", "!drop", "!html", "!toolong")


@pytest.mark.parametrize("fault", BAD)
async def test_a_bad_endpoint_beside_a_good_one_costs_no_failure_and_few_posts(
    endpoint: Start, fault: str
) -> None:
    events: list[ServerEvent] = []
    bad = endpoint(FAULT_ALWAYS=fault.removeprefix("!"))
    async with to(bad, endpoint(), on_event=events.append) as client:
        await until(lambda: len(client._pool.ready) == 2)
        replies = []
        for start in range(0, 100, 10):
            replies += await asyncio.gather(
                *(client.send(request(str(n))) for n in range(start, start + 10))
            )
        worse, good = client._pool.endpoints
        assert not good.conduct.aside
    assert [reply.choices[0].text for reply in replies] == [f"echo {n}" for n in range(100)]
    assert worse.tally.requests == 0
    assert [event.kind for event in events if event.replica == 0][:2] == ["ready", "aside"]


async def test_an_endpoint_that_was_set_aside_and_works_again_is_used_again(
    endpoint: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conduct, "_ASIDE_S", 0.05)
    events: list[ServerEvent] = []
    async with to(endpoint(FAULT_ALWAYS="500*5"), endpoint(), on_event=events.append) as client:
        await until(lambda: len(client._pool.ready) == 2)
        number = 0
        while not any(event.kind == "back" for event in events):
            pair = (client.send(request(f"{number}/{one}")) for one in "ab")  # one for each
            await asyncio.gather(*pair)
            number += 1
            await asyncio.sleep(0.01)
        first, _ = client._pool.endpoints
        assert first.tally.requests >= 1
        assert not first.conduct.aside


async def test_a_reply_that_takes_too_long_is_cut_and_gets_twice_the_time(endpoint: Start) -> None:
    async with to(endpoint(), reply_s=1) as client:
        failure = await failing(client, "!slow:1.5")
        assert isinstance(failure, RetryableError)
        assert (failure.reason, failure.counts > 0) == ("timeout", True)
        assert (await client.send(request("!slow:1.5"))).choices[0].text == "echo !slow:1.5"


async def test_several_completions_are_asked_for_in_pieces_that_fit_the_time_limit(
    endpoint: Start,
) -> None:
    async with to(endpoint(), reply_s=1) as client:
        asked = replace(request("!slow-each:0.6", n=3, seed=7), expected_tokens=12)
        reply = await client.send(asked)
    assert [choice.text for choice in reply.choices] == [
        f"echo !slow-each:0.6 seed {seed}" for seed in (7, 8, 9)
    ]
    assert (reply.prompt_tokens, reply.completion_tokens) == (21, 9)


async def test_of_several_completions_only_those_that_took_too_long_are_asked_for_again(
    endpoint: Start,
) -> None:
    async with to(endpoint(), reply_s=1) as client:
        asked = request("!slow-each:0.6", n=3, seed=7)
        failure = await failing_with(client, asked)  # 2 completions take too long, and 1 comes
        assert failure.reason == "timeout"
        reply = await client.send(asked)
        (point,) = client._pool.endpoints
        assert point.tally.requests == 3
    assert [choice.text for choice in reply.choices] == [
        f"echo !slow-each:0.6 seed {seed}" for seed in (7, 8, 9)
    ]


async def test_the_tokens_of_an_own_server_flow_and_nothing_is_cut(
    endpoint: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with to(endpoint(), reply_s=1) as client:
        (point,) = client._pool.endpoints
        point.watched = True
        assert (await client.send(request("!slow:1.5"))).choices[0].text == "echo !slow:1.5"


@pytest.mark.parametrize("fault", ["!endless", "!bomb"])
async def test_a_reply_without_end_is_cut_at_a_size_that_its_tokens_cannot_reach(
    endpoint: Start, fault: str
) -> None:
    async with to(endpoint()) as client:
        failure = await failing(client, fault)
    assert failure.reason in ("bad_reply", "connection")


async def test_connections_are_reused(endpoint: Start) -> None:
    made = 0

    async def count(*_: object) -> None:
        nonlocal made
        made += 1

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(count)
    async with to(endpoint()) as client:
        client._session.trace_configs.append(trace)
        trace.freeze()
        for n in range(5):
            await client.send(request(str(n)))
    assert made <= 1


async def test_a_kept_connection_that_is_closed_as_it_is_taken_is_no_failure() -> None:
    """The endpoint answers the first request of a connection, and closes it at the second one."""
    bodies: list[bytes] = []
    said = b'{"choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}],'
    said += b'"usage": {"prompt_tokens": 1, "completion_tokens": 1}}'
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in (answer if answering else b"", b""):
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"POST"):
                length = head.lower().split(b"content-length:")[1].split(b"\r\n")[0]
                bodies.append(await reader.readexactly(int(length)))
            writer.write(reply)
            if not reply:
                break
        writer.close()

    answering = True
    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with to(f"http://127.0.0.1:{port}/v1") as client:
            for n in range(3):
                assert (await client.send(request(str(n)))).choices[0].text == "yes"
            answering = False
            error = await failing(client, "again and again")
            assert error.reason == "connection"
            assert sum(b'"again and again"' in body for body in bodies) == 2


async def test_a_cancelled_request_leaves_nothing_in_flight(endpoint: Start) -> None:
    async with to(endpoint()) as client:
        sending = asyncio.create_task(client.send(request("!slow:30")))
        (point,) = client._pool.endpoints
        await until(lambda: point.in_flight == 1)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert point.in_flight == 0


async def test_load_adds_up_what_answers(endpoint: Start) -> None:
    async with to(endpoint(), endpoint()) as client:
        await until(lambda: len(client._pool.ready) == 2)
        assert await client.load() == Load(replicas=2, running=0, waiting=0, kv_cache_usage=0.25)


async def test_too_many_open_files_are_named_and_not_taken_for_a_dead_server(
    endpoint: Start,
) -> None:
    async with to(endpoint()) as client:
        await until(lambda: len(client._pool.ready) == 1)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        sending = [asyncio.create_task(client.send(request(f"!slow:1 {n}"))) for n in range(40)]
        try:
            resource.setrlimit(
                resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())) + 10, hard)
            )
            results = await asyncio.gather(*sending, return_exceptions=True)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        refused = [result for result in results if isinstance(result, BaseException)]
        assert refused
        assert len(refused) < 40
        assert all("too many open files; raise `ulimit -n`" in str(error) for error in refused)
        assert len(client._pool.ready) == 1


async def test_a_flood_is_answered_completely(endpoint: Start) -> None:
    async with to(endpoint(), endpoint()) as client:
        replies = await asyncio.gather(*(client.send(request(str(n))) for n in range(500)))
    assert [reply.choices[0].text for reply in replies] == [f"echo {n}" for n in range(500)]
    gc.collect()
