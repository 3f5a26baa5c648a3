import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tsdg.config.compose import compose_recipe, hydra_app, recipes_dir
from tsdg.config.mistakes import explain
from tsdg.config.recipe import Recipe
from tsdg.errors import MachineError, RecipeError, ShortfallError, TsdgError

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
        (
            ["recipe=demo", "seeds.cap_per_task=-1"],
            ["seeds.cap_per_task", "found -1", "a whole number (1 or more)"],
        ),
        (
            ["recipe=demo", "seeds.cap_per_task=abc"],
            ["seeds.cap_per_task", "'abc'", "a whole number"],
        ),
        (["recipe=demo", "seeds.tasks=arc_easy"], ["seeds.tasks", "'arc_easy'", "a list"]),
        (["recipe=demo", "seeds.tasks=[]"], ["seeds.tasks", "all empty"]),
        (["recipe=demo", "name=../x"], ["name"]),
        (
            ["recipe=demo", "phases=[[answers]]"],
            ["phases", "[['answers']]", "[[questions],[answers]]"],
        ),
        (["recipe=demo", "run=../out"], ["run", "'../out'"]),
        (["recipe=demo", "answers.samples=2"], ["first_round (4)", "samples (2)"]),
        (
            ["recipe=demo", "+filter.verifiers.demo_python=lint"],
            ["verifiers.demo_python", "'lint'", "code_text"],
        ),
        (["recipe=demo", "filter.dedup.threshold=1.0"], ["filter.dedup.threshold", "below 1"]),
        (["recipe=demo", "filter.dedup.near=false", "filter.dedup.against=[x]"], ["near=true"]),
        (
            ["recipe=demo", "filter.dedup.keep=agreement"],
            ["keep=agreement needs phases=[[questions,answers]]"],
        ),
        (["recipe=demo", "answers.variants=[answer,answer]"], ["answers.variants", "twice"]),
        (
            ["recipe=demo", "answers.variants=[answer,context]"],
            ["answers.variants", "did you mean answers.variants=[answer,enriched]?"],
        ),
        (["recipe=demo", "server.type=openai"], ["server.base_urls"]),
        (
            ["recipe=rqa", "prompt.files={examples/answers/json: x}"],
            ["+prompt.files={examples/answers/json: VALUE}"],
        ),
        (
            ["recipe=demo", "server.flags.max-num-seqs=3"],
            ["add it with +server.flags.max-num-seqs=VALUE"],
        ),
        (
            ["recipe=demo", "answers.sampling.max_tokens=2048"],
            ["answers.sampling.max_tokens (2048)", "_len (2048)"],
        ),
        (
            [
                "recipe=demo",
                "+model@roles.answers.model=smollm2-135m-instruct",
                "answers.enrich.max_tokens=4096",
            ],
            ["answers.enrich.max_tokens (4096)", "roles.answers.model.max_model_len (2048)"],
        ),
        (
            ["recipe=demo", "roles.answers.thinking=on"],
            ["roles.answers.thinking=on", "SmolLM2-135M-Instruct never thinks", "auto"],
        ),
        (
            ["recipe=demo", "model=gpt-oss-20b", "roles.enrich.thinking=off"],
            ["roles.enrich.thinking=off", "gpt-oss-20b always thinks"],
        ),
        (
            ["recipe=demo", "+roles.answers.request.n=3"],
            ["roles.answers.request", "n: not allowed", "answers.samples"],
        ),
        (
            ["recipe=demo", "+model.request.stream=true"],
            ["model.request", "stream: not allowed", "read whole"],
        ),
        (
            ["recipe=demo", "judge=rubric", "judge.sampling.max_tokens=2048"],
            ["judge.sampling.max_tokens (2048)"],
        ),
        (
            ["recipe=demo", "judge=genrm"],
            ["judge.form=genrm", "+model@roles.judge.model=nemotron-3-ultra-genrm"],
        ),
        (["recipe=demo", "run=[b"], ["command line", "'run=[b' is not understood", "KEY=VALUE"]),
        (
            ["recipe=demo", "passages.domains.Life Science=x"],
            ["is not understood", "'+PARENT={KEY: VALUE}'"],
        ),
        (["recipe=rqa", "passages.licence="], ["passages.licence must name", "unclear"]),
        (["recipe=demo", "=5"], ["'=5'", "KEY=VALUE"]),
        (["recipe=demo", "seeds=5"], ["seeds=5", "takes the name of a file", "default"]),
        (["recipe=demo", "~nope"], ["nope is unknown", "output_root"]),
        (
            ["recipe=demo", "seeds.tasks={}"],
            ["seeds.tasks: found {}", "a list", "seeds.tasks=[A,B]"],
        ),
        (["recipe=demo", "model.flags=[]"], ["model.flags: found []", "a mapping"]),
        (
            ["recipe=demo", "+roles.cook=1"],
            ["roles.cook: found the name 'cook'", "questions, answers, escalate, enrich or judge"],
        ),
        (["recipe=demo", "+passages.domains={53: x}"], ["passages.domains.53", "write it as '53'"]),
        (
            ["recipe=demo", "+server.env.TOKEN=12345"],
            ["server.env.TOKEN: found a number", "\"server.env.TOKEN='VALUE'\""],
        ),
        (
            ["recipe=demo", "seeds.tasks=[1]"],
            ["seeds.tasks[0]: found 1", "a text", "seeds.tasks=[...]"],
        ),
        (
            ["recipe=demo", "seeds.workers=-1"],
            ["seeds.workers: found -1", "a whole number (1 or more) or auto;"],
        ),
        (
            ["recipe=demo", "seeds.temperature=1e400"],
            ["seeds.temperature: found inf", "a number (1 or more)"],
        ),
        (
            ["recipe=demo", "answers.sampling.temperature=0"],
            ["answers: sampling.temperature: found 0", "allowed: above 0"],
        ),
        (["recipe=demo", "seed=${nope}"], ["seed", "nope"]),
        (["recipe=demo", "seed=1", "questions.per_seed=0", "answers.samples=0"], ["and 1 more"]),
    ],
)
def test_a_mistake_is_one_line_that_says_what_is_allowed(
    overrides: list[str], parts: list[str]
) -> None:
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
        hydra_app(
            lambda *_: 1,
            command="tsdg run",
            arguments=["--config-dir", str(tmp_path), "recipe=mine"],
        )
    assert "\n" not in str(caught.value)


JARGON = re.compile(
    r"valid "
    r"|should|Input|tuple|constrained|\[key\]|dictionary|validation|literal|None|True|False|pydantic"
)


def leaves(values: Any, *before: str) -> Iterator[tuple[str, ...]]:
    if isinstance(values, dict) and values:
        for key, inner in values.items():
            yield from leaves(inner, *before, key)
    else:
        yield before


@pytest.mark.parametrize(
    "wrong", [None, "", "abc", -1, 1.5, True, [], [None], [[1]], {}, {"a": {"b": None}}]
)
def test_every_key_is_told_in_plain_words(wrong: object) -> None:
    whole = compose_recipe(["recipe=demo"]).model_dump(mode="json")
    told = 0
    for keys in leaves(whole):
        values = copy.deepcopy(whole)
        at = values
        for key in keys[:-1]:
            at = at[key]
        at[keys[-1]] = wrong
        try:
            Recipe.model_validate(values)
        except ValidationError as error:
            line = explain(error, Recipe, noun="recipe key")
            told += 1
            assert (
                line.startswith("recipe key " + ".".join(keys))
                or "all empty" in line
                or keys[0] in line
            ), line
            assert JARGON.search(line) is None, line
            assert "\n" not in line
    assert told > 50


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "found nothing"),
        ("# x", "found nothing"),
        ("- a", "found a list"),
        ("a", "found a single value"),
    ],
)
def test_a_recipe_file_without_keys_is_named(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "recipe" / "mine.yaml"
    file.parent.mkdir()
    file.write_text(text)
    with pytest.raises(RecipeError) as caught:
        hydra_app(
            lambda *_: 1,
            command="tsdg run",
            arguments=["--config-dir", str(tmp_path), "recipe=mine"],
        )
    assert str(caught.value).startswith(f"{file}: {says}, allowed: a mapping")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["recipe=demo", "--nope"], "unrecognized arguments: --nope; allowed: KEY=VALUE"),
        (["recipe=demo", "--cfg", "nope"], "invalid choice: 'nope'"),
        (["recipe=demo", "--config-dir"], "expected one argument"),
        (["recipe=demo", "--config-dir", "/no/such"], "there is no folder /no/such"),
    ],
)
def test_a_wrong_flag_is_one_line(
    capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        hydra_app(lambda *_: 1, command="tsdg run", arguments=words)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capsys.readouterr() == ("", "")


def test_overrides_are_kept_as_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def task(recipe: Recipe, overrides: list[str]) -> int:
        seen.extend([recipe.model.note, *overrides])
        return 0

    monkeypatch.setenv("SECRET", "hunter2")
    assert (
        hydra_app(
            task, command="tsdg run", arguments=["recipe=demo", "model.note=${oc.env:SECRET}"]
        )
        == 0
    )
    assert seen == ["hunter2", "recipe=demo", "model.note=${oc.env:SECRET}"]


def test_values_arrive_as_they_were_typed() -> None:
    recipe = compose_recipe(
        ["recipe=demo", "output_root='/a b/$HOME;x'", "+server.flags.max-num-seqs=3"]
    )
    assert recipe.output_root == "/a b/$HOME;x"
    assert recipe.server.flags["max-num-seqs"] == 3


def test_each_role_samples_as_its_own_model_s_card_says() -> None:
    base = ["recipe=knowledge", "model=qwen3-235b-a22b", "roles=one"]
    own = compose_recipe([*base, "judge=rubric"])
    plain, thinking = own.model.modes["plain"].sampling, own.model.modes["thinking"].sampling
    assert own.answers.sampling == own.judge.sampling == thinking != plain
    for step in (own.questions.sampling, own.answers.enrich):
        assert step == plain.model_copy(update={"max_tokens": 4096})
    solver, judge = "qwen3-30b-a3b-instruct-2507", "nemotron-3-ultra-genrm"
    words = [
        f"+model@roles.answers.model={solver}",
        f"+model@roles.judge.model={judge}",
        "judge=genrm",
    ]
    mixed = compose_recipe([*base, *words])
    assert mixed.questions.sampling == own.questions.sampling
    card = mixed.roles["answers"].model
    assert card
    assert mixed.answers.sampling == card.sampling
    assert mixed.answers.enrich == card.sampling.model_copy(update={"max_tokens": 4096})
    other = mixed.roles["judge"].model
    assert other
    assert mixed.judge.sampling == other.sampling
    assert (
        compose_recipe([*base, *words, "answers.sampling.top_p=0.5"]).answers.sampling.top_p == 0.5
    )


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


def test_a_sweep_goes_on_past_points_that_are_wrong_or_fall_short(
    capsys: pytest.CaptureFixture[str],
) -> None:
    seen: list[int] = []

    def task(recipe: Recipe, _: list[str]) -> int:
        seen.append(recipe.seed)
        if recipe.seed == 1:
            raise ShortfallError("no record")
        return 0

    words = ["--multirun", "recipe=demo", "seed=1,2", "questions.per_seed=1,0"]
    with pytest.raises(TsdgError, match="3 of 4 points of the sweep failed"):
        hydra_app(task, command="tsdg run", arguments=words)
    assert seen == [1, 2]
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert "tsdg: recipe=demo seed=1 questions.per_seed=1: no record" in lines

    def broken(recipe: Recipe, _: list[str]) -> int:
        seen.append(recipe.seed)
        raise MachineError("the disk is full")

    seen.clear()
    with pytest.raises(MachineError, match="the disk is full"):
        hydra_app(broken, command="tsdg run", arguments=["--multirun", "recipe=demo", "seed=0,1"])
    assert seen == [0]


def test_the_sweeps_flag_may_stand_anywhere() -> None:
    seen: list[int] = []

    def task(recipe: Recipe, _: list[str]) -> int:
        seen.append(recipe.seed)
        return 0

    assert hydra_app(task, command="tsdg run", arguments=["recipe=demo", "-m", "seed=0,1"]) == 0
    assert seen == [0, 1]


def test_cfg_job_prints_the_recipe_and_runs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def task(_: Recipe, __: list[str]) -> int:
        raise AssertionError("ran")

    assert hydra_app(task, command="tsdg run", arguments=["recipe=demo", "--cfg", "job"]) == 0
    assert "cap_per_task: 12" in capsys.readouterr().out


def test_options_may_stand_anywhere_among_the_overrides(tmp_path: Path) -> None:
    (tmp_path / "recipe").mkdir()
    (tmp_path / "recipe" / "mine.yaml").write_text(
        "# @package _global_\ndefaults: [demo, _self_]\nname: mine\n"
    )
    seen: list[tuple[str, int]] = []

    def task(recipe: Recipe, _: list[str]) -> int:
        seen.append((recipe.name, recipe.seed))
        return 0

    words = ["seed=7,8", "--config-dir", str(tmp_path), "recipe=mine", "-m", "engine.attempts=2"]
    assert hydra_app(task, command="tsdg run", arguments=words) == 0
    assert seen == [("mine", 7), ("mine", 8)]
