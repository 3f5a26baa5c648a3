"""Near-deduplication of real questions with planted near-duplicates, beside libraries.

    TSDG_MIRROR=/path/to/mirror python benchmarks/dedup.py [--rows 100000] [--only NAME ...]
    [--threshold 0.85]

The rows are distinct questions of the mirror (15 to 600 characters). Planted among them are

- 5,000 copies with one word replaced, inserted or deleted (words of other questions; numbers are
  left alone),
- 1,000 copies with 1, 2, 3, 4 or 6 words changed, 200 of each.

A planted pair counts as *found* where not both of it are left. Every candidate gets the same texts,
one core, and its own way of reading them: what it takes from text to list of rows to remove is
timed. *Real* is what it removes besides planted rows and their originals: near-duplicates that
stand in the mirror, and mistakes. Of tsdg's own, ``--show N`` prints some to be read. Candidates
that are not installed are named and left out: ``pip install datasketch rensa gaoya datatrove spacy
tokenizers``.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tsdg.corpus.near import NearDuplicates
from tsdg.text import normalise, tokens

COLUMNS = (
    "question",
    "question_stem",
    "problem",
    "Problem",
    "sent1",
    "body",
    "goal",
    "ctx",
    "query",
    "premise",
    "sentence1",
    "passage",
    "sentence",
    "context",
    "input_sentence_1",
)
CHANGES = (1, 2, 3, 4, 6)


@dataclass(frozen=True)
class Planted:
    """One planted row: its place, its original's place, words changed."""

    place: int
    original: int
    changes: int


def real_questions(mirror: Path, rows: int) -> list[str]:
    """Return distinct questions of the mirror, in a fixed random order."""
    seen: set[str] = set()
    found: list[str] = []
    for path in sorted(mirror.rglob("*.parquet")):
        schema = pq.read_schema(path)
        column = next(
            (c for c in COLUMNS if c in schema.names and pa.types.is_string(schema.field(c).type)),
            None,
        )
        if column is None:
            continue
        for text in pq.read_table(path, columns=[column])[column].to_pylist():
            plain = normalise(text or "")
            if 15 <= len(plain) <= 600 and plain not in seen:
                seen.add(plain)
                found.append(text)
    random.Random(0).shuffle(found)
    if len(found) < rows:
        print(f"the mirror has {len(found):,} such questions, fewer than {rows:,}")
    return found[:rows]


def edit(text: str, changes: int, words: Sequence[str], draw: random.Random) -> str | None:
    """Change some words of a text; None where it is too short for it."""
    parts = text.split()
    places = [i for i, part in enumerate(parts) if part.isalpha()]
    if len(tokens(text)) < max(6, 2 * changes) or len(places) < changes:
        return None
    for place in sorted(draw.sample(places, changes), reverse=True):
        what = draw.randrange(3)
        if what == 0:
            parts[place] = draw.choice(words)
        elif what == 1:
            parts.insert(place, draw.choice(words))
        else:
            del parts[place]
    other = " ".join(parts)
    return other if normalise(other) != normalise(text) else None


def plant(texts: list[str], one_word: int, several: int) -> tuple[list[str], list[Planted]]:
    """Return the texts with planted rows among them, and where these are."""
    draw = random.Random(1)
    words = [word for text in texts[:5_000] for word in text.split() if word.isalpha()]
    wanted = [1] * one_word + [change for change in CHANGES for _ in range(several // len(CHANGES))]
    pairs: list[tuple[int, str, int]] = []
    for original in draw.sample(range(len(texts)), len(texts)):
        if len(pairs) == len(wanted):
            break
        other = edit(texts[original], wanted[len(pairs)], words, draw)
        if other is not None:
            pairs.append((original, other, wanted[len(pairs)]))
    rows = [(text, i, 0) for i, text in enumerate(texts)] + [
        (text, i, changes) for i, text, changes in pairs
    ]
    draw.shuffle(rows)
    home = {i: place for place, (_, i, changes) in enumerate(rows) if not changes}
    planted = [
        Planted(place, home[i], changes) for place, (_, i, changes) in enumerate(rows) if changes
    ]
    return [text for text, _, _ in rows], planted


def by_tsdg(texts: Sequence[str], threshold: float) -> dict[int, int]:
    """Run tsdg's own."""
    with (
        tempfile.TemporaryDirectory() as folder,
        NearDuplicates(threshold=threshold, scratch=Path(folder) / "near") as near,
    ):
        for place, text in enumerate(texts):
            near.add(f"{place:024}", question=text, context="", options=())
        return {int(name): int(stays) for name, (_, stays) in near.find().items()}


def _shingles(text: str) -> list[str]:
    words = tokens(text)
    return [" ".join(words[i : i + 2]) for i in range(max(1, len(words) - 1))]


def by_datasketch(texts: Sequence[str], threshold: float) -> set[int]:
    """Run datasketch's MinHash LSH over pairs of words, 128 permutations."""
    from datasketch import MinHash, MinHashLSH

    index, gone = MinHashLSH(threshold=0.7, num_perm=128), set()
    for place, text in enumerate(texts):
        sketch = MinHash(num_perm=128)
        sketch.update_batch([shingle.encode() for shingle in _shingles(text)])
        if index.query(sketch):
            gone.add(place)
        else:
            index.insert(place, sketch)
    return gone


def by_rensa(texts: Sequence[str], threshold: float) -> set[int]:
    """Run rensa's RMinHash LSH (Rust) over pairs of words, 128 permutations, 32 bands."""
    from rensa import RMinHash, RMinHashLSH

    index, gone, kept = RMinHashLSH(threshold=0.7, num_perm=128, num_bands=32), set(), {}
    for place, text in enumerate(texts):
        sketch = RMinHash(num_perm=128, seed=1)
        sketch.update(_shingles(text))
        if any(
            kept[other].jaccard(sketch) >= 0.6 for other in index.query(sketch) if other in kept
        ):
            gone.add(place)
        else:
            index.insert(place, sketch)
            kept[place] = sketch
    return gone


def by_gaoya(texts: Sequence[str], threshold: float) -> set[int]:
    """Run gaoya's MinHash index (Rust) over pairs of words, 42 bands of 3."""
    from gaoya.minhash import MinHashStringIndex

    index = MinHashStringIndex(
        hash_size=32,
        jaccard_threshold=0.6,
        num_bands=42,
        band_size=3,
        num_hashes=126,
        analyzer="word",
        lowercase=True,
        ngram_range=(2, 2),
    )
    gone = set()
    for place, text in enumerate(texts):
        if index.query(text):
            gone.add(place)
        else:
            index.insert_document(place, text)
    return gone


def by_datatrove(texts: Sequence[str], threshold: float) -> set[int]:
    """Run datatrove's four-stage MinHash pipeline over pairs of words, 14 buckets of 8 hashes."""
    from datatrove.data import Document
    from datatrove.executor.local import LocalPipelineExecutor
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
    from datatrove.utils.hashing import HashConfig

    hashing = HashConfig(
        hash_fc="sha1"
    )  # its xxhash does not take what current releases of xxhash want
    config = MinhashConfig(hash_config=hashing, n_grams=2, num_buckets=14, hashes_per_bucket=8)
    documents = [
        Document(text=" ".join(tokens(text)), id=str(place)) for place, text in enumerate(texts)
    ]
    left: set[int] = set()

    def source(data: object, rank: int, world_size: int) -> Iterator[Document]:
        yield from documents

    def sink(data: Iterator[Document], rank: int, world_size: int) -> Iterator[Document]:
        for document in data:
            left.add(int(document.id))
            yield document

    folder = tempfile.mkdtemp()
    try:
        stages = [
            [
                source,
                MinhashDedupSignature(
                    output_folder=f"{folder}/s", config=config, skip_existing_sigs=False
                ),
            ],
            [
                MinhashDedupBuckets(
                    input_folder=f"{folder}/s", output_folder=f"{folder}/b", config=config
                )
            ],
            [
                MinhashDedupCluster(
                    input_folder=f"{folder}/b", output_folder=f"{folder}/c", config=config
                )
            ],
            [source, MinhashDedupFilter(input_folder=f"{folder}/c"), sink],
        ]
        for number, stage in enumerate(stages):
            tasks = config.num_buckets if number == 1 else 1
            LocalPipelineExecutor(
                pipeline=stage, tasks=tasks, workers=1, logging_dir=f"{folder}/log{number}"
            ).run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return set(range(len(texts))) - left


CANDIDATES: dict[str, Callable[[Sequence[str], float], Collection[int]]] = {
    "tsdg": by_tsdg,
    "rensa": by_rensa,
    "gaoya": by_gaoya,
    "datasketch": by_datasketch,
    "datatrove": by_datatrove,
}


def report(
    name: str,
    gone: Collection[int],
    seconds: float,
    texts: Sequence[str],
    planted: Sequence[Planted],
    threshold: float,
) -> None:
    """Print one line."""
    touched = {row.place for row in planted} | {row.original for row in planted}
    shares = []
    allowed = {
        row.place: max(1, int((1 - threshold) * len(tokens(texts[row.original])) + 1e-9))
        for row in planted
    }
    near = [row for row in planted if row.changes <= allowed[row.place]]
    near_found = sum(row.place in gone or row.original in gone for row in near)
    for changes in CHANGES:
        group = [row for row in planted if row.changes == changes]
        found = sum(row.place in gone or row.original in gone for row in group)
        shares.append(f"{found:,}/{len(group):,}")
    real = len(set(gone) - touched)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name:11}{len(texts) / seconds:8,.0f} docs/s  found by words changed "
        f"{'  '.join(f'{c}: {s}' for c, s in zip(CHANGES, shares, strict=True))}  within the "
        "threshold "
        f"{near_found:,}/{len(near):,}  real {real:,}  ({memory:,.0f} MiB so far)",
        flush=True,
    )


def main() -> None:
    """Print one line per candidate."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--threshold", type=float, default=0.85)
    parser.add_argument("--only", nargs="+", choices=list(CANDIDATES), default=list(CANDIDATES))
    parser.add_argument("--show", type=int, default=0)
    options = parser.parse_args()
    if "TSDG_MIRROR" not in os.environ:
        sys.exit(
            "TSDG_MIRROR is not set: name the folder that holds <dataset>/<config>/<split>.parquet"
        )
    logging.disable(logging.CRITICAL)
    texts, planted = plant(
        real_questions(Path(os.environ["TSDG_MIRROR"]), options.rows), 5_000, 1_000
    )
    lengths = sorted(len(tokens(text)) for text in texts[::50])
    print(
        f"{len(texts):,} rows, {len(planted):,} of them planted; words: median "
        f"{lengths[len(lengths) // 2]}"
    )
    for name in options.only:
        start = time.process_time()
        try:
            gone = CANDIDATES[name](texts, options.threshold)
        except ImportError as error:
            print(f"{name:11} is not installed ({error})")
            continue
        report(name, gone, time.process_time() - start, texts, planted, options.threshold)
        if isinstance(gone, dict) and options.show:
            touched = {row.place for row in planted} | {row.original for row in planted}
            for place in random.Random(2).sample(sorted(gone.keys() - touched), options.show):
                print("  -", " ".join(texts[place].split())[:160])
                print("   ", " ".join(texts[gone[place]].split())[:160])


if __name__ == "__main__":
    main()
