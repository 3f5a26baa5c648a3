"""Each model file composes on each kind of node; the commands of the main ones are exact."""

import pytest

from tests.serving.conftest import server_config
from tsdg.config.compose import compose_recipe, recipes_dir
from tsdg.config.models import ModelConfig
from tsdg.config.parallelism import gpus_per_replica, nodes_per_replica
from tsdg.errors import RecipeError
from tsdg.serving.flags import known_flags
from tsdg.serving.placement import Placement, share_of
from tsdg.serving.vllm import Member, flag_name, serve_command

GPUS = {"h100": 8, "h200": 8, "gb200": 4}
MODELS = sorted(path.stem for path in (recipes_dir() / "model").glob("*.yaml"))
ON_GPUS = [name for name in MODELS if not name.startswith("smollm2")]


def model_of(name: str, *overrides: str) -> ModelConfig:
    return compose_recipe(["recipe=demo", f"model={name}", "server=vllm", *overrides]).model


STRUCTURES = ' --structured-outputs-config {"backend": "guidance", "disable_any_whitespace": true}'


def commands(name: str, hardware: str = "h100") -> list[str]:
    """The command of each node of one server, without what all of them have."""
    lines = _commands(name, hardware)
    assert all(STRUCTURES in line for line in lines)
    return [line.replace(STRUCTURES, "") for line in lines]


def _commands(name: str, hardware: str) -> list[str]:
    model = model_of(name, f"hardware={hardware}")
    nodes = nodes_per_replica(model, GPUS[hardware])
    server = server_config(command=("vllm", "serve"), replicas="auto")
    if nodes == 1:
        return [" ".join(serve_command(server=server, model=model, port=8000))]
    members = [
        Member(nodes=nodes, rank=rank, address="10.0.0.1", port=29500) for rank in range(nodes)
    ]
    return [
        " ".join(
            serve_command(
                server=server, model=model, port=0 if member.rank else 8000, member=member
            )
        )
        for member in members
    ]


def replicas(name: str, hardware: str = "h100") -> int:
    count = GPUS[hardware]
    place = Placement(
        node=0, nodes=1, element="", address="", gpus=tuple(map(str, range(count))), slots=count
    )
    return share_of(
        place, server_config(replicas="auto"), model_of(name, f"hardware={hardware}")
    ).replicas


def test_qwen3_235b_on_one_node_of_8_h100() -> None:
    assert commands("qwen3-235b-a22b") == [
        "vllm serve Qwen/Qwen3-235B-A22B --served-model-name Qwen/Qwen3-235B-A22B --host 127.0.0.1 "
        "--port 8000 "
        "--disable-uvicorn-access-log --max-model-len 40960 --tensor-parallel-size 8 "
        "--pipeline-parallel-size 1 "
        "--reasoning-parser qwen3 --revision main"
    ]
    assert replicas("qwen3-235b-a22b") == 1


def test_deepseek_v3_on_two_nodes_of_8_h100() -> None:
    shared = (
        "--max-model-len 32768 --tensor-parallel-size 8 --pipeline-parallel-size 2 --revision main "
        "--trust-remote-code --enable-expert-parallel --distributed-executor-backend mp --nnodes 2 "
        "--node-rank {} "
        "--master-addr 10.0.0.1 --master-port 29500"
    )
    start = "vllm serve deepseek-ai/DeepSeek-V3 --served-model-name deepseek-ai/DeepSeek-V3 "
    assert commands("deepseek-v3") == [
        start + "--host 127.0.0.1 --port 8000 --disable-uvicorn-access-log " + shared.format(0),
        start + shared.format(1) + " --headless",
    ]
    assert len(commands("deepseek-v3", "h200")) == 1


def test_the_genrm_judge_on_16_h100() -> None:
    name = "nvidia/NVIDIA-Nemotron-3-Ultra-550B-A55B-GenRM"
    shared = (
        "--max-model-len 32768 --tensor-parallel-size 8 --pipeline-parallel-size 2 "
        "--reasoning-parser nemotron_v3 "
        "--revision main --trust-remote-code --mamba-ssm-cache-dtype float32 "
        "--enable-expert-parallel "
        "--gpu-memory-utilization 0.95 --distributed-executor-backend mp --nnodes 2 --node-rank {} "
        "--master-addr 10.0.0.1 --master-port 29500"
    )
    start = f"vllm serve {name} --served-model-name {name} "
    assert commands("nemotron-3-ultra-genrm") == [
        start + "--host 127.0.0.1 --port 8000 --disable-uvicorn-access-log " + shared.format(0),
        start + shared.format(1) + " --headless",
    ]


def test_gpt_oss_120b_as_independent_servers() -> None:
    assert commands("gpt-oss-120b") == [
        "vllm serve openai/gpt-oss-120b --served-model-name openai/gpt-oss-120b --host 127.0.0.1 "
        "--port 8000 "
        "--disable-uvicorn-access-log --max-model-len 40960 --tensor-parallel-size 2 "
        "--pipeline-parallel-size 1 "
        "--reasoning-parser openai_gptoss --revision main --async-scheduling"
    ]
    assert (
        replicas("gpt-oss-120b"),
        replicas("gpt-oss-120b", "h200"),
        replicas("gpt-oss-120b", "gb200"),
    ) == (4, 8, 4)


def test_qwen3_30b_as_independent_servers() -> None:
    name = "Qwen/Qwen3-30B-A3B-Instruct-2507"
    assert commands("qwen3-30b-a3b-instruct-2507") == [
        f"vllm serve {name} --served-model-name {name} --host 127.0.0.1 --port 8000 "
        "--disable-uvicorn-access-log "
        "--max-model-len 24576 --tensor-parallel-size 2 --pipeline-parallel-size 1 --revision main"
    ]
    assert replicas("qwen3-30b-a3b-instruct-2507") == 4


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
    assert model.throughput[hardware] > 0
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
