"""Stages 2 and 3: the phases, which ask servers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any, Self

from tsdg.config.recipe import StepName
from tsdg.config.stages import phase_name
from tsdg.engine.events import PhaseEvent
from tsdg.engine.phase import run_phase
from tsdg.generate.answers import AnswerStep
from tsdg.generate.questions import QuestionStep
from tsdg.generate.requests import together
from tsdg.pipeline.prepare import Prepared
from tsdg.pipeline.progress import phase_input
from tsdg.progress import Reporter
from tsdg.protocols import Ask, Process, Transport
from tsdg.records import OUTCOME_SCHEMA, Outcome, Question, Seed, from_row, to_row
from tsdg.serving.transport import open_transport
from tsdg.tables import count_rows
from tsdg.verify import verifier_for


async def work_phase(
    prepared: Prepared, steps: tuple[StepName, ...], transport: Transport, stop: asyncio.Event, reporter: Reporter
) -> None:
    """Run one phase until all of its units are committed."""
    source = phase_input(prepared.directory, steps)
    total = count_rows(source)
    reporter.stage(phase_name(steps), total=total)
    started = asyncio.get_running_loop().time()

    def show(event: PhaseEvent) -> None:
        elapsed = asyncio.get_running_loop().time() - started
        rate = event.completion_tokens / elapsed if elapsed > 0 else 0.0
        detail = f"{event.requests_done} requests, {event.in_flight} in flight, {rate:.0f} tokens/s"
        reporter.update(done=event.rows_done, total=event.rows_total, detail=detail)

    result = await run_phase(
        input_path=source,
        directory=prepared.directory / phase_name(steps),
        process=_process(prepared, steps),
        transport=transport,
        schema=OUTCOME_SCHEMA,
        config=prepared.recipe.engine,
        stop=stop,
        on_event=show,
    )
    again = f", {result.resumed_requests} from the journal" if result.resumed_requests else ""
    reporter.end(f"{total} rows, {result.requests_done} requests{again}, {result.completion_tokens} tokens written")


def _process(prepared: Prepared, steps: tuple[StepName, ...]) -> Process:
    """The chain of steps of one phase, as the engine calls it on one input row."""
    recipe, prompts = prepared.recipe, prepared.prompts
    ask_questions = QuestionStep(config=recipe.questions, model=recipe.model, prompts=prompts, seed=recipe.seed)
    answer = AnswerStep(
        config=recipe.answers, model=recipe.model, prompts=prompts, seed=recipe.seed, verifier_for=verifier_for
    )

    async def process(row: Mapping[str, Any], ask: Ask) -> Mapping[str, Any]:
        if "questions" in steps:
            seed = from_row(Seed, row)
            asking = await ask_questions(seed, ask)
            input_id, questions = seed.seed_id, asking.questions
        else:
            asking, question = None, from_row(Question, row)
            input_id, questions = question.question_id, (question,)
        solvings = await together([answer(question, ask) for question in questions]) if "answers" in steps else []
        outcome = Outcome(
            input_id=input_id,
            questions=asking.questions if asking else (),
            samples=tuple(sample for solving in solvings for sample in solving.samples),
            solutions=tuple(solving.solution for solving in solvings if solving.solution),
            rejections=(
                *(asking.rejections if asking else ()),
                *(solving.rejection for solving in solvings if solving.rejection),
            ),
            usage=(*((asking.usage,) if asking else ()), *(solving.usage for solving in solvings)),
            saved_samples=sum(solving.saved_samples for solving in solvings),
        )
        return to_row(outcome)

    return process


class Server:
    """The transport, opened when the first phase needs it: finished work starts no server."""

    def __init__(self, prepared: Prepared, reporter: Reporter) -> None:
        self._prepared, self._reporter = prepared, reporter
        self._stack = AsyncExitStack()
        self._transport: Transport | None = None

    async def transport(self) -> Transport:
        """The open transport."""
        if self._transport is None:
            recipe = self._prepared.recipe
            opening = open_transport(
                server=recipe.server,
                model=recipe.model,
                logs=self._prepared.directory / "logs",
                on_event=lambda event: self._reporter.note(str(event)),
            )
            self._transport = await self._stack.enter_async_context(opening)
        return self._transport

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
