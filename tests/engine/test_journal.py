from __future__ import annotations

import errno
import io
import os
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.lab import reply
from tsdg.engine.journal import (
    Journal,
    Result,
    UnitLostError,
    drop_failures,
    encode_frame,
    encode_result,
    read_frames,
)
from tsdg.errors import PermanentError, RetryableError, StorageError
from tsdg.protocols import Choice, Reply

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
REPLIES = st.builds(
    Reply,
    choices=st.lists(
        st.builds(Choice, text=TEXT, reasoning=TEXT, finish_reason=TEXT), max_size=3
    ).map(tuple),
    prompt_tokens=st.integers(0, 10**9),
    completion_tokens=st.integers(0, 10**9),
)
PAYLOADS = st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=6)


def open_journal(directory: Path, generation: int) -> Journal:
    return Journal(directory=directory, index=0, generation=generation)


def written(directory: Path, generation: int, results: dict[str, Result]) -> Path:
    journal = open_journal(directory, generation)
    for request_id, result in results.items():
        journal.append(request_id, result)
    journal.close()
    return directory / f"unit-000000.g{generation}.log"


def known(directory: Path, ids: list[str]) -> dict[str, Reply]:
    journal = open_journal(directory, 9)
    found = {request_id: journal.lookup(request_id) for request_id in ids}
    journal.close()
    return {request_id: result for request_id, result in found.items() if isinstance(result, Reply)}


@given(payloads=PAYLOADS)
def test_frames_torn_at_every_byte_give_the_frames_before(payloads: list[bytes]) -> None:
    frames = [encode_frame(payload) for payload in payloads]
    data = b"".join(frames)
    ends = [sum(map(len, frames[: n + 1])) for n in range(len(frames))]
    for cut in range(len(data) + 1):
        whole = sum(end <= cut for end in ends)
        assert [payload for _, payload in read_frames(io.BytesIO(data[:cut]))] == payloads[:whole]


@given(payloads=PAYLOADS, data=st.data())
def test_a_damaged_byte_ends_the_reading_before_its_frame(
    payloads: list[bytes], data: st.DataObject
) -> None:
    frames = [encode_frame(payload) for payload in payloads]
    raw = bytearray(b"".join(frames))
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] ^= data.draw(st.integers(1, 255))
    ends = [sum(map(len, frames[: n + 1])) for n in range(len(frames))]
    whole = sum(end <= position for end in ends)
    assert [payload for _, payload in read_frames(io.BytesIO(bytes(raw)))] == payloads[:whole]


@given(payloads=PAYLOADS, zeros=st.integers(1, 64))
def test_zeros_at_the_end_are_no_frames(payloads: list[bytes], zeros: int) -> None:
    data = b"".join(map(encode_frame, payloads)) + bytes(zeros)
    assert [payload for _, payload in read_frames(io.BytesIO(data))] == payloads


@settings(max_examples=settings.default.max_examples // 2)
@given(results=st.dictionaries(TEXT, REPLIES, max_size=5))
def test_every_reply_comes_back_as_it_was(results: dict[str, Reply]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        journal = open_journal(directory, 0)
        for request_id, result in results.items():
            assert journal.lookup(request_id) is None
            assert journal.append(request_id, result) is result
            assert journal.lookup(request_id) == result
        journal.close()
        assert known(directory, list(results)) == results


def test_a_journal_file_torn_at_every_byte_is_read_and_never_appended_to(tmp_path: Path) -> None:
    path = written(tmp_path, 0, {"a": reply("A"), "b": reply("B"), "c": reply("C")})
    raw = path.read_bytes()
    third = len(raw) - len(raw) // 3
    for cut in range(third, len(raw)):
        path.write_bytes(raw[:cut])
        journal = open_journal(tmp_path, 1)
        assert journal.lookup("b") == reply("B")
        assert journal.lookup("c") is None
        journal.append("c", reply("again"))
        journal.close()
        assert path.read_bytes() == raw[:cut]
        assert known(tmp_path, ["a", "b", "c"]) == {
            "a": reply("A"),
            "b": reply("B"),
            "c": reply("again"),
        }
        (tmp_path / "unit-000000.g1.log").unlink()


def test_all_earlier_generations_count_and_other_units_do_not(tmp_path: Path) -> None:
    written(tmp_path, 0, {"a": reply("A")})
    written(tmp_path, 3, {"b": reply("B")})
    other = Journal(directory=tmp_path, index=1, generation=0)
    other.append("x", reply("X"))
    other.close()
    assert known(tmp_path, ["a", "b", "x"]) == {"a": reply("A"), "b": reply("B")}


def test_a_file_left_under_our_own_number_is_read_and_kept(tmp_path: Path) -> None:
    path = written(tmp_path, 0, {"a": reply("A")})
    before = path.read_bytes()
    journal = open_journal(tmp_path, 0)
    assert journal.lookup("a") == reply("A")
    journal.append("b", reply("B"))
    journal.close()
    assert path.read_bytes() == before
    assert known(tmp_path, ["a", "b"]) == {"a": reply("A"), "b": reply("B")}


def test_two_processes_with_the_same_number_never_share_a_file(tmp_path: Path) -> None:
    one, two = open_journal(tmp_path, 0), open_journal(tmp_path, 0)
    one.append("a", reply("A"))
    two.append("b", reply("B"))
    one.append("c", reply("C"))
    one.close()
    two.close()
    assert len(list(tmp_path.iterdir())) == 2
    assert known(tmp_path, ["a", "b", "c"]) == {"a": reply("A"), "b": reply("B"), "c": reply("C")}


def test_the_first_answer_to_a_request_counts(tmp_path: Path) -> None:
    journal = open_journal(tmp_path, 0)
    journal.append("a", reply("first"))
    assert journal.append("a", reply("second")) == reply("first")
    journal.close()
    assert known(tmp_path, ["a"]) == {"a": reply("first")}


def test_failures_are_kept_so_that_a_resume_does_not_ask_again(tmp_path: Path) -> None:
    written(tmp_path, 0, {"a": PermanentError("too_long", "9000 of 8192 tokens \ud800")})
    journal = open_journal(tmp_path, 1)
    result = journal.lookup("a")
    journal.close()
    assert isinstance(result, PermanentError)
    assert (result.reason, result.detail) == ("too_long", "9000 of 8192 tokens ?")


def test_failures_that_are_dropped_are_asked_again_and_replies_stay(tmp_path: Path) -> None:
    failure = PermanentError("request_failed", "no server answered")
    path = written(tmp_path, 0, {"a": reply("A"), "b": failure, "c": reply("C")})
    whole = written(tmp_path, 1, {"d": reply("D")}).read_bytes()
    before = path.read_bytes()
    assert drop_failures(tmp_path, ["step_failed"]) == 0
    assert path.read_bytes() == before
    assert drop_failures(tmp_path, ["request_failed"]) == 1
    assert list(known(tmp_path, ["a", "b", "c", "d"])) == ["a", "c", "d"]
    assert (tmp_path / "unit-000000.g1.log").read_bytes() == whole
    assert drop_failures(tmp_path, ["request_failed"]) == 0
    assert drop_failures(tmp_path / "nowhere", ["request_failed"]) == 0


def test_a_reply_that_is_not_unicode_is_refused_and_leaves_the_file_sound(tmp_path: Path) -> None:
    journal = open_journal(tmp_path, 0)
    journal.append("a", reply("A"))
    with pytest.raises(RetryableError, match="bad_reply"):
        journal.append("b", reply("\ud800"))
    journal.append("c", reply("C"))
    journal.close()
    assert known(tmp_path, ["a", "b", "c"]) == {"a": reply("A"), "c": reply("C")}


def test_a_unit_without_requests_leaves_no_file(tmp_path: Path) -> None:
    journal = open_journal(tmp_path, 0)
    journal.sync()
    journal.close()
    assert list(tmp_path.iterdir()) == []


def test_nothing_can_be_appended_after_closing(tmp_path: Path) -> None:
    journal = open_journal(tmp_path, 0)
    journal.append("a", reply("A"))
    journal.sync()
    assert not journal.dirty
    journal.close()
    with pytest.raises(UnitLostError):
        journal.append("b", reply("B"))
    assert known(tmp_path, ["a", "b"]) == {"a": reply("A")}


def test_a_full_disk_costs_nothing_that_was_written(small_disk: Path) -> None:
    journal = open_journal(small_disk, 0)
    kept: list[str] = []

    def fill() -> None:
        for number in range(10_000):
            journal.append(f"r{number}", reply(os.urandom(300).hex()))
            kept.append(f"r{number}")

    with pytest.raises(
        StorageError, match=r"cannot write the journal .*unit-000000\.g0\.log.*disk is full"
    ) as caught:
        fill()
    assert "\n" not in str(caught.value)
    with pytest.raises(StorageError, match="disk is full"):
        journal.append("small", reply(""))
    journal.close()
    assert len(kept) > 100
    assert list(known(small_disk, [*kept, f"r{len(kept)}", "small"])) == kept


def failing(monkeypatch: pytest.MonkeyPatch, call: str, at: Collection[int], error: int) -> None:
    """Let some calls fail, by their numbers from 1 on; a write leaves half of its bytes."""
    real, count = getattr(os, call), iter(range(1, 1_000))

    def fail(descriptor: int, *rest: Any) -> Any:
        if next(count) in at:
            if call == "write":
                real(descriptor, rest[0][: len(rest[0]) // 2])
            raise OSError(error, os.strerror(error))
        return real(descriptor, *rest)

    monkeypatch.setattr(os, call, fail)


@pytest.mark.parametrize("call", ["write", "pread", "fsync"])
def test_what_fails_for_a_moment_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    names = [f"r{number}" for number in range(9)]
    for at in range(1, 13):
        folder = tmp_path / str(at)
        folder.mkdir()
        journal = open_journal(folder, 0)
        with monkeypatch.context() as patch:
            failing(patch, call, {at}, errno.EIO)
            for name in names:
                journal.append(name, reply(name))
                assert journal.lookup(name) == reply(name)
                journal.sync()
            assert [journal.lookup(name) for name in names] == [reply(name) for name in names]
        journal.close()
        assert known(folder, names) == {name: reply(name) for name in names}


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_what_fails_for_ever_is_one_line_and_keeps_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    journal = open_journal(tmp_path, 0)
    journal.append("a", reply("A"))
    failing(monkeypatch, call, range(1, 999), errno.EIO)

    def go_on() -> None:
        journal.append("b", reply("B"))
        journal.sync()

    with pytest.raises(StorageError, match=r"the journal .*/unit-000000.g0.log: Input/output"):
        go_on()
    journal.close()
    assert known(tmp_path, ["a"]) == {"a": reply("A")}


def test_a_read_only_directory_is_one_clear_line(read_only: Path) -> None:
    journal = open_journal(read_only, 0)
    with pytest.raises(StorageError, match="cannot write the journal"):
        journal.append("a", reply("A"))
    journal.close()


def test_the_frame_of_a_result_is_json_with_its_request() -> None:
    assert (
        encode_result("a", PermanentError("x", "y"))
        == b'{"request_id":"a","failure":{"reason":"x","detail":"y"}}'
    )
