"""Compares the difficulty of a run's questions with that of their seeds, solved in the same way.

Seeds have a right answer, so this also tells how often a majority is right. The run itself does not
change: requests and results go to ``RUN/difficulty/SAMPLE``, with the figures in
``difficulty.json``, and in ``contradicted.json`` the seeds whose answer a clear majority
contradicts: ``seeds.exclude`` of a later run leaves these out. It is a phase like others, and can
be interrupted and continued.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tsdg.engine.commit import read_parts
from tsdg.engine.control import stoppable
from tsdg.engine.phase import is_complete
from tsdg.errors import ShortfallError
from tsdg.generate.own_question import question_of
from tsdg.layout import DIFFICULTY, QUESTIONS, SEEDS, SOLUTIONS
from tsdg.pipeline.gather import sweep_phase
from tsdg.pipeline.phases import PhaseTask, Servers, work_on
from tsdg.progress import Reporter
from tsdg.protocols import Asked, Verifier, proves
from tsdg.records import NO_PLAN, QUESTION_SCHEMA, Outcome, Provenance, Question, Seed, Solution
from tsdg.rowform import from_row, stable_id
from tsdg.run.prepare import Prepared
from tsdg.run.roles import served_models
from tsdg.run.verifiers import check_verifiers_ready, choose_verifier
from tsdg.seeds.draw.doubts import CONTRADICTED
from tsdg.serving.checks import check_server
from tsdg.storage import write_whole
from tsdg.tables import read_rows, work_table

_CLEAR = 0.75
"""Share of the samples from which a majority casts doubt on a seed's own answer."""
_UNWRITTEN = Provenance(model="", prompt="", prompt_hash="", sampling="", request_id="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """How the solver did on one task's seeds, or on its questions."""

    asked: int
    accepted: int
    """Those whose answers won their vote."""
    agreement: float
    """Mean of the accepted ones; 0 where there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difficulty:
    """One task."""

    task: str
    seeds: Side
    right: int
    """Accepted seeds whose answer is the gold one."""
    questions: Side


def measure(prepared: Prepared, sample: int, reporter: Reporter) -> tuple[Difficulty, ...]:
    """Solve up to ``sample`` seeds of each task and compare; free-text seeds are left out.

    Raises:
        ShortfallError: the run's questions are not answered yet, or all its seeds are answered
            with free texts.
        MachineError: a server or what a verifier needs is missing.
        StoppedError: asked to stop; the same command continues.
    """
    run = prepared.directory
    if not prepared.state.gathered(("questions", "answers")):
        raise ShortfallError(
            f"{run}: its questions are not answered yet; `tsdg resume` continues with them"
        )
    folder = run / DIFFICULTY / str(sample)
    drawn = {seed.seed_id: seed for seed in _drawn(run / SEEDS, sample)}
    if not drawn:
        raise ShortfallError(
            f"{run}: its seeds are answered with free texts, which no vote compares"
        )
    source = folder / "questions.parquet"
    if not source.is_file():
        with work_table(
            source, QUESTION_SCHEMA, unit_rows=prepared.recipe.engine.unit_rows
        ) as table:
            for seed in drawn.values():
                table.add(_posed(seed))
    if not is_complete(source, folder / "answers"):
        # The vote alone: a judge, and the other parts of a record, would ask for more.
        judge = prepared.recipe.judge.model_copy(update={"enabled": False})
        # Nor does the gold answer vote, which stands where a question has its writer's claim.
        answers = prepared.recipe.answers.model_copy(
            update={"variants": ("answer",), "claim": "record"}
        )
        alone = replace(
            prepared, recipe=prepared.recipe.model_copy(update={"judge": judge, "answers": answers})
        )
        for endpoint in served_models(alone.recipe, ("answers",)):
            check_server(endpoint.server, endpoint.model)
        check_verifiers_ready(alone.recipe, alone.sources)
        asyncio.run(_solve(alone, source, folder / "answers", reporter))
    sweep_phase(folder / "answers")
    solved = _solutions(folder / "answers")
    wrong = _contradicted(prepared, drawn, solved)
    write_whole(folder / CONTRADICTED, (json.dumps(wrong, indent=1) + "\n").encode())
    found = _compared(prepared, drawn, solved)
    text = json.dumps({"tasks": [asdict(task) for task in found]}, indent=1) + "\n"
    write_whole(folder / "difficulty.json", text.encode())
    return found


def _drawn(seeds: Path, sample: int) -> Iterator[Seed]:
    """Yield each task's seeds with the smallest hashes, so that samples of all sizes nest."""
    ranked: dict[str, list[tuple[str, Seed]]] = defaultdict(list)
    for seed in read_rows(seeds, Seed):
        if seed.answer_kind == "text":
            continue
        known = ranked[seed.task]
        known.append((stable_id("difficulty", seed.seed_id), seed))
        if len(known) > 2 * sample:
            known[:] = sorted(known, key=lambda pair: pair[0])[:sample]
    for known in ranked.values():
        yield from (seed for _, seed in sorted(known, key=lambda pair: pair[0])[:sample])


def _posed(seed: Seed) -> Question:
    """A seed in the form in which the solver is asked."""
    return question_of(seed, question_id=seed.seed_id, plan=NO_PLAN, provenance=_UNWRITTEN)


async def _solve(prepared: Prepared, source: Path, folder: Path, reporter: Reporter) -> None:
    async with stoppable() as stop, Servers(prepared, reporter) as servers:
        task = PhaseTask(
            prepared=prepared,
            steps=("answers",),
            name="difficulty",
            source=source,
            directory=folder,
            may_leave=False,
        )
        await work_on(task, servers, stop, reporter)


def _solutions(folder: Path) -> dict[str, Solution]:
    """The solutions that won their vote, by seed."""
    outcomes = [from_row(Outcome, row) for part in read_parts(folder) for row in part.to_pylist()]
    return {
        solution.question_id: solution for outcome in outcomes for solution in outcome.solutions
    }


def _contradicted(
    prepared: Prepared, drawn: Mapping[str, Seed], solved: Mapping[str, Solution]
) -> dict[str, str]:
    """Seeds whose answer a clear majority contradicts, with what it answers instead."""
    verifier_for = choose_verifier(prepared.recipe)
    return {
        name: solution.answer
        for name, solution in sorted(solved.items())
        if solution.verification.agreement >= _CLEAR
        and not _right(drawn[name], solution, verifier_for)
    }


def _compared(
    prepared: Prepared, drawn: Mapping[str, Seed], solved: Mapping[str, Solution]
) -> tuple[Difficulty, ...]:
    verifier_for = choose_verifier(prepared.recipe)
    right = Counter(
        drawn[name].task
        for name, solution in solved.items()
        if _right(drawn[name], solution, verifier_for)
    )
    seeds = _sides({name: seed.task for name, seed in drawn.items()}, solved.values())
    tasks = {
        question.question_id: question.task
        for question in read_rows(prepared.directory / QUESTIONS, Question)
    }
    questions = _sides(tasks, read_rows(prepared.directory / SOLUTIONS, Solution))
    nothing = Side(asked=0, accepted=0, agreement=0.0)
    return tuple(
        Difficulty(task=task, seeds=side, right=right[task], questions=questions.get(task, nothing))
        for task, side in seeds.items()
    )


def _right(seed: Seed, solution: Solution, verifier_for: Callable[[Question], Verifier]) -> bool:
    question = _posed(seed)
    verifier = verifier_for(question)
    if proves(verifier):
        return True  # it passed the seed's own tests
    asked = Asked(
        question=seed.question, context=seed.context, options=seed.options, checks=seed.checks
    )
    gold = [verifier.read(text, asked) for text in (seed.answer, *seed.aliases)]
    return any(text is not None and verifier.same(text, solution.answer) for text in gold)


def _sides(tasks: Mapping[str, str], solutions: Iterable[Solution]) -> dict[str, Side]:
    agreement: dict[str, list[float]] = defaultdict(list)
    for solution in solutions:
        agreement[tasks[solution.question_id]].append(solution.verification.agreement)
    return {
        task: Side(
            asked=asked,
            accepted=len(agreement[task]),
            agreement=sum(agreement[task]) / max(len(agreement[task]), 1),
        )
        for task, asked in Counter(tasks.values()).items()
    }
