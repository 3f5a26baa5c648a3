"""The hub's side of a prefetch.

Which commits a data set has, which files a commit has, and their verified bytes.

Addresses, the token and the HTTP session are huggingface_hub's own (``HF_ENDPOINT``, ``HF_TOKEN``
and the proxy variables count as they do there). Retries and error messages are decided here,
because its downloads start again from the beginning after an interruption, and its API calls have
no time limit.

Used of the hub, for a data set ``D``: ``/api/datasets/D/refs`` (names to commits),
``/api/datasets/D/tree/COMMIT`` (files with size and checksum) and
``/datasets/D/resolve/COMMIT/PATH`` (bytes, by range).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import quote, urlsplit

import tsdg
from tsdg.errors import DatasetRefusedError, HubError, MachineError, MirrorError
from tsdg.storage import storage

if TYPE_CHECKING:
    from collections.abc import Iterator

CONVERTED = "refs/convert/parquet"
"""Where the hub keeps its own Parquet conversion of a data set."""
MAIN = "refs/heads/main"

_TIMEOUT = (5.0, 30.0, 30.0, 30.0)
"""Seconds to connect, to read, to write, and to wait for a free connection."""
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that may be others a little later."""
_GONE_COMMIT = "RevisionNotFound"
_BLOCK = 1 << 20

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often a request is sent, and how long is waited in between."""

    attempts: int = 5
    """Times in a row without a new byte."""
    first_s: float = 0.5
    """Before the second attempt; twice as long before each further one."""
    ceiling_s: float = 8.0
    longest_s: float = 60.0
    """Where the hub itself says how long to wait, at most this long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFile:
    """One file of a commit."""

    path: str
    bytes: int
    sha256: str
    """Empty for a small file that is no LFS file: it has only its git name."""
    git_oid: str
    """Git's name of the content (of the pointer, for an LFS file)."""

    @property
    def key(self) -> str:
        """A name by content."""
        return self.sha256 or self.git_oid


class _Response(Protocol):
    """What is used of a response, whichever HTTP library the hub's package brings."""

    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def links(self) -> Mapping[str | None, Mapping[str, str]]: ...
    def json(self) -> Any: ...
    def read(self) -> bytes: ...
    def iter_bytes(self) -> Iterator[bytes]: ...


class _TryAgainError(Exception):
    """An attempt failed in a way that the next may not."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


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
        patience: Patience = Patience(),
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
        from huggingface_hub import constants, get_session, get_token
        from huggingface_hub.errors import HfHubHTTPError

        self._endpoint = address.rstrip("/")
        self.name = _address(self._endpoint)
        """The hub's address, without a password that may stand in it."""
        self._session = get_session()
        token = (not constants.HF_HUB_DISABLE_IMPLICIT_TOKEN and get_token()) or ""
        self._has_token = bool(token)
        self._headers = {"User-Agent": f"tsdg/{tsdg.__version__}", "Accept-Encoding": "identity"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        if not (token.isascii() and token.isprintable()):
            raise MachineError(
                "HF_TOKEN holds characters that no token has (it is not shown); set it again"
            )
        # Its package bases its error on that of the HTTP library: httpx in some releases, httpx2 in
        # others.
        self._failures: tuple[type[BaseException], ...] = (HfHubHTTPError.__mro__[1], OSError)
        self._patience = patience
        self._sleep = sleep
        self._reached = False

    def commits(self, dataset: str) -> dict[str, str]:
        """Return the commits that a data set's references stand at now, e.g. ``{"refs/heads/main".

        "4f..."}``.

        Raises:
            DatasetRefusedError: there is no such data set, or this account may not read it.
            MachineError: the hub cannot be reached, or fails again and again.
        """
        url = f"{self._endpoint}/api/datasets/{quote(dataset)}/refs"
        answer, _ = self._json(url, dataset, f"the references of {dataset}")
        try:
            refs = [ref for kind in ("branches", "converts") for ref in answer.get(kind, [])]
            return {str(ref["ref"]): str(ref["targetCommit"]) for ref in refs}
        except (AttributeError, TypeError, KeyError):
            raise self._no_hub(f"the references of {dataset}") from None

    def files(self, dataset: str, commit: str) -> tuple[HubFile, ...]:
        """Return the files of a commit.

        Raises:
            DatasetRefusedError: the commit is gone, or this account may not read it.
            MachineError: the hub cannot be reached, or fails again and again.
        """
        what = f"the files of {dataset} at {commit[:12]}"
        tree = f"{quote(dataset)}/tree/{quote(commit, safe='')}"
        url = f"{self._endpoint}/api/datasets/{tree}?recursive=true"
        found: list[HubFile] = []
        while url:
            entries, following = self._json(url, dataset, what)
            try:
                found += [_file(entry) for entry in entries if entry["type"] == "file"]
            except (TypeError, KeyError, ValueError):
                raise self._no_hub(what) from None
            # A page may lie elsewhere only if somebody is after the token.
            if following and urlsplit(following)[:2] != urlsplit(self._endpoint)[:2]:
                raise MachineError(
                    f"{what}: the hub at {self.name} sends on to {_address(following)}; not "
                    "followed"
                )
            url = following
        return tuple(found)

    def text(self, dataset: str, commit: str, path: str) -> str:
        """Return a small text file of a commit.

        Raises:
            DatasetRefusedError: as :meth:`files`.
            MachineError: as :meth:`files`.
        """
        what = f"{path} of {dataset} at {commit[:12]}"

        def read() -> str:
            with self._get(self._address_of(dataset, commit, path), {}) as response:
                self._judge(response, dataset, what)
                return response.read().decode("utf-8", errors="replace")

        return self._try(read, what)

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
        url = self._address_of(dataset, commit, file.path)
        found = ""
        for _ in range(2):
            self._try(
                lambda: self._pull(url, dataset, what, file, part, on_bytes),
                what,
                gained=lambda: _size(part),
            )
            with storage("read", part):
                found = _digest(part, file)
                if found == file.key:
                    return
                part.unlink()
        raise MirrorError(
            f"{what}: checksum expected {file.key}, found {found}, fetched twice and thrown away; "
            "the hub or a proxy "
            f"on the way sends other bytes than {self.name} lists: try later, or without the proxy"
        )

    def _pull(
        self,
        url: str,
        dataset: str,
        what: str,
        file: HubFile,
        part: Path,
        on_bytes: Callable[[int], None],
    ) -> None:
        """One attempt: append what is missing."""
        have = _size(part)
        if have >= file.bytes and part.exists():
            return
        with self._get(url, {"Range": f"bytes={have}-"} if have else {}) as response:
            if have and response.status_code == 416:
                with storage("write", part):
                    part.unlink()
                raise _TryAgainError("the hub would not go on in the middle of the file")
            self._judge(response, dataset, what)
            goes_on = response.status_code == 206
            if goes_on and not response.headers.get("content-range", "").startswith(
                f"bytes {have}-"
            ):
                raise _TryAgainError("the hub sent another range than was asked for")
            with storage("write", part):
                target = part.open("ab" if goes_on else "wb")
            have = have if goes_on else 0
            with target:
                for chunk in response.iter_bytes():
                    with storage("write", part):
                        target.write(chunk)
                    have += len(chunk)
                    on_bytes(min(have, file.bytes))
                    if have > file.bytes:
                        return  # the checksum will say so
                with storage("write", part):
                    target.flush()
        if have < file.bytes:
            raise _TryAgainError("the connection was cut")

    def _address_of(self, dataset: str, commit: str, path: str) -> str:
        place = f"{quote(dataset)}/resolve/{quote(commit, safe='')}/{quote(path)}"
        return f"{self._endpoint}/datasets/{place}"

    def _json(self, url: str, dataset: str, what: str) -> tuple[Any, str]:
        """An answer and the address of its next page, empty for none."""

        def ask() -> tuple[Any, str]:
            with self._get(url, {}) as response:
                self._judge(response, dataset, what)
                response.read()
                try:
                    answer = response.json()
                except ValueError:
                    raise self._no_hub(what) from None
                return answer, response.links.get("next", {}).get("url", "")

        return self._try(ask, what)

    def _get(self, url: str, headers: dict[str, str]) -> AbstractContextManager[_Response]:
        return self._session.stream(
            "GET", url, headers={**self._headers, **headers}, timeout=_TIMEOUT
        )

    def _judge(self, response: _Response, dataset: str, what: str) -> None:
        """Let an answer with content through, and raise what the others mean."""
        self._reached = True
        status, code = response.status_code, response.headers.get("x-error-code", "")
        page = f"{self.name}/datasets/{dataset}"
        if status in (200, 206):
            return
        if status in _PASSING:
            raise _TryAgainError(
                f"the hub answers {status}", _seconds(response.headers.get("retry-after", ""))
            )
        if status == 404 and code == _GONE_COMMIT:
            raise DatasetRefusedError(
                f"{what}: the hub no longer has this commit; move the whole data set to the "
                "present one with --update"
            )
        if status == 403 or code == "GatedRepo":
            known = "with the account of HF_TOKEN" if self._has_token else "and set HF_TOKEN"
            raise DatasetRefusedError(
                f"{what}: the hub answers {status}: gated; accept its licence at {page} {known}"
            )
        if status == 401:
            state = "the token is not accepted" if self._has_token else "HF_TOKEN is not set"
            raise DatasetRefusedError(
                f"{what}: the hub answers 401: private, gated or unknown, and {state}; see {page}"
            )
        if status == 404:
            raise DatasetRefusedError(
                f"{what}: the hub answers 404: unknown (or private, and HF_TOKEN may not see it); "
                f"see {page}"
            )
        raise HubError(f"{what}: the hub at {self.name} answers {status}; allowed: 200; try later")

    def _try(self, call: Callable[[], T], what: str, *, gained: Callable[[], int] = lambda: 0) -> T:
        """Call until it succeeds; new bytes make the count of failures start again."""
        from huggingface_hub.errors import OfflineModeIsEnabled

        failures, have = 0, gained()
        while True:
            failing: type[MachineError] = HubError
            wait: float | None = None
            try:
                return call()
            except OfflineModeIsEnabled:
                raise MachineError(
                    "HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) is set, so nothing can be fetched; "
                    "unset it, on a "
                    "machine with internet"
                ) from None
            except _TryAgainError as error:
                reason, wait = str(error), error.wait_s
            except self._failures as error:
                reason = _plain(error)
                failing = MachineError
                if not self._reached:
                    raise MachineError(
                        f"the hub at {self.name} cannot be reached ({reason}); prefetch on a "
                        "machine with internet, or "
                        "set HTTPS_PROXY or HF_ENDPOINT"
                    ) from None
            failures = 1 if gained() > have else failures + 1
            have = gained()
            if failures >= self._patience.attempts:
                raise failing(
                    f"{what}: {reason}, {failures} times in a row; what was fetched is kept, the "
                    "same command goes on"
                )
            usual = min(self._patience.first_s * 2 ** (failures - 1), self._patience.ceiling_s)
            self._sleep(usual if wait is None else min(wait, self._patience.longest_s))

    def _no_hub(self, what: str) -> MachineError:
        return MachineError(
            f"{what}: {self.name} does not answer as a hub does; look at HF_ENDPOINT and the proxy"
        )


def _file(entry: Mapping[str, Any]) -> HubFile:
    lfs = entry.get("lfs") or {}
    size = int(lfs["size"] if lfs else entry["size"])
    return HubFile(
        path=str(entry["path"]),
        bytes=size,
        sha256=str(lfs.get("oid", "")),
        git_oid=str(entry["oid"]),
    )


def _digest(path: Path, file: HubFile) -> str:
    """The checksum of a file, of the kind that the hub lists for it."""
    total = hashlib.sha256() if file.sha256 else hashlib.sha1(f"blob {_size(path)}\0".encode())
    with path.open("rb") as content:
        while block := content.read(_BLOCK):
            total.update(block)
    return total.hexdigest()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _seconds(header: str) -> float | None:
    return float(header) if header.strip().isdecimal() else None


def _plain(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _address(url: str) -> str:
    """Scheme, host and port of an address, without user and password.

    Raises:
        MachineError: it is no HTTP address.
    """
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        parts, port = urlsplit(""), ""
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise MachineError(
            "HF_ENDPOINT is not an address; allowed: http://HOST[:PORT] or https://HOST[:PORT]"
        )
    return f"{parts.scheme}://{parts.hostname}{port}"
