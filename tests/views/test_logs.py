"""``tsdg logs``: which log is printed, and how it is followed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.launch.conftest import commands
from tests.launch.test_watch import says
from tests.run.test_status import launched
from tsdg.cli import run_command
from tsdg.errors import UsageError
from tsdg.run.run_logs import choose_log
from tsdg.views.logs import follow

__all__ = ["commands"]


@pytest.fixture
def run(tmp_path: Path, commands: Path) -> Path:
    """A launched run of four elements, the second of which failed, as ``sacct`` would say."""
    folder = tmp_path / "run"
    launched(folder)
    texts = {
        "questions/2_0.node0.log": "zero\n",
        "questions/2_1.node0.log": "",
        "questions/2_1.out": "no node log\n",
        "questions/2_3.node0.log": "three\n",
        "questions-gather/3.node0.log": "gather\n",
        "server-0.n1.5.log": "vllm\n",
    }
    for at, (name, text) in enumerate(texts.items()):
        path = folder / "logs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (at, at))
    says(commands, "sacct", "2_1|FAILED|1:0|2026-01-01T00:00:00|n1|questions\n")
    return folder


@pytest.mark.parametrize(
    ("stage", "element", "name"),
    [
        ("questions", "", "questions/2_1.out"),  # what failed
        ("questions", "0", "questions/2_0.node0.log"),
        ("questions", "2_3", "questions/2_3.node0.log"),
        ("questions.gather", "", "questions-gather/3.node0.log"),
        ("questions-gather", "", "questions-gather/3.node0.log"),
        ("server", "", "server-0.n1.5.log"),
        ("questions/2_0.node0.log", "", "questions/2_0.node0.log"),
    ],
)
def test_the_right_log(run: Path, stage: str, element: str, name: str) -> None:
    assert choose_log(run, stage, element) == run / "logs" / name


def test_what_is_not_there(run: Path) -> None:
    with pytest.raises(
        UsageError,
        match="no log of stage answers; there are logs of: questions, questions-gather, s",
    ):
        choose_log(run, "answers", "")
    with pytest.raises(UsageError, match="no log of stage questions, element 2;"):
        choose_log(run, "questions", "2")


def test_the_list_begins_with_the_failure(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["logs", str(run)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2:] for line in lines[1:4]] == [
        ["12", "failed", str(run / "logs/questions/2_1.out")],
        ["0", "failed", str(run / "logs/questions/2_1.node0.log")],
        ["5", str(run / "logs/server-0.n1.5.log")],
    ]
    assert run_command(["logs", str(run), "questions", "3"]) == 0
    assert capsys.readouterr().out == "three\n"


def test_what_is_added_is_printed_too(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = run / "logs/questions/2_0.node0.log"
    rounds = iter(["one\n", "two\n"])

    def more() -> bool:
        text = next(rounds, "")
        with path.open("a") as file:
            file.write(text)
        return bool(text)

    follow(path, more=more)
    assert capsys.readouterr().out == "zero\none\ntwo\n"
