"""Asks endpoints whether they answer and serve the model that a recipe names.

Only the standard library is used, because ``tsdg doctor`` hands this file to a Python on a node:
what this machine reaches, a node may not.
"""

from __future__ import annotations

import ipaddress
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

_WAIT_S = 10.0
_MOST_BYTES = 1 << 22
_SHOWN = 4


def ask_endpoint(url: str, model: str, key: str) -> tuple[str, str]:
    """Ask one endpoint for its models.

    Args:
        url: as ``server.base_urls`` has it.
        model: name of the model that requests will name.
        key: of the endpoint; empty for none.

    Returns:
        ``ok`` or ``FAILED``, and what was found, with the next step where it failed.
    """
    try:
        status, body = _get(f"{url.rstrip('/')}/models", key)
    except (OSError, ValueError) as error:
        why = " ".join(str(error).split())
        return "FAILED", f"does not answer ({why}); start it, or set server.base_urls"
    if status in (401, 403):
        if key:
            return "FAILED", f"refuses the key ({status}); set server.api_key_env or api_key_file"
        return "ok", f"answers, and asks for a key ({status})"
    if status != 200:
        return "FAILED", f"/models answers {status}; server.base_urls mostly end in /v1"
    names = _names(body)
    if names is None:
        return "FAILED", "/models answers no list of models; server.base_urls mostly end in /v1"
    if model not in names:
        found = ", ".join(names[:_SHOWN]) or "none"
        return "FAILED", f"serves {found}, not {model}; set model.name"
    return "ok", f"serves {model}"


def is_loopback(url: str) -> bool:
    """Whether a URL means the machine that asks, whichever that is."""
    host = (urllib.parse.urlsplit(url).hostname or "").rstrip(".")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    mapped = getattr(address, "ipv4_mapped", None)
    return any(each.is_loopback or each.is_unspecified for each in (address, mapped) if each)


def _get(url: str, key: str) -> tuple[int, bytes]:
    # As the requests of a run: no proxy is asked.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"} if key else {})
    try:
        with opener.open(request, timeout=_WAIT_S) as answer:
            return answer.status, answer.read(_MOST_BYTES)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, b""


def _names(body: bytes) -> list[str] | None:
    try:
        data = json.loads(body)["data"]
        return [str(entry["id"]) for entry in data]
    except (ValueError, KeyError, TypeError):
        return None


def read_key(variable: str, file: str) -> str:
    """The key of an endpoint where it is asked; empty where there is none."""
    try:
        return os.environ.get(variable, "") if variable else Path(file).read_text().strip()
    except OSError:
        return ""


if __name__ == "__main__":
    for asked in json.loads(sys.argv[1]):
        found = ask_endpoint(asked["url"], asked["model"], read_key(asked["env"], asked["file"]))
        print("endpoint", found[0], asked["url"], found[1])
