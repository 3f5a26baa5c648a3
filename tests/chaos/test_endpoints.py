"""Endpoints that fail by a random schedule beside a good one.

``three_endpoints.py`` does the same for longer.
"""

from __future__ import annotations

import random
from pathlib import Path

from tests.chaos.lab import ROUNDS
from tests.chaos.three_endpoints import storm


async def test_two_endpoints_that_fail_at_random_cost_no_row(
    tmp_path: Path, dice: random.Random
) -> None:
    _, three = await storm(4.0 * ROUNDS, str(dice.random()), tmp_path)
    assert (three.lost, three.wrong, three.doubled) == (0, 0, 0)
    assert three.said["ready"] >= 3
