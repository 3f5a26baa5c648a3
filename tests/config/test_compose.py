import re
from pathlib import Path

import pytest

from tsdg.config.compose import compose_recipe, hydra_app, recipes_dir
from tsdg.config.recipe import Recipe
from tsdg.errors import EnvironmentUnfit, RecipeError, TsdgError, WorkShort

RECIPES = sorted(path.stem for path in (recipes_dir() / "recipe").glob("*.yaml"))


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_composes_and_names_itself(name: str) -> None:
    recipe = compose_recipe([f"recipe={name}"])
    assert recipe.name == name


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        ([], ["recipe=", "not given", "demo"]),
        (["recipe=nope"], ["recipe=nope", "allowed", "demo"]),
        (["recipe=demo", "model=nope"], ["model=nope", "allowed", "smollm2-135m-instruct"]),
        (["recipe=demo", "seeds.nope=1"], ["seeds.nope", "unknown", "licences, mirror, missing"]),
        (["recipe=demo", "+seeds.nope=1"], ["seeds.nope", "unknown", "licences, mirror, missing"]),
        (["recipe=demo", "seeds.cap_per_tsk=1"], ["did you mean seeds.cap_per_task?"]),
        (["recipe=demo", "nope=1"], ["nope is unknown", "output_root"]),
        (["recipe=demo", "seeds.cap_per_task=-1"], ["seeds.cap_per_task", "found -1", "greater than or equal to 1"]),
        (["recipe=demo", "seeds.cap_per_task=abc"], ["seeds.cap_per_task", "'abc'", "integer"]),
        (["recipe=demo", "seeds.tasks=arc_easy"], ["seeds.tasks", "'arc_easy'", "a list"]),
        (["recipe=demo", "seeds.tasks=[]"], ["seeds.tasks", "all empty"]),
        (["recipe=demo", "name=../x"], ["name"]),
        (["recipe=demo", "phases=[[answers]]"], ["phases", "[['answers']]", "[[questions],[answers]]"]),
        (["recipe=demo", "run=../out"], ["run", "'../out'"]),
        (["recipe=demo", "answers.samples=2"], ["first_round (4)", "samples (2)"]),
        (["recipe=demo", "+filter.verifiers.demo_python=lint"], ["verifiers.demo_python", "'lint'", "code_text"]),
        (["recipe=demo", "filter.dedup.threshold=1.0"], ["filter.dedup.threshold", "less than 1"]),
        (["recipe=demo", "filter.dedup.near=false", "filter.dedup.against=[x]"], ["near=true"]),
        (["recipe=demo", "filter.dedup.keep=agreement"], ["keep=agreement needs phases=[[questions,answers]]"]),
        (["recipe=demo", "answers.variants=[answer,answer]"], ["answers.variants", "twice"]),
        (["recipe=demo", "server.type=openai"], ["server.base_urls"]),
        (["recipe=demo", "prompt.files={examples/answers/json: x}"], ["+prompt.files={examples/answers/json: VALUE}"]),
        (["recipe=demo", "server.flags.max-num-seqs=3"], ["add it with +server.flags.max-num-seqs=VALUE"]),
        (["recipe=demo", "answers.sampling.max_tokens=2048"], ["answers.sampling.max_tokens (2048)", "_len (2048)"]),
        (["recipe=demo", "a=[b"], ["command line"]),
        (["recipe=demo", "seed=${nope}"], ["seed", "nope"]),
        (["recipe=demo", "seed=1", "questions.per_seed=0", "answers.samples=0"], ["and 1 more"]),
    ],
)
def test_a_mistake_is_one_line_that_says_what_is_allowed(overrides: list[str], parts: list[str]) -> None:
    with pytest.raises(RecipeError) as caught:
        compose_recipe(overrides)
    message = str(caught.value)
    assert "\n" not in message
    assert [part for part in parts if part not in message] == []


@pytest.mark.parametrize("text", ["a: [1\n b: {", "\t: x", "defaults: 5", "\xff\xfe"])
def test_a_recipe_file_that_is_none_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "recipe").mkdir()
    (tmp_path / "recipe" / "mine.yaml").write_bytes(text.encode("latin-1"))
    with pytest.raises(RecipeError) as caught:
        hydra_app(lambda *_: 1, command="tsdg run", arguments=["--config-dir", str(tmp_path), "recipe=mine"])
    assert "\n" not in str(caught.value)


def test_values_arrive_as_they_were_typed() -> None:
    recipe = compose_recipe(["recipe=demo", "output_root='/a b/$HOME;x'", "+server.flags.max-num-seqs=3"])
    assert recipe.output_root == "/a b/$HOME;x"
    assert recipe.server.flags["max-num-seqs"] == 3


def test_a_recipe_is_frozen() -> None:
    recipe = compose_recipe(["recipe=demo"])
    with pytest.raises(ValueError, match="frozen"):
        recipe.seed = 1  # type: ignore[misc]


def test_multirun_runs_each_point_and_reports_a_failing_one() -> None:
    seen: list[tuple[int, list[str]]] = []

    def task(recipe: Recipe, overrides: list[str]) -> int:
        seen.append((recipe.seed, overrides))
        return recipe.seed

    code = hydra_app(task, command="tsdg run", arguments=["--multirun", "recipe=demo", "seed=0,1"])
    assert [seed for seed, _ in seen] == [0, 1]
    assert seen[1][1] == ["recipe=demo", "seed=1"]
    assert code == 1


def test_a_sweep_goes_on_past_points_that_are_wrong_or_fall_short(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[int] = []

    def task(recipe: Recipe, _: list[str]) -> int:
        seen.append(recipe.seed)
        if recipe.seed == 1:
            raise WorkShort("no record")
        return 0

    words = ["--multirun", "recipe=demo", "seed=0,1,2", "questions.per_seed=1,0"]
    with pytest.raises(TsdgError, match="4 of 6 points of the sweep failed"):
        hydra_app(task, command="tsdg run", arguments=words)
    assert seen == [0, 1, 2]
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    assert "tsdg: recipe=demo seed=1 questions.per_seed=1: no record" in lines

    def broken(recipe: Recipe, _: list[str]) -> int:
        seen.append(recipe.seed)
        raise EnvironmentUnfit("the disk is full")

    seen.clear()
    with pytest.raises(EnvironmentUnfit, match="the disk is full"):
        hydra_app(broken, command="tsdg run", arguments=["--multirun", "recipe=demo", "seed=0,1,2"])
    assert seen == [0]


@pytest.mark.parametrize("flag", ["-m", "--multirun"])
def test_the_sweeps_flag_may_stand_anywhere(flag: str) -> None:
    seen: list[int] = []

    def task(recipe: Recipe, _: list[str]) -> int:
        seen.append(recipe.seed)
        return 0

    assert hydra_app(task, command="tsdg run", arguments=["recipe=demo", flag, "seed=0,1"]) == 0
    assert seen == [0, 1]


def test_help_needs_no_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        hydra_app(lambda *_: 1, command="tsdg run", arguments=["--help"])
    assert done.value.code in {None, 0}
    assert re.search(r"model: .*smollm2-135m-instruct", capsys.readouterr().out)


def test_cfg_job_prints_the_recipe_and_runs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def task(_: Recipe, __: list[str]) -> int:
        raise AssertionError("ran")

    assert hydra_app(task, command="tsdg run", arguments=["recipe=demo", "--cfg", "job"]) == 0
    assert "cap_per_task: 12" in capsys.readouterr().out
