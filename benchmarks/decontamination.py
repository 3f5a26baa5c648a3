"""How many planted test items are found among generated questions, and false alarms.

    python benchmarks/decontamination.py --mirror DIR [--planted 500] [--list]

Planted are rows of held-out splits (ARC, MMLU, GSM8K, and MGSM and XStoryCloze in Chinese), each in
several forms: as it is, in other case, with other punctuation, with its options shuffled, with a
sentence before or after. Clean are tsdg's own demo questions, and the rows of all training splits
of the mirror; of these the ones that are found are no false alarms for certain, because training
splits do hold test items: ``--list`` shows each beside its match. Last, rows that come with a
solution are compared with it, as records are with their reasoning: training rows beside their own
question, those of tests beside a question that says nothing, where their own item may stand in its
solution. *Joined* are texts of ten training solutions that are found where none of the ten is by
itself.
"""

from __future__ import annotations

import argparse
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from tsdg.protocols import Match
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.catalogue.model import Unit
from tsdg.seeds.families.renderers import DEMO, renderer_for
from tsdg.seeds.heldout.build import build_index, generic_items
from tsdg.seeds.heldout.index import LeakIndex
from tsdg.seeds.mirror.split_files import SplitFile, split_file
from tsdg.seeds.rows.item import Item, MalformedRowError

SETS = {
    "ARC": (("allenai/ai2_arc", "ARC-Challenge", "test"), ("allenai/ai2_arc", "ARC-Easy", "test")),
    "MMLU": (("cais/mmlu", "all", "test"),),
    "GSM8K": (("openai/gsm8k", "main", "test"),),
    "Chinese": (("juletxara/mgsm", "zh", "test"), ("juletxara/xstory_cloze", "zh", "eval")),
}
SOLUTIONS = {
    "openai/gsm8k": "answer",
    "EleutherAI/hendrycks_math": "solution",
    "bigbio/pubmed_qa": "LONG_ANSWER",
    "google-research-datasets/mbpp": "code",
}
"""Data sets that come with solutions, and the column that has them."""
IDLE = Item(question="What is asked here?")
SENTENCES = {
    False: "The following came up in a lesson last week, and nobody knew it at once.",
    True: "上个星期的课上出现了下面这个问题，当时谁也没有马上答出来。",
}
_MARKS = re.compile(r"(?<!\d)[.,;:?!](?!\d)|[，。？！；：、]")


def items(split: SplitFile, unit: Unit | None) -> Iterator[tuple[int, Item]]:
    """Read the items of a split: as its adapter does, or by the names of its columns."""
    renderer = (
        renderer_for(load().family(unit.family), unit, frozenset(split.columns())) if unit else None
    )
    for batch in split.batches():
        documents = (
            renderer.documents(batch.table, batch.rows) if renderer else [None] * len(batch.rows)
        )
        for number, row, document in zip(batch.numbers, batch.rows, documents, strict=True):
            try:
                if renderer and document is not None:
                    yield number, renderer.item(document)
                elif renderer is None:
                    yield from ((number, item) for item in list(generic_items(row))[:1])
            except (MalformedRowError, KeyError, TypeError, ValueError):
                continue


def _each(item: Item, change: Callable[[str], str]) -> Item:
    options = tuple(change(option) for option in item.options)
    return replace(
        item, question=change(item.question), context=change(item.context), options=options
    )


def _shuffled(item: Item, draw: random.Random) -> Item:
    return replace(item, options=tuple(draw.sample(item.options, len(item.options))))


def _sentence(item: Item) -> str:
    return SENTENCES[any("\u4e00" <= char <= "\u9fff" for char in item.question)]


FORMS: dict[str, Callable[[Item, random.Random], Item]] = {
    "verbatim": lambda item, draw: item,
    "upper case": lambda item, draw: _each(item, str.upper),
    "no punctuation": lambda item, draw: _each(item, lambda text: _MARKS.sub(" ", text)),
    "other punctuation": lambda item, draw: _each(
        item, lambda text: "  " + _MARKS.sub(" – ", text) + " !"
    ),
    "options shuffled": _shuffled,
    "all of these": lambda item, draw: _shuffled(
        _each(item, lambda text: _MARKS.sub(" ; ", text.title())), draw
    ),
    "a sentence before": lambda item, draw: replace(
        item, question=f"{_sentence(item)} {item.question}"
    ),
    "a sentence after": lambda item, draw: replace(
        item, question=f"{item.question} {_sentence(item)}"
    ),
    "a sentence before, options gone": lambda item, draw: replace(
        item, question=f"{_sentence(item)} {item.question}", options=()
    ),
}
"""What is done to a planted item. The last is harder than what is asked for: a short stem says
little by itself."""


def plant(mirror: Path, name: str, count: int, draw: random.Random) -> list[Item]:
    """Draw items of a set."""
    units = {unit.dataset_path: unit for unit in load().units}
    pool = []
    for dataset, config, split in SETS[name]:
        unit = next(
            (u for u in load().units if (u.dataset_path, u.config) == (dataset, config)),
            units.get(dataset),
        )
        pool += [item for _, item in items(split_file(mirror, dataset, config, split), unit)]
    return draw.sample(pool, min(count, len(pool)))


def caught(index: LeakIndex, planted: list[Item], form: str, draw: random.Random) -> list[bool]:
    """Say of each planted item whether it is found in a form."""
    return [
        match is not None for match in index.compare([FORMS[form](item, draw) for item in planted])
    ]


def clean(mirror: Path) -> Iterator[tuple[str, Iterator[tuple[int, Item]]]]:
    """Yield the rows of every training unit that is in the mirror, and the demo's.

    They are read as they are asked for.
    """
    for unit in load().units:
        tier = load().family(unit.family).tier
        root = DEMO / "data" if tier == "demo" else mirror
        split = split_file(root, unit.dataset_path, unit.config, unit.split)
        if split.path.is_file() and tier != "B":
            yield split.name, items(split, unit)


def solved(mirror: Path) -> Iterator[tuple[str, list[tuple[int, Item, str]]]]:
    """Yield each split with solutions: the number, item and solution of each row.

    Test rows come without an item that says anything.
    """
    for unit in load().units:
        for name in (unit.split, "test"):
            split = split_file(mirror, unit.dataset_path, unit.config, name)
            if unit.dataset_path not in SOLUTIONS or not split.path.is_file():
                continue
            column = SOLUTIONS[unit.dataset_path]
            told = {
                n: row[column]
                for batch in split.batches()
                for n, row in zip(batch.numbers, batch.rows, strict=True)
            }
            held_out = name != unit.split
            yield (
                split.name,
                [(n, IDLE if held_out else item, told[n]) for n, item in items(split, unit)],
            )


def by_solution(
    index: LeakIndex, rows: list[tuple[int, Item, str]]
) -> list[tuple[int, Item, str, Match]]:
    """Return the rows that are found with their solution and not without."""
    alone = index.compare([item for _, item, _ in rows])
    told = [
        Item(question=item.question, context="\n".join([item.context, text]))
        for _, item, text in rows
    ]
    found = zip(rows, alone, index.compare(told), strict=True)
    return [(*row, match) for row, before, match in found if match is not None and before is None]


def joined(index: LeakIndex, texts: list[str], size: int = 10) -> int:
    """Count texts of that many solutions in a row that are found though no solution is."""
    alone = index.compare([replace(IDLE, context=text) for text in texts])
    starts = range(0, len(texts) - size + 1, size)
    long = index.compare(
        [replace(IDLE, context="\n".join(texts[start : start + size])) for start in starts]
    )
    return sum(
        match is not None and not any(alone[at : at + size])
        for at, match in zip(starts, long, strict=True)
    )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mirror", type=Path, required=True)
    parser.add_argument("--planted", type=int, default=500, help="items in all")
    parser.add_argument("--ngram", type=int, default=8)
    parser.add_argument("--overlap", type=float, default=0.8)
    parser.add_argument(
        "--list",
        action="store_true",
        help="show what is missed, and what is found among clean rows",
    )
    args = parser.parse_args()
    start = time.process_time()
    index = build_index(args.mirror, load(), ngram=args.ngram, overlap=args.overlap)
    print(
        f"{len(index.splits)} held-out splits, {index.rows} rows: "
        f"{time.process_time() - start:.1f} s"
    )
    draw = random.Random(0)
    planted = {name: plant(args.mirror, name, args.planted // len(SETS), draw) for name in SETS}
    print(f"{'form':34}" + "".join(f"{name:>10}" for name in SETS) + f"{'all':>10}")
    for form in FORMS:
        found = {name: caught(index, planted[name], form, draw) for name in SETS}
        every = [one for results in found.values() for one in results]
        shares = [f"{sum(results) / len(results):10.1%}" for results in [*found.values(), every]]
        print(f"{form:34}" + "".join(shares))
        for name, results in found.items() if args.list else ():
            missed = [item for item, one in zip(planted[name], results, strict=True) if not one]
            for item in missed[:20]:
                print(f"    missed: {name}: {item.question[-150:]!r} {item.options}")
    print(f"{'training rows':64}{'rows':>8}{'same':>8}{'near':>8}{'us/row':>8}")
    for name, read in clean(args.mirror):
        rows = list(read)
        start = time.process_time()
        matches = index.compare([item for _, item in rows])
        cost = (time.process_time() - start) / max(len(rows), 1) * 1e6
        same = sum(match is not None and match.exact for match in matches)
        near = [
            (row, match)
            for row, match in zip(rows, matches, strict=True)
            if match and not match.exact
        ]
        print(f"{name:64}{len(rows):8}{same:8}{len(near):8}{cost:8.0f}")
        for (number, item), match in near if args.list else ():
            print(f"    row {number} {match}: {item.context[-200:]!r} {item.question[-200:]!r}")
    print(f"{'rows with a solution':64}{'rows':>8}{'by it':>8}{'own':>8}{'joined':>8}")
    for name, solutions in solved(args.mirror):
        hits = by_solution(index, solutions)
        own = sum((match.split, match.row) == (name, number) for number, _, _, match in hits)
        long = joined(index, [text for _, _, text in solutions]) if name.endswith("/train") else 0
        print(f"{name:64}{len(solutions):8}{len(hits):8}{own:8}{long:8}")
        for number, item, text, match in hits if args.list else ():
            print(f"    row {number} {match}: {item.question[-200:]!r} {text[:200]!r}")


if __name__ == "__main__":
    main()
