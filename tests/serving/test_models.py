"""Each model file composes on each kind of node; the commands of the main ones are exact."""

import pytest

from tests.launch.cases import GOLDEN as LAUNCHES
from tests.launch.cases import MODELS, models
from tests.serving.commands import GOLDEN, GPUS, ON_GPUS, commands, model_of, written
from tests.serving.conftest import server_config
from tsdg.config.compose import compose_recipe
from tsdg.config.parallelism import gpus_per_replica, nodes_per_replica
from tsdg.errors import RecipeError
from tsdg.serving.flags import known_flags
from tsdg.serving.placement import Placement, share_of
from tsdg.serving.vllm import flag_name


def replicas(name: str, hardware: str = "h100") -> int:
    count = GPUS[hardware]
    place = Placement(
        node=0, nodes=1, element="", address="", gpus=tuple(map(str, range(count))), slots=count
    )
    return share_of(
        place, server_config(replicas="auto"), model_of(name, f"hardware={hardware}")
    ).replicas


def test_commands_and_scripts_of_every_model_on_every_kind_of_node_are_as_reviewed() -> None:
    assert written() == GOLDEN.read_text()
    assert models() == (LAUNCHES / f"{MODELS}.txt").read_text()


def test_small_models_are_independent_servers() -> None:
    found = {
        name: [replicas(name, hardware) for hardware in GPUS]
        for name in ("gpt-oss-120b", "qwen3-30b-a3b-instruct-2507", "qwen3-235b-a22b-fp8")
    }
    assert found == {
        "gpt-oss-120b": [4, 8, 4],
        "qwen3-30b-a3b-instruct-2507": [4, 8, 4],
        "qwen3-235b-a22b-fp8": [2, 2, 1],
    }


def test_copies_of_a_model_stay_on_one_node() -> None:
    model = model_of("deepseek-r1-0528", "hardware=h200", "model.data_parallel=16")
    with pytest.raises(RecipeError, match=r"model\.data_parallel=16: a server with copies"):
        nodes_per_replica(model, 8)


@pytest.mark.parametrize("hardware", GPUS)
@pytest.mark.parametrize("name", ON_GPUS)
def test_every_model_fits_its_nodes_evenly(name: str, hardware: str) -> None:
    model = model_of(name, f"hardware={hardware}")
    nodes = nodes_per_replica(model, GPUS[hardware])
    assert model.tensor_parallel <= GPUS[hardware], "each layer is shared within a node"
    assert (
        gpus_per_replica(model) == nodes * GPUS[hardware]
        or GPUS[hardware] % gpus_per_replica(model) == 0
    )
    assert all(rate.source for rate in model.throughput.values())
    assert model.licence
    assert model.revision


def test_the_cards_sampling_is_where_questions_and_answers_start_and_the_user_wins() -> None:
    plain = ["recipe=rqa", "model=gpt-oss-120b", "passages.path=/x"]
    recipe = compose_recipe(plain)
    assert {recipe.answers.sampling.temperature, recipe.answers.enrich.temperature} == {1.0}
    recipe = compose_recipe(
        [*plain, "answers.sampling.temperature=0.2", "model.sampling.top_p=0.5"]
    )
    assert (recipe.answers.sampling.temperature, recipe.answers.sampling.top_p) == (0.2, 0.5)


def test_the_users_parallelism_wins_over_the_hardwares() -> None:
    assert (
        model_of(
            "deepseek-v3", "model.tensor_parallel=16", "model.pipeline_parallel=1"
        ).tensor_parallel
        == 16
    )
    own = model_of(
        "gpt-oss-120b", "hardware=l40s", "+model.parallelism.l40s={tensor: 4, pipeline: 1}"
    )
    assert own.tensor_parallel == 4


def test_hardware_that_a_model_has_no_entry_for_is_named() -> None:
    with pytest.raises(RecipeError, match="l40s"):
        model_of("gpt-oss-120b", "hardware=l40s")


def test_the_installed_server_knows_every_flag_that_is_used(vllm: object) -> None:
    known = known_flags(server_config(command=(str(vllm), "serve")), vllm)  # type: ignore[arg-type]
    used = {flag_name(flag) for name in ON_GPUS for flag in model_of(name).flags}
    written = {
        word.partition("=")[0][2:]
        for name in ON_GPUS
        for line in commands(name)
        for word in line.split()
        if word.startswith("--")
    }
    assert used | written <= known
