"""Small synthetic runs: random but valid files in a run's layout, with separate counts.

``Expected`` is counted while the rows are made, not from the files, so that a test can hold the
manifest to it.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tsdg.corpus.decontamination import Nothing
from tsdg.package.counts import SEED_FIELDS, SEED_REFUSALS
from tsdg.package.dataset import Packer, Packing, write_dataset
from tsdg.package.finish import finish_run
from tsdg.package.manifest import (
    ManifestInputs,
    ModelFacts,
    SourceFacts,
    TaskFacts,
)
from tsdg.package.pairs import accepted_chunks
from tsdg.package.render import Wording
from tsdg.records import (
    ANSWER_SAMPLE_SCHEMA,
    NO_PLAN,
    OUTCOME_SCHEMA,
    QUESTION_SCHEMA,
    REJECTION_SCHEMA,
    SEED_SCHEMA,
    SOLUTION_SCHEMA,
    VARIANTS,
    AnswerSample,
    Distractor,
    Outcome,
    Provenance,
    Question,
    Rejection,
    Seed,
    Solution,
    Source,
    Usage,
    Verification,
)
from tsdg.rowform import stable_id, to_row

NO_PHASE: tuple[tuple[str, ...], ...] = ()
QUESTIONS_ONLY = (("questions",),)
TWO_PHASES = (("questions",), ("answers",))
FUSED = (("questions", "answers"),)
PHASES = (NO_PHASE, QUESTIONS_ONLY, TWO_PHASES, FUSED)

KINDS = ("choice", "number", "short_text", "code", "text", "math", "boolean", "json")
LANGUAGES = ("en", "zh", "de", "sw", "xx")
PROVENANCE = Provenance(
    model="model", prompt="questions/choice", prompt_hash="00", sampling="{}", request_id="r"
)


PLANS = (
    NO_PLAN,
    *(
        replace(NO_PLAN, skill="recall", field=name, difficulty=level, way=way)
        for name in ("Biology", " biology", "Physics")
        for level, way in ((1, "deeper/one_more_step"), (4, "similar/other_case"))
    ),
)


def dies(texts: Sequence[str]) -> list[int]:
    """End the process that counts, as a kill would."""
    os._exit(7)


def words(texts: Sequence[str]) -> list[int]:
    """A token counter that needs no model."""
    return [len(text.split()) for text in texts]


@dataclass(kw_only=True)
class TaskExpected:
    """What was made for one task."""

    seeds: Counter[str] = field(default_factory=Counter)
    generated: int = 0
    questions_rejected: Counter[str] = field(default_factory=Counter)
    sampled: int = 0
    saved: int = 0
    accepted: int = 0
    unenriched: int = 0
    answers_rejected: Counter[str] = field(default_factory=Counter)
    filtered: int = 0
    by_variant: Counter[str] = field(default_factory=Counter)
    by_field: Counter[str] = field(default_factory=Counter)
    by_difficulty: Counter[str] = field(default_factory=Counter)
    by_way: Counter[str] = field(default_factory=Counter)


@dataclass(kw_only=True)
class Made:
    """A synthetic run."""

    directory: Path
    inputs: ManifestInputs
    expected: dict[str, TaskExpected]
    usage: Counter[str]
    seed: int

    def package(self, *, rows_per_file: int = 7) -> dict[str, Any]:
        """Stage 5 as the pipeline does it; returns the manifest."""
        if "answers" in [step for phase in self.inputs.phases for step in phase]:
            write_dataset(
                chunks=accepted_chunks(self.directory),
                run=self.directory,
                packer=Packer(
                    packing=Packing(
                        variants=VARIANTS,
                        rows_per_file=rows_per_file,
                        wording=Wording(style="labelled", knowledge="after", think=False),
                        seed=self.seed,
                    ),
                    tokens_of=words,
                    held_out=Nothing(),
                ),
            )
        return finish_run(self.directory, self.inputs)


def write_table(path: Path, schema: pa.Schema, rows: Sequence[object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist([to_row(row) for row in rows], schema=schema)
    pq.write_table(table, path, compression="zstd", write_page_checksum=True)


def make_run(
    directory: Path,
    *,
    seed: int = 0,
    phases: tuple[tuple[str, ...], ...] = TWO_PHASES,
    tasks: int = 3,
    seeds_per_task: int = 4,
    per_seed: int = 2,
    unit_rows: int = 3,
) -> Made:
    """Write all that the stages before packaging leave in a run directory."""
    return _Maker(directory, random.Random(seed), phases, per_seed, unit_rows).make(
        tasks, seeds_per_task, seed
    )


class _Maker:
    def __init__(
        self, run: Path, draw: random.Random, phases: Any, per_seed: int, unit_rows: int
    ) -> None:
        self.run, self.draw, self.phases, self.per_seed, self.unit_rows = (
            run,
            draw,
            phases,
            per_seed,
            unit_rows,
        )
        self.steps = [step for phase in phases for step in phase]
        self.expected: dict[str, TaskExpected] = {}
        self.facts: dict[str, TaskFacts] = {}
        self.usage: Counter[str] = Counter()
        self.seeds: list[Seed] = []
        self.rejections: list[Rejection] = []
        self._by_id: dict[str, Question] = {}

    def make(self, tasks: int, seeds_per_task: int, seed: int) -> Made:
        for index in range(tasks):
            self._task(index, self.draw.randint(0, seeds_per_task))
        self._write_seeds()
        if self.phases:
            self._generate()
        inputs = ManifestInputs(
            run="made",
            created="2026-01-02T03:04:05+00:00",
            recipe_fingerprint="f" * 64,
            phases=self.phases,
            questions_per_seed=self.per_seed,
            models=(ModelFacts(name="model", revision="1", licence="Apache-2.0"),),
            sampling={"questions": {"temperature": 0.7}, "answers": {"samples": 5}},
            package={"rows_per_file": 100_000, "style": "labelled"},
            commit="",
            versions={"tsdg": "0.1.0"},
            tasks=self.facts,
            left_out={"other_task": "tier B"},
            gpu_hours=1.5,
            idle_gpu_hours=0.25,
        )
        return Made(
            directory=self.run, inputs=inputs, expected=self.expected, usage=self.usage, seed=seed
        )

    def _task(self, index: int, sampled: int) -> None:
        draw, task = self.draw, f"task_{index}"
        group = "knowledge" if index % 2 == 0 else "reasoning"
        facts = TaskFacts(
            group=group,
            family=f"family_{index // 2}",
            domain=("science", "math")[index % 2],
            language=LANGUAGES[index % len(LANGUAGES)],
            licence=("Apache-2.0", "CC-BY-SA-4.0", "none stated")[index % 3],
            commercial_ok=index % 3 < 2,
            source=(
                SourceFacts(dataset_path=f"made/{task}", config="", split="train", revision="1"),
            ),
        )
        expected = self.expected[task] = TaskExpected()
        self.facts[task] = facts
        expected.seeds["sampled"] = sampled
        expected.seeds["unsampled"] = draw.randint(0, 3)
        row = 0
        for reason in SEED_REFUSALS:
            for _ in range(draw.randint(0, 2)):
                row += 1
                expected.seeds[reason] += 1
                self.rejections.append(
                    Rejection(
                        row_id=stable_id(task, row),
                        group=group,
                        family=facts.family,
                        task=task,
                        stage="seeds",
                        reason=reason,
                        detail=f"row {row}",
                    )
                )
        expected.seeds["available"] = sum(expected.seeds.values())
        for _ in range(sampled):
            row += 1
            self.seeds.append(
                Seed(
                    classes=False,
                    solution="",
                    level="",
                    subject="",
                    seed_id=stable_id(task, row, draw.random()),
                    group=group,
                    family=facts.family,
                    task=task,
                    output_type="multiple_choice",
                    answer_kind="choice",
                    question=f"seed {row}?",
                    context="",
                    options=("yes", "no"),
                    answer="yes",
                    answer_index=0,
                    aliases=(),
                    checks=(),
                    option_order=(0, 1),
                    domain=facts.domain,
                    language=facts.language,
                    licence=facts.licence,
                    source=Source(
                        dataset_path=f"made/{task}", config="", split="train", row=row, revision="1"
                    ),
                )
            )

    def _write_seeds(self) -> None:
        write_table(self.run / "seeds/seeds.parquet", SEED_SCHEMA, self.seeds)
        write_table(self.run / "seeds/rejected.parquet", REJECTION_SCHEMA, self.rejections)
        counts = {
            task: {name: e.seeds[name] for name in SEED_FIELDS} for task, e in self.expected.items()
        }
        (self.run / "seeds/counts.json").write_text(json.dumps(counts))
        snapshot = self.run / "snapshot"
        snapshot.mkdir()
        units = [
            {"dataset_path": s.dataset_path, "config": s.config, "split": s.split}
            for facts in self.facts.values()
            for s in facts.source
        ]
        (snapshot / "catalogue.json").write_text(json.dumps(units))
        (snapshot / "launches.jsonl").write_text("{}\n")

    def _generate(self) -> None:
        fused = self.phases == FUSED
        outcomes, questions, rejected = [], [], []
        samples: list[AnswerSample] = []
        solutions: list[Solution] = []
        refused: list[Rejection] = []
        for seed in self.seeds:
            made, parts = [], []
            for turn in range(self.per_seed):
                if self.draw.random() < 0.3:
                    reason = self.draw.choice(["bad_format", "copy_of_seed", "truncated"])
                    parts.append(
                        self._rejection(seed, stable_id(seed.seed_id, turn), "questions", reason)
                    )
                else:
                    made.append(self._question(seed, turn))
            dropped = [question for question in made if self.draw.random() < 0.15]
            kept = [question for question in made if question not in dropped]
            rejected += parts
            rejected += [
                self._rejection(seed, q.question_id, "questions", "duplicate") for q in dropped
            ]
            questions += kept
            expected = self.expected[seed.task]
            expected.generated += len(kept)
            outcome = Outcome(
                input_id=seed.seed_id,
                studies=(),
                questions=tuple(made),
                samples=(),
                solutions=(),
                rejections=tuple(parts),
                usage=(self._usage("questions"),),
                saved_samples=0,
            )
            if fused:
                solved = [self._solve(question) for question in made]
                for answered in solved:
                    self.expected[seed.task].saved += answered.saved_samples
                    if answered.input_id in {question.question_id for question in kept}:
                        self._keep(answered, samples, solutions, refused)
                outcome = Outcome(
                    input_id=seed.seed_id,
                    studies=(),
                    questions=tuple(made),
                    samples=tuple(row for answered in solved for row in answered.samples),
                    solutions=tuple(row for answered in solved for row in answered.solutions),
                    rejections=(
                        *parts,
                        *(row for answered in solved for row in answered.rejections),
                    ),
                    usage=(*outcome.usage, *(row for answered in solved for row in answered.usage)),
                    saved_samples=sum(answered.saved_samples for answered in solved),
                )
            outcomes.append(outcome)
        self._write_parts(self.phases[0], outcomes)
        for row in rejected:
            self.expected[row.task].questions_rejected[row.reason] += 1
        write_table(self.run / "questions/questions.parquet", QUESTION_SCHEMA, questions)
        write_table(self.run / "questions/rejected.parquet", REJECTION_SCHEMA, rejected)
        if "answers" not in self.steps:
            return
        if not fused:
            solved = [self._solve(question) for question in questions]
            for question, answered in zip(questions, solved, strict=True):
                self.expected[question.task].saved += answered.saved_samples
                self._keep(answered, samples, solutions, refused)
            self._write_parts(self.phases[1], solved)
        write_table(self.run / "answers/samples.parquet", ANSWER_SAMPLE_SCHEMA, samples)
        write_table(self.run / "answers/solutions.parquet", SOLUTION_SCHEMA, solutions)
        write_table(self.run / "answers/rejected.parquet", REJECTION_SCHEMA, refused)

    def _keep(self, answered: Outcome, samples: Any, solutions: Any, refused: Any) -> None:
        """Gather what was solved of a question that stays, and count it."""
        question = self._by_id[answered.input_id]
        expected = self.expected[question.task]
        samples += answered.samples
        solutions += answered.solutions
        refused += answered.rejections
        expected.sampled += len(answered.samples)
        for row in answered.rejections:
            expected.answers_rejected[row.reason] += 1
        for solution in answered.solutions:
            expected.accepted += 1
            expected.unenriched += bool(solution.unenriched)
            if solution.answer == "not an option":
                expected.filtered += 1
                continue
            records = 1 + bool(solution.reasoning) + bool(solution.knowledge)
            expected.by_field[question.plan.field.strip().lower()] += records
            expected.by_difficulty[str(question.plan.difficulty)] += records
            expected.by_way[question.plan.way] += records
            expected.by_variant["answer"] += 1
            expected.by_variant["reasoning"] += bool(solution.reasoning)
            expected.by_variant["enriched"] += bool(solution.knowledge)

    def _question(self, seed: Seed, turn: int) -> Question:
        draw, kind = self.draw, self.draw.choice(KINDS)
        question = Question(
            classes=False,
            plan=draw.choice(PLANS),
            question_id=stable_id(seed.seed_id, turn),
            seed_ids=(seed.seed_id,),
            group=seed.group,
            family=seed.family,
            task=seed.task,
            domain=seed.domain,
            language=seed.language,
            licence=seed.licence,
            answer_kind=kind,
            question=f"What is {draw.randint(0, 10**9)} in {seed.task}?\nSay so.",
            context=draw.choice(["", "A passage of\ntwo lines with {{ braces }} and 水."]),
            options=("the roots", "the\npetals", "the bark")
            if kind in ("choice", "boolean")
            else (),
            claimed_answer="the roots",
            checks=("assert f() == 1",) if kind == "code" else (),
            provenance=PROVENANCE,
        )
        self._by_id[question.question_id] = question
        return question

    def _solve(self, question: Question) -> Outcome:
        draw, drawn = self.draw, self.draw.randint(1, 5)
        answer = "def f():\n    return 1" if question.answer_kind == "code" else "the roots"
        samples = tuple(
            AnswerSample(
                question_id=question.question_id,
                sample=index,
                text=answer,
                reasoning="",
                answer=answer,
                finish_reason="stop",
                prompt_tokens=10,
                completion_tokens=5,
                option_order=(),
            )
            for index in range(drawn)
        )
        solutions: tuple[Solution, ...] = ()
        rejections: tuple[Rejection, ...] = ()
        if draw.random() < 0.6:
            if question.options and draw.random() < 0.2:
                answer = "not an option"
            knowledge = draw.choice(["", "Roots are organs."])
            wrong = [option for option in question.options if option != answer] if knowledge else []
            votes = draw.randint(1, drawn)
            solution = Solution(
                trace="",
                unenriched="" if knowledge else "truncated",
                question_id=question.question_id,
                answer=answer,
                reasoning=draw.choice(["", "First.\n\nThen."]),
                knowledge=knowledge,
                distractors=tuple(Distractor(option=o, why_wrong="It is not.") for o in wrong),
                verification=Verification(
                    claim_agrees=None,
                    method="vote",
                    votes=votes,
                    agreement=votes / drawn,
                    samples=drawn,
                    chance=0.1,
                    score=0.0,
                ),
                provenance=PROVENANCE,
            )
            solutions = (solution,)
        else:
            reason = draw.choice(["no_majority", "tie", "no_answer", "chance"])
            rejections = (self._rejection(question, question.question_id, "answers", reason),)
        return Outcome(
            input_id=question.question_id,
            studies=(),
            questions=(),
            samples=samples,
            solutions=solutions,
            rejections=rejections,
            usage=(self._usage("answers"),),
            saved_samples=5 - drawn,
        )

    def _usage(self, stage: Any) -> Usage:
        usage = Usage(
            stage=stage,
            requests=1,
            prompt_tokens=self.draw.randint(1, 50),
            completion_tokens=self.draw.randint(1, 50),
        )
        self.usage.update(
            requests=1, prompt_tokens=usage.prompt_tokens, completion_tokens=usage.completion_tokens
        )
        return usage

    def _rejection(self, row: Seed | Question, row_id: str, stage: Any, reason: Any) -> Rejection:
        return Rejection(
            row_id=row_id,
            group=row.group,
            family=row.family,
            task=row.task,
            stage=stage,
            reason=reason,
            detail="made",
        )

    def _write_parts(self, phase: Sequence[str], outcomes: Sequence[Outcome]) -> None:
        parts = self.run / "-".join(phase) / "parts"
        for unit, start in enumerate(range(0, len(outcomes), self.unit_rows)):
            path = parts / f"unit-{unit:06d}.parquet"
            write_table(path, OUTCOME_SCHEMA, outcomes[start : start + self.unit_rows])
