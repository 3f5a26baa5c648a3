"""How many concepts questions aim at with a syllabus, and what gathering a study costs.

    python benchmarks/syllabus.py --mirror DIR [--seeds 20] [--draws 2000] [--rows 200000]

The short options of ARC's training rows, which name scientific things, stand in for the concepts of
a study: up to four a row, one subject, with the frequencies that they really have. Without a
syllabus a question has no other target than the concepts of its own seed.

The second part gathers ``--rows`` studies with four concepts each of 200 subfields, drawn from a
power law over 400,000 names.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

from tsdg.config.study import StudySharesConfig
from tsdg.corpus.studies import gather_studies
from tsdg.corpus.syllabus import Mentions, Pairs
from tsdg.generate.syllabus import Syllabus
from tsdg.records import SEED_SCHEMA, Outcome, Provenance, Seed, Source, Study
from tsdg.tables import work_table

_MADE = Provenance(model="m", prompt="study", prompt_hash="h", sampling="{}", request_id="r")
_MOST_WORDS = 3


def study(name: str, subfield: str, concepts: tuple[str, ...]) -> Study:
    """A study of what matters here."""
    return Study(
        seed_id=name,
        task="t",
        skill="recall",
        field="science",
        subfield=subfield,
        concepts=concepts,
        difficulty=2,
        steps=1,
        flaw="",
        provenance=_MADE,
    )


def reach(mirror: Path, seeds: int, draws: int) -> None:
    """Print how many different concepts the draws of some seeds aim at."""
    paths = sorted(mirror.glob("allenai/ai2_arc/ARC-*/train.parquet"))
    rows = [row for path in paths for row in pq.read_table(path)["choices"].to_pylist()]
    short = [
        tuple(text for text in row["text"] if len(text.split()) <= _MOST_WORDS) for row in rows
    ]
    studies = [
        study(f"s{place}", "general", concepts)
        for place, concepts in enumerate(short)
        if len(concepts) > 1
    ]
    mentions = Mentions()
    for one in studies:
        mentions.add(one)
    names = mentions.names()
    table = names.table(Pairs())
    syllabus = Syllabus(table)
    counts = Counter(table["count"].to_pylist())
    print(f"{len(studies):,} rows, {table.num_rows:,} concepts, {counts[1]:,} of them met once")
    for dice in range(5):
        some = [names.spelt(one) for one in random.Random(dice).sample(studies, seeds)]
        aims = [
            syllabus.aim(one, seed=dice, draw=draw)
            for one in some
            for draw in range(draws // seeds)
        ]
        own = {concept for one in some for concept in one.concepts}
        print(
            f"{seeds} seeds, {len(aims):,} draws: {len(own)} concepts of their own, "
            f"{len(set(aims) - {''}):,} aimed at, {len(set(aims) - {''}) / len(own):.1f} times"
        )
    started = time.perf_counter()
    for draw in range(20_000):
        syllabus.aim(some[draw % seeds], seed=1, draw=draw)
    print(f"{(time.perf_counter() - started) / 20_000 * 1e6:.0f} µs a draw")


def gathering(rows: int) -> None:
    """Print what gathering so many studies takes."""
    dice = random.Random(1)

    def outcomes() -> Iterator[Outcome]:
        own = random.Random(2)
        for place in range(rows):
            concepts = tuple(f"concept {int(400_000 ** own.random())}" for _ in range(4))
            yield Outcome(
                input_id=f"seed-{place}",
                studies=(study(f"seed-{place}", f"subfield {own.randrange(200)}", concepts),),
                questions=(),
                samples=(),
                solutions=(),
                rejections=(),
                usage=(),
                saved_samples=0,
            )

    with tempfile.TemporaryDirectory() as folder:
        seeds = Path(folder) / "seeds.parquet"
        with work_table(seeds, SEED_SCHEMA, unit_rows=512) as table:
            for place in range(rows):
                table.add(_seed(f"seed-{place}", dice))
        started = time.perf_counter()
        made = gather_studies(
            outcomes,
            seeds=seeds,
            directory=Path(folder) / "study",
            unit_rows=512,
            shares=StudySharesConfig(field={}, difficulty={}),
        )
        took = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{rows:,} studies, {made.concepts:,} concepts: {took:.0f} s, "
        f"{took / rows * 1e6:.0f} µs a seed, {peak:.2f} GiB at most"
    )


def _seed(name: str, dice: random.Random) -> Seed:
    return Seed(
        seed_id=name,
        group="knowledge",
        family="f",
        task="t",
        output_type="generate_until",
        answer_kind="short_text",
        question=" ".join(str(dice.random()) for _ in range(10)),
        context="",
        options=(),
        classes=False,
        answer="a",
        answer_index=-1,
        aliases=(),
        checks=(),
        option_order=(),
        solution="",
        level="",
        subject="",
        domain="d",
        language="en",
        licence="l",
        source=Source(dataset_path="p", config="", split="train", row=0, revision="r"),
    )


def main() -> None:
    """Read the command line and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mirror", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--draws", type=int, default=2_000)
    parser.add_argument("--rows", type=int, default=200_000)
    given = parser.parse_args()
    reach(given.mirror, given.seeds, given.draws)
    gathering(given.rows)


if __name__ == "__main__":
    main()
