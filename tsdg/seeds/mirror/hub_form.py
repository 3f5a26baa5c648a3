"""The one gate for what a hub says: nothing of it is used before its form is checked here.

Names from a hub become file names and addresses, and are shown on a terminal. So a commit is 40
hexadecimal digits, a SHA-256 64, a path stays below its repository, and no text holds what commands
a terminal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from tsdg.errors import shown

MOST_FILES = 100_000
"""Files of one commit; no data set of the catalogue has a tenth of it."""
_LARGEST = 1 << 60
"""Bytes of one file; whether the disk holds them is asked later."""
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REF = re.compile(r"refs(/[A-Za-z0-9._-]{1,100}){1,5}")
_LONGEST_PATH = 1000
_LICENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+-]{0,79}")
_LINK = re.compile(r'<([^<>\s]{1,4000})>\s*;\s*rel="?next"?')


class OddAnswerError(ValueError):
    """What a hub says has not the form that hubs give; says where, and what was found."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What the hub says of a data set as a whole."""

    licence: str
    """The licence tag of its card; several with commas; empty for none."""
    gated: bool
    name: str
    """Its present name, another one where it was moved."""


def odd(what: str, found: object) -> OddAnswerError:
    """Say what has not its form."""
    return OddAnswerError(f"{what}: found {shown(repr(found)[:60])}")


def decoded(body: bytes) -> Any:
    """Read JSON: strict, of bounded depth, without infinite numbers and lone surrogates.

    Raises:
        OddAnswerError: it is none.
    """
    try:
        return orjson.loads(body)
    except (ValueError, RecursionError):
        raise odd("an answer that is no JSON", body[:40].decode("latin-1")) from None


def commit_of(value: object, what: str = "a commit") -> str:
    """Return a commit: 40 hexadecimal digits.

    Raises:
        OddAnswerError: it is none.
    """
    if not isinstance(value, str) or not _COMMIT.fullmatch(value):
        raise odd(what, value)
    return value


def refs_of(answer: object) -> dict[str, str]:
    """Return the commits of references, by name.

    Raises:
        OddAnswerError: the answer has not its form.
    """
    out: dict[str, str] = {}
    for kind in ("branches", "converts"):
        entries = _mapping(answer, "references").get(kind) or []
        if not isinstance(entries, list) or len(entries) > MOST_FILES:
            raise odd(kind, entries)
        for entry in entries:
            values = _mapping(entry, kind)
            ref = values.get("ref")
            if not isinstance(ref, str) or not _REF.fullmatch(ref):
                raise odd("a reference", ref)
            out[ref] = commit_of(values.get("targetCommit"), f"the commit of {ref}")
    return out


def files_of(page: object) -> Iterator[HubFile]:
    """Yield the files of a page of a commit's tree.

    Raises:
        OddAnswerError: an entry has not its form.
    """
    if not isinstance(page, list):
        raise odd("a page of files", page)
    for entry in page:
        values = _mapping(entry, "an entry of the files")
        if values.get("type") == "file":
            yield _file(values)


def _file(entry: Mapping[str, Any]) -> HubFile:
    path, oid, lfs = entry.get("path"), entry.get("oid"), entry.get("lfs")
    if not isinstance(path, str) or not _is_below(path):
        raise odd("the path of a file", path)
    if not isinstance(oid, str) or not _COMMIT.fullmatch(oid):
        raise odd(f"the oid of {path}", oid)
    if lfs is None:
        return HubFile(path=path, bytes=_size(entry, path), sha256="", git_oid=oid)
    held = _mapping(lfs, f"lfs of {path}")
    sha256 = held.get("oid")
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise odd(f"the SHA-256 of {path}", sha256)
    return HubFile(path=path, bytes=_size(held, path), sha256=sha256, git_oid=oid)


def _size(entry: Mapping[str, Any], path: str) -> int:
    size = entry.get("size")
    if type(size) is not int or not 0 <= size <= _LARGEST:
        raise odd(f"the size of {path}", size)
    return size


def _is_below(path: str) -> bool:
    """Whether a path stays below its repository, and may be shown."""
    return (
        0 < len(path) <= _LONGEST_PATH
        and shown(path) == path
        and not set(path) & set("\\\n\t")
        and all(part not in ("", ".", "..") for part in path.split("/"))
    )


def next_page(header: str) -> str:
    """Return the address of the next page that a Link header names; empty for none."""
    match = _LINK.search(header)
    return match[1] if match and match[1].isascii() and match[1].isprintable() else ""


def card_of(answer: object) -> Card:
    """Return what the hub says of a data set.

    Raises:
        OddAnswerError: the answer has not its form.
    """
    values = _mapping(answer, "what is said of a data set")
    card = values.get("cardData") or {}
    licence = _mapping(card, "its card").get("license") or []
    listed = licence if isinstance(licence, list) else [licence]
    tags = [str(tag) for tag in listed if isinstance(tag, str) and _LICENCE.fullmatch(tag)]
    name = values.get("id")
    return Card(
        licence=", ".join(sorted(tags)[:8]),
        gated=bool(values.get("gated")),
        name=name if isinstance(name, str) and _is_below(name) else "",
    )


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise odd(what, value)
    return value
