"""The journal of a unit: every reply that came back, on disk before it counts.

``journal/unit-000000.g<n>.log`` holds frames ``[length u32][crc32 u32][payload]`` (little endian),
one after the other; the checksum covers length and payload, and the payload is JSON:
``{"request_id", "reply"}`` or ``{"request_id", "failure"}``. Only the
lease that created a file appends to it; a worker that takes the unit over starts a file of its own
and reads all others. Half a frame that a crash left at the end of a file is dropped. A damaged
frame ends the reading of its file; everything before it is kept.
"""

from __future__ import annotations

import errno
import os
import struct
import threading
import zlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import orjson

from tsdg.engine.units import parse_name, unit_name
from tsdg.errors import PermanentError, RetryableError, StorageError
from tsdg.protocols import MOST_TOKENS, Choice, Reply
from tsdg.storage import (
    is_passing,
    list_names,
    storage,
    storage_unfit,
    sync_directory,
    write_fully,
    write_whole,
)

_HEADER = struct.Struct("<II")
_LENGTH = struct.Struct("<I")
T = TypeVar("T")

_MOST_RENEWED = 3
"""How many files a unit's holder begins anew before a file system is believed to have failed."""

Result = Reply | PermanentError
"""How a request ended."""


class UnitLostError(Exception):
    """The unit's files have been removed while we used them (NFS says ``ESTALE``).

    Another process has committed it.
    """


def encode_frame(payload: bytes) -> bytes:
    """One frame around a payload, which must not be empty."""
    length = _LENGTH.pack(len(payload))
    return length + _LENGTH.pack(zlib.crc32(payload, zlib.crc32(length))) + payload


def read_frames(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield the offset and payload of each sound frame, up to the first damaged one."""
    offset = 0
    while len(header := stream.read(_HEADER.size)) == _HEADER.size:
        length, checksum = _HEADER.unpack(header)
        payload = stream.read(length)
        # A length of 0 is never written: it is what a power failure leaves of a page that was not
        # yet filled.
        if (
            not length
            or len(payload) < length
            or zlib.crc32(payload, zlib.crc32(header[:4])) != checksum
        ):
            return
        yield offset + _HEADER.size, payload
        offset += _HEADER.size + length


def encode_result(request_id: str, result: Result) -> bytes:
    """The payload for a result.

    Raises:
        RetryableError: the reply holds text that is not Unicode (half a surrogate pair), which no
            file of ours could hold.
    """
    if isinstance(result, PermanentError):
        return orjson.dumps(
            {
                "request_id": request_id,
                "failure": {"reason": result.reason, "detail": _printable(result.detail)},
            }
        )
    try:
        return orjson.dumps({"request_id": request_id, "reply": result})
    except orjson.JSONEncodeError as error:
        raise RetryableError("bad_reply", f"the reply cannot be stored: {error}") from error


def decode_result(payload: bytes) -> Result:
    """Read back what :func:`encode_result` wrote."""
    record: dict[str, Any] = orjson.loads(payload)
    failure = record.get("failure")
    if failure is not None:
        return PermanentError(failure["reason"], failure["detail"])
    reply = record["reply"]
    if max(reply["prompt_tokens"], reply["completion_tokens"]) > MOST_TOKENS:
        return PermanentError("bad_reply", "the reply claims more tokens than there can be")
    return Reply(
        choices=tuple(Choice(**choice) for choice in reply["choices"]),
        prompt_tokens=reply["prompt_tokens"],
        completion_tokens=reply["completion_tokens"],
        reasoning_tokens=reply.get("reasoning_tokens", 0),
    )


def drop_failures(directory: Path, reasons: Collection[str]) -> int:
    """Remove requests that failed for good from the journals of units that are not committed.

    They are then asked again. Nobody may be at work on these units.

    Args:
        directory: the ``journal/`` folder; may be missing.
        reasons: of rejected rows; only ``request_failed`` comes of failures.

    Returns:
        How many journals held any.

    Raises:
        StorageError: a journal cannot be read or written.
    """
    found = 0
    for name in list_names(directory) if "request_failed" in reasons else ():
        path = directory / name
        if parse_name(name) is None or path.suffix != ".log":
            continue
        with storage("read the journal", path), path.open("rb") as stream:
            payloads = [payload for _, payload in read_frames(stream)]
        good = [payload for payload in payloads if "failure" not in orjson.loads(payload)]
        if len(good) < len(payloads):
            found += 1
            write_whole(path, b"".join(map(encode_frame, good)))
    return found


def _twice(attempt: Callable[[], T]) -> T:
    """Try again what failed for a moment."""
    try:
        return attempt()
    except (OSError, StorageError) as error:
        if not _for_a_moment(error if isinstance(error, OSError) else error.__cause__):
            raise
        return attempt()


def _for_a_moment(error: BaseException | None) -> bool:
    """``ESTALE`` is not: it says that the file is gone."""
    return is_passing(error) and getattr(error, "errno", 0) != errno.ESTALE


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where a payload lies in its file: replies are read back on demand, so memory stays flat."""

    descriptor: int
    offset: int
    length: int


class Journal:
    """The journal of one unit under one lease.

    All methods belong to one thread, except ``sync``, which is slow and may be called from another.
    """

    def __init__(self, *, directory: Path, index: int, generation: int) -> None:
        """Read the journals that earlier holders of the unit left.

        Args:
            directory: the ``journal/`` folder.
            index: of the unit.
            generation: of the lease.

        Raises:
            StorageError: a journal cannot be read.
        """
        self._directory = directory
        self._index = index
        self._number = generation
        self._path = self._path_of(generation)
        self._descriptor = -1
        self._size = 0
        self._spots: dict[str, _Spot] = {}
        self._readers: list[int] = []
        self._dirty = False
        self._new = False
        self._broken: StorageError | None = None
        self._renewed = 0
        self._lock = threading.Lock()
        self._closed = False
        try:
            self._read_earlier()
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        """Number of results known."""
        return len(self._spots)

    @property
    def dirty(self) -> bool:
        """Whether something was appended since the last sync."""
        return self._dirty

    def lookup(self, request_id: str) -> Result | None:
        """How the request ended, where it already has.

        Raises:
            UnitLostError: the files are gone.
            StorageError: they cannot be read.
        """
        spot = self._spots.get(request_id)
        if spot is None:
            return None
        try:
            payload = _twice(lambda: os.pread(spot.descriptor, spot.length, spot.offset))
        except OSError as error:
            raise self._failed("read", error) from error
        return decode_result(payload)

    def append(self, request_id: str, result: Result) -> Result:
        """Write a result to the file; it is safe from a kill of this process when this returns.

        Where the file system fails for a moment, what is known goes to a new file, and it goes on.

        Returns:
            The result that counts: the first one, where the same request was answered twice.

        Raises:
            RetryableError: the result cannot be stored as it is; nothing was written.
            UnitLostError: the files are gone.
            StorageError: it could not be written; nothing of it counts, and no more is taken.
        """
        earlier = self.lookup(request_id)
        if earlier is not None:
            return earlier
        if self._broken is not None:
            raise self._broken
        payload = encode_result(request_id, result)
        frame = encode_frame(payload)
        try:
            self._write(frame)
        except OSError as error:
            failure = self._failed("write", error)
            if isinstance(failure, StorageError):
                self._broken = failure
                self._cut_off()
            raise failure from error
        self._spots[request_id] = _Spot(self._descriptor, self._size + _HEADER.size, len(payload))
        self._size += len(frame)
        self._dirty = True
        return result

    def sync(self) -> None:
        """Make what was appended survive a power failure or the end of the node.

        Raises:
            StorageError: it cannot be synced.
        """
        with self._lock:
            if self._descriptor < 0 or not self._dirty:
                return
            self._dirty = False
            with storage("sync the journal", self._path):
                # Should the second one succeed and the first one have lost something, a power
                # failure costs replies, which are asked for again, and no row.
                _twice(lambda: os.fsync(self._descriptor))
            if self._new:
                _twice(lambda: sync_directory(self._directory))
                self._new = False

    def close(self) -> None:
        """Close the files. Nothing can be looked up or appended afterwards."""
        with self._lock:
            self._closed = True
            for descriptor in (self._descriptor, *self._readers):
                if descriptor >= 0:
                    os.close(descriptor)
            self._descriptor = -1
            self._readers = []
            self._spots = {}

    def _path_of(self, number: int) -> Path:
        return self._directory / f"{unit_name(self._index)}.g{number}.log"

    def _read_earlier(self) -> None:
        numbers = []
        start = unit_name(self._index)
        for name in list_names(self._directory):
            file = parse_name(name) if name.startswith(start) else None
            if file is not None and file.index == self._index and file.generation >= 0:
                numbers.append(file.generation)
        for number in sorted(numbers):
            self._read(self._path_of(number))
        # Never append to a file of others: after its torn tail, nothing would be read back.
        self._number = max([self._number, *(number + 1 for number in numbers)])

    def _read(self, path: Path) -> None:
        with storage("read the journal", path):
            try:
                descriptor = os.open(path, os.O_RDONLY)
            except FileNotFoundError:
                return
            self._readers.append(descriptor)
            with open(descriptor, "rb", closefd=False) as stream:
                for offset, payload in read_frames(stream):
                    request_id = orjson.loads(payload)["request_id"]
                    self._spots.setdefault(request_id, _Spot(descriptor, offset, len(payload)))

    def _create(self) -> None:
        """Create our own file at the first write: units without requests leave none.

        One that replaces ours holds all that ours does, as far as it counts; the old one stays.

        Raises:
            OSError: it cannot be created, or what ours holds cannot be read or written.
        """
        if self._closed:
            raise UnitLostError
        old = self._descriptor
        known = os.pread(old, self._size, 0) if old >= 0 else b""
        self._number += old >= 0
        while True:
            path = self._path_of(self._number)
            try:
                new = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
                break
            except FileExistsError:
                self._number += 1
        try:
            write_fully(new, known)
        except OSError:
            os.close(new)
            raise
        with self._lock:
            self._path, self._new, self._descriptor = path, True, new
            if old >= 0:
                self._readers.append(old)
                self._dirty = True
        for request_id, spot in self._spots.items():
            if spot.descriptor == old:
                self._spots[request_id] = replace(spot, descriptor=new)

    def _write(self, frame: bytes) -> None:
        """Append a frame to our file, or to a new one that replaces it.

        Raises:
            OSError: it cannot be written.
        """
        renew = False
        while True:
            try:
                if self._descriptor < 0 or renew:
                    self._create()
                write_fully(self._descriptor, frame)
                return
            except OSError as error:
                if not _for_a_moment(error) or self._renewed >= _MOST_RENEWED:
                    raise
                self._renewed, renew = self._renewed + 1, True

    def _cut_off(self) -> None:
        """Remove what a failed write left of its frame."""
        if self._descriptor >= 0:
            try:
                os.ftruncate(self._descriptor, self._size)
            except OSError:
                return  # reading drops it as a torn tail anyway, and nothing is written after it

    def _failed(self, action: str, error: OSError) -> UnitLostError | StorageError:
        if error.errno == errno.ESTALE:
            return UnitLostError()
        return storage_unfit(f"{action} the journal", self._path, error)
