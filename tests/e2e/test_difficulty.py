"""`tsdg difficulty` solves the seeds as the questions were, and changes nothing of the run."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from tests.e2e.conftest import Cli, Endpoint, table


def test_seeds_and_questions_stand_side_by_side(tsdg: Cli, oracle: Callable[..., Endpoint]) -> None:
    endpoint = oracle()
    tasks = "seeds.tasks=[demo_science,demo_python,demo_instructions]"
    assert tsdg("run", "recipe=demo", tasks, "run=a", *endpoint.overrides()).code == 0
    run = tsdg.root / "a"
    manifest, asked = (run / "manifest.json").read_bytes(), endpoint.asked()

    first = tsdg("difficulty", str(run), "sample=5")
    assert first.code == 0, first.err
    assert re.search(
        r"^difficulty: 10 rows, \d+ requests, \d+ tokens written", first.out, re.MULTILINE
    ), first.out
    found = json.loads((run / "difficulty/5/difficulty.json").read_text())["tasks"]
    assert [task["task"] for task in found] == [
        "demo_science",
        "demo_python",
    ]  # free texts are left out
    for task in found:
        assert task["seeds"]["asked"] == 5
        assert 0 <= task["right"] <= task["seeds"]["accepted"] <= 5
        solutions = {row["question_id"]: row for row in table(run / "answers/solutions.parquet")}
        mine = {
            row["question_id"]
            for row in table(run / "questions/questions.parquet")
            if row["task"] == task["task"]
        }
        agreement = [
            solutions[name]["verification"]["agreement"] for name in mine & solutions.keys()
        ]
        assert task["questions"]["asked"] == len(mine)
        assert task["questions"]["accepted"] == len(agreement)
        assert abs(task["questions"]["agreement"] - sum(agreement) / max(len(agreement), 1)) < 1e-9
    contradicted = json.loads((run / "difficulty/5/contradicted.json").read_text())
    assert set(contradicted) <= {row["seed_id"] for row in table(run / "seeds/seeds.parquet")}
    assert len(contradicted) <= sum(task["seeds"]["accepted"] - task["right"] for task in found)
    science = found[0]
    assert science["seeds"]["accepted"] > 0
    assert right_answers(run) == science["right"]
    line = next(line for line in first.out.splitlines() if line.startswith("demo_science"))
    seeds = science["seeds"]
    assert line.split()[1:4] == ["5", f"{seeds['accepted'] / 5:.0%}", f"{seeds['agreement']:.2f}"]

    # Nothing of the run changes, and what was asked is not asked again.
    assert (run / "manifest.json").read_bytes() == manifest
    assert tsdg("verify", str(run)).code == 0
    after = endpoint.asked()
    assert set(asked) < set(after)
    second = tsdg("difficulty", str(run), "sample=5")
    assert second.code == 0
    assert second.out.splitlines()[-3:] == first.out.splitlines()[-3:]
    assert endpoint.asked() == after


def right_answers(run: Path) -> int:
    """Count the accepted seeds of the choice task whose answer is the gold one, from the parts."""
    gold = {row["seed_id"]: row["answer"] for row in table(run / "seeds/seeds.parquet")}
    parts = [
        row
        for path in (run / "difficulty/5/answers/parts").glob("*.parquet")
        for row in table(path)
    ]
    solutions = [solution for row in parts for solution in row["solutions"]]
    return sum(solution["answer"] == gold[solution["question_id"]] for solution in solutions)


def test_what_cannot_be_measured_is_one_line(tsdg: Cli, oracle: Callable[..., Endpoint]) -> None:
    url = oracle().overrides()
    assert tsdg("run", "recipe=demo", "phases=[]", "run=seeds", *url).code == 0
    seeds = str(tsdg.root / "seeds")
    for words, code, says in (
        ([], 2, "takes a run"),
        ([seeds, "sample=few"], 2, "sample: found 'few'; allowed: a number above 0"),
        ([seeds], 1, "its questions are not answered yet"),
        ([str(tsdg.root)], 2, "is not a run directory"),
    ):
        ran = tsdg("difficulty", *words)
        assert (ran.code, ran.err.count("\n")) == (code, 1), ran.err
        assert says in ran.err
