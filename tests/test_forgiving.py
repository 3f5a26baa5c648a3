"""Words that are nearly right: they are understood, or the refusal says what to type."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.package.make_run import make_run
from tsdg.amounts import whole_number
from tsdg.cli import run_command
from tsdg.commands.table import COMMANDS
from tsdg.commands.words import Words, read
from tsdg.config.base import Config, NonNegativeInt, PositiveInt
from tsdg.config.compose import compose_recipe
from tsdg.config.mistakes import wrong_value

ENDPOINT = ["recipe=demo", "server=openai", "server.base_urls=[http://h/v1]"]


def words(name: str, *typed: str) -> Words:
    return read(COMMANDS[name], typed)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("10B", 10**10),
        ("10b", 10**10),
        ("1.5M", 1_500_000),
        ("2T", 2 * 10**12),
        ("1e10", 10**10),
        ("2.5e3", 2500),
        ("40,000,000", 40_000_000),
        ("1.5", None),
        ("1.2345k", None),
        ("4,00", None),
        ("-1", None),
        ("10Q", None),
        ("", None),
        ("k", None),
        ("٣", None),
    ],
)
def test_large_numbers_are_read_as_people_write_them(text: str, number: int | None) -> None:
    assert whole_number(text) == number


class Amounts(Config):
    rows: PositiveInt
    tokens: NonNegativeInt


def test_keys_take_them_and_still_say_their_bounds() -> None:
    assert Amounts(rows="10B", tokens=1e10) == Amounts(rows=10**10, tokens=10**10)  # type: ignore[arg-type]
    for value in (True, 1.5, "1.5", 0, None):
        with pytest.raises(ValueError, match="rows"):
            Amounts(rows=value, tokens=0)  # type: ignore[arg-type]
    assert "a whole number (1 or more)" in wrong_value("rows", "x", Amounts, noun="")


def test_a_recipe_takes_them() -> None:
    given = ["recipe=demo", "budget.tokens=10B", "seeds.cap_per_task=1e3"]
    recipe = compose_recipe(given)
    assert (recipe.budget.tokens, recipe.seeds.cap_per_task) == (10**10, 1000)


@pytest.mark.parametrize(
    "typed",
    [
        ["r", "--format", "hf", "out=x"],
        ["r", "--format=hf", "--out", "x"],
        ["format=hf", "r", "--out=x"],
    ],
)
def test_keys_and_flags_may_be_typed_either_way(typed: list[str]) -> None:
    found = words("export", *typed)
    assert (found.arguments, found.flags, found.keys) == (("r",), {"--format": "hf"}, {"out": "x"})


def test_keys_of_a_configuration_may_be_typed_as_flags() -> None:
    assert words("mix", "r", "--budget", "10B", "--policy=uniform").overrides == [
        "budget=10B",
        "policy=uniform",
    ]
    assert words("run", "--recipe", "demo", "--cfg", "job").overrides == [
        "recipe=demo",
        "--cfg",
        "job",
    ]


def test_counts_are_numbers_too() -> None:
    assert words("diversity", "r", "at=10k").number("at", 0) == 10_000
    assert words("show", "r", "-n", "1e2").number("-n", 2) == 100
    assert words("show", "r").number("-n", 2) == 2


def test_names_that_list_prints_are_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    make_run(runs / "demo-1234").package()
    (runs / "demo-1234" / "snapshot" / "recipe.yaml").write_text("name: made\n")
    monkeypatch.chdir(tmp_path)
    for root, listed in ((runs, "demo-1234"), (tmp_path / "other", "runs/demo-1234")):
        monkeypatch.setenv("TSDG_OUTPUT_ROOT", str(root))
        assert run_command(["list", "runs" if root != runs else str(runs)]) == 0
        assert capsys.readouterr().out.splitlines()[1].split()[0] == listed
        assert run_command(["show", listed]) == 0
        capsys.readouterr()
    monkeypatch.setenv("TSDG_OUTPUT_ROOT", str(runs))
    path = str(runs / "demo-1234")
    assert words("mix", "demo-1234", "demo-1234", "budget=1").arguments == (path, path)
    assert words("work", "demo-1234", "seeds").arguments == (path, "seeds")
    assert words("diversity", "r", "against=demo-1234").keys == {"against": path}
    assert run_command(["show", "demo-1243"]) == 2
    assert "did you mean demo-1234?" in capsys.readouterr().err


def test_a_run_here_goes_before_a_run_of_that_name_and_another_folder_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs" / "a" / "snapshot").mkdir(parents=True)
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TSDG_OUTPUT_ROOT", raising=False)
    assert words("status", "a").arguments == ("runs/a",)
    assert words("diversity", "r", "against=a").keys == {"against": "a"}, "any folder of rows"
    (tmp_path / "a" / "snapshot").mkdir()
    assert words("status", "a").arguments == ("a",)


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (["run", "recpe=demo"], "recpe is unknown; allowed: answers"),
        (["run", "recpe=demo"], "did you mean recipe?"),
        (["run", "recipe=demo", "+modle@roles.judge.model=x"], "did you mean model?"),
        (["run", "recipe=demo", "sede.tasks=[a]"], "did you mean seeds?"),
        (["run", "recipe=demo", "seeds.leeks.ngram=4"], "did you mean seeds.leaks?"),
        (["run", "recipe=knowlege"], "did you mean knowledge?"),
        (["run", "recipe=./k2.yaml"], "put the file into FOLDER/recipe/"),
        (["run", "recipe=my/recipe/k2.yaml"], "write --config-dir my recipe=k2"),
        (["run", "recipe=demo", "model=/x/model/m.yaml"], "write --config-dir /x model=m"),
        (["run", "recipe=demo.yaml"], "write recipe=demo"),
        (["run", "recipe=demo", "--dry-run"], "`tsdg plan` says what it would do"),
        (["plan", "recipe=demo", "seeds.tasks=[a,", "b]"], "in quotes: 'seeds.tasks=[a, b]'"),
        (
            ["compare", "a", "b", "rules={math:", "0.5,", "code:", "any}"],
            "in quotes: 'rules={math: 0.5, code: any}'",
        ),
        (["run", "-m", "recipe=demo", "--cfg", "job"], "--multirun makes several; leave out one"),
        (["run", "-sc", "install=bash"], "`tsdg completion bash`"),
        (["export", "r", "format=jsn"], "did you mean jsonl?"),
        (["launch", "recipe=demo", "cluster=dve", "--dry-run"], "did you mean dev?"),
        (["launch", "recipe=demo", "--dryrun"], "has no --dryrun; did you mean --dry-run?"),
        (["run", "recipe=demo", "--resolve"], "--resolve goes with --cfg job"),
        (["plan", *ENDPOINT, "model.name=x"], "model=endpoint model.licence=LICENCE"),
        (["plan", *ENDPOINT, "model=endpoint"], "model.licence=VALUE model.max_model_len=VALUE"),
        (["doctor", "clster=dev"], "found clster=; did you mean cluster?"),
    ],
)
def test_a_refusal_says_what_to_type(
    typed: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(typed) == 2
    err = capsys.readouterr().err
    assert says in err
    assert len(err.splitlines()) == 1


def test_what_may_not_do_what_was_meant_gets_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    compose_recipe(["recipe=knowledge", "seeds.tasks=[gsm8k]", "hydra.run.dir=/x"])
    err = capsys.readouterr().err
    assert "seeds.tasks is added to the recipe's own seeds.groups=[knowledge]" in err
    assert "seeds.groups=[] leaves those out" in err
    assert "hydra.run.dir has no effect: output_root=FOLDER" in err
    compose_recipe(["recipe=knowledge", "seeds.tasks=[gsm8k]", "seeds.groups=[]"])
    compose_recipe(["recipe=demo", "seeds.tasks=[demo_facts]"])
    assert capsys.readouterr().err == ""
