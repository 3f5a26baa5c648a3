import json
from pathlib import Path
from typing import Any

import pytest

from tests.generate import rows
from tests.seeds.rows import arc_rows
from tsdg.config.compose import compose_recipe
from tsdg.config.recipe import Recipe
from tsdg.errors import MirrorError, PermanentError, RecipeError
from tsdg.generate.questions import QuestionStep
from tsdg.protocols import Reply, Request
from tsdg.records import AnswerKind
from tsdg.run.assumptions import assumptions
from tsdg.run.estimate import TaskLoad, Work, plan_phases
from tsdg.run.measured import Measured, measure
from tsdg.run.prepare import look_up
from tsdg.run.prompt_length import PromptLength
from tsdg.run.run_plan import RunPlan, make_plan
from tsdg.seeds.catalogue.load import load
from tsdg.views.plan_text import print_plan

GROUPS = ["seeds.tasks=[]", "seeds.groups=[knowledge,reasoning]"]


def rate(completion: int, model: str = "model") -> str:
    """An override: what one GPU does, prompts ten times as fast."""
    values = f"{{prompt: {completion * 10}, completion: {completion}, source: a test}}"
    return f"+{model}.throughput.h100={values}"


def recipe(tmp_path: Path, *overrides: str) -> Recipe:
    return compose_recipe(
        ["recipe=demo", "seeds.mirror=", f"output_root={tmp_path}/runs", *overrides]
    )


def plan(tmp_path: Path, *overrides: str) -> RunPlan:
    before = sorted(tmp_path.rglob("*"))
    made = make_plan(look_up(recipe(tmp_path, *overrides), mirror="optional"))
    assert sorted(tmp_path.rglob("*")) == before
    return made


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """Holds ARC-Easy alone."""
    path = tmp_path / "mirror" / "allenai" / "ai2_arc" / "ARC-Easy"
    path.mkdir(parents=True)
    write(path / "train.parquet", arc_rows(50))
    return tmp_path / "mirror"


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(rows), path)


def test_without_a_mirror_the_catalogue_counts(tmp_path: Path) -> None:
    made = plan(
        tmp_path, *GROUPS, "seeds.cap_per_task=1000", "seeds.total=20000", "seeds.mix=round_robin"
    )
    rows = {unit.tasks[0]: unit.rows for unit in load().units}
    assert {task.task: task.available for task in made.tasks} == {
        task.task: rows[task.task] for task in made.tasks
    }
    assert {task.counted for task in made.tasks} == {"catalogue"}
    assert [share.name for share in made.groups] == ["knowledge", "reasoning"]
    assert (
        sum(share.seeds for share in made.families)
        == sum(task.seeds for task in made.tasks)
        == 20000
    )
    for shares in (made.families, made.groups, made.domains, made.languages):
        assert sum(share.natural_share for share in shares) == pytest.approx(1, abs=1e-4)
        assert sum(share.sampled_share for share in shares) == pytest.approx(1, abs=1e-4)
        assert all(
            share.sampled_share == pytest.approx(share.seeds / 20000, abs=1e-6) for share in shares
        )
    (note,) = made.notes
    assert note.startswith(f"there is no mirror for {len(made.tasks)} of {len(made.tasks)} splits")
    assert "tsdg seeds prefetch" in note


def test_what_the_mirror_lacks_is_the_catalogues_or_skipped(tmp_path: Path, mirror: Path) -> None:
    words = [f"seeds.mirror={mirror}", "seeds.tasks=[]", "seeds.families=[ai2_arc]"]
    made = plan(tmp_path, *words)
    assert [(task.task, task.available, task.counted) for task in made.tasks] == [
        ("arc_easy", 50, "mirror"),
        ("arc_challenge", 1119, "catalogue"),
    ]
    assert "lacks 1 of 2 splits" in made.notes[0]
    made = plan(tmp_path, *words, "seeds.missing=skip")
    assert [task.task for task in made.tasks] == ["arc_easy"]
    assert [(task.task, task.reason) for task in made.left_out] == [
        (
            "arc_challenge",
            "seeds.missing=skip: allenai/ai2_arc/ARC-Challenge/train is not in the mirror",
        )
    ]
    assert made.notes == []
    with pytest.raises(MirrorError, match="no folder"):
        plan(tmp_path, f"seeds.mirror={tmp_path}/nowhere")


def test_requests_tokens_and_units(tmp_path: Path) -> None:
    made = plan(tmp_path, "seeds.cap_per_task=12", "engine.unit_rows=10", rate(100))
    questions, answers = made.phases
    assert (questions.phase, questions.rows, questions.units) == ("questions", 72, 8)
    assert questions.work.requests == questions.work.requests_expected == 72
    assert answers.work.requests == 72 * 5 + 72
    assert (
        answers.work.requests_expected == 6 * 54 + 72
    )  # half-way between 4 and 5 votes, and one to enrich
    assert answers.work.completion_tokens == 6 * 54 * 200 + 72 * 256
    assert answers.work.completion_tokens_most == 72 * 5 * 200 + 72 * 256
    assert made.requests == 72 + 72 * 6
    work = answers.work
    assert answers.gpu_hours == pytest.approx(
        (work.completion_tokens / 100 + work.prompt_tokens / 1000) / 3600, abs=0.02
    )
    assert made.gpu_hours == pytest.approx(sum(phase.gpu_hours or 0 for phase in made.phases))
    assert made.records == 72 * 3
    assert set(made.record_tokens) == {"answer", "reasoning", "enriched"}
    fused = plan(
        tmp_path, "phases=[[questions,answers]]", "seeds.cap_per_task=12", "engine.unit_rows=10"
    )
    assert [(phase.phase, phase.units) for phase in fused.phases] == [("questions-answers", 8)]
    assert fused.total == made.total
    assert fused.gpu_hours is None
    assert (
        "no GPU-hours: model.throughput of SmolLM2-135M-Instruct has no h100" in fused.assumptions
    )


@pytest.mark.parametrize(
    ("name", "tier_a", "all_tiers"),
    [("knowledge", 34, 39), ("reasoning", 30, 34), ("nemotron", 64, 73)],
)
def test_a_group_has_the_families_that_its_recipe_says(
    tmp_path: Path, name: str, tier_a: int, all_tiers: int
) -> None:
    counts = [
        len(plan(tmp_path, f"recipe={name}", f"seeds.tier_b={more}").families)
        for more in ("false", "true")
    ]
    assert counts == [tier_a, all_tiers]


JUDGED = (
    "judge=rubric",
    "+model@roles.judge.model=smollm2-135m-instruct",
    "roles.judge.model.name=the-judge",
)


def test_what_a_judge_is_asked_is_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*JUDGED, "seeds.tasks=[demo_arithmetic]", rate(100)]
    alone, judged = plan(tmp_path, *words[3:]), plan(tmp_path, *words)
    questions, answers = judged.phases
    assert [(role.role, role.model) for role in answers.roles] == [
        ("answers", "SmolLM2-135M-Instruct"),
        ("enrich", "SmolLM2-135M-Instruct"),
        ("judge", "the-judge"),
    ]
    # Each question beside its seed's, each answer beside a rival: in both orders.
    assert questions.roles[1].work.requests == answers.roles[2].work.requests == 12 * 2
    assert questions.roles[1].work.completion_tokens == 24 * 300
    assert questions.roles[1].work.completion_tokens_most == 24 * 512
    assert questions.roles[1].work.prompt_tokens > 24 * 3 * 10
    assert judged.requests == alone.requests + 48
    assert judged.total.completion_tokens == alone.total.completion_tokens + 48 * 300
    assert alone.gpu_hours is not None
    assert judged.gpu_hours is None  # nobody knows the judge's throughput
    both = plan(tmp_path, *words, rate(10, "roles.judge.model"))
    prompts = questions.roles[1].work.prompt_tokens + answers.roles[2].work.prompt_tokens
    more = (48 * 300 / 10 + prompts / 100) / 3600
    assert both.gpu_hours == pytest.approx(alone.gpu_hours + more, abs=0.02)
    print_plan(both, as_json=False)
    shown = capsys.readouterr().out
    assert "judge by the-judge: 24 requests" in shown
    assert (
        "the judge compares in both orders: requests 2 a question, "
        "8 to choose among 5 free texts, 2 an answer"
    ) in shown
    assert "GPU-hours of SmolLM2-135M-Instruct, the-judge: " in shown
    assert "one h100 GPU of the-judge reads 100 or writes 10 tokens a second: a test" in shown


def test_a_judge_is_counted_by_what_it_is_asked_for(tmp_path: Path) -> None:
    choice = ["seeds.tasks=[demo_arithmetic]"]
    only = plan(tmp_path, *JUDGED, *choice, "judge.question_min_score=0", "judge.best_of=false")
    assert [[role.role for role in phase.roles] for phase in only.phases] == [
        ["questions"],
        ["answers", "enrich", "judge"],
    ]
    free = plan(
        tmp_path,
        "recipe=rqa",
        "model=smollm2-135m-instruct",
        *JUDGED,
        "answers.samples=4",
        "questions.per_seed=2",
    )
    answers = free.phases[1]
    rows, work = answers.rows, answers.roles[0].work
    # No vote that ends: all samples of a question are one request.
    assert (work.requests, work.requests_expected, work.replies_expected) == (rows, rows, rows * 4)
    assert answers.roles[1].work.requests == rows * (3 + 1) * 2


def test_a_study_is_a_phase_with_a_short_request_for_its_share_of_the_seeds(tmp_path: Path) -> None:
    words = ["recipe=knowledge", "seeds.cap_per_task=10"]
    study, questions, _ = plan(tmp_path, *words, "study.share=0.5").phases
    (role,) = study.roles
    assert (study.phase, role.role, study.rows) == ("study", "study", questions.rows)
    assert role.work.requests == pytest.approx(study.rows / 2, rel=0.01)
    assert role.work.completion_tokens < questions.work.completion_tokens / 2
    phases = plan(tmp_path, *words, "study.share=0").phases
    assert [phase.phase for phase in phases] == ["questions", "answers"]


def test_each_role_is_counted_with_its_own_model(tmp_path: Path) -> None:
    words = ["recipe=knowledge", "seeds.cap_per_task=10", "answers.rationale=trace"]
    solver = "+model@roles.answers.model"
    own = plan(tmp_path, *words, f"{solver}=qwen3-235b-a22b-thinking-2507")
    mixed = plan(tmp_path, *words, f"{solver}=qwen3-30b-a3b-instruct-2507")
    assert mixed.phases[:2] == own.phases[:2]
    mine, theirs = mixed.phases[2].roles[0], own.phases[2].roles[0]
    assert mine.work.requests == theirs.work.requests
    # This model does not think before it replies, and writes faster.
    assert mine.work.completion_tokens < theirs.work.completion_tokens / 2
    assert mine.gpu_hours
    assert theirs.gpu_hours
    assert mine.gpu_hours < theirs.gpu_hours
    assert mixed.record_tokens["reasoning"] < own.record_tokens["reasoning"]


@pytest.mark.parametrize("hardware", ["h100", "h200", "gb200"])
def test_the_default_recipe_is_within_five_thousand_gpu_hours(
    tmp_path: Path, hardware: str, capsys: pytest.CaptureFixture[str]
) -> None:
    caps = ["seeds.cap_per_task=4500000", "seeds.cap_per_family=0", "seeds.cap_per_group=0"]
    words = ["recipe=nemotron", "seeds.total=4500000", f"hardware={hardware}", *caps]
    made = plan(tmp_path, *words)
    assert made.questions == 4_500_000
    assert made.gpu_hours
    roles = [role for phase in made.phases for role in phase.roles]
    assert {role.role for role in roles} == {"study", "questions", "answers", "escalate", "enrich"}
    assert sum(role.gpu_hours or 0 for role in roles) == pytest.approx(made.gpu_hours, abs=0.1)
    assert 500 < made.gpu_hours < 5000
    told = "\n".join(made.assumptions)
    for role in roles:
        assert f"one {hardware} GPU of {role.model} reads" in told
    print_plan(made, as_json=False)
    shown = capsys.readouterr().out
    assert all(f"{role.role} by {role.model}" in shown for role in roles)
    assert "cheaper: +roles.escalate.request.reasoning_effort=medium would save" in shown


def test_what_a_run_took_replaces_what_is_assumed(tmp_path: Path) -> None:
    def took(completion: float, reasoning: float = 0.0) -> Measured:
        return Measured(prompt=100, completion=completion, requests=50, reasoning=reasoning)

    assert measure(tmp_path) == {}
    words = recipe(tmp_path, "seeds.tasks=[demo_arithmetic]", rate(100))
    prepared = look_up(words, mirror="optional")
    loads = [TaskLoad(kind="number", seeds=12, row_chars=100)]
    found = {"questions": took(500.0), "answers": took(70.0, 40.0)}
    phases = plan_phases(prepared.recipe, prepared.prompts, loads, found)  # type: ignore[arg-type]
    questions, (answers, enrich) = phases[0].roles[0], phases[1].roles
    assert questions.work.completion_tokens == 12 * 500
    assert questions.work.prompt_tokens == 12 * 100
    assert answers.work.completion_tokens == answers.work.requests_expected * 70
    assert enrich.work.completion_tokens == 12 * 256
    told = "\n".join(assumptions(prepared.recipe, found))  # type: ignore[arg-type]
    assert (
        "answers: 100 tokens of prompt and 70 of reply (40 of thinking), the mean of 50 requests"
        in told
    )
    assert "at most max_tokens: enrich 256 (" in told


@pytest.mark.parametrize("prompt", ["small", "default"])
@pytest.mark.parametrize("kind", ["choice", "number"])
async def test_a_prompt_is_as_long_as_what_is_sent(
    tmp_path: Path, prompt: str, kind: AnswerKind
) -> None:
    few_shot = "2" if prompt == "small" else "0"
    words = (f"prompt={prompt}", f"questions.few_shot={few_shot}")
    prepared = look_up(recipe(tmp_path, *words), mirror="optional")
    step = QuestionStep(
        config=prepared.recipe.questions,
        model=prepared.recipe.model,
        prompts=prepared.prompts,
        seed=0,
        judge=None,
        kin=None,
        aim=None,
    )
    row, sent = rows.seed(kind), []

    async def ask(request: Request) -> Reply:
        sent.append(sum(len(turn["content"]) for turn in request.body["messages"]))
        raise PermanentError("not_sent", "")

    await step(row, ask)
    told = sum(map(len, (row.question, row.context, *row.options, row.answer, row.solution)))
    planned = PromptLength(prepared.recipe, prepared.prompts).of("questions", kind)
    assert planned + told == pytest.approx(sent[0], rel=0.15)


def test_samples_of_one_prompt_are_one_request_a_round(tmp_path: Path) -> None:
    words = ("seeds.tasks=[demo_arithmetic]", "answers=default", "answers.structured=false")
    prepared = look_up(recipe(tmp_path, *words), mirror="optional")

    def work(kind: AnswerKind) -> Work:
        loads = [TaskLoad(kind=kind, seeds=100, row_chars=100)]
        return plan_phases(prepared.recipe, prepared.prompts, loads)[1].roles[0].work

    number, choice = work("number"), work("choice")
    # 3 of 5 votes: three samples, then mostly one more; at most two more, one by one.
    assert (number.requests, number.requests_expected, number.replies_expected) == (300, 200, 400)
    # Options stand in another order for each sample.
    assert choice.requests_expected == choice.replies_expected == 450


def test_a_plan_without_phases_ends_with_the_seeds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = plan(tmp_path, "phases=[]")
    assert (made.phases, made.requests, made.records, made.gpu_hours) == ([], 0, 0, None)
    print_plan(made, as_json=False)
    assert "stops after the seeds" in capsys.readouterr().out


def test_impossible_shares_are_found_before_a_run(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"seeds.shares.domain: found magic"):
        plan(tmp_path, "+seeds.shares.domain.magic=0.5")
    with pytest.raises(
        RecipeError, match=r"recipe key seeds.shares: domain: the shares sum to 1.2"
    ):
        recipe(tmp_path, "+seeds.shares.domain.math=0.7", "+seeds.shares.domain.code=0.5")
    with pytest.raises(
        RecipeError,
        match=r"seeds.tasks, seeds.families, seeds.groups and passages.path are all empty",
    ):
        recipe(tmp_path, "seeds.tasks=[]")


def test_it_is_printed_for_a_person_and_as_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = plan(tmp_path, *GROUPS, "seeds.licences=permissive", "seeds.cap_per_family=suggested")
    print_plan(made, as_json=False)
    shown = capsys.readouterr().out
    refused = sum("permissive" in task.reason for task in made.left_out)
    assert f"left out: {refused} tasks, seeds.licences=permissive: " in shown
    assert all(share.name in shown for share in made.families)
    poor = [share for share in made.families if share.poor]
    assert all(share.poor in shown for share in poor)
    assert ("poor seeds (families with a reason beside their name): " in shown) == bool(poor)
    assert f"run directory: {tmp_path}/runs/demo-" in shown
    print_plan(made, as_json=True)
    values = json.loads(capsys.readouterr().out)
    assert values["families"][0].keys() == {
        "name",
        "tasks",
        "available",
        "natural_share",
        "seeds",
        "sampled_share",
        "poor",
    }
    assert {entry["task"] for entry in values["left_out"]} >= {
        "sciq",
        "mmlu_pro_law",
        "winogrande_l",
    }
