"""Scratch folders: gone with their process, and removed by a later one where it was killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tsdg import scratch
from tsdg.errors import StorageError
from tsdg.scratch import new_scratch, scratch_folder


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_is_gone_afterwards_whatever_happens(place: Path) -> None:
    def fail() -> None:
        with scratch_folder("test") as folder:
            (folder / "file").touch()
            assert list(place.iterdir()) == [folder]
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not list(place.iterdir())


def left_by_a_killed_process(place: Path) -> Path:
    child = os.fork()
    if child == 0:
        (new_scratch("test").path / "file").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    (left,) = place.iterdir()
    return left


def test_what_a_killed_process_left_is_removed_by_the_next_but_not_what_is_in_use(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = left_by_a_killed_process(place)
    with scratch_folder("other") as mine:
        assert left.exists(), "it is young: it may be about to be locked"
        monkeypatch.setattr(scratch, "_YOUNG_S", -1.0)
        with scratch_folder("other") as also_mine:
            assert set(place.iterdir()) == {mine, also_mine}


def test_what_others_own_or_a_link_leads_to_stays(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "_YOUNG_S", -1.0)
    left = left_by_a_killed_process(place)
    elsewhere = place / "elsewhere"
    elsewhere.mkdir()
    (place / "tsdg-link.tmp").symlink_to(elsewhere)
    me = os.getuid()
    with monkeypatch.context() as other:
        other.setattr(os, "getuid", lambda: me + 1)
        with scratch_folder("test"):
            assert left.exists()
    with scratch_folder("test"):
        assert not left.exists()
        assert elsewhere.exists()


def test_where_no_folder_can_be_made_the_place_is_named(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(place / "missing"))
    with pytest.raises(StorageError, match=f"in {place}/missing: No such file"):
        new_scratch("test")
