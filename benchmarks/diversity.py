"""Hold the predicted growth of near-duplicates to real growth.

    python benchmarks/diversity.py --mirror DIR [--rows 3000] [--cuts 3] [--cap 50000]

Whole training splits of the mirror, of at least ``--rows`` rows, stand in for the questions of a
run; so do all splits of one data set together, and all of all. Each is cut at random to a
tenth and to a hundredth, the cut is grouped anew by the filter's own near-deduplication, and the
share of near-duplicates at full size is predicted. A prediction *holds* where the true share lies
in its 95 % interval. Beside tsdg's own stand two usual methods, each with a bootstrap over groups:
scaling the pairs, and Chao's estimate of what is not seen.

At the end 500 topics: questions that are drawn from so many forms, as a collapsed writer gives
them, and what is said of them after 100 to 2,000 questions.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, kw_only=True)
class Held:
    """One prediction."""

    method: str
    part: int
    cut: int
    """Questions that it was made from."""
    width: float
    """Of its interval."""
    holds: bool


def cuts(name: str, items: Sequence[Item], count: int) -> Iterator[Held]:
    """Cut one set, and print what is predicted."""
    true = 1 - len(sizes_of(items)) / len(items)
    for part in (10, 100):
        for number in range(count):
            draw = random.Random(f"{name} {part} {number}")
            cut = len(items) // part
            sizes = sizes_of(draw.sample(items, cut))
            line = f"{name[:38]:38} 1/{part:<4}{len(items):7,}{true:7.1%}"
            for method, predict in METHODS.items():
                share = predict(sizes, len(items))
                holds = share.low <= true <= share.high
                yield Held(
                    method=method, part=part, cut=cut, width=share.high - share.low, holds=holds
                )
                line += f"{share.estimate:8.1%} ({share.low:.1%} to {share.high:.1%})"
                line += "  " if holds else "! "
            print(line, flush=True)


def summary(said: str, found: Sequence[Held]) -> None:
    """Print how often each method held, and how wide its intervals are."""
    for method in METHODS:
        mine = [one for one in found if one.method == method]
        widths = np.array([one.width for one in mine])
        print(
            f"{method:6} {said}: holds {sum(one.holds for one in mine)} of {len(mine)}; width of "
            f"the interval: median {np.median(widths):.1%}, a tenth above "
            f"{np.quantile(widths, 0.9):.1%}"
        )


def data_set(unit: str) -> str:
    """The data set of a unit: ``owner/name/``."""
    return "/".join(unit.split("/")[:2]) + "/"


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
    print(f"{sum(map(len, splits.values())):,} rows of {len(splits)} splits")
    sets: dict[str, list[Item]] = defaultdict(list)
    for name, items in splits.items():
        sets[name] += items
        if sum(other.startswith(data_set(name)) for other in splits) > 1:
            sets[f"all of {data_set(name)}"] += items
        sets["all"] += items
    found = [
        held
        for name, items in sets.items()
        if len(items) >= args.rows
        for held in cuts(name, items, args.cuts)
    ]
    for part in (10, 100):
        summary(f"1/{part}", [one for one in found if one.part == part])
    for low, high in ((0, 300), (300, 1_000), (1_000, 10**6)):
        some = [one for one in found if low <= one.cut < high]
        summary(f"cuts of {low:,} to {high:,} questions", some)
    for questions in (20, 50, 100, 200, 500, 2_000):
        share = repeated_share(sizes_of(collapsed(500, questions)), at=FULL)
        print(
            f"500 forms, {questions:5,} questions: at {FULL:,} {share.estimate:.1%} "
            f"({share.low:.1%} to {share.high:.1%}), true {1 - 500 / FULL:.1%}"
        )


if __name__ == "__main__":
    main()
