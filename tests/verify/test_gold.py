"""The verifiers reach the rates in docs/verification.md on gold answers of real splits."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "verifiers.py"
FLOORS = {
    "choice": 0.9995,
    "number": 1.0,
    "math": 0.999,
    "short_text": 0.998,
    "code_text": 1.0,
    "code": 0.98,
}
"""Share of gold answers, in all the forms tried, that is read as gold."""
CEILINGS = {
    "choice": 0.0,
    "number": 0.0,
    "math": 0.002,
    "short_text": 0.001,
    "code_text": 0.0,
    "code": 0.25,
}
"""Share of wrong answers made by rule that is taken for gold."""


@pytest.mark.mirror
@pytest.mark.sandbox
def test_gold_reads_as_itself_and_wrong_answers_do_not() -> None:
    spec = importlib.util.spec_from_file_location("benchmarks_verifiers", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    seen = set()
    for figure in module.measure(Path(os.environ["TSDG_MIRROR"]), 12):
        seen.add(figure.kind)
        assert figure.share("gold") >= FLOORS[figure.kind], figure.misses
        assert figure.share("wrong") <= CEILINGS[figure.kind], figure.misses
    assert seen == set(FLOORS)
