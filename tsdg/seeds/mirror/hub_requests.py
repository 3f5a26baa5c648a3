"""Requests to a hub: sent again where that may help, and bounded in all that comes back.

Addresses, the token and the HTTP session are huggingface_hub's own (``HF_ENDPOINT``, ``HF_TOKEN``
and the proxy variables count as they do there). Retries and error messages are decided here,
because its downloads start again from the beginning after an interruption, and its API calls have
no time limit.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar
from urllib.parse import urlsplit

from tsdg.errors import DatasetRefusedError, HubError, MachineError, MirrorError, shown
from tsdg.seeds.mirror.hub_form import HubFile
from tsdg.storage import storage, write_fully
from tsdg.version import version

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIMEOUT = (5.0, 30.0, 30.0, 30.0)
"""Seconds to connect, to read, to write, and to wait for a free connection."""
_LONGEST_S = 300.0
"""Seconds that one answer other than a file may take."""
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that may be others a little later."""
_GONE_COMMIT = "RevisionNotFound"
_BLOCK = 1 << 20
_UNKNOWN_MOST = 256 << 20
"""Bytes of a file whose size is not known."""

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
class HubRequest:
    """What a request is about."""

    url: str
    what: str
    """As a message names it."""
    page: str
    """Where a person looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubAnswer:
    """A whole answer, of bounded size."""

    body: bytes
    link: str
    """Its ``Link`` header."""


class _Response(Protocol):
    """What is used of a response, whichever HTTP library the hub's package brings."""

    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    def iter_bytes(self) -> Iterator[bytes]: ...


class _TryAgainError(Exception):
    """An attempt failed in a way that the next may not."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class Requests:
    """Sends requests to one address.

    Attributes:
        endpoint: the address.
        name: the same without a password that may stand in it.
    """

    def __init__(
        self, address: str, *, patience: Patience, sleep: Callable[[float], None], private: bool
    ) -> None:
        """Prepare; nothing is sent.

        Args:
            address: http or https.
            patience: how often requests are sent.
            sleep: waits so many seconds.
            private: send the hub's token.

        Raises:
            MachineError: the address is none, or the token is none.
        """
        from huggingface_hub import constants, get_session, get_token
        from huggingface_hub.errors import HfHubHTTPError

        self.endpoint = address.rstrip("/")
        self.name = plain_address(self.endpoint)
        self._session = get_session()
        token = (private and not constants.HF_HUB_DISABLE_IMPLICIT_TOKEN and get_token()) or ""
        self._has_token = bool(token)
        self._headers = {"User-Agent": f"tsdg/{version()}", "Accept-Encoding": "identity"}
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

    def read(self, asked: HubRequest, *, most: int, start: int = -1) -> HubAnswer:
        """Return an answer of at most so many bytes.

        Args:
            asked: the request.
            most: bytes, unpacked.
            start: ask for ``most`` bytes of a file from here on; -1 for a whole answer.

        Raises:
            DatasetRefusedError: it is not there, or not for this account.
            MachineError: the hub cannot be reached, fails again and again, or sends more.
        """
        wanted = {} if start < 0 else {"Range": f"bytes={start}-{start + most - 1}"}

        def once() -> HubAnswer:
            until = time.monotonic() + _LONGEST_S
            with self._get(asked.url, wanted) as response:
                self._judge(response, asked)
                if start >= 0 and response.status_code != 206:
                    raise self.no_hub(asked.what, "it sends whole files where a part was asked for")
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > most:
                        raise self.no_hub(asked.what, f"it sends more than {most:,} bytes")
                    if time.monotonic() > until:
                        raise _TryAgainError(f"no end after {_LONGEST_S:.0f} s")
                return HubAnswer(body=bytes(body), link=response.headers.get("link", ""))

        return self._try(once, asked.what)

    def download(
        self, asked: HubRequest, file: HubFile, part: Path, *, on_bytes: Callable[[int], None]
    ) -> None:
        """Bring a file here, going on where ``part`` ends, and check its size and checksum.

        Args:
            asked: the request.
            file: what it must be.
            part: gets the bytes; may hold the first of them. Whole and right when this returns.
            on_bytes: called with the number of bytes that are there.

        Raises:
            DatasetRefusedError: it is not there, or not for this account.
            MirrorError: the bytes are wrong twice.
            MachineError: the hub cannot be reached, or fails again and again.
            StorageError: the disk is full, or the folder cannot be written.
        """
        found = ""
        pull = self._pull if file.bytes >= 0 else self._pull_unknown
        for _ in range(2):
            self._try(
                lambda: pull(asked, file, part, on_bytes),
                asked.what,
                gained=lambda: _size(part),
            )
            with storage("read", part):
                found = checksum(part, file)
                if found == file.key:
                    return
                part.unlink()
        raise MirrorError(
            f"{asked.what}: checksum expected {file.key}, found {found}, fetched twice and thrown "
            f"away; the hub or a proxy on the way sends other bytes than {self.name} lists: try "
            "later, or without the proxy"
        )

    def _pull(
        self, asked: HubRequest, file: HubFile, part: Path, on_bytes: Callable[[int], None]
    ) -> None:
        """One attempt: append what is missing."""
        have = _size(part)
        if have >= file.bytes and part.exists():
            return
        with self._get(asked.url, {"Range": f"bytes={have}-"} if have else {}) as response:
            if have and response.status_code == 416:
                with storage("write", part):
                    part.unlink()
                raise _TryAgainError("the hub would not go on in the middle of the file")
            self._judge(response, asked)
            goes_on = self._goes_on(response, have)
            have = have if goes_on else 0
            self._require_file(response, asked, file.bytes - have)
            with storage("write", part):
                # Unbuffered: else closing it would write again where the disk is full.
                target = part.open("ab" if goes_on else "wb", buffering=0)
            with target:
                for chunk in response.iter_bytes():
                    with storage("write", part):
                        write_fully(target.fileno(), chunk)
                    have += len(chunk)
                    on_bytes(min(have, file.bytes))
                    if have > file.bytes:
                        return  # the checksum will say so
        if have < file.bytes:
            raise _TryAgainError("the connection was cut")

    def _pull_unknown(
        self, asked: HubRequest, file: HubFile, part: Path, on_bytes: Callable[[int], None]
    ) -> None:
        """One attempt for a file of which nobody knows the size: whole, and bounded."""
        del file
        body = self.read(asked, most=_UNKNOWN_MOST).body
        with storage("write", part):
            part.write_bytes(body)
        on_bytes(len(body))

    @staticmethod
    def _goes_on(response: _Response, have: int) -> bool:
        if response.status_code != 206:
            return False
        if not response.headers.get("content-range", "").startswith(f"bytes {have}-"):
            raise _TryAgainError("the hub sent another range than was asked for")
        return True

    def _require_file(self, response: _Response, asked: HubRequest, left: int) -> None:
        """Tell a log-in page of the network from a file that is shorter than it should be."""
        offered = response.headers.get("content-length", "")
        if response.headers.get("content-encoding") or not offered.isdecimal():
            return
        if int(offered) != left:
            kind = response.headers.get("content-type", "").split(";")[0]
            if "html" in kind:
                raise self.no_hub(asked.what, "a web page comes in place of the file")
            raise _TryAgainError(f"{int(offered):,} bytes are offered, {left:,} are missing")

    def _get(self, url: str, headers: dict[str, str]) -> AbstractContextManager[_Response]:
        return self._session.stream(
            "GET", url, headers={**self._headers, **headers}, timeout=_TIMEOUT
        )

    def _judge(self, response: _Response, asked: HubRequest) -> None:
        """Let an answer with content through, and raise what the others mean."""
        self._reached = True
        status, code = response.status_code, response.headers.get("x-error-code", "")
        if status in (200, 206):
            return
        if status in _PASSING:
            raise _TryAgainError(
                f"the hub answers {status}", _seconds(response.headers.get("retry-after", ""))
            )
        refusal = self._refusal(status, code, asked.page)
        if refusal:
            raise DatasetRefusedError(f"{asked.what}: {refusal}")
        raise HubError(
            f"{asked.what}: the hub at {self.name} answers {status}; allowed: 200; try later"
        )

    def _refusal(self, status: int, code: str, page: str) -> str:
        """What a refusal means; empty where an answer is none."""
        if status == 404 and code == _GONE_COMMIT:
            return (
                "the hub no longer has this commit; move the whole data set to the present one "
                "with --update"
            )
        if status == 403 or code == "GatedRepo":
            known = "with the account of HF_TOKEN" if self._has_token else "and set HF_TOKEN"
            return f"the hub answers {status}: gated; accept its licence at {page} {known}"
        if status == 401:
            state = "the token is not accepted" if self._has_token else "HF_TOKEN is not set"
            return f"the hub answers 401: private, gated or unknown, and {state}; see {page}"
        if status == 404:
            return (
                f"the hub answers 404: unknown (or private, and HF_TOKEN may not see it); see "
                f"{page}"
            )
        return ""

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
                    "unset it, on a machine with internet"
                ) from None
            except _TryAgainError as error:
                reason, wait = str(error), error.wait_s
            except self._failures as error:
                reason = _plain(error)
                failing = MachineError
                if not self._reached:
                    raise MachineError(
                        f"the hub at {self.name} cannot be reached ({reason}); prefetch on a "
                        "machine with internet, or set HTTPS_PROXY or HF_ENDPOINT"
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

    def no_hub(self, what: str, found: str) -> MachineError:
        """Say that the other side is no hub, and what was found."""
        return MachineError(
            f"{what}: {self.name} does not answer as a hub does ({found}); look at HF_ENDPOINT, "
            "the proxy, and whether the network wants a log-in"
        )


def checksum(path: Path, file: HubFile) -> str:
    """Return the checksum of a file, of the kind that is listed for it.

    Raises:
        OSError: it cannot be read.
    """
    total = hashlib.sha256() if file.sha256 else hashlib.sha1(f"blob {_size(path)}\0".encode())
    with path.open("rb") as content:
        while block := content.read(_BLOCK):
            total.update(block)
    return total.hexdigest()


def checksum_of(data: bytes, file: HubFile) -> str:
    """Return the checksum of bytes, of the kind that is listed for a file."""
    if file.sha256:
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _seconds(header: str) -> float | None:
    return float(header) if header.strip().isdecimal() and len(header) < 9 else None


def _plain(error: BaseException) -> str:
    return shown(" ".join(str(error).split())[:300]) or type(error).__name__


def plain_address(url: str) -> str:
    """Return scheme, host and port of an address, without user and password.

    Raises:
        MachineError: it is no HTTP address.
    """
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        parts, port = urlsplit(""), ""
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host or shown(host) != host:
        raise MachineError(
            "HF_ENDPOINT is not an address; allowed: http://HOST[:PORT] or https://HOST[:PORT]"
        )
    return f"{parts.scheme}://{host}{port}"
