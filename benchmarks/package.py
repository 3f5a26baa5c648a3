"""How fast a dataset is packaged and verified, and how much memory that takes.

    python benchmarks/package.py --questions 340000 [--tokenizer DIR]

340,000 questions give about a million records. Tokens are words, or counted with the real
tokenizer.json in DIR.

Writes a made-up run (one accepted question per seed, two tasks, three variants each) into a
temporary folder, and then packages and verifies it in a process of its own each, whose peak memory
is shown. Times are those of the processor.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tsdg.corpus.decontamination import Nothing
from tsdg.package.counts import SEED_FIELDS
from tsdg.package.dataset import Packer, Packing, write_dataset
from tsdg.package.finish import finish_run
from tsdg.package.fsck import verify_run
from tsdg.package.manifest import ManifestInputs, ModelFacts, SourceFacts, TaskFacts
from tsdg.package.pairs import accepted_chunks
from tsdg.package.render import Wording
from tsdg.package.tokens import TokenCounter, find_tokenizer
from tsdg.records import (
    ANSWER_SAMPLE_SCHEMA,
    NO_PLAN,
    QUESTION_SCHEMA,
    REJECTION_SCHEMA,
    SEED_SCHEMA,
    SOLUTION_SCHEMA,
    VARIANTS,
    Distractor,
    Provenance,
    Question,
    Seed,
    Solution,
    Source,
    Verification,
)
from tsdg.rowform import stable_id
from tsdg.tables import Table

TASKS = ("knowledge_task", "reasoning_task")
WORDS = [
    "root",
    "stem",
    "water",
    "soil",
    "leaf",
    "light",
    "sugar",
    "cell",
    "air",
    "seed",
    "flower",
    "bark",
    "salt",
    "stone",
    "river",
    "wind",
    "heat",
    "cold",
]


def make(run: Path, questions: int) -> None:
    """Write the tables that the stages before packaging leave, without parts."""
    draw = random.Random(0)

    def words(count: int) -> str:
        return " ".join(draw.choices(WORDS, k=count))

    provenance = Provenance(
        model="m", prompt="questions/choice", prompt_hash="0" * 16, sampling="{}", request_id="r"
    )
    with (
        Table(run / "seeds/seeds.parquet", SEED_SCHEMA, group_rows=10_000) as seeds,
        Table(run / "seeds/rejected.parquet", REJECTION_SCHEMA, group_rows=10_000),
        Table(run / "questions/questions.parquet", QUESTION_SCHEMA, group_rows=10_000) as asked,
        Table(run / "questions/rejected.parquet", REJECTION_SCHEMA, group_rows=10_000),
        Table(run / "answers/samples.parquet", ANSWER_SAMPLE_SCHEMA, group_rows=10_000),
        Table(run / "answers/solutions.parquet", SOLUTION_SCHEMA, group_rows=10_000) as solved,
        Table(run / "answers/rejected.parquet", REJECTION_SCHEMA, group_rows=10_000),
    ):
        for index in range(questions):
            task = TASKS[index * len(TASKS) // questions]
            group, common = (
                task.split("_")[0],
                {"family": "made", "domain": "science", "language": "en"},
            )
            options = (f"{words(4)} 1", f"{words(4)} 2", f"{words(4)} 3", f"{words(4)} 4")
            seed_id = stable_id("seed", index)
            question_id = stable_id("question", index)
            source = Source(dataset_path="made", config="", split="train", row=index, revision="1")
            seeds.add(
                Seed(
                    classes=False,
                    solution="",
                    level="",
                    subject="",
                    seed_id=seed_id,
                    group=group,
                    task=task,
                    output_type="multiple_choice",
                    answer_kind="choice",
                    question=words(20),
                    context="",
                    options=options,
                    answer=options[0],
                    answer_index=0,
                    aliases=(),
                    checks=(),
                    option_order=(0, 1, 2, 3),
                    licence="MIT",
                    source=source,
                    **common,
                )
            )
            asked.add(
                Question(
                    classes=False,
                    plan=NO_PLAN,
                    question_id=question_id,
                    seed_ids=(seed_id,),
                    group=group,
                    task=task,
                    licence="MIT",
                    answer_kind="choice",
                    question=words(25),
                    context="",
                    options=options,
                    claimed_answer=options[0],
                    checks=(),
                    provenance=provenance,
                    **common,
                )
            )
            solved.add(
                Solution(
                    trace="",
                    unenriched="",
                    question_id=question_id,
                    answer=options[1],
                    reasoning=words(120),
                    knowledge=words(80),
                    distractors=tuple(
                        Distractor(option=o, why_wrong=words(12))
                        for o in options
                        if o != options[1]
                    ),
                    verification=Verification(
                        claim_agrees=None,
                        method="vote",
                        votes=4,
                        agreement=0.8,
                        samples=5,
                        chance=0.01,
                        score=0.0,
                    ),
                    provenance=provenance,
                )
            )
    half = {
        task: sum(i * len(TASKS) // questions == n for i in range(questions))
        for n, task in enumerate(TASKS)
    }
    none = dict.fromkeys(SEED_FIELDS, 0)
    counts = {task: {**none, "available": rows, "sampled": rows} for task, rows in half.items()}
    (run / "seeds/counts.json").write_text(json.dumps(counts))


def package(run: Path, tokenizer: str, processes: int) -> int:
    """Package the run; returns the number of records."""
    counter = TokenCounter(find_tokenizer(tokenizer)) if tokenizer else count_words
    write_dataset(
        chunks=accepted_chunks(run),
        run=run,
        packer=Packer(
            packing=Packing(
                variants=VARIANTS,
                rows_per_file=100_000,
                wording=Wording(style="labelled", knowledge="after", think=False),
                seed=0,
            ),
            tokens_of=counter,
            held_out=Nothing(),
        ),
        processes=processes,
    )
    source = SourceFacts(dataset_path="made", config="", split="train", revision="1")
    facts = {
        task: TaskFacts(
            group=task.split("_")[0],
            family="made",
            domain="science",
            language="en",
            licence="MIT",
            commercial_ok=True,
            source=(source,),
        )
        for task in TASKS
    }
    inputs = ManifestInputs(
        run="benchmark",
        created="2026-01-01T00:00:00+00:00",
        recipe_fingerprint="",
        phases=(("questions", "answers"),),
        questions_per_seed=1,
        models=(ModelFacts(name="m", revision="", licence="MIT"),),
        sampling={},
        package={},
        commit="",
        versions={},
        tasks=facts,
        left_out={},
        gpu_hours=0.0,
        idle_gpu_hours=0.0,
    )
    records: int = finish_run(run, inputs)["totals"]["records"]
    return records


def count_words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def child(step: str, run: Path, tokenizer: str, processes: int) -> None:
    """Do one step and print what it took."""
    start, wall = time.process_time(), time.monotonic()
    if step == "package":
        done = package(run, tokenizer, processes)
    else:
        # There are no parts, which is the one thing that is not whole here.
        unexpected = [finding for finding in verify_run(run) if not finding.path.endswith("/parts")]
        assert not unexpected, unexpected
        done = json.loads((run / "manifest.json").read_text())["totals"]["records"]
    own = time.process_time() - start
    others = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = own + others.ru_utime + others.ru_stime
    peak, theirs = (
        resource.getrusage(who).ru_maxrss / 1024
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(
        f"{step:8} {done:>9} records  {seconds:7.1f} s CPU, {own:.1f} of the first process  "
        f"{time.monotonic() - wall:7.1f} s  {done / seconds:>7.0f} records/s CPU  "
        f"peak {peak:.0f} and {theirs:.0f} MiB",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--questions", type=int, default=340_000)
    parser.add_argument(
        "--tokenizer", default="", help="folder with a tokenizer.json; words are counted without"
    )
    parser.add_argument("--processes", type=int, default=1, help="that make records")
    parser.add_argument("--step", choices=["package", "verify"], help=argparse.SUPPRESS)
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        child(given.step, given.run, given.tokenizer, given.processes)
        return
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder)
        make(run, given.questions)
        for step in ("package", "verify"):
            command = [
                sys.executable,
                __file__,
                "--step",
                step,
                "--run",
                folder,
                "--tokenizer",
                given.tokenizer,
                "--processes",
                str(given.processes),
            ]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
