"""Writes a finished run in the formats that other tools read.

================= =================================================================================
format            files
================= =================================================================================
``jsonl``         ``<group>/<task>.jsonl``: the records, one a line
``parquet``       ``<group>/<task>/part-*.parquet``: the dataset's files as they are
``hf``            the same below ``dataset/``, with the card: ``load_dataset`` reads the folder
``nemo-skills``   ``<group>/<task>/output.jsonl`` and ``output.jsonl.done``: its generation files,
                  one line per verified question: ``problem``, ``expected_answer``,
                  ``predicted_answer``, ``generation``, ``num_generated_tokens`` and the votes
                  beside the question's own fields
``data-designer`` ``seeds.parquet``: the verified questions as flat columns, for its seed dataset
================= =================================================================================

Blends for Nemotron and Megatron need weights: :mod:`tsdg.mixture.blends` makes them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from tsdg.errors import VerificationError
from tsdg.layout import CARD, DATASET, SAMPLES
from tsdg.package.manifest import read_manifest
from tsdg.package.manifest_form import Manifest
from tsdg.package.pairs import accepted_pairs
from tsdg.package.render import Wording, render, variants_of
from tsdg.records import AnswerSample, Question, Record, Solution
from tsdg.rowform import to_row
from tsdg.storage import make_directory, partial_of, storage, write_whole
from tsdg.tables import read_rows

PLANNED = ("skill", "field", "subfield", "concept", "way", "difficulty")
"""Fields of a question's plan that an exported row has."""
SEED_COLUMNS = pa.schema(
    [
        *(
            (name, pa.string())
            for name in ("question_id", "group", "family", "task", "domain", "language", "licence")
        ),
        *((name, pa.string()) for name in PLANNED[:-1]),
        ("difficulty", pa.int64()),
        *((name, pa.string()) for name in ("answer_kind", "question", "context")),
        ("options", pa.list_(pa.string())),
        *((name, pa.string()) for name in ("answer", "reasoning", "knowledge")),
        ("agreement", pa.float64()),
    ]
)
"""Columns of the seed file for Data Designer."""

_BATCH = 2000
_WORDING = Wording(style="labelled", knowledge="after", think=False)


def export(run: Path, out: Path, form: str) -> int:
    """Write a finished run into ``out`` in one of ``FORMATS`` and return the number of rows.

    Raises:
        VerificationError: the run is not finished, or damaged.
        StorageError: ``out`` cannot be written.
    """
    manifest = read_manifest(run)
    make_directory(out)
    return FORMATS[form](run, out, manifest)


def jsonl(run: Path, out: Path, manifest: Manifest) -> int:
    """Records as JSON lines, one file per task."""
    total = 0
    for name, task in manifest["tasks"].items():
        if task["files"]:
            rows = (
                _line(row)
                for file in task["files"]
                for row in read_rows(run / file["path"], Record)
            )
            total += _write_lines(out / task["group"] / f"{name}.jsonl", rows)
    return total


def _line(record: Record) -> dict[str, Any]:
    """A record as a line; a turn without thoughts has no key for them, as chat templates expect."""
    row = to_row(record)
    row["messages"] = [
        {key: value for key, value in turn.items() if value is not None} for turn in row["messages"]
    ]
    return row


def parquet(run: Path, out: Path, manifest: Manifest) -> int:
    """The dataset's files, one folder per task."""
    return _copy(run, out, manifest, lambda path: path.removeprefix(f"{DATASET}/"))


def hf(run: Path, out: Path, manifest: Manifest) -> int:
    """The dataset with its card, as a folder for ``load_dataset`` or an upload."""
    rows = _copy(run, out, manifest, lambda path: path)
    with storage("write", out):
        shutil.copyfile(run / CARD, out / CARD)
    return rows


def _copy(run: Path, out: Path, manifest: Manifest, place: Callable[[str], str]) -> int:
    rows = 0
    for task in manifest["tasks"].values():
        for file in task["files"]:
            target = out / place(file["path"])
            make_directory(target.parent)
            with storage("write", target):
                shutil.copyfile(run / file["path"], target)
            rows += file["rows"] or 0
    return rows


def nemo_skills(run: Path, out: Path, manifest: Manifest) -> int:
    """Write NeMo-Skills' files, a folder per task; ``generation`` is a winning sample."""
    total = 0
    for task, rows in groupby(_solved(run), key=lambda row: row[0].task):
        path = out / manifest["tasks"][task]["group"] / task / "output.jsonl"
        total += _write_lines(
            path, (generation(question, solution, won) for question, solution, won in rows)
        )
        write_whole(path.with_name(f"{path.name}.done"), b"")
    return total


def generation(question: Question, solution: Solution, won: AnswerSample) -> dict[str, Any]:
    """One line of NeMo-Skills' generations.

    Its ``prepare_data`` takes the lines that say ``symbolic_correct``, which means, as it does
    there, that the answer won its vote. Answers that nothing verified do not say so;
    ``add_unlabeled=true`` takes them.

    Args:
        question: verified.
        solution: its answer.
        won: a sample that gave the answer.
    """
    variant = variants_of(solution, ("answer", "reasoning"))[-1]
    user, assistant = render(question, solution, variant, _WORDING).messages
    verification = solution.verification
    return {
        "problem": user.content,
        "expected_answer": solution.answer,
        "predicted_answer": solution.answer,
        "generation": assistant.content,
        "num_generated_tokens": won.completion_tokens,
        "id": question.question_id,
        "group": question.group,
        "family": question.family,
        "task": question.task,
        "domain": question.domain,
        "language": question.language,
        "licence": question.licence,
        **{name: getattr(question.plan, name) for name in PLANNED},
        "question": question.question,
        "context": question.context,
        "options": list(question.options),
        "agreement": verification.agreement,
        "majority_votes": verification.votes,
        "total_votes": verification.samples,
        "verification": verification.method,
        **({} if verification.method == "none" else {"symbolic_correct": True}),
        "generation_model": solution.provenance.model,
    }


def _solved(run: Path) -> Iterator[tuple[Question, Solution, AnswerSample]]:
    """Yield accepted questions in order, each with the first sample that gave its answer."""
    samples = groupby(read_rows(run / SAMPLES, AnswerSample), key=lambda sample: sample.question_id)
    for question, solution in accepted_pairs(run):
        for question_id, drawn in samples:
            if question_id == question.question_id:
                answered = [sample for sample in drawn if sample.answer]
                yield question, solution, _winner(answered, solution, run)
                break
        else:
            raise VerificationError(
                f"{run / SAMPLES} has no samples of question {question.question_id}"
            )


def _winner(answered: list[AnswerSample], solution: Solution, run: Path) -> AnswerSample:
    if not answered:
        raise VerificationError(
            f"{run / SAMPLES}: no sample of question {solution.question_id} has an answer"
        )
    # The solution's reasoning is that of one sample which voted for the answer.
    taken = [
        sample
        for sample in answered
        if solution.reasoning and sample.reasoning == solution.reasoning
    ]
    same = [sample for sample in answered if sample.answer == solution.answer]
    return (taken or same or answered)[0]


def data_designer(run: Path, out: Path, manifest: Manifest) -> int:
    """The verified questions as one flat Parquet file, a seed dataset for Data Designer."""
    path = out / "seeds.parquet"
    partial = partial_of(path)
    rows = 0
    with storage("write", path):
        with pq.ParquetWriter(partial, SEED_COLUMNS, compression="zstd") as writer:
            batch: list[dict[str, Any]] = []
            for question, solution in accepted_pairs(run):
                batch.append(_flat(question, solution))
                rows += 1
                if len(batch) == _BATCH:
                    writer.write_table(pa.Table.from_pylist(batch, SEED_COLUMNS))
                    batch.clear()
            writer.write_table(pa.Table.from_pylist(batch, SEED_COLUMNS))
        partial.replace(path)
    return rows


def _flat(question: Question, solution: Solution) -> dict[str, Any]:
    kept = {name: getattr(question, name) for name in SEED_COLUMNS.names if hasattr(question, name)}
    return {
        **kept,
        **{name: getattr(question.plan, name) for name in PLANNED},
        "options": list(question.options),
        "answer": solution.answer,
        "reasoning": solution.reasoning,
        "knowledge": solution.knowledge,
        "agreement": solution.verification.agreement,
    }


def _write_lines(path: Path, rows: Iterator[Mapping[str, Any]]) -> int:
    make_directory(path.parent)
    partial = partial_of(path)
    count = 0
    with storage("write", path):
        with partial.open("wb") as file:
            for row in rows:
                file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
                count += 1
        partial.replace(path)
    return count


FORMATS: Mapping[str, Callable[[Path, Path, Manifest], int]] = {
    "jsonl": jsonl,
    "parquet": parquet,
    "hf": hf,
    "nemo-skills": nemo_skills,
    "data-designer": data_designer,
}
