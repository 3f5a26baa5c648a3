"""Stages 2 and 3: the phases, which ask servers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tsdg.amounts import counted
from tsdg.config.recipe import StepName
from tsdg.config.roles import asked_model
from tsdg.engine.budget import check_budget
from tsdg.engine.events import PhaseEvent
from tsdg.engine.file_system import check_file_system
from tsdg.engine.phase import run_phase
from tsdg.engine.phase_job import PhaseJob
from tsdg.errors import fault_of_row
from tsdg.generate.answer_case import AnswerModels
from tsdg.generate.answers import AnswerStep, Solving
from tsdg.generate.judge import Judge
from tsdg.generate.language import load_detector
from tsdg.generate.questions import Aim, Asking, QuestionStep, draws_of
from tsdg.generate.requests import together, usage_of
from tsdg.generate.study import StudyStep
from tsdg.generate.syllabus import Syllabus
from tsdg.layout import LOGS, SYLLABUS, phase_name
from tsdg.pipeline.exercises import with_sound_tests
from tsdg.pipeline.faults import Breaker, Heard, failed_draws, failed_question, stored
from tsdg.pipeline.kept import keeping
from tsdg.pipeline.kin import read_kin
from tsdg.progress import Reporter
from tsdg.protocols import Ask, Process, ReplicaFacts, Transport
from tsdg.records import OUTCOME_SCHEMA, Outcome, Question, Seed, StudiedSeed
from tsdg.rowform import from_row
from tsdg.run.prepare import Prepared
from tsdg.run.roles import ByModel, ServedModel, served_models
from tsdg.run.verifiers import choose_verifier
from tsdg.serving.transport import open_transport
from tsdg.tables import count_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseTask:
    """Steps of a run, to be done on the rows of a file."""

    prepared: Prepared
    steps: tuple[StepName, ...]
    name: str
    """Under which it is shown."""
    source: Path
    """The rows: questions where the steps begin with ``answers``, else seeds."""
    directory: Path
    """Of the phase."""
    may_leave: bool
    """Whether to end already where others are at work on all that is left."""


def phase_task(prepared: Prepared, steps: tuple[StepName, ...], *, may_leave: bool) -> PhaseTask:
    """One phase of a run."""
    return PhaseTask(
        prepared=prepared,
        steps=steps,
        name=phase_name(steps),
        source=prepared.state.phase_input(steps),
        directory=prepared.state.folder(steps),
        may_leave=may_leave,
    )


async def work_on(
    task: PhaseTask, servers: Servers, stop: asyncio.Event, reporter: Reporter
) -> None:
    """Run steps on a file's rows until all units are committed, or others do the rest.

    Args:
        task: what to do.
        servers: give the transport.
        stop: ends it early.
        reporter: shown the progress.

    Raises:
        StoppedError: ``stop`` was set.
        BudgetReachedError: a cap of the run was reached.
        MachineError: a server or the storage fails.
    """
    recipe = task.prepared.recipe
    total = count_rows(task.source)
    reporter.stage(task.name, total=total)
    reporter.doing("opening its servers")
    loading = asyncio.to_thread(load_detector)  # else it would hold up the first replies
    transport, _ = await asyncio.gather(servers.transport(task.steps), loading)
    started = asyncio.get_running_loop().time()

    def show(event: PhaseEvent) -> None:
        elapsed = asyncio.get_running_loop().time() - started
        rate = event.completion_tokens / elapsed if elapsed > 0 else 0.0
        detail = at_work_on(event, rate, transport.replicas())
        reporter.update(done=event.rows_done, total=event.rows_total, detail=detail)

    result = await run_phase(
        PhaseJob(
            input_path=task.source,
            directory=task.directory,
            process=keeping(
                process_of(task.prepared, task.steps),
                task.directory,
                "question_id" if task.steps[0] == "answers" else "seed_id",
            ),
            transport=transport,
            accounted=servers.accounted,
            schema=OUTCOME_SCHEMA,
            config=recipe.engine,
            budget=recipe.budget,
            may_leave=task.may_leave,
        ),
        stop=stop,
        on_event=show,
        note=reporter.note,
    )
    servers.accounted = transport.replicas()
    again = f", {result.resumed_requests} from the journal" if result.resumed_requests else ""
    rest = total - result.rows_done
    others = f", {rest} of them left to those at work on them" if rest else ""
    reporter.end(
        f"{total:,} rows{others}, {result.requests_done:,} requests{again}, "
        f"{result.completion_tokens:,} tokens written"
    )


def at_work_on(event: PhaseEvent, tokens_per_s: float, replicas: Sequence[ReplicaFacts]) -> str:
    """What a phase does at this moment, in a few words."""
    done = counted(event.requests_done, "request")
    if not event.requests_done:
        if not any(replica.ready_s for replica in replicas):
            return "no server is ready yet"
        waiting = counted(event.in_flight, "request")
        return f"no reply yet, {waiting} in flight"
    if not event.in_flight:
        return f"nothing in flight: checking and writing rows, {done}"
    return f"{event.in_flight:,} in flight, {tokens_per_s:,.0f} tokens/s, {done}"


def _outcome(input_id: str, asking: Asking | None, solvings: Sequence[Solving]) -> Outcome:
    """What a chain of steps made of one row; no questions were asked for where none is asking."""
    rejections = asking.rejections if asking else ()
    usage = (asking.usage,) if asking else ()
    return Outcome(
        input_id=input_id,
        studies=(),
        questions=asking.questions if asking else (),
        samples=tuple(sample for solving in solvings for sample in solving.samples),
        solutions=tuple(solving.solution for solving in solvings if solving.solution),
        rejections=(*rejections, *(each.rejection for each in solvings if each.rejection)),
        usage=(*usage, *(solving.usage for solving in solvings)),
        saved_samples=sum(solving.saved_samples for solving in solvings),
    )


def process_of(prepared: Prepared, steps: tuple[StepName, ...]) -> Process:
    """The chain of steps of one phase, as the engine calls it on one input row."""
    if steps == ("study",):
        return _studying(prepared)
    recipe, prompts = prepared.recipe, prepared.prompts
    verifier_for = choose_verifier(recipe)
    judge = Judge(config=recipe.judge, model=asked_model(recipe, "judge"), seed=recipe.seed)
    ask_questions = QuestionStep(
        config=recipe.questions,
        model=asked_model(recipe, "questions"),
        prompts=prompts,
        seed=recipe.seed,
        judge=judge if recipe.judge.enabled else None,
        kin=read_kin(recipe, prepared.directory) if "questions" in steps else None,
        aim=_aims(prepared) if "questions" in steps else None,
    )
    answer = AnswerStep(
        config=recipe.answers,
        models=AnswerModels(
            solver=asked_model(recipe, "answers"),
            enricher=asked_model(recipe, "enrich"),
            expert=asked_model(recipe, "escalate") if recipe.answers.second else None,
        ),
        prompts=prompts,
        seed=recipe.seed,
        verifier_for=verifier_for,
        judge=judge if recipe.judge.enabled else None,
    )

    async def chain(row: Mapping[str, Any], ask: Ask) -> Outcome:
        if "questions" in steps:
            seed = from_row(StudiedSeed if recipe.study.share else Seed, row)
            asking = await ask_questions(seed, ask)
            if asking.questions:
                asking = await with_sound_tests(asking, verifier_for(asking.questions[0]))
            input_id, questions = seed.seed_id, asking.questions
        else:
            asking, question = None, from_row(Question, row)
            input_id, questions = question.question_id, (question,)
        solvings = (
            await together([_solve(answer, question, ask) for question in questions])
            if "answers" in steps
            else []
        )
        return _outcome(input_id, asking, solvings)

    breaker = Breaker()

    async def process(row: Mapping[str, Any], ask: Ask) -> Mapping[str, Any]:
        heard = Heard(ask)
        try:
            outcome = await chain(row, heard)
            made = stored(outcome)
        except Exception as error:
            outcome = _failed(row, steps, draws_of(recipe.questions), heard, fault_of_row(error))
            made = stored(outcome)
        breaker.count(outcome.rejections)
        return made

    return process


def _aims(prepared: Prepared) -> Aim | None:
    """Draws concepts from the run's syllabus for studied seeds; None where none are drawn."""
    recipe = prepared.recipe
    if not (recipe.study.share and recipe.study.aim):
        return None
    syllabus = Syllabus.read(prepared.directory / SYLLABUS)

    def aim(seed: Seed, draw: int) -> str:
        study = seed.study if isinstance(seed, StudiedSeed) else None
        return syllabus.aim(study, seed=recipe.seed, draw=draw) if study else ""

    return aim


def _studying(prepared: Prepared) -> Process:
    recipe = prepared.recipe
    study = StudyStep(
        config=recipe.study,
        model=asked_model(recipe, "study"),
        prompts=prepared.prompts,
        seed=recipe.seed,
    )

    async def process(row: Mapping[str, Any], ask: Ask) -> Mapping[str, Any]:
        seed = from_row(Seed, row)
        studied = await study(seed, ask)
        return stored(
            Outcome(
                input_id=seed.seed_id,
                studies=studied.studies,
                questions=(),
                samples=(),
                solutions=(),
                rejections=(),
                usage=studied.usage,
                saved_samples=0,
            )
        )

    return process


async def _solve(answer: AnswerStep, question: Question, ask: Ask) -> Solving:
    """Answer a question; an exception rejects this question alone."""
    heard = Heard(ask)
    try:
        solving = await answer(question, heard)
    except Exception as error:
        solving = Solving(
            samples=(),
            solution=None,
            rejection=failed_question(question, fault_of_row(error)),
            usage=usage_of("answers", heard.replies),
            saved_samples=0,
        )
    return solving


def _failed(
    row: Mapping[str, Any], steps: tuple[StepName, ...], draws: range, heard: Heard, detail: str
) -> Outcome:
    """The outcome of a row of which nothing but the usage can be kept."""
    if "questions" in steps:
        seed = from_row(Seed, row)
        input_id, rejections = seed.seed_id, failed_draws(seed, draws, detail)
    else:
        question = from_row(Question, row)
        input_id, rejections = question.question_id, (failed_question(question, detail),)
    return Outcome(
        input_id=input_id,
        studies=(),
        questions=(),
        samples=(),
        solutions=(),
        rejections=rejections,
        usage=(usage_of(steps[0], heard.replies),),
        saved_samples=0,
    )


class Servers:
    """The transports of a run, opened when a phase needs them: finished work starts no server.

    A phase's roles may have models of their own. All of a phase's models are served at once, each
    on its server's GPUs; those of the phase before it are ended first where they are others.

    Attributes:
        accounted: what the replicas had done at the end of the last phase; what they do from there
            on, and the time in which they are held for nothing between two phases, counts to the
            next one.
    """

    def __init__(self, prepared: Prepared, reporter: Reporter) -> None:
        self._prepared, self._reporter = prepared, reporter
        self._stack = AsyncExitStack()
        self._open: dict[ServedModel, Transport] = {}
        self.accounted: Sequence[ReplicaFacts] = ()

    async def transport(self, steps: tuple[StepName, ...]) -> Transport:
        """The transport of a phase; none is opened for a run that has used its budget."""
        recipe = self._prepared.recipe
        needed = served_models(recipe, steps)
        await self.end_unless(steps)
        if not self._open:
            check_budget(recipe.budget, self._prepared.directory)
            check_file_system(self._prepared.directory)
            for endpoint in needed:
                self._open[endpoint] = await self._stack.enter_async_context(
                    self._opening(endpoint)
                )
        if len(needed) == 1:
            return self._open[needed[0]]
        return ByModel({endpoint.model.name: self._open[endpoint] for endpoint in needed})

    async def end_unless(self, steps: tuple[StepName, ...]) -> None:
        """End the running servers unless the next phase needs exactly these.

        No ``steps`` means that no phase follows.
        """
        if set(self._open) != set(served_models(self._prepared.recipe, steps)):
            await self._stack.aclose()
            self._open, self.accounted = {}, ()

    def _opening(self, endpoint: ServedModel) -> AbstractAsyncContextManager[Transport]:
        timeout_s = self._prepared.recipe.engine.request_timeout_s
        return open_transport(
            server=endpoint.server,
            model=endpoint.model,
            logs=self._prepared.directory / LOGS / endpoint.folder,
            on_event=lambda event: self._reporter.note(str(event)),
            reply_s=None if timeout_s == "auto" else timeout_s,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
