"""What a further run asks for: planted yields are reached, or given up with their figures."""

from __future__ import annotations

import pytest

from tsdg.errors import UsageError
from tsdg.run.shortfall import TaskSum, latest, next_round, targets_of, together

YIELDS = {"good": 0.9, "fair": 0.4, "poor": 0.05}
TARGETS = {"good": 1800, "fair": 1800, "poor": 1800}


def came_to(task: str, seeds: int) -> TaskSum:
    packaged = round(seeds * YIELDS[task])
    return TaskSum(asked=seeds, packaged=packaged, records=2 * packaged, rows=1000)


def test_planted_yields_are_reached_or_given_up_with_their_figures() -> None:
    runs = [{task: came_to(task, 500) for task in YIELDS}]
    rounds = 0
    while True:
        have = together(runs)
        step = next_round(TARGETS, have, latest(runs), per_seed=1, least_yield=0.1)
        if not step.seeds:
            break
        rounds += 1
        runs.append({task: came_to(task, seeds) for task, seeds in step.seeds.items()})
    assert rounds == 2, "one round for the good, two for the fair: it has a thousand rows"
    have = together(runs)
    assert TARGETS["good"] <= have["good"].records < 1.1 * TARGETS["good"]
    assert TARGETS["fair"] <= have["fair"].records < 1.1 * TARGETS["fair"]
    assert have["poor"].asked == 500, "nothing more was asked of it"
    assert step.given_up == {
        "poor": "its latest 500 questions came to 25 with records: 5.0%, below least_yield=0.1"
    }


def test_few_questions_say_little_of_a_yield() -> None:
    few = {"poor": TaskSum(asked=10, packaged=0, records=0, rows=1000)}
    step = next_round({"poor": 5}, few, few, per_seed=2, least_yield=0.1)
    assert step.seeds == {"poor": 25}
    none = {"poor": TaskSum(asked=0, packaged=0, records=0, rows=0)}
    step = next_round({"poor": 5}, none, none, per_seed=2, least_yield=0.1)
    assert step.given_up == {"poor": "no row of its splits can be a seed"}


def test_targets_come_from_the_words_or_the_recipe() -> None:
    sums = {task: came_to(task, 100) for task in YIELDS}
    assert targets_of({"records.good": "500"}, {"fair": 3}, sums) == {"good": 500}
    assert targets_of({}, {"fair": 3}, sums) == {"fair": 3}
    assert targets_of({"records": "2700"}, {}, sums) == {"good": 1800, "fair": 800, "poor": 100}
    for words, says in (
        ({}, "takes targets"),
        ({"records.good": "many"}, "found 'many', allowed: a whole number"),
        ({"records.nobody": "5"}, "nobody is no task of the run; allowed: good, fair, poor"),
    ):
        with pytest.raises(UsageError, match=says):
            targets_of(words, {}, sums)


def test_single_tasks_have_caps_of_their_own() -> None:
    from tsdg.seeds.draw.expectation import wishes_of
    from tsdg.seeds.draw.selection import by_name

    config = by_name("", ("demo_science",), 12).model_copy(update={"caps": {"demo_science": 3}})
    assert wishes_of(config, ()).task_caps == {"demo_science": 3}
