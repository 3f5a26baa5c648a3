"""Reference solutions of code tasks, run on the tests that their own rows have."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from functools import cache

from tsdg.errors import MachineError
from tsdg.protocols import Asked
from tsdg.seeds.rows.item import Gold, Item
from tsdg.verify.assertions import read_checks
from tsdg.verify.python_code import PythonTextVerifier, verdict
from tsdg.verify.sandbox import Run, Sandbox, find_sandbox


def failed_tests(rows: Sequence[tuple[Item, Gold]]) -> list[str]:
    """Run reference solutions on their rows' own tests, as many at once as there are cores.

    What cannot be read as one solution with tests is not judged, and nothing is where this machine
    has no sandbox.

    Returns:
        For each row which test fails, in words; empty where all pass.
    """
    sandbox = sandbox_here()
    if sandbox is None:
        return [""] * len(rows)
    runs = [_started(sandbox, item, gold) for item, gold in rows]
    return [
        "" if run is None else _failed(run.result(), gold)
        for run, (_, gold) in zip(runs, rows, strict=True)
    ]


def _started(sandbox: Sandbox, item: Item, gold: Gold) -> Future[Run] | None:
    asked = Asked(question=item.question, context="", options=(), checks=gold.checks)
    source = PythonTextVerifier().read(f"```python\n{gold.answer}\n```", asked)
    tests = read_checks(gold.checks)
    if source is None or not tests:
        return None
    return sandbox.submit(source, [test.expression for test in tests])


def _failed(run: Run, gold: Gold) -> str:
    end, detail = verdict(run, read_checks(gold.checks))
    return "" if end == "passed" else f"its own solution fails its own tests: {detail}"


@cache
def sandbox_here() -> Sandbox | None:
    """The sandbox of this machine; None where it has none."""
    try:
        return find_sandbox()
    except MachineError:
        return None
