"""Hold the predicted growth of near-duplicates to real growth.

    python benchmarks/diversity.py --mirror DIR [--rows 3000] [--cuts 3] [--cap 50000]

Whole training splits of the mirror, of at least ``--rows`` rows, stand in for the questions of a
run; all of them together are one more. Each is cut at random to a tenth and to a hundredth, the cut
is grouped anew by the filter's own near-deduplication, and the share of near-duplicates at full
size is predicted. A prediction *holds* where the true share lies in its 95 % interval. Beside
tsdg's own stand two usual methods, each with a bootstrap over groups: scaling the pairs, and Chao's
estimate of what is not seen.

At the end 500 topics: questions that are drawn from so many forms, as a collapsed writer gives
them, and what is said of them after 100 to 2,000 questions.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from near_rows import rows

from tsdg.corpus.growth import Share, Sizes, repeated_share
from tsdg.corpus.repeats import Item, Repeats

FULL = 500_000
"""Questions of the collapsed run."""


def sizes_of(items: Sequence[Item]) -> Sizes:
    """Group items as the filter does; questions in each group."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Repeats(threshold=0.85, scratch=Path(folder) / "near") as repeats,
    ):
        for item in items:
            repeats.add(item, made_from="")
        return np.unique(repeats.groups().near, return_counts=True)[1]


def by_pairs(sizes: Sizes, at: int) -> float:
    """Every pair is one repetition, and pairs grow by the square of the questions."""
    sample = sizes.sum()
    pairs = (sizes * (sizes - 1) / 2).sum() * at * (at - 1) / (sample * (sample - 1))
    return float(min(pairs / at, 1.0))


def by_chao(sizes: Sizes, at: int) -> float:
    """Chao and Jost's extrapolation: as many unseen groups as singles and pairs tell at least."""
    sample, ones, twos = sizes.sum(), (sizes == 1).sum(), (sizes == 2).sum()
    unseen = ones * (ones - 1) / 2 / (twos + 1)
    new = unseen * (1 - (1 - ones / (sample * unseen + ones)) ** (at - sample)) if unseen else 0.0
    return float(1 - (len(sizes) + new) / at)


def bootstrapped(method: Callable[[Sizes, int], float]) -> Callable[[Sizes, int], Share]:
    """A method with the interval of 200 draws of its groups."""

    def predict(sizes: Sizes, at: int) -> Share:
        draw = np.random.default_rng(0)
        found = [method(draw.choice(sizes, len(sizes)), at) for _ in range(200)]
        low, high = np.quantile(found, (0.025, 0.975))
        return Share(estimate=method(sizes, at), low=float(low), high=float(high))

    return predict


METHODS: dict[str, Callable[[Sizes, int], Share]] = {
    "tsdg": lambda sizes, at: repeated_share(sizes, at=at),
    "pairs": bootstrapped(by_pairs),
    "Chao": bootstrapped(by_chao),
}


def cuts(name: str, items: Sequence[Item], count: int, found: dict[str, list[Share]]) -> int:
    """Cut one set, print what is predicted, and add to ``found``; returns cuts that were made."""
    true = 1 - len(sizes_of(items)) / len(items)
    for part in (10, 100):
        for number in range(count):
            draw = random.Random(f"{name} {part} {number}")
            sizes = sizes_of(draw.sample(items, len(items) // part))
            line = f"{name[:38]:38} 1/{part:<4}{len(items):7,}{true:7.1%}"
            for method, predict in METHODS.items():
                share = predict(sizes, len(items))
                holds = share.low - 5e-4 <= true <= share.high + 5e-4
                found[f"{method} 1/{part}"].append(share)
                found[f"{method} 1/{part} holds"] += [share] * holds
                line += f"{share.estimate:8.1%} ({share.low:.1%} to {share.high:.1%})"
                line += "  " if holds else "! "
            print(line, flush=True)
    return 2 * count


def collapsed(forms: int, questions: int) -> list[Item]:
    """Questions of so many forms, each told with one of three words that make no difference."""
    draw = random.Random(questions)
    words = [f"w{number}" for number in range(20_000)]
    texts = [" ".join(random.Random(form).sample(words, 14)) for form in range(forms)]
    return [
        Item(
            question=f"{draw.choice(texts)} {draw.choice(('now', 'here', 'then'))}",
            context="",
            options=(),
            kind="text",
            labels=False,
            checks=(),
            answer="",
        )
        for _ in range(questions)
    ]


def main() -> None:
    """Print one line per cut, then how often each method held and how wide its intervals are."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mirror", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=3_000)
    parser.add_argument("--cuts", type=int, default=3)
    parser.add_argument("--cap", type=int, default=50_000)
    args = parser.parse_args()
    splits: dict[str, list[Item]] = defaultdict(list)
    start = time.perf_counter()
    for question in rows(args.mirror, args.cap, (), distinct=False):
        splits[question.task].append(
            Item(
                question=question.question,
                context=question.context,
                options=question.options,
                kind=question.answer_kind,
                labels=question.classes,
                checks=question.checks,
                answer=question.claimed_answer,
            )
        )
    whole = [item for items in splits.values() for item in items]
    print(f"{len(whole):,} rows of {len(splits)} splits in {time.perf_counter() - start:.0f} s")
    found: dict[str, list[Share]] = defaultdict(list)
    made = 0
    for name, items in [*splits.items(), ("all", whole)]:
        if len(items) >= args.rows:
            made += cuts(name, items, args.cuts, found)
    print(f"{made} cuts")
    for part in (10, 100):
        for method in METHODS:
            shares = found[f"{method} 1/{part}"]
            widths = np.array([share.high - share.low for share in shares])
            print(
                f"{method:6} 1/{part:<4} holds {len(found[f'{method} 1/{part} holds'])} of "
                f"{len(shares)}; width of the interval: median {np.median(widths):.1%}, "
                f"a tenth above {np.quantile(widths, 0.9):.1%}"
            )
    for questions in (20, 50, 100, 200, 500, 2_000):
        share = repeated_share(sizes_of(collapsed(500, questions)), at=FULL)
        print(
            f"500 forms, {questions:5,} questions: at {FULL:,} {share.estimate:.1%} "
            f"({share.low:.1%} to {share.high:.1%}), true {1 - 500 / FULL:.1%}"
        )


if __name__ == "__main__":
    main()
