"""What a snapshot says of the machine: Python packages, and the weights in the model folder."""

from __future__ import annotations

import hashlib
import re
from importlib import metadata
from pathlib import Path
from typing import Any


def all_packages() -> dict[str, str]:
    """Normalised name → version of every distribution that this Python has, in order."""
    heads = (_head(dist) for dist in metadata.distributions())
    return dict(
        sorted(
            (re.sub(r"[-_.]+", "-", head["Name"]).lower(), head["Version"])
            for head in heads
            if head.keys() >= {"Name", "Version"}
        )
    )


def _head(dist: metadata.Distribution) -> dict[str, str]:
    """Fields of one line each; ``dist.metadata`` reads pages of description, for each field."""
    text = dist.read_text("METADATA") or dist.read_text("PKG-INFO") or ""
    return dict(re.findall(r"^(Name|Version):[ \t]*(.*\S)", text.partition("\n\n")[0], re.M))


def weights_facts(path: str) -> dict[str, Any]:
    """Identify a folder of weights without reading it all; empty if there is no such folder.

    Args:
        path: ``model.path`` of a recipe.

    Returns:
        ``files`` (name → bytes), ``config`` (SHA-256 of its small JSON files) and ``commit`` (of
        the hub, where the folder is one of its cache's snapshots; else empty).
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        return {}
    files = sorted(file for file in folder.iterdir() if file.is_file())
    digest = hashlib.sha256()
    for file in files:
        if file.suffix == ".json":
            digest.update(file.read_bytes())
    return {
        "files": {file.name: file.stat().st_size for file in files},
        "config": digest.hexdigest(),
        "commit": folder.resolve().name if folder.resolve().parent.name == "snapshots" else "",
    }
