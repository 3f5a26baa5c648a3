"""The stages of a run: their names and order are what jobs are made of."""

import pytest

from tsdg.config.recipe import StepName
from tsdg.config.stages import stages


@pytest.mark.parametrize(
    ("phases", "names"),
    [
        ((), ["seeds", "package"]),
        ((("questions",),), ["seeds", "questions", "questions.gather", "package"]),
        (
            (("questions",), ("answers",)),
            ["seeds", "questions", "questions.gather", "answers", "answers.gather", "package"],
        ),
        (
            (("questions", "answers"),),
            ["seeds", "questions-answers", "questions-answers.gather", "package"],
        ),
    ],
)
def test_stages_follow_the_phases(
    phases: tuple[tuple[StepName, ...], ...], names: list[str]
) -> None:
    assert [stage.name for stage in stages(phases)] == names
