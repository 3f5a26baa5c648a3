from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tests.engine.lab import (
    QUICK,
    Steps,
    Transport,
    expected,
    files_of,
    reply,
    request,
    rows_of,
    run,
    write_input,
)
from tsdg.accounting import read_workers
from tsdg.errors import PermanentError, RetryableError, ServerError
from tsdg.protocols import NOT_SENT, Ask, Load, Reply, Request

STEERED = replace(QUICK, steer_s=0.02)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_input(tmp_path / "in.parquet", rows=6, unit_rows=3)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "phase"


def fail_first(times: int, error: Exception, only: str = "row-00001/0") -> Any:
    def fault(request: Request, sent: int) -> None:
        if request.request_id == only and sent <= times:
            raise error

    return fault


async def test_a_retryable_failure_is_sent_again(source: Path, directory: Path) -> None:
    transport = Transport(fault=fail_first(2, RetryableError("http_503", "busy")))
    result = await run(source, directory, transport, attempts=3)
    assert rows_of(directory) == expected(6)
    assert transport.sent["row-00001/0"] == 3
    assert (result.retries, result.requests_done, result.failures) == (2, 18, {})


async def test_attempts_are_capped_and_the_step_hears_the_reason(
    source: Path, directory: Path
) -> None:
    transport = Transport(fault=fail_first(99, RetryableError("http_503", "busy")))
    result = await run(source, directory, transport, attempts=3)
    assert transport.sent["row-00001/0"] == 3
    assert rows_of(directory)[1] == {
        "input_id": "row-00001",
        "texts": ["row-00001/1", "row-00001/last"],
        "failures": ["http_503"],
    }
    assert (result.retries, result.requests_done, result.failures) == (2, 18, {"http_503": 1})


async def test_failures_that_do_not_count_are_waited_out(source: Path, directory: Path) -> None:
    transport = Transport(
        fault=fail_first(25, RetryableError("connection", "refused", counts=False))
    )
    result = await run(source, directory, transport, attempts=1)
    assert rows_of(directory) == expected(6)
    assert (result.retries, result.failures) == (25, {})


async def test_waiting_for_a_server_is_no_retry(source: Path, directory: Path) -> None:
    transport = Transport(
        fault=fail_first(25, RetryableError(NOT_SENT, "none is ready", counts=False))
    )
    result = await run(source, directory, transport, attempts=1)
    assert rows_of(directory) == expected(6)
    assert (result.retries, result.failures) == (0, {})
    assert read_workers(directory)[0].retries == {}


async def test_a_permanent_failure_is_not_sent_again(source: Path, directory: Path) -> None:
    transport = Transport(fault=fail_first(99, PermanentError("too_long", "9000 of 8192 tokens")))
    result = await run(source, directory, transport, attempts=5)
    assert transport.sent["row-00001/0"] == 1
    assert rows_of(directory)[1]["failures"] == ["too_long"]
    assert (result.retries, result.failures) == (0, {"too_long": 1})


async def test_retry_after_is_honoured(source: Path, directory: Path) -> None:
    sent: list[float] = []

    def fault(request: Request, times: int) -> None:
        if request.request_id == "row-00001/0":
            sent.append(asyncio.get_running_loop().time())
            if times == 1:
                raise RetryableError("http_429", "slow down", retry_after=0.4)

    await run(source, directory, Transport(fault=fault))
    assert sent[1] - sent[0] >= 0.4


async def test_failures_that_prove_little_cost_little(source: Path, directory: Path) -> None:
    """With three attempts, six failures that count for a third each are no rejection."""
    transport = Transport(fault=fail_first(6, RetryableError("http_503", "busy", counts=1 / 3)))
    await run(source, directory, transport, attempts=3)
    assert rows_of(directory) == expected(6)


async def test_a_request_is_rejected_once_its_failures_make_up_the_attempts(
    source: Path, directory: Path
) -> None:
    transport = Transport(fault=fail_first(99, RetryableError("http_500", "no", counts=0.25)))
    await run(source, directory, transport, attempts=2)
    assert transport.sent["row-00001/0"] == 8
    assert rows_of(directory)[1]["failures"] == ["http_500"]


async def test_a_reply_that_cannot_be_stored_is_asked_for_again(
    source: Path, directory: Path
) -> None:
    class Odd(Transport):
        async def send(self, request: Request) -> Reply:
            good = await super().send(request)
            return reply("\ud800") if self.sent[request.request_id] == 1 else good

    result = await run(source, directory, Odd(), attempts=2)
    assert rows_of(directory) == expected(6)
    assert result.retries == 18


async def test_the_limit_is_kept_and_filled_across_units(tmp_path: Path, directory: Path) -> None:
    source = write_input(tmp_path / "many.parquet", rows=120, unit_rows=10)

    class Gated(Transport):
        """Replies to nobody until 32 requests have come, from four units."""

        full = asyncio.Event()

        async def send(self, request: Request) -> Reply:
            self.active += 1
            self.most_active = max(self.most_active, self.active)
            if self.active == 32:
                self.full.set()
            await self.full.wait()
            self.active -= 1
            return reply(request.request_id)

    transport = Gated()
    process = Steps(samples=1)
    async with asyncio.timeout(60):
        await run(source, directory, transport, process=process, max_in_flight=32)
    assert transport.most_active == 32
    assert process.most_open <= 64
    assert rows_of(directory) == expected(120, samples=1)


async def test_the_second_step_of_one_row_overlaps_the_first_of_others(tmp_path: Path) -> None:
    source = write_input(tmp_path / "in.parquet", rows=40, unit_rows=10)
    under_way: set[str] = set()
    overlaps = set()

    class Watching(Transport):
        async def send(self, request: Request) -> Reply:
            under_way.add(request.request_id)
            try:
                overlaps.update(
                    (one[:9], other[:9])
                    for one in under_way
                    for other in under_way
                    if one.endswith("/last") and other.endswith("/0")
                )
                return await super().send(request)
            finally:
                under_way.remove(request.request_id)

    await run(source, tmp_path / "phase", Watching(latency=0.005), max_in_flight=6)
    assert len(overlaps) > 10
    assert all(one != other for one, other in overlaps)


async def test_the_rows_open_at_once_are_bounded_by_the_requests_in_flight(
    tmp_path: Path, directory: Path
) -> None:
    source = write_input(tmp_path / "many.parquet", rows=400, unit_rows=400)
    process = Steps(samples=4)
    transport = Transport(latency=0.001)
    await run(source, directory, transport, process=process, max_in_flight=8)
    assert transport.most_active == 8
    assert process.most_open <= 16
    assert rows_of(directory) == expected(400, samples=4)


async def test_rows_that_ask_nothing_are_bounded_too_and_need_no_journal(
    tmp_path: Path, directory: Path
) -> None:
    source = write_input(tmp_path / "many.parquet", rows=200, unit_rows=100)
    most = active = 0

    async def process(row: Mapping[str, Any], ask: Ask) -> Mapping[str, Any]:
        nonlocal most, active
        active += 1
        most = max(most, active)
        await asyncio.sleep(0.001)
        active -= 1
        return {"input_id": row["input_id"], "texts": [], "failures": []}

    await run(source, directory, Transport(), process=process, max_in_flight=4)
    assert most <= 8
    assert len(rows_of(directory)) == 200


async def test_rows_start_in_order_and_the_longest_request_of_a_row_goes_first(
    source: Path, directory: Path
) -> None:
    order: list[str] = []

    class Ordered(Transport):
        async def send(self, request: Request) -> Reply:
            order.append(request.request_id)
            return await super().send(request)

    async def process(row: Mapping[str, Any], ask: Ask) -> Mapping[str, Any]:
        name = row["input_id"]
        await asyncio.gather(*(ask(request(f"{name}/{tokens}", tokens)) for tokens in (1, 5, 9, 3)))
        return {"input_id": name, "texts": [], "failures": []}

    await run(source, directory, Ordered(latency=0.001), process=process, max_in_flight=1)
    # The first request of a row finds the free place before the others have come.
    assert order[:8] == [f"row-00000/{n}" for n in (1, 9, 5, 3)] + [
        f"row-00001/{n}" for n in (1, 9, 5, 3)
    ]
    assert [name.split("/")[0] for name in order] == [
        f"row-{i:05d}" for i in range(6) for _ in range(4)
    ]


async def test_waiting_requests_go_longest_first_then_by_prefix_then_the_oldest_row(
    tmp_path: Path, directory: Path
) -> None:
    source = write_input(tmp_path / "four.parquet", rows=4, unit_rows=4)
    prefixes = ["maths", "law", "music"]
    order: list[Request] = []
    all_rows = asyncio.Barrier(4)

    class Ordered(Transport):
        async def send(self, request: Request) -> Reply:
            order.append(request)
            return await super().send(request)

    async def process(row: Mapping[str, Any], ask: Ask) -> Mapping[str, Any]:
        name = row["input_id"]
        await all_rows.wait()
        await asyncio.gather(
            *(
                ask(
                    Request(
                        request_id=f"{name}/{prefix}/{tokens}",
                        body={},
                        prefix=prefix,
                        expected_tokens=tokens,
                    )
                )
                for tokens in (5, 50)
                for prefix in prefixes
            )
        )
        return {"input_id": name, "texts": [], "failures": []}

    await run(source, directory, Ordered(latency=0.001), process=process, max_in_flight=2)
    assert len(order) == 24
    waited = [(-r.expected_tokens, prefixes.index(r.prefix), r.request_id[:9]) for r in order[2:]]
    assert waited == sorted(waited)


class Server(Transport):
    """Runs ``capacity`` requests at once and says so; the others queue."""

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self.places = asyncio.Semaphore(capacity)
        self.running = 0
        self.loads: list[int] = []

    async def send(self, request: Request) -> Reply:
        self.sent[request.request_id] += 1
        self.active += 1
        self.most_active = max(self.most_active, self.active)
        async with self.places:
            self.running += 1
            await asyncio.sleep(0.01)
            self.running -= 1
        self.active -= 1
        return reply(request.request_id)

    async def load(self) -> Load:
        self.loads.append(self.active)
        return Load(
            replicas=1, running=self.running, waiting=self.active - self.running, kv_cache_usage=0.5
        )


async def test_the_limit_follows_the_replicas_own_queue(tmp_path: Path, directory: Path) -> None:
    source = write_input(tmp_path / "many.parquet", rows=1200, unit_rows=400)
    server = Server(16)
    await run(
        source, directory, server, process=Steps(samples=1), max_in_flight=128, timing=STEERED
    )
    assert server.most_active > 32
    settled = server.loads[len(server.loads) // 2 : -5]
    # Little waits behind the batch; that the batch stays full is shown without a clock, in
    # test_congestion.py.
    assert median(settled) <= 32
    assert len(rows_of(directory)) == 1200


async def test_a_server_that_takes_everything_is_given_everything(
    tmp_path: Path, directory: Path
) -> None:
    source = write_input(tmp_path / "many.parquet", rows=1200, unit_rows=400)
    await run(
        source, directory, Server(1000), process=Steps(samples=1), max_in_flight=128, timing=STEERED
    )
    (worker,) = read_workers(directory)
    assert worker.in_flight_limit == 128
    assert worker.retries == {}


async def test_an_endpoint_without_metrics_that_pushes_back_is_asked_for_less(
    tmp_path: Path, directory: Path
) -> None:
    source = write_input(tmp_path / "many.parquet", rows=600, unit_rows=200)

    class Limited(Transport):
        """Takes 10 at once and refuses the others."""

        async def send(self, request: Request) -> Reply:
            if self.active >= 10:
                raise RetryableError("http_429", "slow down", counts=False)
            return await super().send(request)

    transport = Limited(latency=0.02)
    await run(
        source, directory, transport, process=Steps(samples=1), max_in_flight=100, timing=STEERED
    )
    (worker,) = read_workers(directory)
    assert worker.in_flight_limit < 50
    assert rows_of(directory) == expected(600, samples=1)
    assert set(transport.sent.values()) == {1}


async def test_a_server_given_up_by_the_transport_ends_the_phase_and_keeps_what_was_done(
    tmp_path: Path, directory: Path
) -> None:
    source = write_input(tmp_path / "many.parquet", rows=60, unit_rows=60)
    answered = 0

    def fault(request: Request, sent: int) -> None:
        nonlocal answered
        if answered >= 50:
            raise ServerError("all servers are down for good: see logs/")
        answered += 1

    transport = Transport(fault=fault)
    # Steps gathers replies and exceptions alike: the engine must not depend on the step to pass it
    # on.
    with pytest.raises(ServerError, match="all servers are down"):
        await run(source, directory, transport)
    again = Transport()
    result = await run(source, directory, again)
    assert result.resumed_requests == answered == 50
    assert sum(again.sent.values()) == 180 - 50
    assert rows_of(directory) == expected(60)


async def test_failures_are_not_asked_for_again_after_a_resume(
    source: Path, directory: Path
) -> None:
    def fault(request: Request, sent: int) -> None:
        if request.request_id == "row-00000/0":
            raise PermanentError("too_long", "9000 of 8192 tokens")
        if request.request_id == "row-00000/last":
            raise ServerError("down")

    with pytest.raises(ServerError):
        await run(source, directory, Transport(fault=fault))
    again = Transport()
    await run(source, directory, again)
    assert again.sent["row-00000/0"] == 0
    assert rows_of(directory)[0]["failures"] == ["too_long"]


async def test_a_fault_in_a_step_ends_the_phase_and_says_in_which_row(
    source: Path, directory: Path
) -> None:
    async def process(row: Mapping[str, Any], ask: Ask) -> Mapping[str, Any]:
        await ask(request(row["input_id"]))
        raise KeyError("oh")

    with pytest.raises(KeyError) as caught:
        await run(source, directory, Transport(), process=process, max_in_flight=1)
    assert caught.value.__notes__ == ["while processing row 0 of unit-000000"]


async def test_a_failure_that_a_step_lets_through_is_a_fault_of_the_step(
    source: Path, directory: Path
) -> None:
    async def process(row: Mapping[str, Any], ask: Ask) -> Mapping[str, Any]:
        return {"texts": await ask(request(row["input_id"]))}

    transport = Transport(fault=fail_first(9, PermanentError("refused", "no"), only="row-00000"))
    with pytest.raises(
        RuntimeError, match="row 0 of unit-000000: a step did not handle PermanentError"
    ):
        await run(source, directory, transport, process=process, max_in_flight=1)


@pytest.mark.parametrize(
    ("outcome", "message"),
    [
        ({"input_id": "x"}, r"outcome of row 0 of unit-000000 has the fields \['input_id'\]"),
        ({"input_id": "x", "texts": [], "failures": [], "more": 1}, "has the fields"),
        ({"input_id": 5, "texts": [], "failures": []}, "Expected bytes, got a 'int' object"),
        ({"input_id": None, "texts": [], "failures": []}, "non-nullable"),
    ],
)
async def test_an_outcome_that_is_not_of_the_schema_is_refused(
    source: Path, directory: Path, outcome: dict[str, Any], message: str
) -> None:
    async def process(row: Mapping[str, Any], ask: Ask) -> Mapping[str, Any]:
        return outcome

    with pytest.raises((ValueError, TypeError), match=message):
        await run(source, directory, Transport(), process=process, max_in_flight=1)
    assert [name for name in files_of(directory) if name.startswith("parts")] == []


async def test_requests_that_a_row_left_behind_are_waited_for_before_the_commit(
    source: Path, directory: Path
) -> None:
    left: list[asyncio.Task[Reply]] = []

    async def process(row: Mapping[str, Any], ask: Ask) -> Mapping[str, Any]:
        left.append(asyncio.ensure_future(ask(request(row["input_id"]))))
        await asyncio.sleep(0)
        return {"input_id": row["input_id"], "texts": [], "failures": []}

    transport = Transport(latency=0.05)
    result = await run(source, directory, transport, process=process)
    assert [task.result().choices[0].text for task in left] == [f"row-{i:05d}" for i in range(6)]
    assert result.requests_done == 6
    assert files_of(directory) == ["parts/unit-000000.parquet", "parts/unit-000001.parquet"]


async def test_the_same_request_twice_gets_the_same_answer(source: Path, directory: Path) -> None:
    class Different(Transport):
        async def send(self, request: Request) -> Reply:
            await super().send(request)
            return reply(f"{self.sent[request.request_id]}")

    async def process(row: Mapping[str, Any], ask: Ask) -> Mapping[str, Any]:
        both = await asyncio.gather(ask(request("same")), ask(request("same")))
        replies = [*both, await ask(request("same"))]
        return {
            "input_id": row["input_id"],
            "texts": [r.choices[0].text for r in replies],
            "failures": [],
        }

    await run(source, directory, Different(latency=0.001), process=process)
    first, second = (rows_of(directory)[place : place + 3] for place in (0, 3))
    assert all(
        len({text for row in unit for text in row["texts"]}) == 1 for unit in (first, second)
    )


def test_back_off_grows_is_spread_and_is_the_same_each_time(source: Path) -> None:
    async def delays() -> list[list[float]]:
        from tests.engine.lab import config
        from tsdg.engine.scheduler import Scheduler
        from tsdg.engine.timing import Timing

        timing = Timing(
            backoff_s=1.0, backoff_cap_s=8.0, waiting_cap_s=2.0, retry_after_cap_s=100.0
        )
        scheduler = Scheduler(
            process=Steps(), transport=Transport(), config=config(), timing=timing
        )
        busy = RetryableError("http_503", "busy")
        down = RetryableError("connection", "refused", counts=False)
        late = RetryableError("http_429", "slow", retry_after=1e9)
        return [
            [scheduler._delay(request("a"), busy, sent, 0) for sent in range(1, 40)],
            [scheduler._delay(request("a"), down, 0, waited) for waited in range(1, 2000)],
            [scheduler._delay(request(f"{n}"), busy, 1, 0) for n in range(100)],
            [scheduler._delay(request("a"), late, 1, 0)],
        ]

    growing, waiting, spread, late = asyncio.run(delays())
    assert all(
        0.5 * bound <= delay <= bound
        for delay, bound in zip(growing[:4], (1, 2, 4, 8), strict=True)
    )
    assert all(4 <= delay <= 8 for delay in growing[4:])
    assert max(waiting) <= 2
    assert len(set(spread)) == 100
    assert late == [100.0]
    assert asyncio.run(delays())[0] == growing
    assert QUICK.backoff_s < 1
