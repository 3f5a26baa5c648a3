"""A small hub on loopback.

References, trees and bytes by range, with faults that the tests ask for.
"""

from __future__ import annotations

import hashlib
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

CONVERTED = "refs/convert/parquet"
MAIN = "refs/heads/main"
PAGE = 3
"""Files of one page of a tree."""


def parquet(rows: list[dict[str, Any]], *, features: str = "") -> bytes:
    """A Parquet file of these rows, with the features where the hub keeps them."""
    table = pa.Table.from_pylist(rows)
    if features:
        table = table.replace_schema_metadata({"huggingface": features})
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


@dataclass
class Fault:
    """What happens to the next requests whose path holds all of some words."""

    words: str
    kind: str
    """``500``, ``503`` and so on; ``cut``: half of the bytes; ``wrong``: other bytes; ``slow``: a
    little at a time; ``page``, ``list``: an answer that no hub gives; ``elsewhere``: the next page
    of a tree is on another host."""
    times: int = 1


@dataclass
class Said:
    """What is said, in place of the hub's answer, to requests whose path holds all of some words.

    A body that is no bytes is sent without end, piece by piece.
    """

    words: str
    body: bytes | Callable[[], Iterator[bytes]]
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    sent: int = 0
    """Bytes that the client took."""


@dataclass
class Asked:
    """One request."""

    path: str
    range: str
    token: str


@dataclass
class Repository:
    refs: dict[str, str] = field(default_factory=dict)
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    answer: int = 200
    """Other than 200: what every request for it is answered with."""
    code: str = ""
    sizes: dict[str, int] = field(default_factory=dict)
    """Sizes that the tree lists in place of the true ones."""
    card: dict[str, Any] = field(default_factory=dict)
    """What is said of it as a whole."""


class HubServer:
    """The hub at ``url``; LFS files are sent on to a second address, as the public hub does."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.faults: list[Fault] = []
        self.said: list[Said] = []
        self.asked: list[Asked] = []
        self.on_resolve: Callable[[str], None] = lambda path: None
        self._lock = threading.Lock()
        self._servers = [ThreadingHTTPServer(("127.0.0.1", 0), self._handler()) for _ in range(2)]
        for server in self._servers:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        self.url, self.store = (
            f"http://127.0.0.1:{server.server_address[1]}" for server in self._servers
        )

    def close(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def add(self, dataset: str, files: dict[str, bytes], *, ref: str = CONVERTED) -> str:
        """Put a data set's reference at a new commit with these files; return the commit."""
        repository = self.repositories.setdefault(dataset, Repository())
        commit = hashlib.sha1(f"{dataset}{ref}{len(repository.commits)}".encode()).hexdigest()
        repository.commits[commit] = files
        repository.refs[ref] = commit
        return commit

    def bytes_asked(self) -> list[Asked]:
        return [
            asked
            for asked in self.asked
            if "/resolve/" in asked.path and asked.path.startswith("store")
        ]

    def fault_of(self, path: str) -> str:
        with self._lock:
            for fault in self.faults:
                if fault.times and all(word in path for word in fault.words.split()):
                    fault.times -= 1
                    return fault.kind
        return ""

    def _handler(hub) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                host = f"http://{self.headers['Host']}"
                parts = urlsplit(self.path)
                path = unquote(parts.path)
                where = "store" if host == hub.store else "hub"
                asked = Asked(
                    f"{where}{path}",
                    self.headers.get("Range", ""),
                    self.headers.get("Authorization", ""),
                )
                hub.asked.append(asked)
                said = next(
                    (one for one in hub.said if all(w in asked.path for w in one.words.split())),
                    None,
                )
                if said is not None:
                    self._say(said)
                    return
                fault = hub.fault_of(asked.path)
                if fault.isdecimal():
                    self._send(int(fault), b"", {"Retry-After": "0"} if fault == "429" else {})
                    return
                if fault in ("page", "list"):
                    self._send(
                        200,
                        b"<html>log in to the network</html>" if fault == "page" else b"[1]",
                        {},
                    )
                    return
                names = path.strip("/").split("/")
                api = names[0] == "api"
                names = names[2:] if api else names[1:]
                dataset, rest = "/".join(names[:2]), names[2:]
                repository = hub.repositories.get(dataset)
                if repository is None:
                    self._send(404, b"", {"X-Error-Code": "RepoNotFound"})
                elif repository.answer != 200:
                    self._send(repository.answer, b"", {"X-Error-Code": repository.code})
                elif api and not rest:
                    answer = {"id": dataset, "gated": False, "cardData": {}, **repository.card}
                    self._send(200, json.dumps(answer).encode(), {})
                elif api and rest == ["refs"]:
                    self._refs(repository)
                elif rest[1] not in repository.commits:
                    self._send(404, b"", {"X-Error-Code": "RevisionNotFound"})
                elif api:
                    cursor = int(parse_qs(parts.query).get("cursor", ["0"])[0])
                    self._tree(
                        repository, rest[1], cursor, hub.store if fault == "elsewhere" else host
                    )
                else:
                    name = "/".join(rest[2:])
                    hub.on_resolve(name)
                    if where == "hub" and name.endswith(".parquet"):
                        self._send(
                            302, b"", {"Location": f"{hub.store}{self.path}?signature=secret"}
                        )
                    else:
                        self._bytes(repository.commits[rest[1]][name], fault)

            def _say(self, said: Said) -> None:
                whole = isinstance(said.body, bytes)
                pieces = iter([said.body]) if isinstance(said.body, bytes) else said.body()
                self.send_response(said.status)
                for name, value in said.headers.items():
                    self.send_header(name, value)
                if whole:
                    self.send_header("Content-Length", str(len(said.body)))  # type: ignore[arg-type]
                else:
                    self.send_header("Connection", "close")
                self.end_headers()
                try:
                    for piece in pieces:
                        self.wfile.write(piece)
                        said.sent += len(piece)
                except OSError:
                    pass  # the client has heard enough
                self.close_connection = not whole or self.close_connection

            def _refs(self, repository: Repository) -> None:
                refs = [
                    {"name": ref.rsplit("/")[-1], "ref": ref, "targetCommit": commit}
                    for ref, commit in repository.refs.items()
                ]
                kinds = {"branches": "refs/heads/", "converts": "refs/convert/"}
                answer = {
                    kind: [ref for ref in refs if ref["ref"].startswith(start)]
                    for kind, start in kinds.items()
                }
                self._send(200, json.dumps({**answer, "tags": []}).encode(), {})

            def _tree(self, repository: Repository, commit: str, start: int, host: str) -> None:
                files = repository.commits[commit]
                entries: list[dict[str, Any]] = [
                    {"type": "directory", "path": "main", "size": 0, "oid": "0" * 40}
                ]
                for path, data in files.items():
                    size = repository.sizes.get(path, len(data))
                    oid = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
                    entry = {"type": "file", "path": path, "size": size, "oid": oid}
                    if path.endswith(".parquet"):
                        entry["lfs"] = {
                            "oid": hashlib.sha256(data).hexdigest(),
                            "size": size,
                            "pointerSize": 134,
                        }
                    entries.append(entry)
                headers = {}
                if start + PAGE < len(entries):
                    path = urlsplit(self.path).path
                    headers["Link"] = (
                        f'<{host}{path}?recursive=true&cursor={start + PAGE}>; rel="next"'
                    )
                self._send(200, json.dumps(entries[start : start + PAGE]).encode(), headers)

            def _bytes(self, data: bytes, fault: str) -> None:
                asked = self.headers.get("Range", "")
                first, _, last = (asked or "bytes=0-")[6:].partition("-")
                start = int(first)
                if start >= len(data) > 0:
                    self._send(416, b"", {})
                    return
                body = data[start : int(last) + 1 if last else None]
                if fault == "wrong":
                    body = body[:-1] + bytes([body[-1] ^ 1])
                self.send_response(206 if asked else 200)
                if asked:
                    end = start + len(body) - 1
                    self.send_header("Content-Range", f"bytes {start}-{end}/{len(data)}")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    if fault == "cut":
                        self.wfile.write(body[: len(body) // 2])
                        self.wfile.flush()
                        self.close_connection = True
                    elif fault == "slow":
                        for at in range(0, len(body), 1000):
                            self.wfile.write(body[at : at + 1000])
                            self.wfile.flush()
                            time.sleep(0.05)
                    else:
                        self.wfile.write(body)
                except OSError:
                    self.close_connection = True  # the client has gone

            def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return Handler
