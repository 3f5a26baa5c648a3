"""The command line and environment of a server."""

from pathlib import Path
from typing import Any

import pytest

from tests.serving.conftest import model_config, server_config
from tsdg.errors import RecipeError
from tsdg.serving.vllm import Member, is_folder, own_body, serve_command, serve_env


def flags_of(command: tuple[str, ...]) -> dict[str, str | None]:
    """Flag → value, None for a switch, from the words after the model."""
    flags: dict[str, str | None] = {}
    for word in command:
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            flags[name] = value if equals else None
        elif flags:
            flags[list(flags)[-1]] = word
    return flags


def test_a_command_serves_the_model_under_its_name_on_the_given_port() -> None:
    command = serve_command(
        server=server_config(command=("vllm", "serve"), host="10.0.0.1"),
        model=model_config(
            name="big/one",
            path="/models/one",
            max_model_len=4096,
            tensor_parallel=8,
            pipeline_parallel=2,
            reasoning_parser="qwen3",
        ),
        port=8123,
    )
    assert command[:3] == ("vllm", "serve", "/models/one")
    assert flags_of(command) == {
        "--served-model-name": "big/one",
        "--host": "10.0.0.1",
        "--port": "8123",
        "--max-model-len": "4096",
        "--tensor-parallel-size": "8",
        "--pipeline-parallel-size": "2",
        "--disable-uvicorn-access-log": None,
        "--reasoning-parser": "qwen3",
        "--structured-outputs-config": '{"backend": "guidance", "disable_any_whitespace": true}',
    }


def test_server_flags_win_over_model_flags_and_these_over_the_models_own_keys() -> None:
    command = serve_command(
        server=server_config(flags={"max-model-len": 32, "swap_space": 4}),
        model=model_config(
            max_model_len=64, flags={"max_model_len": 48, "swap-space": 2, "dtype": "bfloat16"}
        ),
        port=1,
    )
    flags = flags_of(command)
    assert (flags["--max-model-len"], flags["--swap-space"], flags["--dtype"]) == (
        "32",
        "4",
        "bfloat16",
    )
    assert command.count("--max-model-len") == 1


def test_booleans_become_switches_and_other_values_keep_their_text() -> None:
    flags = {
        "enforce-eager": True,
        "enable-chunked-prefill": False,
        "gpu-memory-utilization": 0.9,
        "seed": -1,
        "structured-outputs-config": '{"backend":"xgrammar"}',
    }
    command = serve_command(server=server_config(flags=flags), model=model_config(), port=1)
    assert {"--enforce-eager", "--no-enable-chunked-prefill", "--seed=-1"} <= set(command)
    assert command[command.index("--gpu-memory-utilization") + 1] == "0.9"
    assert command[command.index("--structured-outputs-config") + 1] == '{"backend":"xgrammar"}'
    dotted = {"structured-outputs-config.backend": "xgrammar"}
    words = serve_command(server=server_config(flags=dotted), model=model_config(), port=1)
    assert "--structured-outputs-config" not in words


def test_each_node_of_a_server_has_its_own_rank_and_only_the_first_listens() -> None:
    head, other = (
        serve_command(
            server=server_config(command=("vllm", "serve"), flags={"max-num-seqs": 64}),
            model=model_config(tensor_parallel=8, pipeline_parallel=2),
            port=8123 if rank == 0 else 0,
            member=Member(nodes=2, rank=rank, address="10.0.0.1", port=29001),
        )
        for rank in (0, 1)
    )
    shared = (
        "--max-model-len 64 --tensor-parallel-size 8 --pipeline-parallel-size 2 "
        '--structured-outputs-config {{"backend": "guidance", "disable_any_whitespace": true}} '
        "--max-num-seqs 64 "
        "--distributed-executor-backend mp --nnodes 2 --node-rank {} --master-addr 10.0.0.1 "
        "--master-port 29001"
    )
    start = "vllm serve owner/model --served-model-name model "
    listens = "--host 127.0.0.1 --port 8123 --disable-uvicorn-access-log "
    assert " ".join(head) == start + listens + shared.format(0)
    assert " ".join(other) == start + shared.format(1) + " --headless"


@pytest.mark.parametrize(
    "flag",
    [
        "port",
        "--host",
        "served_model_name",
        "disable_log_stats",
        "tensor-parallel-size",
        "nnodes",
        "data_parallel_size",
        "distributed-executor-backend",
    ],
)
def test_a_flag_that_another_key_sets_is_refused_by_its_name(flag: str) -> None:
    with pytest.raises(RecipeError, match=rf"^server\.flags\.{flag}: not allowed"):
        serve_command(server=server_config(flags={flag: "1"}), model=model_config(), port=1)


def test_a_revision_is_for_hub_ids_and_a_home_folder_is_expanded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    hub = serve_command(
        server=server_config(), model=model_config(path="owner/model", revision="abc"), port=1
    )
    assert flags_of(hub)["--revision"] == "abc"
    home = serve_command(
        server=server_config(), model=model_config(path="~/model", revision="abc"), port=1
    )
    assert "/home/me/model" in home
    assert "--revision" not in home


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a", True),
        ("~/a", True),
        ("./a", True),
        ("../a", True),
        ("a/b/c", True),
        ("a", False),
        ("a/b", False),
    ],
)
def test_what_counts_as_a_folder(path: str, expected: bool) -> None:
    assert is_folder(path) is expected


def test_the_environment_adds_to_what_is_inherited_and_the_recipe_wins() -> None:
    env = serve_env(
        server=server_config(
            env={"VLLM_NO_USAGE_STATS": "0", "VLLM_CPU_OMP_THREADS_BIND": "{replica}"}
        ),
        inherited={"PATH": "/bin", "HOME": "/h", "PYTHONHOME": "/wrong"},
        executable=Path("/venv/bin/vllm"),
        replica=1,
        gpus=("2", "3"),
    )
    assert env == {
        "PATH": "/venv/bin:/bin",
        "HOME": "/h",
        "PYTHONUNBUFFERED": "1",
        "VLLM_SYSTEM_START_DATE": "2026-01-01",
        "VLLM_NO_USAGE_STATS": "0",
        "VLLM_CPU_OMP_THREADS_BIND": "1",
        "CUDA_VISIBLE_DEVICES": "2,3",
    }


def test_cores_an_address_and_its_interface_reach_the_server_where_they_are_known() -> None:
    def env(**known: Any) -> dict[str, str]:
        made = serve_env(
            server=server_config(),
            inherited={"PATH": "/bin"},
            executable=Path("/v/vllm"),
            replica=0,
            gpus=(),
            **known,
        )
        always = {"VLLM_NO_USAGE_STATS", "PYTHONUNBUFFERED", "VLLM_SYSTEM_START_DATE"}
        return {key: made[key] for key in made.keys() - always - {"PATH"}}

    assert env() == {}
    assert env(cores=((0, 1), (2, 3))) == {"VLLM_CPU_OMP_THREADS_BIND": "0,1|2,3"}
    assert env(reached=("10.0.0.1", "ib0")) == {
        "VLLM_HOST_IP": "10.0.0.1",
        "GLOO_SOCKET_IFNAME": "ib0",
    }


def test_a_schema_for_harmonys_channels_is_a_tag_that_bounds_white_space() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    body = {"messages": [], "response_format": form}
    gpt_oss, other = (model_config(reasoning_parser=name) for name in ("openai_gptoss", "qwen3"))
    assert own_body(other, body) is body
    assert own_body(gpt_oss, {"messages": []}) == {"messages": []}
    assert own_body(gpt_oss, body) == {
        "messages": [],
        "response_format": {
            "type": "structural_tag",
            "format": {"type": "json_schema", "json_schema": schema, "max_whitespace_cnt": 1},
        },
    }
    assert '{"backend": "xgrammar", "disable_any_whitespace": true}' in serve_command(
        server=server_config(), model=gpt_oss, port=1
    )
