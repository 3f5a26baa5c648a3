"""The hub's side of a prefetch: commits, files and their verified bytes.

Used of the hub, for a data set ``D``:

=====================================  ===================================
``/api/datasets/D``                    its card: licence tag, gating, name
``/api/datasets/D/refs``               names to commits
``/api/datasets/D/tree/COMMIT``        files with size and checksum
``/datasets/D/resolve/COMMIT/PATH``    bytes, by range
=====================================  ===================================

What it says is checked by :mod:`tsdg.seeds.mirror.hub_form`, and bounded by
:mod:`tsdg.seeds.mirror.hub_requests`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlsplit

from tsdg.errors import HubError, MachineError, MirrorError
from tsdg.seeds.mirror.hub_form import (
    MOST_FILES,
    Card,
    HubFile,
    OddAnswerError,
    card_of,
    decoded,
    files_of,
    next_page,
    refs_of,
)
from tsdg.seeds.mirror.hub_requests import (
    HubAnswer,
    HubRequest,
    Patience,
    Requests,
    checksum_of,
    plain_address,
)

CONVERTED = "refs/convert/parquet"
"""Where the hub keeps its own Parquet conversion of a data set."""
MAIN = "refs/heads/main"

_ANSWER = 16 << 20
"""Bytes of one answer in JSON."""
_PAGES = 1000
"""Pages of one list of files."""
_TEXT = 4 << 20
"""Bytes of a README."""

_PATIENCE = Patience()

T = TypeVar("T")


def endpoint() -> str:
    """Return the address of the hub: ``HF_ENDPOINT``, or the public one."""
    from huggingface_hub import constants

    return str(constants.ENDPOINT)


class Hub:
    """A hub. It is asked for nothing before a method is called."""

    def __init__(
        self,
        address: str,
        *,
        patience: Patience = _PATIENCE,
        sleep: Callable[[float], None] = time.sleep,
    ):
        """Prepare.

        Args:
            address: of the hub, see :func:`endpoint`.
            patience: how often requests are sent.
            sleep: waits so many seconds.

        Raises:
            MachineError: ``HF_ENDPOINT`` is no address, or the token is none.
        """
        self._requests = Requests(address, patience=patience, sleep=sleep, private=True)
        self.name = self._requests.name
        """The hub's address, without a password that may stand in it."""

    def page(self, dataset: str) -> str:
        """Return where a person sees a data set."""
        return f"{self.name}/datasets/{dataset}"

    def card(self, dataset: str) -> Card:
        """Return what the hub says of a data set as a whole.

        Raises:
            DatasetRefusedError: there is no such data set, or this account may not read it.
            MachineError: the hub cannot be reached, or fails again and again.
        """
        what = f"the card of {dataset}"
        return self._read(f"api/datasets/{quote(dataset)}", dataset, what, card_of)

    def commits(self, dataset: str) -> dict[str, str]:
        """Return the commits that a data set's references stand at now.

        As ``{"refs/heads/main": "4f..."}``.

        Raises:
            DatasetRefusedError: there is no such data set, or this account may not read it.
            MachineError: the hub cannot be reached, or fails again and again.
        """
        what = f"the references of {dataset}"
        return self._read(f"api/datasets/{quote(dataset)}/refs", dataset, what, refs_of)

    def files(self, dataset: str, commit: str) -> tuple[HubFile, ...]:
        """Return the files of a commit.

        Raises:
            DatasetRefusedError: the commit is gone, or this account may not read it.
            MachineError: the hub cannot be reached, or fails again and again.
        """
        what = f"the files of {dataset} at {commit[:12]}"
        url = (
            f"{self._requests.endpoint}/api/datasets/{quote(dataset)}/tree/{commit}?recursive=true"
        )
        found: list[HubFile] = []
        seen: set[str] = set()
        while url:
            seen.add(url)
            answer = self._ask(url, dataset, what)
            found += self._formed(what, lambda body: list(files_of(decoded(body))), answer.body)
            url = self._following(answer, what)
            if url in seen or len(seen) > _PAGES or len(found) > MOST_FILES:
                raise self._requests.no_hub(what, f"its list has no end after {len(seen)} pages")
        paths = {file.path for file in found}
        if len(paths) < len(found):
            raise self._requests.no_hub(what, "it lists a file twice")
        return tuple(found)

    def _following(self, answer: HubAnswer, what: str) -> str:
        """The next page. It may lie elsewhere only if somebody is after the token."""
        following = next_page(answer.link)
        try:
            here = urlsplit(following)[:2] == urlsplit(self._requests.endpoint)[:2]
            if not following or here:
                return following
            there = plain_address(following)
        except (ValueError, MachineError):
            raise self._requests.no_hub(what, "the address of its next page is none") from None
        raise MachineError(f"{what}: the hub at {self.name} sends on to {there}; not followed")

    def text(self, dataset: str, commit: str, file: HubFile) -> str:
        """Return a small text file of a commit, after a look at its checksum.

        Raises:
            DatasetRefusedError: as :meth:`files`.
            MirrorError: it is too large, or its bytes are not those that the hub lists.
            MachineError: as :meth:`files`.
        """
        what = f"{file.path} of {dataset} at {commit[:12]}"
        if file.bytes > _TEXT:
            raise MirrorError(
                f"{what}: {file.bytes:,} bytes, at most {_TEXT:,} are read; see "
                f"{self.page(dataset)}"
            )
        body = self._ask(self._address_of(dataset, commit, file.path), dataset, what, _TEXT).body
        if len(body) != file.bytes or checksum_of(body, file) != file.key:
            raise MirrorError(
                f"{what}: checksum expected {file.key}, found {checksum_of(body, file)}; the hub "
                f"or a proxy on the way sends other bytes than {self.name} lists: try later, or "
                "without the proxy"
            )
        return body.decode("utf-8", errors="replace")

    def part(self, dataset: str, commit: str, file: HubFile, span: range) -> bytes:
        """Return some bytes of a file; they are not checked against its checksum.

        Raises:
            DatasetRefusedError: as :meth:`files`.
            MachineError: as :meth:`files`; or other bytes come than were asked for.
        """
        what = f"{file.path} of {dataset} at {commit[:12]}"
        asked = self._asked(self._address_of(dataset, commit, file.path), dataset, what)
        body = self._requests.read(asked, most=len(span), start=span.start).body
        if len(body) != len(span):
            raise HubError(f"{what}: {len(body):,} of {len(span):,} bytes came; try later")
        return body

    def download(
        self,
        dataset: str,
        commit: str,
        file: HubFile,
        part: Path,
        *,
        on_bytes: Callable[[int], None],
    ) -> None:
        """Bring a file here, going on where ``part`` ends, and check its size and checksum.

        Args:
            dataset: hub path.
            commit: of the data set.
            file: of the commit.
            part: gets the bytes; may hold the first of them. Whole and right when this returns.
            on_bytes: called with the number of bytes that are there.

        Raises:
            DatasetRefusedError: the commit is gone, or the account may not read it.
            MirrorError: the bytes are wrong twice.
            MachineError: the hub cannot be reached, or fails again and again.
            StorageError: the disk is full, or the folder cannot be written.
        """
        what = f"{file.path} of {dataset} at {commit[:12]}"
        asked = self._asked(self._address_of(dataset, commit, file.path), dataset, what)
        self._requests.download(asked, file, part, on_bytes=on_bytes)

    def _address_of(self, dataset: str, commit: str, path: str) -> str:
        place = f"{quote(dataset)}/resolve/{commit}/{quote(path)}"
        return f"{self._requests.endpoint}/datasets/{place}"

    def _asked(self, url: str, dataset: str, what: str) -> HubRequest:
        return HubRequest(url=url, what=what, page=self.page(dataset))

    def _ask(self, url: str, dataset: str, what: str, most: int = _ANSWER) -> HubAnswer:
        return self._requests.read(self._asked(url, dataset, what), most=most)

    def _read(self, path: str, dataset: str, what: str, form: Callable[[object], T]) -> T:
        """An answer of one page, through the gate."""
        answer = self._ask(f"{self._requests.endpoint}/{path}", dataset, what)
        return self._formed(what, lambda body: form(decoded(body)), answer.body)

    def _formed(self, what: str, form: Callable[[bytes], T], body: bytes) -> T:
        try:
            return form(body)
        except OddAnswerError as error:
            raise self._requests.no_hub(what, str(error)) from None
