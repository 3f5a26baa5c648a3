from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsdg.config.recipe import DedupConfig
from tsdg.corpus.decontamination import Decontamination, Nothing
from tsdg.corpus.gather import gather_answers, gather_questions
from tsdg.corpus.near_pass import NearPass, check_against
from tsdg.errors import RecipeError
from tsdg.records import (
    ANSWER_SAMPLE_SCHEMA,
    NO_PLAN,
    OUTCOME_SCHEMA,
    REJECTION_SCHEMA,
    SEED_SCHEMA,
    SOLUTION_SCHEMA,
    AnswerKind,
    AnswerSample,
    Outcome,
    Provenance,
    Question,
    Reason,
    Rejection,
    Seed,
    Solution,
    Source,
    Stage,
    Usage,
    Verification,
)
from tsdg.rowform import schema_of, to_row
from tsdg.tables import UNIT_ROWS, Table, read_rows

NONE = Decontamination(Nothing())
OFF = NearPass(
    DedupConfig(near=False, threshold=0.85, keep="first", against=()),
    seeds=Path("none"),
    scratch=Path("none"),
)
PROVENANCE = Provenance(
    model="m", prompt="questions/number", prompt_hash="h", sampling="{}", request_id="r"
)


def question(name: str, text: str) -> Question:
    return Question(
        classes=False,
        plan=NO_PLAN,
        question_id=name,
        seed_ids=("s",),
        group="reasoning",
        family="f",
        task="t",
        domain="d",
        language="en",
        licence="l",
        answer_kind="number",
        question=text,
        context="",
        options=(),
        claimed_answer="",
        checks=(),
        provenance=PROVENANCE,
    )


def rejection(name: str, stage: Stage, reason: Reason) -> Rejection:
    return Rejection(
        row_id=name, group="reasoning", family="f", task="t", stage=stage, reason=reason, detail=""
    )


def solution(name: str) -> Solution:
    verification = Verification(
        claim_agrees=None, method="vote", votes=3, agreement=1.0, samples=3, chance=None, score=0.0
    )
    return Solution(
        trace="",
        unenriched="",
        question_id=name,
        answer="1",
        reasoning="",
        knowledge="",
        distractors=(),
        verification=verification,
        provenance=PROVENANCE,
    )


def sample(name: str) -> AnswerSample:
    return AnswerSample(
        question_id=name,
        sample=0,
        text="1",
        reasoning="",
        answer="1",
        finish_reason="stop",
        prompt_tokens=1,
        completion_tokens=1,
        option_order=(),
    )


def outcome(number: int, texts: list[str]) -> Outcome:
    """One input row: a question per text, every other one solved, and one rejected at once."""
    questions = [question(f"{number}.{index}", text) for index, text in enumerate(texts)]
    solved = [q.question_id for q in questions[::2]]
    refused = [q.question_id for q in questions[1::2]]
    return Outcome(
        input_id=str(number),
        studies=(),
        questions=tuple(questions),
        samples=tuple(sample(q.question_id) for q in questions),
        solutions=tuple(solution(name) for name in solved),
        rejections=(
            rejection(f"{number}.x", "questions", "bad_schema"),
            *(rejection(n, "answers", "tie") for n in refused),
        ),
        usage=(),
        saved_samples=0,
    )


def part_of(rows: list[Outcome]) -> pa.Table:
    return pa.Table.from_pylist([to_row(row) for row in rows], schema=OUTCOME_SCHEMA)


OLDER_USAGE = pa.list_(
    pa.struct([field for field in schema_of(Usage) if field.name != "reasoning_tokens"])
)
TEXTS = st.lists(
    st.sampled_from(["What is 1?", "WHAT is  1", "What is 2?", "¿Qué es?", "何ですか"]), max_size=4
)


@settings(max_examples=settings.default.max_examples // 2)
@given(st.lists(TEXTS, max_size=6))
def test_every_question_is_kept_or_rejected_once_and_fused_equals_apart(
    tmp_path_factory: object, rows: list[list[str]]
) -> None:
    folder: Path = tmp_path_factory.mktemp("run")  # type: ignore[attr-defined]
    fused = [outcome(number, texts) for number, texts in enumerate(rows)]
    dropped = gather_questions(
        fused, directory=folder / "questions", unit_rows=2, decontamination=NONE, near=OFF
    )
    gather_answers([part_of(fused)], directory=folder / "answers", dropped=dropped)

    kept = list(read_rows(folder / "questions/questions.parquet", Question))
    asked = [q for row in fused for q in row.questions]
    rejected = list(read_rows(folder / "questions" / "rejected.parquet", Rejection))
    assert len(kept) + len(rejected) == len(asked) + len(fused)
    assert {q.question_id for q in kept} | {
        r.row_id for r in rejected if r.reason == "duplicate"
    } == {q.question_id for q in asked}
    # The first of equal ones stays: no kept question has an equal one before it.
    first: dict[str, str] = {}
    for q in asked:
        first.setdefault(q.question.casefold().replace("  ", " ").strip("?"), q.question_id)
    assert [q.question_id for q in kept] == list(first.values())

    ids = {q.question_id for q in kept}
    solved = [s.question_id for s in read_rows(folder / "answers/solutions.parquet", Solution)]
    refused = [r.row_id for r in read_rows(folder / "answers" / "rejected.parquet", Rejection)]
    assert sorted(solved + refused) == sorted(ids)
    assert {
        s.question_id for s in read_rows(folder / "answers/samples.parquet", AnswerSample)
    } == ids


def test_the_questions_say_how_many_are_a_work_unit_of_the_answers(tmp_path: Path) -> None:
    rows = [outcome(number, [f"What is {number}?"]) for number in range(5)]
    gather_questions(rows, directory=tmp_path, unit_rows=2, decontamination=NONE, near=OFF)
    assert pq.read_schema(tmp_path / "questions.parquet").metadata[UNIT_ROWS] == b"2"


def test_gathering_again_gives_the_same_files(tmp_path: Path) -> None:
    rows = [outcome(0, ["What is 1?", "what is 1"]), outcome(1, ["What is 2?"])]
    before = []
    for _ in range(2):
        dropped = gather_questions(
            rows, directory=tmp_path / "q", unit_rows=2, decontamination=NONE, near=OFF
        )
        gather_answers(
            [part_of([replace(row, questions=()) for row in rows])],
            directory=tmp_path / "a",
            dropped=dropped,
        )
        before.append(
            {path.name: path.read_bytes() for path in sorted(tmp_path.rglob("*.parquet"))}
        )
    assert before[0] == before[1]


@pytest.mark.parametrize("dropped", [set(), {"0.0", "300.1", "699.0"}])
def test_answers_are_gathered_to_the_bytes_of_rows_added_one_by_one(
    tmp_path: Path, dropped: set[str]
) -> None:
    rows = [outcome(number, ["What is 1?"] * (number % 4)) for number in range(700)]
    cuts = [0, 3, 3, 130, 700]  # the chunks of the tables are not those of the parts
    parts = [part_of(rows[start:end]) for start, end in pairwise(cuts)]
    # As a version wrote it that did not have this column.
    usage = pa.array([[] for _ in parts[0]["usage"]], OLDER_USAGE)
    parts[0] = parts[0].set_column(parts[0].schema.get_field_index("usage"), "usage", usage)
    gather_answers(parts, directory=tmp_path / "a", dropped=dropped)

    tables = {
        "samples": (ANSWER_SAMPLE_SCHEMA, [s for row in rows for s in row.samples]),
        "solutions": (SOLUTION_SCHEMA, [s for row in rows for s in row.solutions]),
        "rejected": (
            REJECTION_SCHEMA,
            [r for row in rows for r in row.rejections if r.stage == "answers"],
        ),
    }
    for name, (schema, items) in tables.items():
        with Table(tmp_path / f"{name}.parquet", schema, group_rows=10_000) as table:
            for item in items:
                if getattr(item, "row_id" if name == "rejected" else "question_id") not in dropped:
                    table.add(item)
        assert table.count > 512 or name != "samples"
        written = (tmp_path / "a" / f"{name}.parquet").read_bytes()
        assert written == (tmp_path / f"{name}.parquet").read_bytes()


@given(st.lists(st.integers(0, 700), max_size=6), st.booleans())
def test_rows_make_the_same_file_however_they_are_added(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], start_alone: bool
) -> None:
    folder = tmp_path_factory.mktemp("table")
    rows = [sample(f"{number}") for number in range(sum(sizes))]
    with Table(folder / "one", ANSWER_SAMPLE_SCHEMA, group_rows=600) as table:
        for row in rows:
            table.add(row)
    with Table(folder / "many", ANSWER_SAMPLE_SCHEMA, group_rows=600) as table:
        done = 0
        for place, size in enumerate(sizes):
            some = rows[done : done + size]
            if (place % 2 == 0) is start_alone:
                for row in some:
                    table.add(row)
            else:
                table.add_rows(
                    pa.Table.from_pylist([to_row(row) for row in some], ANSWER_SAMPLE_SCHEMA)
                )
            done += size
    assert table.count == len(rows)
    assert (folder / "many").read_bytes() == (folder / "one").read_bytes()


LEGS = "How many legs does a garden spider have in all?"


def near_pass(
    folder: Path, *, against: tuple[str, ...] = (), keep: Literal["first", "agreement"] = "first"
) -> NearPass:
    """A near pass over one seed."""
    row = seed("Which part of a plant takes up water from the soil?")
    with Table(folder / "seeds.parquet", SEED_SCHEMA, group_rows=10) as seeds:
        seeds.add(row)
    config = DedupConfig(near=True, threshold=0.85, keep=keep, against=against)
    return NearPass(
        config,
        seeds=folder / "seeds.parquet",
        scratch=folder / "scratch",
    )


def seed(text: str) -> Seed:
    return Seed(
        classes=False,
        solution="",
        level="",
        subject="",
        seed_id="seed0",
        group="reasoning",
        family="f",
        task="t",
        output_type="generate_until",
        answer_kind="number",
        question=text,
        context="",
        options=(),
        answer="",
        answer_index=-1,
        aliases=(),
        checks=(),
        option_order=(),
        domain="d",
        language="en",
        licence="l",
        source=Source(dataset_path="p", config="c", split="train", row=0, revision="r"),
    )


def test_near_duplicates_become_rejections_that_name_what_stays(tmp_path: Path) -> None:
    rows = [
        outcome(0, [LEGS, "Which part of a plant takes up salt from the soil?"]),
        outcome(1, [LEGS.replace("garden", "house"), LEGS.upper()]),
        outcome(2, ["How many moons does the planet Mars have?"]),
    ]
    near = near_pass(tmp_path)
    dropped = gather_questions(
        rows, directory=tmp_path / "q", unit_rows=2, decontamination=NONE, near=near
    )
    gather_answers([part_of(rows)], directory=tmp_path / "a", dropped=dropped)
    assert dropped == {"0.1", "1.0", "1.1"}
    assert near.removed == 2
    rejected = {
        row.row_id: row for row in read_rows(tmp_path / "q" / "rejected.parquet", Rejection)
    }
    assert {
        name: (row.reason, row.detail) for name, row in rejected.items() if name in dropped
    } == {
        "0.1": ("near_duplicate", "differs in few words from seed seed0, which stays"),
        "1.0": ("near_duplicate", "differs in few words from question 0.0, which stays"),
        "1.1": ("duplicate", "an equal question came earlier in this run"),
    }
    assert [q.question_id for q in read_rows(tmp_path / "q" / "questions.parquet", Question)] == [
        "0.0",
        "2.0",
    ]
    assert not (tmp_path / "scratch").exists()

    later = [outcome(3, [LEGS.replace("in all", "at all"), "Why is the sky blue at noon?"])]
    run = tmp_path / "earlier"
    (run / "questions").mkdir(parents=True)
    (tmp_path / "q" / "questions.parquet").rename(run / "questions" / "questions.parquet")
    again = near_pass(tmp_path, against=(str(run),))
    assert gather_questions(
        later, directory=tmp_path / "p", unit_rows=2, decontamination=NONE, near=again
    ) == {"3.0"}
    details = [
        row.detail
        for row in read_rows(tmp_path / "p" / "rejected.parquet", Rejection)
        if row.row_id == "3.0"
    ]
    assert details == ["differs in few words from run earlier: question 0.0, which stays"]


SURE = ("yes", "no", "cannot tell")
CLASSES = ("refutes", "supports", "neither")
"""Options that all items of their task have."""


@pytest.mark.parametrize(
    ("kind", "options", "answers", "goes"),
    [
        ("number", (), ("8", "8"), True),
        ("number", (), ("8", "6"), False),
        (
            "text",
            (),
            ("They have eight, as all spiders do.", "Eight."),
            True,
        ),  # long answers are not compared
        ("boolean", (), ("yes", "yes"), False),
        ("choice", SURE, ("yes", "yes"), True),
        ("choice", CLASSES, ("yes", "yes"), False),
        ("choice", ("eight", "six", "ten"), ("eight", "eight"), True),
    ],
)
def test_a_short_answer_speaks_for_the_same_question_and_a_label_does_not(
    tmp_path: Path, kind: AnswerKind, options: tuple[str, ...], answers: tuple[str, str], goes: bool
) -> None:
    asked = [
        replace(
            question(f"0.{place}", text),
            answer_kind=kind,
            options=options,
            classes=options == CLASSES,
            claimed_answer=answer,
            context="A passage.",
        )
        for place, (text, answer) in enumerate(
            zip((LEGS, LEGS.replace("garden", "house")), answers, strict=True)
        )
    ]
    sifted = near_pass(tmp_path).sift((one, 0.0) for one in asked)
    assert [bool(why) for _, some in sifted for why in some] == [False, goes]


@pytest.mark.parametrize(("called", "goes"), [("legs_of", True), ("eyes_of", False)])
def test_exercises_are_the_same_whose_tests_call_the_same(
    tmp_path: Path, called: str, goes: bool
) -> None:
    asked = [
        replace(
            question(f"0.{place}", text),
            answer_kind="code",
            checks=(f"assert len({name}({place})) == 8",),
        )
        for place, (text, name) in enumerate(
            ((LEGS, "legs_of"), (LEGS.replace("garden", "house"), called))
        )
    ]
    sifted = near_pass(tmp_path).sift((one, 0.0) for one in asked)
    assert [bool(why) for _, some in sifted for why in some] == [False, goes]


def test_passages_of_questions_with_labels_may_be_near(tmp_path: Path) -> None:
    story = "The heron stands still for hours and then it strikes."
    asked = [
        replace(
            question(f"0.{place}", "Is this true?"),
            answer_kind="boolean",
            options=("yes", "no"),
            claimed_answer="yes",
            context=text,
        )
        for place, text in enumerate((story, story.replace("hours", "minutes")))
    ]
    sifted = list(near_pass(tmp_path).sift((one, 0.0) for one in asked))
    assert [why for _, some in sifted for why in some] == ["", "question 0.0"]


def test_the_one_whose_answers_agree_stays_where_the_recipe_says_so(tmp_path: Path) -> None:
    """Of each row only every other question is solved, so that the second of a row has no
    agreement."""
    rows = [outcome(0, ["Why?", LEGS]), outcome(1, [LEGS.replace("garden", "house")])]
    for keep, gone in (("first", {"1.0"}), ("agreement", {"0.1"})):
        near = near_pass(tmp_path, keep=keep)  # type: ignore[arg-type]
        assert (
            gather_questions(
                rows, directory=tmp_path / keep, unit_rows=2, decontamination=NONE, near=near
            )
            == gone
        )


def test_an_earlier_run_without_questions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        RecipeError, match=r"filter\.dedup\.against: .* has no questions/questions\.parquet"
    ):
        check_against((str(tmp_path),))
