"""Several processes at work on one phase of one run, as the elements of a Slurm array are."""

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.e2e.conftest import Cli, Endpoint, records
from tsdg.accounting import read_workers, spent

Oracle = Callable[..., Endpoint]

RECIPE = ["recipe=demo", "questions.per_seed=4", "engine.unit_rows=6", "engine.max_in_flight=4"]
IN_FLIGHT = 4


def with_seeds(tsdg: Cli, name: str, endpoint: Endpoint) -> Path:
    """A run directory as a launch leaves it: the snapshot of the whole recipe, and the seeds."""
    made = tsdg("run", *RECIPE, f"run={name}", "phases=[]", *endpoint.overrides())
    assert made.code == 0, made.err
    recipe = tsdg.root / name / "snapshot" / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("phases: []", "phases: [[questions], [answers]]"))
    (tsdg.root / name / "manifest.json").unlink()  # of the run without phases
    return tsdg.root / name


def wait_for(endpoint: Endpoint, requests: int, *workers: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while sum(endpoint.asked().values()) < requests:
        assert all(worker.poll() is None for worker in workers)
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_four_of_which_two_are_killed_and_one_comes_late_end_before_one_alone_with_the_same_records(
    tsdg: Cli, oracle: Oracle
) -> None:
    endpoints = {name: oracle(delay=0.5) for name in ("alone", "four")}
    runs = {name: with_seeds(tsdg, name, endpoint) for name, endpoint in endpoints.items()}

    # At the same moment, so that both see the same machine.
    alone = tsdg.start("work", str(runs["alone"]), "questions")
    first, second, third = (tsdg.start("work", str(runs["four"]), "questions") for _ in range(3))
    four = endpoints["four"]
    wait_for(four, 50, first, second, third)
    first.kill()
    wait_for(four, 90, second, third)
    second.kill()
    late = tsdg.start("work", str(runs["four"]), "questions")
    for worker in (third, late):
        _, err = worker.communicate(timeout=300)
        assert worker.returncode == 0, err
    assert alone.poll() is None, "one process alone was as fast"
    for worker in (first, second):
        worker.communicate()
        assert worker.returncode == -signal.SIGKILL

    for endpoint in endpoints.values():
        endpoint.answer_after(0)
    _, err = alone.communicate(timeout=300)
    assert alone.returncode == 0, err
    again = sum(count - 1 for count in four.asked().values())
    assert again <= 2 * IN_FLIGHT, "requests sent twice: more than were in flight"
    assert set(four.asked()) == set(endpoints["alone"].asked())

    workers = read_workers(runs["four"] / "questions")
    assert sorted(worker.state for worker in workers) == [
        "complete",
        "complete",
        "running",
        "running",
    ]
    assert {worker.owner.pid for worker in workers} == {p.pid for p in (first, second, third, late)}
    assert {worker.rows_done for worker in workers if worker.ended} == {72}
    (one,) = read_workers(runs["alone"] / "questions")
    assert (one.requests_done, one.units_committed) == (288, 12)
    # The files of the killed are as old as their last writing.
    used = spent(workers)
    assert used.requests_done + used.resumed_requests >= 288 - 2 * 8 * 5
    assert used.requests_done <= 288 + again

    for name, endpoint in endpoints.items():
        done = tsdg("run", *RECIPE, f"run={name}", *endpoint.overrides())
        assert done.code == 0, done.err
        assert tsdg("verify", str(runs[name])).code == 0
    assert records(runs["four"]) == records(runs["alone"])
    assert records(runs["alone"])
