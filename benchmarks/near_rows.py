"""What near-deduplication removes of real rows when it knows answers and options.

    python benchmarks/near_rows.py --mirror DIR [--cap 4000] [--threshold 0.85] [--show 60]
    [--leave-out UNIT ...]

Up to ``--cap`` rows of every training unit of the mirror stand in for generated questions: their
gold is the claimed answer. They are sifted three times: by their words alone, with short answers
compared, and as a run does it, where labels such as yes and no speak for nothing. Of the last
``--show`` are printed beside the row that stays, to be read.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tsdg.config.recipe import DedupConfig
from tsdg.corpus.dedup import item_digest
from tsdg.corpus.near_pass import NearPass
from tsdg.records import NO_PLAN, SEED_SCHEMA, Provenance, Question
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.families.renderers import renderer_for
from tsdg.seeds.mirror.split_files import split_file
from tsdg.seeds.rows.item import MalformedRowError
from tsdg.tables import Table

PROVENANCE = Provenance(model="", prompt="", prompt_hash="", sampling="", request_id="")


def rows(
    mirror: Path, cap: int, leave_out: Sequence[str], *, distinct: bool = True
) -> Iterator[Question]:
    """Yield rows of the training units as questions, equal ones once; the id names unit and row."""
    seen = set()
    for unit in load().units:
        family = load().family(unit.family)
        split = split_file(mirror, unit.dataset_path, unit.config, unit.split)
        if family.tier in ("B", "demo") or not split.path.is_file() or unit.name in leave_out:
            continue
        renderer, taken = renderer_for(family, unit, frozenset(split.columns())), 0
        for batch in split.batches():
            documents = renderer.documents(batch.table, batch.rows)
            for number, document in zip(batch.numbers, documents, strict=True):
                if document is None or taken == cap:
                    continue
                try:
                    item = renderer.item(document)
                    gold = renderer.gold(document, item)
                except (MalformedRowError, KeyError, TypeError, ValueError):
                    continue
                digest = item_digest(item.question, item.context, item.options)
                if distinct and digest in seen:
                    continue
                seen.add(digest)
                taken += 1
                yield Question(
                    classes=renderer.classes and bool(item.options),
                    plan=NO_PLAN,
                    question_id=f"{unit.name} row {number}",
                    seed_ids=(),
                    group=family.group,
                    family=family.family,
                    task=unit.name,
                    domain=family.domain,
                    language=unit.language,
                    licence="",
                    answer_kind=gold.kind,
                    question=item.question,
                    context=item.context,
                    options=item.options,
                    claimed_answer=gold.answer,
                    checks=gold.checks,
                    provenance=PROVENANCE,
                )


def removed(questions: Sequence[Question], threshold: float) -> dict[str, str]:
    """Return each question that goes with the one that stays."""
    config = DedupConfig(near=True, threshold=threshold, keep="first", against=())
    with tempfile.TemporaryDirectory() as folder:
        seeds = Path(folder) / "seeds.parquet"
        with Table(seeds, SEED_SCHEMA, group_rows=1):
            pass
        near = NearPass(config, seeds=seeds, scratch=Path(folder) / "near")
        sifted = near.sift((question, 0.0) for question in questions)
        return {
            name: why.removeprefix("question ")
            for rows, some in sifted
            for name, why in zip(rows["question_id"].to_pylist(), some, strict=True)
            if why
        }


def _shown(question: Question) -> str:
    parts = (
        question.context[-300:],
        question.question[:300],
        " | ".join(question.options),
        question.claimed_answer,
    )
    return (
        f"{question.question_id}: {' // '.join(' '.join(part.split()) for part in parts if part)}"
    )


def main() -> None:
    """Print the counts, and pairs to be read."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mirror", type=Path, required=True)
    parser.add_argument("--cap", type=int, default=4_000)
    parser.add_argument("--threshold", type=float, default=0.85)
    parser.add_argument("--show", type=int, default=0)
    parser.add_argument("--leave-out", nargs="+", default=[], metavar="UNIT")
    args = parser.parse_args()
    questions = list(rows(args.mirror, args.cap, args.leave_out))
    by_name = {question.question_id: question for question in questions}
    print(f"{len(questions):,} rows of {len({question.task for question in questions})} units")
    # A question of kind text has no answer that is compared.
    plain = [replace(question, answer_kind="text") for question in questions]
    print(f"words alone: {len(removed(plain, args.threshold)):,} go")
    answers = [
        replace(
            q, classes=False, answer_kind="choice" if q.answer_kind == "boolean" else q.answer_kind
        )
        for q in questions
    ]
    print(f"short answers compared: {len(removed(answers, args.threshold)):,} go")
    gone = removed(questions, args.threshold)
    print(f"labels speak for nothing, as in a run: {len(gone):,} go")
    for task, count in Counter(by_name[name].task for name in gone).most_common():
        print(f"  {task:50}{count:6,}")
    for name in random.Random(7).sample(sorted(gone), min(args.show, len(gone))):
        print(f"  - {_shown(by_name[gone[name]])}\n    {_shown(by_name[name])}")


if __name__ == "__main__":
    main()
