"""Which log tells of a job."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from tests.launch.test_queue import job
from tsdg.errors import StorageError
from tsdg.slurm.job_logs import (
    NOTHING_STARTED,
    LogFile,
    best,
    by_failure,
    find_logs,
    last_lines,
    logs_of,
)
from tsdg.slurm.queue import how_it_ended


def write(path: Path, text: str, at: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (at, at))


def test_the_newest_node_that_said_something_tells_most(tmp_path: Path) -> None:
    arr = job("1", "arr", 2, nodes=2)
    write(tmp_path / "logs/arr/1_0.out", "batch", 9)
    write(tmp_path / "logs/arr/1_0.node0.log", "rank 0", 5)
    write(tmp_path / "logs/arr/1_0.node1.log", "rank 1", 6)
    write(tmp_path / "logs/arr/1_1.node0.log", "", 8)
    write(tmp_path / "logs/arr/1_1.out", "batch", 7)
    first, second = best(logs_of(tmp_path, arr, "1_0")), best(logs_of(tmp_path, arr, "1_1"))
    assert first is not None
    assert second is not None
    assert (first.path.name, second.path.name) == ("1_0.node1.log", "1_1.out")
    assert best(logs_of(tmp_path, arr, "1_7")) is None


def test_logs_are_listed_with_the_newest_failure_first(tmp_path: Path) -> None:
    write(tmp_path / "logs/arr/1_0.out", "x", 5)
    write(tmp_path / "logs/arr/1_1.out", "xx", 3)
    write(tmp_path / "logs/arr/1_2.out", "xx", 4)
    write(tmp_path / "logs/server-0.node1.77.log", "xxx", 9)
    write(tmp_path / "logs/rendezvous/a.json", "{}", 9)
    found = by_failure(find_logs(tmp_path), frozenset({"1_1", "1_2"}))
    assert [(log.key, log.stage, log.size) for log in found] == [
        ("1_2", "arr", 2),
        ("1_1", "arr", 2),
        ("", "", 3),
        ("1_0", "arr", 1),
    ]
    assert find_logs(tmp_path / "nowhere") == ()


def test_logs_that_are_no_folder_are_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "logs").symlink_to("logs")
    with pytest.raises(StorageError, match=r"^cannot list \S+/logs: "):
        find_logs(tmp_path)


@pytest.mark.parametrize("code", [errno.EACCES, errno.ENOENT])
def test_a_folder_that_cannot_be_read_is_named_and_one_that_went_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    write(tmp_path / "logs/arr/1_0.out", "x", 5)
    write(tmp_path / "logs/server.log", "x", 5)
    scandir = os.scandir

    def failing(path: str) -> Any:
        if Path(path).name == "arr":
            raise OSError(code, os.strerror(code), path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", failing)
    if code == errno.ENOENT:
        assert [log.path.name for log in find_logs(tmp_path)] == ["server.log"]
        return
    with pytest.raises(StorageError, match=r"^cannot list \S+/logs/arr: Permission denied: "):
        find_logs(tmp_path)


def test_last_lines(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a\n" * 20000 + b"step 1\rstep 2\rstep 3\n\n  \nlast \xff\r\n")
    assert last_lines(path, 2) == ("step 3", "last �")
    assert last_lines(tmp_path / "none", 2) == ()


def test_where_srun_started_nothing_its_own_words_are_the_log(tmp_path: Path) -> None:
    node, shell = tmp_path / "7.node0.log", tmp_path / "7.out"
    node.write_text("of an earlier start\n")
    logs = []
    for path, text in ((shell, "srun: error: Unable to create step\n"), (node, "earlier\n")):
        path.write_text(text)
        logs.append(
            LogFile(path=path, stage="seeds", key="7", size=len(text), changed=path.stat().st_mtime)
        )
    assert best(logs) == logs[1]
    shell.write_text(f"srun: error: Unable to create step\n{NOTHING_STARTED} (exit code 255)\n")
    assert best(logs) == logs[0]


def test_a_signal_is_no_exit_code_of_0() -> None:
    assert how_it_ended("0:10") == ", ended by signal 10 (SIGUSR1)"
    assert how_it_ended("3:0") == ", exit code 3"
    assert how_it_ended("") == ""
