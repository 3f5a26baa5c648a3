"""How wide a run's questions are, read from run directories that are made by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.package.make_run import PROVENANCE, write_table
from tsdg.config.compose import compose_recipe
from tsdg.config.recipe import Recipe
from tsdg.errors import ShortfallError, VerificationError
from tsdg.layout import SYLLABUS
from tsdg.progress import Reporter
from tsdg.records import (
    NO_PLAN,
    OUTCOME_SCHEMA,
    SEED_SCHEMA,
    Outcome,
    Plan,
    Question,
    Seed,
    Source,
)
from tsdg.run.measure_diversity import (
    Diversity,
    check_canary,
    grown,
    growth_text,
    measure,
    write_full_run,
)
from tsdg.run.prepare import prepare, take_snapshot

Make = Callable[..., Path]
SUBJECT = replace(NO_PLAN, seed_subject="Biology > Botany > roots", field="Biology")


def seed(number: int, task: str) -> Seed:
    return Seed(
        seed_id=f"{number:024x}",
        group="knowledge",
        family="demo_science",
        task=task,
        output_type="generate_until",
        answer_kind="short_text",
        question=f"a{number} b{number} c{number} d{number} e{number} f{number}?",
        context="",
        options=(),
        classes=False,
        answer=f"answer {number}",
        answer_index=-1,
        aliases=(),
        checks=(),
        option_order=(),
        solution="",
        level="",
        subject="",
        domain="science",
        language="en",
        licence="",
        source=Source(dataset_path="d", config="", split="train", row=number, revision=""),
    )


def question(number: int, text: str, from_: Seed, plan: Plan = NO_PLAN) -> Question:
    return Question(
        question_id=f"{number:024x}",
        seed_ids=(from_.seed_id,),
        group=from_.group,
        family=from_.family,
        task=from_.task,
        domain=from_.domain,
        language=from_.language,
        licence=from_.licence,
        answer_kind="text",
        question=text,
        context="",
        options=(),
        classes=False,
        claimed_answer="",
        checks=(),
        plan=plan,
        provenance=PROVENANCE,
    )


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write a run of one question per seed; of ``tasks`` in turn."""

    def made(
        name: str,
        texts: Sequence[str],
        *,
        tasks: Sequence[str] = ("demo_science",),
        plan: Plan = NO_PLAN,
        left: int = 0,
    ) -> Path:
        words = ["recipe=demo", f"output_root={tmp_path}", f"run={name}"]
        prepared = prepare(compose_recipe([*words, "questions.per_seed=1"]))
        take_snapshot(prepared, [])
        run = prepared.directory
        seeds = [seed(n, tasks[n % len(tasks)]) for n in range(len(texts) + left)]
        write_table(run / "seeds/seeds.parquet", SEED_SCHEMA, seeds)
        outcomes = [
            Outcome(
                input_id=from_.seed_id,
                studies=(),
                questions=(question(n, text, from_, plan),),
                samples=(),
                solutions=(),
                rejections=(),
                usage=(),
                saved_samples=0,
            )
            for n, (text, from_) in enumerate(zip(texts, seeds, strict=False))
        ]
        for start in range(0, len(outcomes), 40):
            path = run / f"questions/parts/unit-{start // 40:06}.parquet"
            write_table(path, OUTCOME_SCHEMA, outcomes[start : start + 40])
        return run

    return made


def wide(count: int) -> list[str]:
    return [f"How g{n} h{n} i{n} j{n} k{n} l{n} m{n}?" for n in range(count)]


def collapsed(count: int, forms: int = 10) -> list[str]:
    return [wide(forms)[n * n % 101 % forms] for n in range(count)]


def test_figures_stand_beside_those_of_the_seeds(make: Make) -> None:
    run = make("run", [*wide(60), *wide(30)], tasks=("demo_science", "demo_python"))
    found = measure(run, at=90)
    whole = found.whole
    assert (whole.written, whole.measured, whole.to_seeds) == (90, 90, 0)
    assert whole.growth[-1].questions == 90
    assert whole.growth[-1].near.estimate == pytest.approx(30 / 90)
    assert whole.growth[-1].exact == whole.growth[-1].near
    assert whole.repeated == pytest.approx((30 / 90, 0))
    assert (whole.questions.questions, whole.beside.questions) == (90, 90)
    assert [one.figure for one in whole.narrower] == ["near-duplicates"]
    assert [(task.task, task.written) for task in found.tasks] == [
        ("demo_science", 45),
        ("demo_python", 45),
    ]
    assert found.syllabus == {}


def test_a_run_that_goes_on_is_predicted_to_its_end(make: Make) -> None:
    run = make("run", wide(60), left=940)
    assert measure(run).whole.growth[-1].questions == 1_000
    assert measure(run, at=5_000).whole.growth[-1].questions == 5_000


def test_another_run_takes_the_seeds_place(make: Make) -> None:
    run, other = make("run", collapsed(60)), make("other", wide(80))
    whole = measure(run, against=str(other)).whole
    assert whole.beside.questions == 80
    assert whole.repeated == pytest.approx((50 / 60, 0))


def test_of_many_questions_a_sample_of_the_seeds_is_measured(make: Make) -> None:
    run = make("run", wide(400))
    once, again = measure(run, sample=100), measure(run, sample=100)
    assert once == again
    assert 60 < once.whole.measured < 140
    assert once.whole.written == 400
    assert once.whole.growth[-1].questions == 400
    assert once.whole.beside.questions == once.whole.measured


def test_subjects_and_the_syllabus(make: Make) -> None:
    run = make("run", wide(60), plan=replace(SUBJECT, subfield="Botany", concept="Leaves"))
    (run / "study").mkdir()
    rows = [
        {"field": "biology", "subfield": "botany", "concept": "leaves", "count": 3},
        {"field": "biology", "subfield": "botany", "concept": "roots", "count": 1},
        {"field": "law", "subfield": "contracts", "concept": "offer", "count": 2},
    ]
    pq.write_table(pa.Table.from_pylist(rows), run / SYLLABUS)
    found = measure(run)
    assert found.syllabus == {"fields": (1, 2), "subfields": (1, 2), "concepts": (1, 3)}
    assert found.whole.questions.concepts.commonest == "biology > botany > leaves"
    assert found.whole.beside.concepts.commonest == "biology > botany > roots"
    assert found.whole.beside.concepts.total == 60


def test_without_parts_the_table_of_questions_is_read(make: Make) -> None:
    run = make("run", wide(40))
    parts = run / "questions/parts"
    table = pq.read_table(parts / "unit-000000.parquet")
    rows = [row for one in table["questions"].to_pylist() for row in one]
    for path in parts.iterdir():
        path.unlink()
    with pytest.raises(ShortfallError, match="no question is written yet"):
        measure(run)
    pq.write_table(pa.Table.from_pylist(rows).slice(0, 0), run / "questions/questions.parquet")
    with pytest.raises(ShortfallError, match=r"were rejected; .*questions/rejected.parquet says"):
        measure(run)
    pq.write_table(pa.Table.from_pylist(rows), run / "questions/questions.parquet")
    assert measure(run).whole.written == 40


def test_a_damaged_part_is_named(make: Make) -> None:
    run = make("run", wide(40))
    part = run / "questions/parts/unit-000000.parquet"
    part.write_bytes(part.read_bytes()[:-9])
    with pytest.raises(VerificationError, match="unit-000000"):
        measure(run)


class Notes(Reporter):
    """Keeps what is noted."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


def recipe_of(most: float) -> Recipe:
    return compose_recipe(["recipe=demo", f"questions.max_duplicates={most}"])


def test_a_canary_that_repeats_itself_stops_the_launch(make: Make) -> None:
    run = make("canary", collapsed(60))
    write_full_run(run, 500_000)
    with pytest.raises(ShortfallError) as stopped:
        check_canary(run, recipe_of(0.3), Notes())
    message = str(stopped.value)
    assert message.startswith(growth_text(grown(run, 500_000)))
    assert "questions.max_duplicates allows 30 %" in message
    assert "\n" not in message
    check_canary(run, recipe_of(1), Notes())
    (run / "launch/full_run.json").write_text("[]")
    with pytest.raises(VerificationError, match="is damaged; launch the run again"):
        check_canary(run, recipe_of(0.3), Notes())
    (run / "launch/full_run.json").unlink()
    check_canary(run, recipe_of(0.3), Notes())


def test_a_canary_that_may_repeat_itself_warns(make: Make) -> None:
    texts = [*wide(57), *wide(3)]
    run, notes = make("canary", texts), Notes()
    write_full_run(run, 500_000)
    check_canary(run, recipe_of(0.3), notes)
    assert notes.said[0].startswith("warning: at 500,000 questions")
    wider = make("wider", wide(60))
    write_full_run(wider, 500_000)
    check_canary(wider, recipe_of(0.3), notes)
    assert notes.said[1].startswith("at 500,000 questions 0 % (0 to")


def test_figures_are_plain_values(make: Make) -> None:
    from dataclasses import asdict

    found: Diversity = measure(make("run", wide(60)), at=1_000)
    assert json.loads(json.dumps(asdict(found)))["whole"]["written"] == 60
