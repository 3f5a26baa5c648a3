"""What gathering the answers of a phase takes, and how much memory.

    python benchmarks/gather.py --questions 20000

Writes made-up parts of 256 questions, with ``--samples`` answers and a solution each, into a
temporary folder. A process of its own gathers them. Times are those of the processor, without
start and imports. The digest is of all tables, to compare versions.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tsdg.corpus.gather import gather_answers
from tsdg.engine.commit import part_path, read_parts
from tsdg.layout import PARTS
from tsdg.records import (
    OUTCOME_SCHEMA,
    AnswerSample,
    Distractor,
    Outcome,
    Provenance,
    Rejection,
    Solution,
    Usage,
    Verification,
)
from tsdg.rowform import stable_id, to_row

UNIT_ROWS = 256
WORDS = ["root", "stem", "water", "soil", "leaf", "light", "sugar", "cell", "air", "seed", "salt"]
PROVENANCE = Provenance(
    model="m", prompt="answers/choice", prompt_hash="0" * 16, sampling="{}", request_id="r"
)


def outcome(draw: random.Random, index: int, samples: int) -> Outcome:
    """One question, answered; every fifth is rejected."""

    def words(count: int) -> str:
        return " ".join(draw.choices(WORDS, k=count))

    question_id = stable_id("question", index)
    verification = Verification(
        claim_agrees=True,
        method="vote",
        votes=4,
        agreement=0.8,
        samples=samples,
        chance=0.01,
        score=0.0,
    )
    solution = Solution(
        trace="",
        unenriched="",
        question_id=question_id,
        answer=words(4),
        reasoning=words(120),
        knowledge=words(80),
        distractors=tuple(Distractor(option=words(4), why_wrong=words(12)) for _ in range(3)),
        verification=verification,
        provenance=PROVENANCE,
    )
    rejection = Rejection(
        row_id=question_id,
        group="knowledge",
        family="made",
        task="made",
        stage="answers",
        reason="tie",
        detail=words(3),
    )
    accepted = index % 5 > 0
    return Outcome(
        input_id=question_id,
        studies=(),
        questions=(),
        samples=tuple(
            AnswerSample(
                question_id=question_id,
                sample=number,
                text=words(120),
                reasoning="",
                answer=words(4),
                finish_reason="stop",
                prompt_tokens=100,
                completion_tokens=150,
                option_order=(0, 1, 2, 3),
            )
            for number in range(samples)
        ),
        solutions=(solution,) if accepted else (),
        rejections=() if accepted else (rejection,),
        usage=(Usage(stage="answers", requests=2, prompt_tokens=200, completion_tokens=750),),
        saved_samples=0,
    )


def make(phase: Path, questions: int, samples: int) -> None:
    """Write the parts of a phase of answers."""
    draw = random.Random(0)
    (phase / PARTS).mkdir(parents=True)
    for unit, start in enumerate(range(0, questions, UNIT_ROWS)):
        rows = [
            to_row(outcome(draw, index, samples))
            for index in range(start, min(start + UNIT_ROWS, questions))
        ]
        path = part_path(phase / PARTS, unit)
        pq.write_table(
            pa.Table.from_pylist(rows, schema=OUTCOME_SCHEMA),
            path,
            compression="zstd",
            write_page_checksum=True,
        )


def child(phase: Path, questions: int) -> None:
    """Gather and print what it took."""
    start = time.process_time()
    gather_answers(read_parts(phase), directory=phase / "tables", dropped=set())
    seconds = time.process_time() - start
    tables = sorted((phase / "tables").glob("*.parquet"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in tables)).hexdigest()
    print(
        f"{questions} questions  {seconds:.2f} s CPU  {1000 * seconds / questions:.3f} ms each  "
        f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB  "
        f"digest {digest[:16]}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--questions", type=int, default=20_000)
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("--phase", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.phase:
        child(given.phase, given.questions)
        return
    with tempfile.TemporaryDirectory() as folder:
        phase = Path(folder)
        make(phase, given.questions, given.samples)
        command = [sys.executable, __file__, "--questions", str(given.questions)]
        subprocess.run([*command, "--phase", folder], check=True)


if __name__ == "__main__":
    main()
