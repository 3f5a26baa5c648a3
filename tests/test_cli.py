"""What the command line says where the machine does not let it, and of words that name no run."""

from __future__ import annotations

import errno
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.package.make_run import make_run
from tsdg.cli import run_command
from tsdg.commands import key_table
from tsdg.commands.find import find_command
from tsdg.commands.key_table import KeyRow
from tsdg.commands.overview import overview
from tsdg.commands.table import COMMANDS, GROUPS
from tsdg.commands.words import Command, read
from tsdg.storage import storage

# Root may read everything, unless these capabilities are taken from it.
ORDINARY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


def ordinary(*words: str) -> subprocess.CompletedProcess[str]:
    """``tsdg`` as a user that files' modes hold for."""
    return subprocess.run(
        [*ORDINARY, sys.executable, "-m", "tsdg", *words],
        env=dict(os.environ),  # without the COLUMNS that readline sets behind Python's back
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def run(tmp_path: Path) -> Path:
    make_run(tmp_path / "runs" / "run").package()
    return tmp_path / "runs" / "run"


@pytest.mark.parametrize(
    "command", ["status", "logs", "cancel", "resume", "verify", "show", "report"]
)
@pytest.mark.parametrize(
    ("word", "says"), [("", "there is no directory ''"), ("{here}", "is not a run directory")]
)
def test_a_word_that_names_no_run_is_one_line(
    command: str, word: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command([command, word.format(here=tmp_path)]) == 2
    err = capsys.readouterr().err
    assert says in err or f"tsdg {command} takes" in err
    assert len(err.splitlines()) == 1


def test_what_may_not_be_read_is_not_called_damaged(run: Path) -> None:
    hidden = run / "manifest.json"
    hidden.chmod(0)
    try:
        for command in ("show", "report"):
            done = ordinary(command, str(run))
            assert done.returncode == 3, done.stderr
            assert done.stderr == (
                f"tsdg: this machine refuses {hidden}: Permission denied; "
                "change its owner or mode\n"
            )
    finally:
        hidden.chmod(0o644)


def test_a_run_that_may_not_be_looked_into_is_listed_beside_the_others(run: Path) -> None:
    (run / "snapshot" / "recipe.yaml").write_text("name: made\n")
    shutil.copytree(run, run.with_name("closed"))
    run.with_name("closed").chmod(0)
    try:
        done = ordinary("list", str(run.parent))
    finally:
        run.with_name("closed").chmod(0o755)
    assert (done.returncode, done.stderr) == (0, "")
    names = [Path(line.split()[0]).name for line in done.stdout.splitlines()[1:]]
    assert names == ["closed", "run"]
    assert "unreadable" in done.stdout


def keys_of(command: Command) -> list[KeyRow]:
    return key_table.keys_of(command.config) if command.config else []


def test_the_help_of_a_recipes_command_has_groups_and_not_prompt_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "recipe").mkdir()
    (tmp_path / "recipe" / "mine.yaml").touch()
    for flag in ("--help", "--hydra-help"):
        assert run_command(["run", "--config-dir", str(tmp_path), flag]) == 0
        shown = capsys.readouterr().out
        groups = shown[shown.index("Groups") :]
        assert "mine" in groups
        assert "smollm2-135m-instruct" in groups
        assert "prompt= " in groups
        assert "short_text" not in groups


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_a_help_fits_its_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = [*COMMANDS["compare"].help().splitlines(), *overview().splitlines()]
    assert max(map(len, lines)) <= min(columns, 100)


def test_keys_are_found_by_name_and_by_comment(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["keys", "cap_per_task"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "seeds.cap_per_task"
    assert run_command(["keys", "server.*", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["keys"]
    assert {row["name"].partition(".")[0] for row in rows} == {"server"}
    assert run_command(["keys", "guessing"]) == 0
    assert "answers.max_chance" in capsys.readouterr().out
    assert run_command(["keys", "policy"]) == 0
    assert capsys.readouterr().out.startswith("policy  (of tsdg mix)")
    assert run_command(["keys", "cap_per_tsk"]) == 2
    assert "did you mean seeds.cap_per_task?" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_how_it_is_called(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = COMMANDS[name]
    for words in (
        [*name.split(), "--help"],
        [*name.split(), "some/run", "-h"],
        ["help", *name.split()],
    ):
        assert run_command(words) == 0
        shown = capsys.readouterr().out.splitlines()
        assert shown[0] == command.call
        assert command.summary in shown[2]
        options = (*command.arguments, *command.keys, *command.named, *command.flags)
        names = [*(one.name for one in options), *(f"{key.name}=" for key in keys_of(command))]
        assert all(any(line.startswith(f"  {one}") for line in shown) for one in names)
        assert any(line.startswith(f"Example: tsdg {name}") for line in shown)
        assert " ".join(shown[-2:]).partition("Exit codes: ")[1]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_is_understood(name: str) -> None:
    words = shlex.split(COMMANDS[name].example)
    command, rest = find_command(words[1:])
    assert command.name == name
    read(command, rest)


def test_the_overview_has_every_command_and_a_line_fits_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_command(["--help"]) == 0
    shown = capsys.readouterr().out
    for title, commands in GROUPS.items():
        below = shown[shown.index(f"\n{title}:\n") :].split("\n\n")[0]
        assert all(f"\n  {command.name} " in below for command in commands)
    assert max(len(line) for line in shown.splitlines()) <= 100
    for command in COMMANDS.values():
        wide = [line for line in command.help().splitlines() if len(line) > 100]
        assert wide == []


def test_help_imports_nothing_slow() -> None:
    code = (
        "import sys; from tsdg.cli import run_command; run_command(['--help']); "
        "run_command(['status', '--help']); run_command(['stauts']); "
        "slow = {'pydantic', 'yaml', 'numpy', 'pyarrow', 'hydra', 'omegaconf', 'rich', 'aiohttp'}; "
        "assert not slow & set(sys.modules), slow & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["stauts"], "there is no command 'stauts'; did you mean status?"),
        (["status", "RUN", "--jsn"], "did you mean --json?"),
        (["diversity", "RUN", "smaple=3"], "did you mean sample?"),
        (["report", "RUN", "sample=none"], "sample: found 'none'; allowed: a number above 0"),
        (["seeds", "lst"], "did you mean list?"),
        (["seeds"], "allowed: tsdg seeds list"),
        (["export", "RUN", "--format", "jsn"], "did you mean json"),
        (["verify", "RUN", "colour=red"], "takes one run directory: found colour="),
    ],
)
def test_a_typo_is_one_line_that_guesses(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(words) == 2
    err = capsys.readouterr().err
    assert says in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("flags", "error", "code"),
    [(["--launched"], errno.EIO, 75), ([], errno.EIO, 3), (["--launched"], errno.ENOSPC, 3)],
)
def test_only_a_job_that_another_node_may_do_asks_to_be_requeued(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    flags: list[str],
    error: int,
    code: int,
) -> None:
    def reopen(*_: object, **__: object) -> None:
        with storage("read", Path("/runs/r/snapshot")):
            raise OSError(error, os.strerror(error))

    monkeypatch.setattr("tsdg.run.prepare.reopen", reopen)
    assert run_command(["work", "r", "questions", *flags]) == code
    assert capsys.readouterr().err.startswith("tsdg: cannot read /runs/r/snapshot: ")
