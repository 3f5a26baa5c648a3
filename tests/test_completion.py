"""Completion: the candidates, and each shell at a terminal with a real Tab."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.package.make_run import make_run
from tsdg.cli import run_command
from tsdg.commands.complete import candidates

START = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
LOAD = {
    "bash": 'eval "$(tsdg completion bash)"',
    "zsh": 'autoload -U compinit; compinit -u -D; eval "$(tsdg completion zsh)"',
    "fish": "tsdg completion fish | source",
}


def words(*typed: str) -> list[str]:
    *before, current = typed
    return [word for word, _ in candidates(before, current)]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["pla"], ["plan"]),
        (["see"], ["seeds"]),
        (["seeds", "pr"], ["probe", "prefetch"]),
        (["run", "recipe=know"], ["recipe=knowledge"]),
        (["run", "model=smol"], ["model=smollm2-135m-instruct"]),
        (
            ["run", "+model@roles.judge.model=smol"],
            ["+model@roles.judge.model=smollm2-135m-instruct"],
        ),
        (["run", "seeds.cap_per_t"], ["seeds.cap_per_task="]),
        (["run", "roles.ju"], ["roles.judge."]),
        (["run", "roles.judge.th"], ["roles.judge.thinking="]),
        (["run", "roles.judge.thinking=of"], ["roles.judge.thinking=off"]),
        (["run", "answers.max_tokens.ma"], ["answers.max_tokens.math="]),
        (["run", "questions.k"], ["questions.kin."]),
        (["run", "+server.fl"], ["+server.flags="]),
        (["run", "seeds.tasks=[demo_facts,demo_s"], ["seeds.tasks=[demo_facts,demo_science"]),
        (["run", "seeds.mix=un"], ["seeds.mix=uniform"]),
        (["launch", "cluster=de"], ["cluster=dev"]),
        (["mix", "policy=u"], ["policy=uniform"]),
        (["export", "r", "--format", "parq"], ["parquet"]),
        (["export", "r", "--format=parq"], ["--format=parquet"]),
        (["export", "r", "--f"], ["--format"]),
        (["seeds", "show", "gsm8k_cot_z"], ["gsm8k_cot_zeroshot"]),
        (["nonsense", "x"], []),
        (["show", "there/is/no/such/run", ""], []),
    ],
)
def test_what_may_stand_at_the_cursor(typed: list[str], offered: list[str]) -> None:
    assert words(*typed) == offered


def test_runs_stages_and_tasks_of_a_run_are_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TSDG_OUTPUT_ROOT", str(tmp_path))
    make_run(tmp_path / "demo-1234").package()
    (tmp_path / "no-run").mkdir()
    assert words("status", "") == ["demo-1234"]
    assert words("diversity", "demo-1234", "against=d") == ["against=demo-1234"]
    assert "questions.gather" in words("work", "demo-1234", "")
    tasks = [folder.name for folder in (tmp_path / "demo-1234" / "dataset").glob("*/*")]
    assert tasks
    assert set(tasks) <= set(words("show", "demo-1234", ""))


def test_a_folder_of_ones_own_is_looked_into(tmp_path: Path) -> None:
    (tmp_path / "recipe").mkdir()
    (tmp_path / "recipe" / "mine.yaml").touch()
    assert words("run", "--config-dir", str(tmp_path), "recipe=mi") == ["recipe=mine"]


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        ("tsdg run recipe=know", "knowledge"),
        ("tsdg run 'seeds.tasks=[demo_sc", "seeds.tasks=[demo_science"),
        ("tsdg run 'run=a b' recipe=know", "knowledge"),
        ("tsdg run +model@roles.judge.model=smol", "smollm2-135m-instruct"),
    ],
)
def test_bash_gets_what_it_replaces(
    line: str, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["_complete", "bash", line]) == 0
    assert capsys.readouterr().out == f"{printed}\n"


def test_it_imports_nothing_slow() -> None:
    code = (
        "import sys; from tsdg.cli import run_command; "
        "run_command(['_complete', 'bash', 'tsdg run seeds.']); "
        "slow = {'pydantic', 'yaml', 'numpy', 'pyarrow', 'hydra', 'omegaconf', 'rich', 'aiohttp'}; "
        "assert not slow & set(sys.modules), slow & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_a_shell_that_is_not_known_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["completion", "zhs"]) == 2
    assert "did you mean zsh?" in capsys.readouterr().err


class Terminal:
    """A shell at a terminal of its own."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self.pid, self.file = pty.fork()
        if not self.pid:
            os.execvpe(command[0], command, env)
        self.shown = ""

    def type(self, text: str) -> None:
        os.write(self.file, text.encode())

    def wait_for(self, text: str) -> None:
        """Read until the text is shown, after what was waited for before."""
        end = time.monotonic() + 60
        while text not in self.shown:
            left = end - time.monotonic()
            assert left > 0, f"no {text!r} in {self.shown[-2000:]!r}"
            if select.select([self.file], [], [], left)[0]:
                self.shown += os.read(self.file, 4096).decode(errors="replace")
        self.shown = self.shown.partition(text)[2]

    def close(self) -> None:
        os.close(self.file)
        os.waitpid(self.pid, 0)


@pytest.mark.parametrize("shell", START)
def test_a_tab_completes_in_a_real_shell(shell: str, tmp_path: Path) -> None:
    if not shutil.which(shell):
        pytest.skip(f"there is no {shell} here")
    caller = tmp_path / "tsdg"
    caller.write_text(
        f'#!/bin/sh\n[ "$1" = run ] && echo "RAN: $*" && exit\n'
        f'exec "{sys.executable}" -m tsdg "$@"\n'
    )
    caller.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "TERM": "dumb", "HOME": str(tmp_path), "PS1": "$ "}
    terminal = Terminal(START[shell], env)
    try:
        terminal.type(f"{LOAD[shell]}; echo load''ed\n")
        terminal.wait_for("loaded\r\n")
        terminal.type("tsdg run recipe=kno\tseeds.cap_per_t\t7 seeds.miss\tskip\n")
        terminal.wait_for("RAN: run recipe=knowledge seeds.cap_per_task=7 seeds.missing=skip")
        terminal.type("exit\n")
    finally:
        terminal.close()
