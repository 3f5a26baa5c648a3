"""How often `tsdg compare` calls a change where there is none, and finds one where there is.

Two evaluations of 15 benchmarks are drawn again and again. Each item of a benchmark is right with
the benchmark's own probability; 15 % of the items come out otherwise on the other side, as two
checkpoints of one model do. What is judged is what the command judges: the change, its standard
error, and Holm's rule over the benchmarks.

    python benchmarks/compare_power.py [DRAWS]
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tsdg.mixture.significance import holm, level_of, p_value

TASKS = 15
DISCORDANT = 0.15
Z = 1.96


@dataclass(frozen=True)
class Drawn:
    """Changes of the benchmarks, in shares of 1, and their standard errors."""

    changes: np.ndarray
    paired: np.ndarray
    unpaired: np.ndarray


def draw(rng: np.random.Generator, items: int, fall: float, *, same: bool) -> Drawn:
    """Two evaluations; the first benchmark truly falls.

    Args:
        rng: source of the draws.
        items: of each benchmark.
        fall: of the first benchmark, in shares of 1.
        same: whether both sides answered the same items; else independent draws.
    """
    right = rng.uniform(0.4, 0.8, TASKS)
    falls = np.where(np.arange(TASKS) == 0, fall, 0.0)
    lost = rng.binomial(items, (DISCORDANT + falls) / 2)
    won = rng.binomial(items, (DISCORDANT - falls) / 2)
    before = rng.binomial(items, right) / items
    changes = (won - lost) / items if same else rng.binomial(items, right - falls) / items - before
    after = np.clip(before + changes, 0, 1)
    unpaired = np.sqrt((before * (1 - before) + after * (1 - after)) / items)
    paired = np.sqrt(((won + lost) / items - changes**2) / items)
    return Drawn(changes=changes, paired=paired, unpaired=unpaired)


def verdicts(changes: Sequence[float], errors: Sequence[float]) -> list[bool]:
    """Which changes the command calls better or worse."""
    p_values = [p_value(change, error) for change, error in zip(changes, errors, strict=True)]
    return holm(p_values, level_of(Z))


def rows(draws: int) -> Iterator[str]:
    """The rows of the table."""
    rng = np.random.default_rng(1)
    for same, kind in ((False, "independent draws"), (True, "same items"), (True, "pairs")):
        for items in (1319, 5000):
            found = {"false": 0, "single": 0, 0.02: 0, 0.04: 0}
            for _ in range(draws):
                for fall in (0.0, 0.02, 0.04):
                    one = draw(rng, items, fall, same=same)
                    errors = one.paired if kind == "pairs" else one.unpaired
                    called = verdicts(one.changes, errors)
                    if fall:
                        found[fall] += called[0] and one.changes[0] < 0
                    else:
                        found["false"] += any(called)
                        found["single"] += bool((abs(one.changes) > Z * errors).any())
            cells = [found["false"], found["single"], found[0.02], found[0.04]]
            yield f"| {kind} | {items:,} | {' | '.join(f'{cell / draws:.1%}' for cell in cells)} |"


def main() -> None:
    """Print the table of docs/mixture.md."""
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    print(
        "| errors | items | any false verdict | without Holm | fall of 2 found | fall of 4 found |"
    )
    print("|---|--:|--:|--:|--:|--:|")
    for row in rows(draws):
        print(row)


if __name__ == "__main__":
    main()
