"""Endpoints of others; most of it is in ``test_client``."""

import pytest

from tsdg.serving.external_endpoints import proxy_for


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("https://api.example.com/v1", "http://proxy:3128"),
        ("https://me:secret@api.example.com:8443/v1", "http://proxy:3128"),
        ("http://api.example.com/v1", None),
        ("https://node1.cluster/v1", None),
        ("https://127.0.0.1:8000/v1", None),
    ],
)
def test_the_proxy_of_an_endpoint_is_that_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, url: str, proxy: str | None
) -> None:
    for name in (
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "all_proxy",
        "no_proxy",
        "REQUEST_METHOD",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,.cluster")
    assert proxy_for(url) == proxy
