"""NeMo-Skills' generation files: the winning solution of each question, and all samples.

::

    <group>/<task>/output.jsonl               one line per verified question
    <group>/<task>/samples-<k>/output-rs<i>.jsonl   sample i of each question that drew k of them

Its tools read the ``output-rs*.jsonl`` of a folder side by side and need as many lines in each. A
vote that is decided early draws fewer samples, so questions stand in the folder of their number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa

from tsdg.errors import VerificationError
from tsdg.layout import QUESTIONS, SAMPLES
from tsdg.package.export.files import LineFiles, Pattern, write_folder_card, write_lines
from tsdg.package.export.source import Export, Exported, packaged_pairs, rejected_late, wording_of
from tsdg.package.render import Wording, render, user_turn, variants_of
from tsdg.records import AnswerSample, Question, Solution
from tsdg.storage import make_directory, write_whole
from tsdg.tables import read_rows

PLANNED = ("skill", "field", "subfield", "concept", "way", "difficulty")
"""Fields of a question's plan that an exported row has."""
BOXED = frozenset(("number", "math"))
"""Answer kinds whose graders there look for ``\\\\boxed{}``."""
_TEXTS = ("problem", "expected_answer", "predicted_answer", "generation", "reasoning_content")
_LABELS = ("id", "group", "family", "task", "domain", "language", "licence", "answer_kind")
_SHARED = [
    *((name, pa.string()) for name in _TEXTS),
    ("num_generated_tokens", pa.int64()),
    *((name, pa.string()) for name in (*_LABELS, *PLANNED[:-1])),
    (PLANNED[-1], pa.int64()),
    *((name, pa.string()) for name in ("question", "context")),
    ("options", pa.list_(pa.string())),
]
_SAMPLED = pa.schema([*_SHARED, ("finish_reason", pa.string())])
_VERIFIED = pa.schema(
    [
        *_SHARED,
        ("agreement", pa.float64()),
        *((name, pa.int64()) for name in ("majority_votes", "total_votes")),
        ("verification", pa.string()),
        ("symbolic_correct", pa.bool_()),
        ("generation_model", pa.string()),
    ]
)


def nemo_skills(export: Export) -> Exported:
    """Write the files of each task; the rows are verified questions."""
    wording = wording_of(export.manifest)
    total = 0
    for task, rows in groupby(_solved(export), key=lambda row: row[0].task):
        path = export.out / export.manifest["tasks"][task]["group"] / task / "output.jsonl"
        total += write_lines(
            path, (generation(question, solution, won, wording) for question, solution, won in rows)
        )
        write_whole(path.with_name(f"{path.name}.done"), b"")
    _write_samples(export)
    write_folder_card(
        export.out,
        {
            "default": Pattern(pattern="*/*/output.jsonl", schema=_VERIFIED),
            "samples": Pattern(pattern="*/*/samples-*/output-rs*.jsonl", schema=_SAMPLED),
        },
        "Generation files of NeMo-Skills: the solution that won its vote, and all samples.",
    )
    return Exported(rows=total)


def generation(
    question: Question, solution: Solution, won: AnswerSample, wording: Wording
) -> dict[str, Any]:
    """One line of NeMo-Skills' generations.

    Its ``prepare_data`` takes the lines that say ``symbolic_correct``, which means, as it does
    there, that the answer won its vote. Answers that nothing verified do not say so;
    ``add_unlabeled=true`` takes them.

    Args:
        question: verified.
        solution: its answer.
        won: a sample that gave the answer.
        wording: with ``think``, the thoughts stand in ``reasoning_content``, as NeMo-Skills has it.
    """
    variant = variants_of(solution, ("answer", "reasoning"))[-1]
    user, assistant = render(question, solution, variant, wording).messages
    verification = solution.verification
    thought = assistant.reasoning_content
    return {
        "problem": user.content,
        "expected_answer": solution.answer,
        "predicted_answer": solution.answer,
        "generation": boxed(assistant.content, question, solution.answer),
        **({"reasoning_content": thought} if thought else {}),
        "num_generated_tokens": won.completion_tokens,
        **_about(question),
        "agreement": verification.agreement,
        "majority_votes": verification.votes,
        "total_votes": verification.samples,
        "verification": verification.method,
        **({} if verification.method == "none" else {"symbolic_correct": True}),
        "generation_model": solution.provenance.model,
    }


def boxed(text: str, question: Question, answer: str) -> str:
    r"""The text with the answer in ``\boxed{}`` where NeMo-Skills' graders look for one.

    A text that has a box stays as it is; else the last line's answer is boxed, or a box is added.
    """
    if question.answer_kind not in BOXED or not answer or "\\boxed" in text:
        return text
    box = f"\\boxed{{{answer}}}"
    if text.rstrip().endswith(answer.strip()):
        return text.rstrip().removesuffix(answer.strip()) + box
    return f"{text.rstrip()}\n\n{box}"


def _about(question: Question) -> dict[str, Any]:
    return {
        "id": question.question_id,
        **{name: getattr(question, name) for name in _LABELS[1:]},
        **{name: getattr(question.plan, name) for name in PLANNED},
        "question": question.question,
        "context": question.context,
        "options": list(question.options),
    }


def _drawn(run: Path) -> Iterator[tuple[str, list[AnswerSample]]]:
    """Each question's samples, in the order of the questions."""
    for question_id, drawn in groupby(
        read_rows(run / SAMPLES, AnswerSample), key=lambda sample: sample.question_id
    ):
        yield question_id, list(drawn)


def _solved(export: Export) -> Iterator[tuple[Question, Solution, AnswerSample]]:
    """Yield verified questions in order, each with the first sample that gave its answer."""
    pairs = packaged_pairs(export)
    samples = _drawn(export.run)
    for question, solution in pairs:
        for question_id, drawn in samples:
            if question_id == question.question_id:
                answered = [sample for sample in drawn if sample.answer]
                yield question, solution, _winner(answered, solution, export.run)
                break
        else:
            raise VerificationError(
                f"{export.run / SAMPLES} has no samples of question {question.question_id}"
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


def _write_samples(export: Export) -> None:
    """Write all samples of all questions, but of those that were rejected after their vote."""
    left_out = rejected_late(export.run)
    won = {question.question_id: solution.answer for question, solution in packaged_pairs(export)}
    drawn = _drawn(export.run)
    next_up = next(drawn, None)
    questions = read_rows(export.run / QUESTIONS, Question)
    for task, of_task in groupby(questions, key=lambda question: question.task):
        with ExitStack() as stack:
            files = _SampleFiles(export.out / export.manifest["tasks"][task]["group"] / task, stack)
            for question in of_task:
                if next_up is None or next_up[0] != question.question_id:
                    continue  # it has no sample
                samples, next_up = next_up[1], next(drawn, None)
                if question.question_id not in left_out:
                    files.add(question, samples, won.get(question.question_id))


class _SampleFiles:
    """The open sample files of one task."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._files = folder, LineFiles(stack)

    def add(self, question: Question, samples: list[AnswerSample], expected: str | None) -> None:
        """Write one line into each file of the question's number of samples."""
        for number, sample in enumerate(samples):
            path = self._folder / f"samples-{len(samples)}" / f"output-rs{number}.jsonl"
            if path not in self._files:
                make_directory(path.parent)
                write_whole(path.with_name(f"{path.name}.done"), b"")
            self._files.add(path, sampled(question, sample, expected))


def sampled(question: Question, sample: AnswerSample, expected: str | None) -> Mapping[str, Any]:
    """One sample as NeMo-Skills has a generation.

    Args:
        question: of the sample.
        sample: as it was drawn.
        expected: the verified answer; None where none was found. NeMo-Skills' aggregation fills
            it in by its own majority.
    """
    return {
        "problem": user_turn(question),
        "expected_answer": expected,
        "predicted_answer": sample.answer or None,
        "generation": boxed(sample.text, question, sample.answer),
        **({"reasoning_content": sample.reasoning} if sample.reasoning else {}),
        "num_generated_tokens": sample.completion_tokens,
        "finish_reason": sample.finish_reason,
        **_about(question),
    }
