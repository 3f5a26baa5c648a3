"""A file on the hub, read in parts, as Parquet is: its footer first, then the pages that are asked.

Few requests matter more than few bytes: a part is at least a block. How much a look may read at
most is bounded.
"""

from __future__ import annotations

import io
from typing import cast

from tsdg.errors import HubError
from tsdg.seeds.mirror.hub import Hub
from tsdg.seeds.mirror.hub_form import HubFile

_BLOCK = 256 << 10
_MOST = 24 << 20
"""Bytes of one file that a look may read."""


class RemoteFile(io.RawIOBase):
    """A file of a commit, to be read at any place.

    Attributes:
        asked: bytes that were asked for so far.
    """

    def __init__(self, hub: Hub, dataset: str, commit: str, file: HubFile) -> None:
        """Take what is read; nothing is asked for yet."""
        self._hub, self._dataset, self._commit, self._file = hub, dataset, commit, file
        self._at = 0
        self._blocks: dict[int, bytes] = {}
        self.asked = 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Return the place that is read next."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._file.bytes}[whence]
        self._at = max(start + offset, 0)
        return self._at

    def readinto(self, buffer: object) -> int:
        """Read from the present place on.

        Raises:
            MachineError: the hub cannot be reached or refuses; or the look takes too much.
        """
        view = memoryview(cast("bytearray", buffer)).cast("B")
        stop = min(self._at + len(view), self._file.bytes)
        count = max(stop - self._at, 0)
        first, last = self._at // _BLOCK, max(stop - 1, self._at) // _BLOCK
        if count:
            self._fetch(first, last)
            data = b"".join(self._blocks[number] for number in range(first, last + 1))
            start = self._at - first * _BLOCK
            view[:count] = data[start : start + count]
        self._at += count
        return count

    def _fetch(self, first: int, last: int) -> None:
        """Bring blocks that are not here yet, neighbours at once."""
        missing = [number for number in range(first, last + 1) if number not in self._blocks]
        if not missing:
            return
        start = missing[0] * _BLOCK
        span = range(start, min((missing[-1] + 1) * _BLOCK, self._file.bytes))
        self.asked += len(span)
        if self.asked > _MOST:
            raise HubError(
                f"{self._file.path} of {self._dataset}: a look at it would read more than "
                f"{_MOST >> 20} MB; fetch it with `tsdg seeds prefetch`, which compares it too"
            )
        data = self._hub.part(self._dataset, self._commit, self._file, span)
        for number in range(missing[0], missing[-1] + 1):
            place = number * _BLOCK - start
            self._blocks[number] = data[place : place + _BLOCK]
