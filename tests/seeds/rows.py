"""Requests and rows that the tests of the seeds share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tsdg.config.recipe import SeedsConfig
from tsdg.records import Rejection, Seed
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.catalogue.model import Unit
from tsdg.seeds.draw.collect import SeedCollector, TaskCounts
from tsdg.seeds.draw.selection import by_name

WriteSplit = Callable[[str, str, str, list[dict[str, Any]]], Path]


def config(
    mirror: Path | str, *tasks: str, cap: int = 10**9, missing: str = "error"
) -> SeedsConfig:
    return by_name(str(mirror), tasks, cap).model_copy(update={"missing": missing})


def collected(
    request: SeedsConfig, seed: int = 0
) -> tuple[list[Seed], list[Rejection], dict[str, TaskCounts]]:
    """Collect, and hold the counts to what came out."""
    collector = SeedCollector(request, seed)
    items = list(collector)
    seeds = [item for item in items if isinstance(item, Seed)]
    rejections = [item for item in items if isinstance(item, Rejection)]
    for task, count in collector.counts.items():
        reasons = {
            reason: sum(r.task == task and r.reason == reason for r in rejections)
            for reason in ("denied", "leaked", "malformed", "doubtful", "duplicate")
        }
        assert reasons == {reason: getattr(count, reason) for reason in reasons}
        assert count.sampled == sum(item.task == task for item in seeds)
        assert count.available == sum(reasons.values()) + count.sampled + count.unsampled
    return seeds, rejections, collector.counts


def unit_of(task: str) -> Unit:
    unit = load().unit_of_task(task)
    assert unit is not None
    return unit


def arc_rows(count: int, word: str = "river") -> list[dict[str, Any]]:
    """Rows in the columns of ``allenai/ai2_arc``, all of them sound and different."""
    return [
        {
            "id": f"{word}_{number}",
            "question": (
                f"Where does the long and winding {word} number {number} come out of the mountains?"
            ),
            "choices": {
                "text": [f"place {number}", f"town {number}", f"lake {number}"],
                "label": ["A", "B", "C"],
            },
            "answerKey": "ABC"[number % 3],
        }
        for number in range(count)
    ]
