"""Every recipe is planned without a mirror, and runs in small from real rows, or rows and passages
written here."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.conftest import Cli, Endpoint, records, table
from tests.e2e.recipe_rows import write_mirror
from tests.package.words import save_tokenizer
from tests.tutorial import walk
from tsdg.config.compose import compose_recipe, recipes_dir
from tsdg.run.prepare import look_up
from tsdg.run.run_plan import make_plan

Oracle = Callable[..., Endpoint]
RECIPES = sorted(path.stem for path in (recipes_dir() / "recipe").glob("*.yaml"))
# The oracle's votes agree where it does not see the options, as the demo's model does best.
SMALL = (
    "model=smollm2-135m-instruct",
    "model.note=",
    "answers.show_options=false",
    "answers.structured=true",
)
FEW_FAMILIES = {
    "knowledge": ["ai2_arc", "openbookqa", "webqs"],
    "reasoning": ["hendrycks_ethics", "gsm8k"],
    "nemotron": ["openbookqa", "gsm8k"],
    "commercial": ["ai2_arc", "gsm8k"],
}


@pytest.fixture
def mirrored(tsdg: Cli) -> Cli:
    """The command line with the mirror of this machine."""
    mirror = {"TSDG_MIRROR": os.environ["TSDG_MIRROR"]}
    return replace(tsdg, environment=tsdg.environment | mirror)


def families(*names: str) -> list[str]:
    """The recipe's own groups in small: a whole group takes long to read."""
    return ["seeds.groups=[]", f"seeds.families=[{','.join(names)}]", "seeds.total=18"]


def verified(tsdg: Cli, run: Path) -> dict[str, int]:
    """Verify a run; return its records by task."""
    done = tsdg("verify", str(run))
    assert done.code == 0, done.err
    counts: dict[str, int] = {}
    for row in records(run).values():
        counts[row["task"]] = counts.get(row["task"], 0) + 1
    return counts


@pytest.mark.parametrize("name", RECIPES)
def test_each_recipe_is_planned_without_a_mirror(name: str) -> None:
    plan = make_plan(
        look_up(compose_recipe([f"recipe={name}", "seeds.mirror="]), mirror="optional")
    )
    assert plan.tasks
    assert plan.requests > 0
    assert plan.total.completion_tokens > 0
    assert (plan.gpu_hours is None) == (name == "demo")


@pytest.mark.mirror
@pytest.mark.parametrize("name", RECIPES)
def test_each_recipe_is_planned_with_a_mirror(name: str, mirror: Path) -> None:
    plan = make_plan(
        look_up(compose_recipe([f"recipe={name}", f"seeds.mirror={mirror}"]), mirror="optional")
    )
    assert plan.requests > 0 or name == "agieval"  # none of its splits need be there


@pytest.mark.mirror
@pytest.mark.parametrize("name", FEW_FAMILIES)
def test_recipes_of_the_catalogue_run_on_real_rows(
    mirrored: Cli, oracle: Oracle, name: str
) -> None:
    words = [
        f"recipe={name}",
        *SMALL,
        f"run={name}",
        *families(*FEW_FAMILIES[name]),
        *oracle().overrides(),
    ]
    done = mirrored("run", *words)
    assert done.code == 0, done.err
    run = mirrored.root / name
    assert verified(mirrored, run)
    seeds = table(run / "seeds/seeds.parquet")
    assert len(seeds) == 18
    assert {row["family"] for row in seeds} == set(FEW_FAMILIES[name])
    variants = {row["variant"] for row in records(run).values()}
    assert variants == {"answer", "reasoning", "enriched"}


@pytest.mark.mirror
def test_the_tutorial_runs_a_recipe_of_ones_own_with_an_endpoint_and_real_seeds(
    tmp_path: Path, oracle: Oracle, mirror: Path
) -> None:
    model = "Qwen/Qwen3-30B-A3B-Instruct-2507"
    save_tokenizer(tmp_path / "words")
    replaced = {
        "http://localhost:8000": oracle(serves=model).url,
        f"hf download {model} tokenizer.json --local-dir tokenizer": "cp -r words tokenizer",
        "$PWD/mirror": str(mirror),
        "tsdg seeds prefetch": "tsdg seeds prefetch --dry-run",
    }
    out = walk("tutorial-endpoint", tmp_path, replaced)
    assert f"{model}: 40 requests" in " ".join(out.split()), "a plan by role"
    run = tmp_path / "runs" / "mine"
    assert {row["provenance"]["model"] for row in records(run).values()} == {model}
    seeds = table(run / "seeds/seeds.parquet")
    assert {row["source"]["dataset_path"] for row in seeds} == {"allenai/ai2_arc", "openai/gsm8k"}


@pytest.mark.mirror
def test_the_ablation_makes_two_datasets_of_the_same_questions(
    mirrored: Cli, oracle: Oracle
) -> None:
    words = [
        "recipe=enrichment_ablation",
        "roles=one",
        *SMALL,
        *families("openbookqa", "gsm8k"),
        *oracle().overrides(),
    ]
    done = mirrored("run", "--multirun", *words)
    assert done.code == 0, done.err
    runs = mirrored.runs()
    assert len(runs) == 2
    assert all(verified(mirrored, run) for run in runs)
    by_variant = {tuple({row["variant"] for row in records(run).values()}): run for run in runs}
    assert set(by_variant) == {("reasoning",), ("enriched",)}
    asked = [
        [row["question"] for row in table(run / "questions/questions.parquet")] for run in runs
    ]
    assert asked[0] == asked[1]
    first, second = (
        {row["question"]: row["answer"] for row in records(run).values()} for run in runs
    )
    assert first == second
    done = mirrored("report", *map(str, runs))
    assert done.code == 0, done.err
    page = Path(done.out.strip()).read_text(encoding="utf-8")
    assert all(run.name in page for run in runs)


def test_agieval_runs_on_rows_in_the_columns_of_its_sets(
    tsdg: Cli, oracle: Oracle, tmp_path: Path
) -> None:
    mirror = write_mirror(tmp_path / "mirror")
    words = [
        "recipe=agieval",
        "roles=one",
        *SMALL,
        f"seeds.mirror={mirror}",
        "run=agieval",
        *oracle().overrides(),
    ]
    done = tsdg("run", *words)
    assert done.code == 0, done.err
    run = tsdg.root / "agieval"
    assert verified(tsdg, run)
    tasks = {row["task"] for row in table(run / "seeds/seeds.parquet")}
    assert tasks == {"aqua_rat", "ar_lsat", "logiqa", "logiqa_zh", "mmlu_auxiliary_train"}


def test_rqa_runs_on_the_passages_that_come_with_it(tsdg: Cli, oracle: Oracle) -> None:
    words = [
        "recipe=rqa",
        "model=smollm2-135m-instruct",
        "model.note=",
        "run=rqa",
        *oracle().overrides(),
    ]
    done = tsdg("run", *words)
    assert done.code == 0, done.err
    run = tsdg.root / "rqa"
    assert len(verified(tsdg, run)) == 8
    seeds = json.loads((run / "manifest.json").read_text())["totals"]["seeds"]
    assert (seeds["available"], seeds["sampled"], seeds["unsampled"]) == (20, 16, 4)
