"""Flags that the serving command does not know."""

import stat
from pathlib import Path

import pytest

from tests.serving.conftest import model_config, server_config
from tsdg.config.models import ServerConfig
from tsdg.errors import RecipeError
from tsdg.serving import check_server
from tsdg.serving.flags import known_flags, read_help

HELP = """\
usage: vllm serve [model_tag] [options]

  Use `--help=all` to show all available flags at once.

options:
  --headless            Run in headless mode, see --not-a-flag.
                        More about --nor-this.
  -h, --help            show this help message and exit
  --enforce-eager, --no-enforce-eager
                        Always eager. (default: False)
  --max-num-seqs MAX_NUM_SEQS
  --compilation-config COMPILATION_CONFIG, -cc COMPILATION_CONFIG
"""


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A serving command with a help, which counts how often it is asked."""
    monkeypatch.setenv("TSDG_CACHE", str(tmp_path / "cache"))
    (tmp_path / "help").write_text(HELP)
    program = tmp_path / "vllm"
    program.write_text(f"#!/bin/sh\necho asked >> {tmp_path}/asked\ncat {tmp_path}/help\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def server(command: Path, flags: dict[str, object]) -> ServerConfig:
    return server_config(command=(str(command), "serve"), flags=flags)


def test_only_the_lines_that_begin_an_option_name_flags() -> None:
    flags = {
        "headless",
        "help",
        "enforce-eager",
        "no-enforce-eager",
        "max-num-seqs",
        "compilation-config",
    }
    assert read_help(HELP) == flags


@pytest.mark.parametrize(
    "flags",
    [
        {"enforce-eager": True},
        {"enforce_eager": False},
        {"--max_num_seqs": 4},
        {"compilation-config.mode": 3},
        {},
    ],
)
def test_flags_that_the_command_knows_pass(command: Path, flags: dict[str, object]) -> None:
    check_server(server(command, flags), model_config())


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (
            {"max-num-sequences": 4},
            r"server\.flags\.max-num-sequences: .*/vllm serve knows no --max-num-sequences; did "
            r"you mean --max-num-seqs\? \(`.*/vllm serve --help=all` lists all\)",
        ),
        ({"headles": True}, "did you mean --headless"),
        ({"max-num-seqs": False}, "knows no --no-max-num-seqs"),
        ({"zzz": 1}, r"knows no --zzz \("),
    ],
)
def test_others_are_refused_with_the_nearest(
    command: Path, flags: dict[str, object], said: str
) -> None:
    with pytest.raises(RecipeError, match=said) as caught:
        check_server(server(command, flags), model_config())
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_models_flags_are_checked_too(command: Path) -> None:
    with pytest.raises(RecipeError, match=r"^model\.flags\.enforce-eagre: "):
        check_server(server(command, {}), model_config(flags={"enforce-eagre": True}))


def test_the_command_is_asked_once_until_it_changes(command: Path, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    check_server(server(command, {}), model_config())
    assert not asked.exists(), "no flags, nothing to ask"
    for _ in range(3):
        check_server(server(command, {"max-num-seqs": 4}), model_config())
    assert asked.read_text().count("asked") == 1
    (tmp_path / "help").write_text(HELP.replace("max-num-seqs", "max-seqs"))
    command.write_text(command.read_text() + "# another version\n")
    with pytest.raises(RecipeError, match="max-seqs"):
        check_server(server(command, {"max-num-seqs": 4}), model_config())


@pytest.mark.parametrize("body", ["exit 3", "echo no flags here"])
def test_a_command_without_such_a_help_is_not_checked(command: Path, body: str) -> None:
    command.write_text(f"#!/bin/sh\n{body}\n")
    check_server(server(command, {"anything": 1}), model_config())


def test_a_cache_that_cannot_be_written_stops_nothing(
    command: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TSDG_CACHE", str(command / "below-a-file"))
    assert "headless" in known_flags(server(command, {}), command)


def test_the_real_command_lists_its_flags(vllm: Path) -> None:
    config = server_config(command=(str(vllm), "serve"))
    known = known_flags(config, vllm)
    assert {
        "nnodes",
        "node-rank",
        "master-addr",
        "master-port",
        "headless",
        "distributed-executor-backend",
    } <= known
    with pytest.raises(RecipeError, match="did you mean --max-num-seqs"):
        check_server(config.model_copy(update={"flags": {"max-num-seq": 4}}), model_config())
