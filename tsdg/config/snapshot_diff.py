"""What differs between two snapshots: recipe, prompts, verifiers, catalogue, code and others."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tsdg.config.fingerprint import NOT_IDENTITY
from tsdg.errors import UsageError, VerificationError
from tsdg.layout import SNAPSHOT

_PLACES = frozenset({"output_root", "run", "prompt"})
"""Recipe keys that say where something is; the prompts themselves are compared."""
_MOMENTS = frozenset({"created", "environment"})
ABSENT = "(absent)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that two snapshots hold differently."""

    part: str
    """``recipe``, ``prompts``, ``verifiers``, ``catalogue``, ``versions``, ``packages``, ``code``,
    ``clusters``."""
    key: str
    left: Any
    right: Any
    identity: bool
    """Whether rows depend on it: the recipe's identity, the prompts, a user's own verifiers,
    the mirror's content."""


def compare_snapshots(left: Path, right: Path) -> list[Difference]:
    """Compare the snapshots of two run directories.

    Args:
        left: a run directory.
        right: another.

    Returns:
        The differences, part by part, in the order of their keys.

    Raises:
        UsageError: one of them is not a run directory.
        VerificationError: a file of a snapshot cannot be read.
    """
    found: list[Difference] = []
    before, after = _read(left), _read(right)
    for part in before:
        for key in sorted({*before[part], *after[part]}):
            mine, theirs = before[part].get(key, ABSENT), after[part].get(key, ABSENT)
            if mine != theirs:
                found.append(
                    Difference(
                        part=part, key=key, left=mine, right=theirs, identity=_counts(part, key)
                    )
                )
    return found


def _counts(part: str, key: str) -> bool:
    if part in {"prompts", "verifiers"} or (part == "catalogue" and key.endswith(".revision")):
        return True
    return part == "recipe" and not any(
        key == name or key.startswith(f"{name}.") for name in NOT_IDENTITY
    )


def _read(run: Path) -> dict[str, dict[str, Any]]:
    """The snapshot of a run as flat mappings, by part."""
    folder = run / SNAPSHOT
    if not (folder / "fingerprint.json").is_file():
        raise UsageError(f"{run} is not a run directory: it has no whole snapshot")
    try:
        return _parts(folder)
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        yaml.YAMLError,
        tarfile.TarError,
    ) as error:
        raise VerificationError(
            f"{folder} cannot be read ({' '.join(str(error).split())[:120]}); restore it"
        ) from error


def _parts(folder: Path) -> dict[str, dict[str, Any]]:
    versions = json.loads((folder / "versions.json").read_text())
    catalogue = json.loads((folder / "catalogue.json").read_text())
    rows = {
        " ".join(row[part] or "-" for part in ("task", "dataset_path", "config", "split")): row
        for row in catalogue
    }
    clusters = {
        path.stem: yaml.safe_load(path.read_text()) for path in (folder / "clusters").glob("*.yaml")
    }
    return {
        "recipe": _without(yaml.safe_load((folder / "recipe.yaml").read_text()), _PLACES),
        "prompts": {
            path.relative_to(folder / "prompts").with_suffix("").as_posix(): path.read_text()
            for path in (folder / "prompts").rglob("*.yaml")
        },
        "verifiers": {path.stem: path.read_text() for path in (folder / "verifiers").glob("*.py")},
        "catalogue": dict(_flat(rows)),
        "versions": _without(versions, {*_MOMENTS, "packages"}),
        "packages": versions.get("environment", {}) | versions["packages"],
        "code": dict(_code(folder)),
        "clusters": dict(_flat(clusters)),
    }


def _without(values: Any, parts: Collection[str]) -> dict[str, Any]:
    """Values as a flat mapping, without some of their first keys."""
    return {key: value for key, value in _flat(values) if key.split(".")[0] not in parts}


def _flat(value: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves of nested mappings under dotted names; lists are leaves."""
    for key, inner in value.items():
        name = f"{before}{key}"
        if isinstance(inner, dict) and inner:
            yield from _flat(inner, f"{name}.")
        else:
            yield name, inner


def _code(folder: Path) -> Iterator[tuple[str, str]]:
    """Hash each file of the code that jobs run, or else what a checkout had not committed."""
    if (folder / "code.tar.gz").is_file():
        with tarfile.open(folder / "code.tar.gz") as archive:
            for entry in archive:
                content = archive.extractfile(entry)
                if content:
                    yield entry.name, hashlib.sha256(content.read()).hexdigest()[:16]
    elif (folder / "code.diff").is_file():
        yield "code.diff", hashlib.sha256((folder / "code.diff").read_bytes()).hexdigest()[:16]
