"""What stays and what is replaced where lost questions are asked for again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tsdg.pipeline.kept import merged
from tsdg.records import Outcome


def of_question(name: str, said: str) -> Any:
    """A question, sample or solution: what matters here of each."""
    return SimpleNamespace(question_id=name, said=said)


def rejected(name: str) -> Any:
    return SimpleNamespace(row_id=name)


def outcome(**values: Any) -> Outcome:
    names = ("studies", "questions", "samples", "solutions", "rejections", "usage")
    given: dict[str, Any] = dict.fromkeys(names, ())
    return Outcome(**{"input_id": "seed", "saved_samples": 0, **given, **values})


def test_only_lost_questions_come_from_the_new_outcome() -> None:
    old = outcome(
        questions=(of_question("a", "old"), of_question("c", "old")),
        solutions=(of_question("a", "old"),),
        rejections=(rejected("b"), rejected("c"), rejected("d")),
        usage=("then",),
        saved_samples=3,
    )
    new = outcome(
        questions=tuple(of_question(name, "new") for name in "abcd"),
        solutions=(of_question("a", "new"), of_question("b", "new")),
        rejections=(rejected("c"),),
        usage=("now",),
    )
    made = merged(old, new, {"b", "c"})
    assert [(q.question_id, q.said) for q in made.questions] == [  # type: ignore[attr-defined]
        ("a", "old"),
        ("b", "new"),
        ("c", "new"),
    ]
    assert [(s.question_id, s.said) for s in made.solutions] == [("a", "old"), ("b", "new")]  # type: ignore[attr-defined]
    assert [r.row_id for r in made.rejections] == ["d", "c"]
    assert made.usage == ("then", "now")
    assert made.saved_samples == 3
