"""File systems without locks or links, and folders that a team shares."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import socket
import stat
import subprocess
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.engine.lab import QUICK, Transport, expected, rows_of, run, write_input
from tsdg.engine import commit, control
from tsdg.engine.control import is_owned, sole_owner
from tsdg.engine.file_system import check_file_system, try_file_system
from tsdg.errors import RunConflictError, StoppedError, StorageError


def failing(number: int) -> Callable[..., NoReturn]:
    def fail(*_: Any, **__: Any) -> NoReturn:
        raise OSError(number, os.strerror(number))

    return fail


def test_a_usual_file_system_can_do_everything_and_nothing_is_left(tmp_path: Path) -> None:
    assert [ability.error for ability in try_file_system(tmp_path)] == [""] * 6
    assert list(tmp_path.iterdir()) == []
    check_file_system(tmp_path)


def test_what_a_killed_process_left_is_removed_and_what_another_tries_is_not(
    tmp_path: Path,
) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    left, tried = (
        tmp_path / f".try-{socket.gethostname()}-{pid}-00ff" for pid in (gone.pid, os.getppid())
    )
    for folder in (left, tried):
        folder.mkdir()
    try_file_system(tmp_path)
    assert list(tmp_path.iterdir()) == [tried]


@pytest.mark.parametrize(
    ("call", "name"),
    [("utime", "set the times of files"), ("fsync", "make files durable"), ("replace", "rename")],
)
def test_what_has_no_other_way_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, name: str
) -> None:
    monkeypatch.setattr(os, call, failing(errno.ENOSYS))
    with pytest.raises(StorageError, match=f"{tmp_path} cannot {name}.*not implemented") as caught:
        check_file_system(tmp_path)
    assert "\n" not in str(caught.value)


async def test_without_links_parts_are_committed_by_renaming(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", failing(errno.EPERM))
    check_file_system(tmp_path)
    source = write_input(tmp_path / "in.parquet", rows=40, unit_rows=4)
    directory = tmp_path / "phase"
    await asyncio.gather(*(run(source, directory, Transport(0.001)) for _ in range(3)))
    assert rows_of(directory) == expected(40)


def part(folder: Path, text: str) -> Path:
    path = folder / f".unit-000000.g0.{text}.tmp"
    path.write_text(text)
    return path


def test_without_links_the_first_part_wins_even_if_its_process_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", failing(errno.EPERM))
    final = tmp_path / "unit-000000.parquet"
    with monkeypatch.context() as killed:
        killed.setattr(commit, "_end_move", lambda claim, final: None)
        assert commit._publish(part(tmp_path, "first"), final) == "committed"
    assert not final.exists()
    assert commit._publish(part(tmp_path, "second"), final) == "late"
    assert final.read_text() == "first"
    assert commit._publish(part(tmp_path, "third"), final) == "late"
    assert final.read_text() == "first"


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "lockf", failing(errno.ENOLCK))
    monkeypatch.setattr(fcntl, "fcntl", failing(errno.ENOLCK))
    monkeypatch.setattr(control, "TIMING", QUICK)


@pytest.mark.usefixtures("no_locks")
def test_without_locks_a_run_still_has_one_owner(tmp_path: Path) -> None:
    assert not is_owned(tmp_path)
    with sole_owner(tmp_path):
        assert is_owned(tmp_path)
        with pytest.raises(RunConflictError, match="another tsdg is at work"), sole_owner(tmp_path):
            pass
    assert not is_owned(tmp_path)
    with sole_owner(tmp_path):
        pass


@pytest.mark.usefixtures("no_locks")
def test_without_locks_an_owner_that_was_killed_is_succeeded(tmp_path: Path) -> None:
    def hold_and_die() -> None:
        with sole_owner(tmp_path):
            os._exit(0)

    assert as_user(hold_and_die, os.getuid(), os.getgid(), 0o022) == 0
    with sole_owner(tmp_path):
        pass


def test_another_failure_of_the_lock_is_no_other_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "lockf", failing(errno.EIO))
    with (
        pytest.raises(StorageError, match=r"cannot lock .*\.lock: Input/output error"),
        sole_owner(tmp_path),
    ):
        pass


def as_user(call: Callable[[], None], user: int, group: int, umask: int) -> int:
    """Do something in a process of another user; its exit code."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        os.umask(umask)
        if user != os.getuid():
            os.setgroups([group])
            os.setgid(user)
            os.setuid(user)
        call()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


TEAM, ANN, BEN = 54321, 54322, 54323


@pytest.fixture
def shared() -> Iterator[Path]:
    """A team's folder, as administrators make it: setgid, writable for the group."""
    with tempfile.TemporaryDirectory(prefix="tsdg-team-") as name:
        path = Path(name)
        path.chmod(0o755)
        team = path / "team"
        team.mkdir()
        os.chown(team, 0, TEAM)
        team.chmod(0o2775)
        yield team


@pytest.mark.root
def test_two_users_of_one_group_work_on_one_run(shared: Path) -> None:
    source, directory = shared / "in.parquet", shared / "run" / "phase"

    def begin() -> None:
        write_input(source, rows=20, unit_rows=2)
        with sole_owner(shared / "run"):
            stop = asyncio.Event()

            class Stopping(Transport):
                async def send(self, request: Any) -> Any:
                    if sum(self.sent.values()) > 20:
                        stop.set()
                    return await super().send(request)

            with pytest.raises(StoppedError):
                asyncio.run(run(source, directory, Stopping(0.005), stop=stop, max_in_flight=2))

    def go_on() -> None:
        with sole_owner(shared / "run"):
            asyncio.run(run(source, directory, Transport(0.001)))

    assert as_user(begin, ANN, TEAM, 0o002) == 0
    assert as_user(go_on, BEN, TEAM, 0o002) == 0
    assert rows_of(directory) == expected(20)
    made = [path for path in shared.rglob("*") if path != shared]
    assert {path.stat().st_gid for path in made} == {TEAM}
    assert {path.stat().st_uid for path in made} == {ANN, BEN}
    assert all(path.stat().st_mode & stat.S_IWGRP for path in made)


@pytest.mark.root
def test_a_folder_of_somebody_else_is_named_with_the_cure(shared: Path) -> None:
    def begin() -> None:
        with sole_owner(shared / "run"):
            pass

    def refused() -> None:
        with pytest.raises(StorageError, match=r"umask 002") as caught, sole_owner(shared / "run"):
            pass
        assert str(shared / "run") in str(caught.value)

    assert as_user(begin, ANN, TEAM, 0o022) == 0
    assert as_user(refused, BEN, TEAM, 0o022) == 0
