"""How fast seeds are made, and how much memory that takes.

    python benchmarks/seeds.py mirror --mirror DIR
    python benchmarks/seeds.py synthetic --rows N

``mirror`` reads every training unit of a real mirror, and gives rows/s of one core. ``synthetic``
reads N made-up rows of a template family (arc_easy), and gives the peak memory.

Times are those of the processor, all processes together, so that other work on the machine does not
count. ``synthetic`` writes its rows and an empty cache into a temporary folder, unless ``--mirror``
names one that it wrote before. Rows/s count everything: reading, rendering, ids, leak and duplicate
checks, sampling and the Seed itself; not the index of held-out items, which is loaded once a run
and shown by itself. A row that becomes a seed is read and rendered twice: `--cap` says how many do.
Peak memory is resident: of the main process, and of the largest worker.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from operator import itemgetter
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq

import tsdg.seeds.draw.collect
from tsdg.records import Seed
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.draw.collect import SeedCollector
from tsdg.seeds.draw.selection import by_name
from tsdg.seeds.heldout.build import build_index
from tsdg.seeds.mirror.split_files import split_file

WORDS = [
    "river",
    "copper",
    "planet",
    "storm",
    "garden",
    "engine",
    "feather",
    "glacier",
    "harbour",
    "island",
    "jungle",
    "kettle",
    "lantern",
    "meadow",
    "needle",
    "orchard",
    "pebble",
    "quarry",
    "ribbon",
    "saddle",
    "timber",
    "umbrella",
    "valley",
    "window",
    "yarrow",
    "zephyr",
    "anchor",
    "basket",
    "candle",
    "dolphin",
]


def collect(mirror: str, task: str, cap: int, workers: int) -> dict[str, float]:
    """Collect one task and say how long it took."""
    request = by_name(mirror, (task,), cap).model_copy(update={"workers": workers})
    collector = SeedCollector(request, seed=0)
    start = spent()
    seeds = sum(isinstance(item, Seed) for item in collector)
    return {"rows": collector.counts[task].available, "seeds": seeds, "seconds": spent() - start}


def spent() -> float:
    """Processor seconds of this process and of its workers that have ended."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def over_mirror(mirror: str, cap: int, tasks: list[str]) -> None:
    for state in ("built or loaded", "loaded"):
        start = time.process_time()
        index = build_index(Path(mirror), load(), ngram=8, overlap=0.8)
        loading = time.process_time() - start
        print(
            f"index of {len(index.splits)} held-out splits, {index.rows} rows, {state}: "
            f"{loading:.2f} s"
        )
    print(f"{'task':36} {'adapter':22} {'rows':>7} {'rows/s':>8}")
    for unit in load().units:
        there = split_file(Path(mirror), unit.dataset_path, unit.config, unit.split).path.is_file()
        if not there or load().family(unit.family).tier == "B":
            continue
        if tasks and unit.tasks[0] not in tasks:
            continue
        with patch.object(tsdg.seeds.draw.collect, "build_index", return_value=index):
            collect(mirror, unit.tasks[0], 10, 1)  # loads modules and templates
            result = min(
                (collect(mirror, unit.tasks[0], cap, 1) for _ in range(3)),
                key=itemgetter("seconds"),
            )
        rate = result["rows"] / result["seconds"]
        print(
            f"{unit.tasks[0]:36} {load().family(unit.family).adapter:22} {result['rows']:7} "
            f"{rate:8.0f}"
        )


def write_rows(folder: Path, rows: int) -> None:
    path = folder / "allenai" / "ai2_arc" / "ARC-Easy" / "train.parquet"
    path.parent.mkdir(parents=True)
    draw = random.Random(0)

    def phrase(words: int) -> str:
        return " ".join(draw.choices(WORDS, k=words))

    schema = pa.schema(
        [
            ("id", pa.string()),
            ("question", pa.string()),
            (
                "choices",
                pa.struct([("text", pa.list_(pa.string())), ("label", pa.list_(pa.string()))]),
            ),
            ("answerKey", pa.string()),
        ]
    )
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for start in range(0, rows, 50_000):
            batch = [
                {
                    "id": f"row_{number}",
                    "question": f"Number {number}: which {phrase(12)} is that?",
                    "choices": {
                        "text": [f"the {phrase(3)} {letter}" for letter in "abcd"],
                        "label": list("ABCD"),
                    },
                    "answerKey": draw.choice("ABCD"),
                }
                for number in range(start, min(start + 50_000, rows))
            ]
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))


def over_synthetic(mirror: str, rows: int, cap: int, workers: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        mirror = mirror or f"{folder}/mirror"
        if not Path(mirror).exists():
            write_rows(Path(mirror), rows)
        # A process of its own, so that writing the rows does not count as memory of collecting
        # them.
        command = [
            sys.executable,
            __file__,
            "one",
            "--mirror",
            mirror,
            "--cap",
            str(cap),
            "--workers",
            str(workers),
        ]
        env = {**os.environ, "TSDG_CACHE": f"{folder}/cache"}
        print(
            subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout,
            end="",
        )


def one(mirror: str, cap: int, workers: int) -> None:
    start = time.monotonic()
    result = collect(mirror, "arc_easy", cap, workers)
    result["wall_seconds"] = time.monotonic() - start
    result["rows_per_cpu_s"] = round(result["rows"] / result["seconds"])
    for whose, usage in (
        ("main", resource.RUSAGE_SELF),
        ("largest_worker", resource.RUSAGE_CHILDREN),
    ):
        result[f"{whose}_peak_rss_mib"] = round(resource.getrusage(usage).ru_maxrss / 1024)
    print(json.dumps(result))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["mirror", "synthetic", "one"])
    parser.add_argument(
        "--mirror",
        default="",
        help="of `synthetic`: rows of an earlier call, or where to keep them",
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument(
        "--cap", type=int, default=0, help="seeds of a task; 1,000 of `mirror`, else 50,000"
    )
    parser.add_argument("--tasks", nargs="*", default=[], help="of `mirror`: these only")
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    if args.what == "mirror":
        over_mirror(args.mirror, args.cap or 1000, args.tasks)
    elif args.what == "synthetic":
        over_synthetic(args.mirror, args.rows, args.cap or 50_000, args.workers)
    else:
        one(args.mirror, args.cap or 50_000, args.workers)


if __name__ == "__main__":
    main()
