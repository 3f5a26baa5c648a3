"""What `tsdg doctor` makes of endpoints."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.launch.test_watch import says
from tsdg.config.compose import compose_recipe
from tsdg.errors import UsageError
from tsdg.launch.endpoint_probe import ask_endpoint, is_loopback
from tsdg.launch.reach import refuse_loopback
from tsdg.slurm.slurm_shell import Shell


class Endpoint(BaseHTTPRequestHandler):
    """Serves the model `mine` below /v1; below /locked only with a key."""

    def do_GET(self) -> None:
        key = self.headers.get("Authorization")
        bodies = {
            "/v1/models": (200, json.dumps({"data": [{"id": "mine"}, {"id": "other"}]})),
            "/locked/models": (200 if key == "Bearer right" else 401, '{"data": [{"id": "mine"}]}'),
            "/page/models": (200, "<html>"),
            "/odd/models": (200, '["mine"]'),
            "/broken/models": (503, ""),
        }
        status, body = bodies.get(self.path, (404, ""))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("place", "model", "key", "verdict", "said"),
    [
        ("/v1", "mine", "", "ok", "serves mine"),
        ("/v1/", "other", "", "ok", "serves other"),
        ("/v1", "Mine", "", "FAILED", "serves mine, other, not Mine; set model.name"),
        ("", "mine", "", "FAILED", "/models answers 404; server.base_urls mostly end in /v1"),
        ("/locked", "mine", "", "ok", "asks for a key (401)"),
        ("/locked", "mine", "wrong", "FAILED", "refuses the key (401)"),
        ("/locked", "mine", "right", "ok", "serves mine"),
        ("/page", "mine", "", "FAILED", "no list of models"),
        ("/odd", "mine", "", "FAILED", "no list of models"),
        ("/broken", "mine", "", "FAILED", "answers 503"),
    ],
)
def test_what_an_endpoint_answers(
    url: str,
    place: str,
    model: str,
    key: str,
    verdict: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # which requests do not go through
    found = ask_endpoint(f"{url}{place}", model, key)
    assert found[0] == verdict
    assert said in found[1]


def test_an_endpoint_that_nobody_serves() -> None:
    verdict, said = ask_endpoint("http://127.0.0.1:9/v1", "mine", "")
    assert (verdict, "does not answer" in said) == ("FAILED", True)


LOOPS = ["127.0.0.1", "127.1.2.3", "localhost", "LOCALHOST.", "a.localhost", "[::1]", "0.0.0.0"]
LOOPS += ["[::]", "[::ffff:127.0.0.1]"]


@pytest.mark.parametrize("host", LOOPS)
def test_a_loopback_address_is_known_in_all_its_forms(host: str) -> None:
    assert is_loopback(f"http://me:x@{host}:8000/v1")


@pytest.mark.parametrize("host", ["10.0.0.1", "node7", "localhost.example.org", "[fd00::1]"])
def test_other_addresses_are_none(host: str) -> None:
    assert not is_loopback(f"https://{host}/v1")


def test_an_endpoint_on_the_loopback_is_refused_where_nodes_are_machines(commands: Path) -> None:
    server = compose_recipe(
        ["recipe=demo", "server=openai", "server.base_urls=[http://localhost:8000/v1]"]
    ).server
    says(commands, "sinfo", "10.0.0.1\n10.0.0.2\n")
    with pytest.raises(UsageError, match="means each node itself"):
        refuse_loopback([server], Shell(ssh=None))
    says(commands, "sinfo", "127.0.0.1\n127.0.0.1\n")
    refuse_loopback([server], Shell(ssh=None))
