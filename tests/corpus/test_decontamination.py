from collections.abc import Sequence
from pathlib import Path

from tests.corpus.test_gather import OFF, outcome, part_of
from tsdg.corpus.decontamination import Decontamination, Nothing
from tsdg.corpus.gather import gather_answers, gather_questions
from tsdg.protocols import Match, Posed
from tsdg.records import Outcome, Question, Rejection, Solution
from tsdg.tables import read_rows


class Marked:
    """Holds out every question that says so."""

    splits = ("a/set/default/test", "b.jsonl")
    rows = 7

    def __init__(self) -> None:
        self.asked: list[int] = []

    def compare(self, items: Sequence[Posed]) -> list[Match | None]:
        self.asked.append(len(items))
        return [self._match(item.question) for item in items]

    def _match(self, question: str) -> Match | None:
        if "same" in question:
            return Match(split=self.splits[0], row=3, exact=True, how="also in")
        if "near" in question:
            return Match(
                split=self.splits[1], row=5, exact=False, how="has 8 of the 9 runs of 8 words of"
            )
        return None


def gathered(folder: Path, rows: list[Outcome], decontamination: Decontamination) -> set[str]:
    dropped = gather_questions(
        rows, directory=folder / "questions", unit_rows=2, decontamination=decontamination, near=OFF
    )
    gather_answers([part_of(rows)], directory=folder / "answers", dropped=dropped)
    return dropped


def test_contaminated_questions_are_rejected_with_the_match_and_all_of_theirs_goes(
    tmp_path: Path,
) -> None:
    rows = [
        outcome(0, ["What is 1?", "the same as 2"]),
        outcome(1, ["near to 3", "near to 3"]),
        outcome(2, []),
    ]
    decontamination = Decontamination(Marked())
    dropped = gathered(tmp_path, rows, decontamination)
    assert decontamination.found == 3
    rejections = [
        r
        for r in read_rows(tmp_path / "questions/rejected.parquet", Rejection)
        if r.row_id in dropped
    ]
    assert [(r.reason, r.stage, r.detail) for r in rejections] == [
        ("contaminated", "questions", "also in a/set/default/test row 3"),
        ("contaminated", "questions", "has 8 of the 9 runs of 8 words of b.jsonl row 5"),
        ("contaminated", "questions", "has 8 of the 9 runs of 8 words of b.jsonl row 5"),
    ]
    kept = {
        question.question_id
        for question in read_rows(tmp_path / "questions/questions.parquet", Question)
    }
    assert len(kept) == 1
    assert not kept & dropped
    assert {
        solution.question_id
        for solution in read_rows(tmp_path / "answers/solutions.parquet", Solution)
    } <= kept


def test_the_report_counts_by_task_and_benchmark() -> None:
    decontamination = Decontamination(Marked())
    rows = [outcome(number, ["What is 1?", "the same as 2", "near to 3"]) for number in range(300)]
    task = rows[0].questions[0].task
    examined = list(decontamination.examine(rows))
    assert [row for row, _ in examined] == rows
    assert all(len(matches) == 2 for _, matches in examined)
    assert decontamination.report() == {
        "schema_version": 1,
        "held_out": {"splits": 2, "rows": 7},
        "tasks": {
            task: {
                "questions": 900,
                "contaminated": 600,
                "benchmarks": {
                    "a/set/default/test": {"same": 300, "near": 0},
                    "b.jsonl": {"same": 0, "near": 300},
                },
            }
        },
    }


def test_questions_are_compared_many_at_once() -> None:
    held_out = Marked()
    list(Decontamination(held_out).examine([outcome(number, ["What?"]) for number in range(1000)]))
    assert sum(held_out.asked) == 1000
    assert len(held_out.asked) < 10


def test_where_nothing_is_held_out_nothing_is_found(tmp_path: Path) -> None:
    decontamination = Decontamination(Nothing())
    assert gathered(tmp_path, [outcome(0, ["the same", "near"])], decontamination) == set()
    report = decontamination.report()
    assert report["held_out"] == {"splits": 0, "rows": 0}
