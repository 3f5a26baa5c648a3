"""Planted test items are found.

Benchmarks/decontamination.py does the same with more of them, and reports.
"""

import importlib.util
import random
import sys
from itertools import islice
from pathlib import Path
from types import ModuleType

import pytest

from tsdg.seeds.heldout.index import LeakIndex

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "decontamination.py"
A_SENTENCE = ("a sentence before", "a sentence after")
HARDER = ("a sentence before, options gone",)


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("benchmarks_decontamination", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.mirror
@pytest.mark.parametrize("name", ["ARC", "MMLU", "GSM8K", "Chinese"])
def test_planted_items_are_found(
    name: str, bench: ModuleType, mirror_index: LeakIndex, mirror: Path
) -> None:
    draw = random.Random(1)
    planted = bench.plant(mirror, name, 60, draw)
    assert len(planted) == 60
    for form in bench.FORMS:
        found = bench.caught(mirror_index, planted, form, draw)
        floor = 40 if form in HARDER else 58 if form in A_SENTENCE else 60
        assert sum(found) >= floor, form


@pytest.mark.mirror
def test_clean_rows_are_not(bench: ModuleType, mirror_index: LeakIndex, mirror: Path) -> None:
    """No row of these training splits was found to be a held-out item by a person either."""
    clean = {
        "openai/gsm8k/main/train",
        "Rowan/hellaswag/default/train",
        "allenai/winogrande/winogrande_l/train",
        "EleutherAI/drop/default/train",
        "yale-nlp/FOLIO/default/train",
        "juletxara/xstory_cloze/zh/train",
    }
    seen = 0
    for name, rows in bench.clean(mirror):
        if name in clean or name.startswith("tsdg/demo/"):
            items = [item for _, item in islice(rows, 1000)]
            assert mirror_index.compare(items) == [None] * len(items), name
            seen += len(items)
    assert seen > 5000
