"""Rows whose right answer something contradicts: they are counted, and no seeds."""

import json
from pathlib import Path

import pytest

from tests.seeds.rows import WriteSplit, arc_rows, collected, config
from tsdg.config.compose import compose_recipe
from tsdg.errors import RecipeError, RunConflictError
from tsdg.pipeline.own_tests import failed_tests, sandbox_here
from tsdg.run.prepare import prepare, take_snapshot
from tsdg.seeds.draw.collect import SeedCollector
from tsdg.seeds.draw.doubts import contradicted, state_of
from tsdg.seeds.rows.item import Gold, Item

DOUBLE = "def double(n):\n    return 2 * n"


def finding(run: Path, answers: object, sample: int = 8) -> str:
    folder = run / "difficulty" / str(sample)
    folder.mkdir(parents=True)
    (folder / "contradicted.json").write_text(json.dumps(answers))
    return str(run)


def test_what_a_run_contradicts_is_left_out(write_split: WriteSplit, tmp_path: Path) -> None:
    path = write_split("allenai/ai2_arc", "ARC-Easy", "train", arc_rows(5))
    request = config(path.parents[3], "arc_easy")
    whole, _, _ = collected(request)
    wrong = whole[1], whole[3]
    run = finding(tmp_path / "run", {seed.seed_id: "the sea" for seed in wrong})
    seeds, rejections, counts = collected(request.model_copy(update={"exclude": (run,)}))
    assert [seed.seed_id for seed in seeds] == [whole[n].seed_id for n in (0, 2, 4)]
    assert counts["arc_easy"].doubtful == 2
    assert {(r.row_id, r.reason) for r in rejections} == {(s.seed_id, "doubtful") for s in wrong}
    assert rejections[0].detail == f"row 1: the majority of {run} answers 'the sea'"


def test_findings_of_several_runs_and_samples_add_up(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    finding(first, {"1": "x"}, 8)
    finding(first, {"2": "y"}, 64)
    finding(second, {"3": "z"})
    assert set(contradicted([str(first), str(second)])) == {"1", "2", "3"}
    assert contradicted([]) == {}


def test_a_finding_that_grew_is_another_one(write_split: WriteSplit, tmp_path: Path) -> None:
    """The run that began with the old one is not taken for the one that the recipe means now."""
    path = write_split("allenai/ai2_arc", "ARC-Easy", "train", arc_rows(2))
    run = finding(tmp_path / "before", {"1": "x"}, 8)
    words = [f"seeds.mirror={path.parents[3]}", f"seeds.exclude=[{run}]", "run=one"]
    recipe = ["recipe=demo", "seeds.tasks=[arc_easy]", f"output_root={tmp_path}", *words]

    def start() -> None:
        take_snapshot(prepare(compose_recipe(recipe)), [])

    start()
    start()
    finding(Path(run), {"2": "y"}, 64)
    with pytest.raises(RunConflictError, match=r"found in the runs of seeds\.exclude changed"):
        start()
    assert state_of([]) == state_of([str(tmp_path / "gone")]) == ""


@pytest.mark.parametrize(
    ("answers", "found"), [(None, "has no difficulty"), ([1], "cannot be read")]
)
def test_a_run_without_a_finding_is_refused(
    answers: object, found: str, write_split: WriteSplit, tmp_path: Path
) -> None:
    path = write_split("allenai/ai2_arc", "ARC-Easy", "train", arc_rows(2))
    run = tmp_path / "run" if answers is None else Path(finding(tmp_path / "run", answers))
    request = config(path.parents[3], "arc_easy").model_copy(update={"exclude": (str(run),)})
    with pytest.raises(RecipeError, match=rf"^seeds.exclude: .*{found}"):
        SeedCollector(request, 0)


def test_reference_solutions_are_run_on_their_own_tests() -> None:
    if sandbox_here() is None:
        pytest.skip("no sandbox on this machine")
    item = Item(question="Double a number.")
    golds = [
        Gold(kind="code", answer=source, checks=(check,))
        for source, check in (
            (DOUBLE, "assert double(2) == 4"),
            (DOUBLE, "assert double(2) == 5"),
            (DOUBLE, "no assertion"),
            ("not Python", "assert double(2) == 4"),
        )
    ]
    why = failed_tests([(item, gold) for gold in golds])
    assert [bool(one) for one in why] == [False, True, False, False]
    assert why[1].startswith("its own solution fails its own tests: test 1 of 1: double(2) gave 4")


def test_a_row_that_fails_its_own_tests_is_doubtful(write_split: WriteSplit) -> None:
    rows = [
        {
            "task_id": 900 + n,
            "text": f"Write a function to add {n} to a number.",
            "code": f"def add_{n}(x):\n    return x + {n}",
            "test_list": [f"assert add_{n}(1) == {1 + n}"],
            "test_setup_code": "",
        }
        for n in range(3)
    ]
    path = write_split("google-research-datasets/mbpp", "full", "train", rows)
    request = config(path.parents[3], "mbpp")

    def prove(asked: object) -> list[str]:
        return ["", "it fails", ""]

    items = list(collector := SeedCollector(request, 0, prove=prove))
    assert collector.has_tests
    assert (collector.counts["mbpp"].doubtful, collector.counts["mbpp"].sampled) == (1, 2)
    assert [item.detail for item in items if hasattr(item, "detail")] == ["row 1: it fails"]
