"""A run stops at its budget, says which one, and goes on with a larger one as if it had never
stopped."""

from collections.abc import Callable

from tests.e2e.conftest import Cli, Endpoint, records
from tsdg.accounting import read_run, spent

Oracle = Callable[..., Endpoint]

RECIPE = ["recipe=demo", "engine.unit_rows=10", "engine.max_in_flight=4"]


def test_a_run_stops_at_its_tokens_and_goes_on_with_more(tsdg: Cli, oracle: Oracle) -> None:
    whole, capped = oracle(), oracle(delay=0.05)
    assert tsdg("run", *RECIPE, "run=whole", *whole.overrides()).code == 0
    common = ["run", *RECIPE, "run=capped", *capped.overrides()]
    directory = tsdg.root / "capped"

    # 72 questions of 110 tokens make the first phase: one stop is within it, the other in the
    # second phase.
    asked = 0
    for tokens, phases in ((4000, 1), (12000, 2)):
        ran = tsdg(*common, f"budget.tokens={tokens}")
        assert (ran.code, len(ran.err.splitlines())) == (1, 1), ran.err
        assert f"budget.tokens={tokens} is reached: this run has used " in ran.err
        assert "larger budget.tokens" in ran.err
        used = spent(read_run(directory))
        assert used.prompt_tokens + used.completion_tokens >= tokens
        assert (
            len({worker.reason for worker in read_run(directory) if worker.state == "stopped"})
            == phases
        )
        assert not (directory / "manifest.json").exists()
        before, asked = asked, sum(capped.asked().values())
        assert asked > before

    # The same command again asks nothing, and does not even look for the endpoint.
    again = tsdg(*common, "budget.tokens=12000", "server.base_urls=[http://127.0.0.1:9/v1]")
    assert again.code == 1
    assert "budget.tokens=12000 is reached" in again.err
    assert sum(capped.asked().values()) == asked

    done = tsdg(*common, "budget.tokens=10000000")
    assert done.code == 0, done.err
    assert records(directory) == records(tsdg.root / "whole")
    assert tsdg("verify", str(directory)).code == 0
    assert sum(count - 1 for count in capped.asked().values()) <= 2 * 4
    assert (
        spent(read_run(directory)).completion_tokens
        == spent(read_run(tsdg.root / "whole")).completion_tokens
    )


def test_a_budget_that_cannot_be_meant_is_one_line(tsdg: Cli) -> None:
    for override, says in (
        ("budget.tokens=-1", "budget.tokens"),
        ("budget.hours=3", "budget.hours"),
    ):
        ran = tsdg("run", "recipe=demo", override)
        assert (ran.code, len(ran.err.splitlines())) == (2, 1), ran.err
        assert says in ran.err
    assert tsdg.runs() == []
