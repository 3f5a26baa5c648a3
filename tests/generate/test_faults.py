"""What a step raises on one row rejects that row; on many it stops the run."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from generate.rows import SEEDS, question, seed
from generate.test_fuzz import prepared
from tsdg.errors import MachineError, ServerError, fault_of_row
from tsdg.generate.answers import AnswerStep
from tsdg.generate.questions import QuestionStep
from tsdg.pipeline.faults import Breaker, failed_draws
from tsdg.pipeline.phases import process_of
from tsdg.protocols import Choice, Reply, Request
from tsdg.rowform import to_row


async def ask(request: Request) -> Reply:
    count = request.body.get("n", 1)
    text = '{"reasoning": "It is so.", "answer": "84", "question": "How many are 7 times 12?"}'
    choice = Choice(text=text, reasoning="", finish_reason="stop")
    return Reply(choices=(choice,) * count, prompt_tokens=5, completion_tokens=3)


def raising(*_: Any) -> Any:
    raise OverflowError("int too large\nto convert")


async def test_a_draw_that_cannot_be_read_is_rejected_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read, seen = QuestionStep._read, []

    def second_raises(step: QuestionStep, *rest: Any) -> Any:
        seen.append(rest)
        return raising() if len(seen) == 2 else read(step, *rest)

    monkeypatch.setattr(QuestionStep, "_read", second_raises)
    process = process_of(prepared("questions.per_seed=3"), ("questions",))
    made = await process(to_row(seed("number")), ask)
    ids = [row["question_id"] for row in made["questions"]]
    failed = [row for row in made["rejections"] if row["reason"] == "step_failed"]
    assert len(failed) == 1
    assert failed[0]["detail"] == "OverflowError: int too large to convert"
    rejected = [row["row_id"] for row in made["rejections"]]
    assert len({*ids, *rejected}) == len(seen) == 3
    assert made["usage"][0]["requests"] >= 3


async def test_an_answer_that_cannot_be_read_keeps_its_usage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tsdg.generate.answer_sampling.read_round", raising)
    process = process_of(prepared(), ("answers",))
    row = question("number", **SEEDS["number"])
    made = await process(to_row(row), ask)
    assert [(r["row_id"], r["reason"]) for r in made["rejections"]] == [
        (row.question_id, "step_failed")
    ]
    assert made["usage"][0]["requests"] > 0
    assert made["usage"][0]["completion_tokens"] > 0


async def test_a_row_that_arrow_would_not_take_is_rejected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def huge(step: AnswerStep, item: Any, ask: Any) -> Any:
        made = await called(step, item, ask)
        object.__setattr__(made, "saved_samples", 2**70)
        return made

    called = AnswerStep.__call__
    monkeypatch.setattr(AnswerStep, "__call__", huge)
    process = process_of(prepared(), ("answers",))
    made = await process(to_row(question("number", **SEEDS["number"])), ask)
    assert [row["reason"] for row in made["rejections"]] == ["step_failed"]
    assert made["saved_samples"] == 0


async def test_many_rows_that_fail_stop_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tsdg.generate.answers.tally", raising)
    process = process_of(prepared(), ("answers",))
    row = to_row(question("number", **SEEDS["number"]))
    for _ in range(8):
        await process(row, ask)
    with pytest.raises(
        MachineError, match=r"the steps fail on 9 of 9 rows.*OverflowError"
    ) as error:
        await process(row, ask)
    assert error.value.exit_code == 3
    assert "\n" not in str(error.value)


def test_a_few_rows_in_a_hundred_do_not() -> None:
    breaker, failed = Breaker(), failed_draws(seed(), range(2), "ValueError: odd")
    for place in range(2000):
        breaker.count(failed if place % 20 == 0 else ())


def test_what_is_no_fault_of_the_row_goes_on_up() -> None:
    with pytest.raises(ServerError):
        fault_of_row(ServerError("gone"))
    with pytest.raises(MachineError, match="No space left"):
        fault_of_row(OSError(errno.ENOSPC, "No space left on device"))
    assert fault_of_row(ValueError("half \ud83d")).startswith("ValueError: half ")
    fault_of_row(ValueError("half \ud83d")).encode()
