"""What is found out before anything starts."""

import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.serving.conftest import model_config, server_config
from tsdg.errors import RecipeError, ServerError
from tsdg.serving import check_server
from tsdg.serving.checks import find_executable, read_api_key


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text("{}")
    return tmp_path


def remote(**values: Any) -> Any:
    return server_config(type="openai", command=(), **{"base_urls": ("http://h/v1",)} | values)


def test_a_fit_server_passes(folder: Path) -> None:
    check_server(server_config(), model_config(path=str(folder)))
    check_server(server_config(), model_config(path="owner/model"))
    check_server(remote(), model_config(path="/not/here"))


def test_a_missing_command_is_named_with_both_ways_to_get_one() -> None:
    with pytest.raises(
        ServerError, match=r"^server\.command: no-such-vllm is not there .*server-env.*tsdg\[gpu\]"
    ):
        check_server(server_config(command=("no-such-vllm", "serve")), model_config())


def test_a_command_that_cannot_be_executed_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "vllm").write_text("#!/bin/sh\n")
    with pytest.raises(ServerError, match="vllm is not executable"):
        check_server(server_config(command=(str(tmp_path / "vllm"),)), model_config())


def test_a_command_is_found_by_relative_path_in_the_recipes_path_and_beside_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "serve-it"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    assert find_executable(server_config(command=("bin/serve-it",))) == program
    assert (
        find_executable(server_config(command=("serve-it",), env={"PATH": str(program.parent)}))
        == program
    )
    monkeypatch.setenv("PATH", "/nowhere")
    assert (
        find_executable(server_config(command=(Path(sys.executable).name,))).parent
        == Path(sys.executable).parent
    )


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/no/such/model", "no such folder"),
        ("./model", "no such folder"),
        ("{tmp}", "a folder without config.json"),
    ],
)
def test_a_model_folder_must_hold_a_model(path: str, found: str, tmp_path: Path) -> None:
    with pytest.raises(ServerError, match=rf"^model\.path=.*: {found}; give"):
        check_server(server_config(), model_config(path=path.replace("{tmp}", str(tmp_path))))


def test_fixed_ports_must_be_free_for_every_replica() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServerError, match=rf"^server\.port={port}: "):
            check_server(server_config(port=port), model_config())
        either = f"({port - 1}|{port})"  # nobody keeps the one before free
        with pytest.raises(ServerError, match=rf"^server\.port={either}: "):
            check_server(server_config(port=port - 1, replicas=2), model_config())
    with pytest.raises(RecipeError, match=r"^server\.port=65535: "):
        check_server(server_config(port=65535, replicas=2), model_config())


def test_flags_and_gpus_are_checked_early(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RecipeError, match=r"model\.flags\.port"):
        check_server(server_config(), model_config(flags={"port": 1}))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    with pytest.raises(
        ServerError, match="2 GPUs spans 2 nodes of 1, and this process is one of 1"
    ):
        check_server(server_config(), model_config(tensor_parallel=2))


def test_an_endpoint_must_be_a_url() -> None:
    with pytest.raises(
        ValidationError, match=r"base_urls: found 'host:8000/v1'; allowed: http://HOST:PORT/v1"
    ):
        remote(base_urls=("http://h/v1", "host:8000/v1"))


def test_a_key_is_read_from_its_variable_or_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", " k-1\n")
    (tmp_path / "key").write_text("k-2\n")
    assert read_api_key(remote(api_key_env="MY_KEY")) == "k-1"
    assert read_api_key(remote(api_key_file=str(tmp_path / "key"))) == "k-2"
    assert read_api_key(remote()) == ""


@pytest.mark.parametrize(
    "content", [None, b"", b" \n", b"two secret words", b"secret\x00", b"\xff\xfesecret"]
)
def test_a_missing_or_wrong_key_is_refused_without_being_shown(
    content: bytes | None, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ServerError, match=rf"^server\.api_key_file={file}: ") as caught:
        check_server(remote(api_key_file=str(file)), model_config())
    assert "secret" not in str(caught.value)


def test_an_unset_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_KEY", raising=False)
    with pytest.raises(ServerError, match=r"^server\.api_key_env=NO_KEY: is not set"):
        check_server(remote(api_key_env="NO_KEY"), model_config())
