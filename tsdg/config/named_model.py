"""What a model file states of its model does not hold for a model of another name.

``model.name=mine`` beside a recipe's own model would else keep that one's licence and revision,
and the dataset card would state them. With ``model=FILE model.name=mine`` a user says that it is
that model, under another name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

UNKNOWN: Mapping[str, Any] = {
    "licence": "unclear",
    "revision": "",
    "note": "",
    "throughput": {},
}
"""What a file states of one model alone → the value where it is not known."""


def forget_others(
    values: Mapping[str, Any],
    words: Sequence[str],
    choices: Mapping[str, str | None],
    folders: Sequence[Path],
) -> list[str]:
    """Replace in a recipe what its model files state of models that are named otherwise there.

    Args:
        values: of the recipe, resolved; changed in place.
        words: ``KEY=VALUE`` of the command line; what they give stays.
        choices: as Hydra has them: ``model`` or ``model@roles.ROLE.model`` → a file's name.
        folders: that hold ``model/NAME.yaml``, the first first.

    Returns:
        A note for each such model.
    """
    typed = {word.partition("=")[0].lstrip("+") for word in words if "=" in word}
    notes = []
    for place, name in _places(choices):
        stated, model = _stated(name, folders), _at(values, place)
        chosen = place in typed or f"model@{place}" in typed
        if chosen or not model or model.get("name") == stated.get("name") or _open(stated):
            continue
        others = [
            key
            for key, unknown in UNKNOWN.items()
            if f"{place}.{key}" not in typed and model.get(key) == stated.get(key) != unknown
        ]
        model |= {key: UNKNOWN[key] for key in others}
        if {"licence", "revision"} & set(others):
            notes.append(
                f"{place}.name={model['name']} is not the model of {name}: not taken over from "
                f"that: {', '.join(others)}; {place}.licence=... gives its licence"
            )
    return notes


def _places(choices: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
    """Each place of a model in the recipe, and the file that it was chosen from."""
    for group, name in choices.items():
        kind, _, place = group.partition("@")
        if kind == "model" and name:
            yield place or kind, name


def _at(values: Mapping[str, Any], place: str) -> dict[str, Any] | None:
    found: Any = values
    for part in place.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def _open(stated: Mapping[str, Any]) -> bool:
    """Whether a file leaves the model open, as ``endpoint`` does."""
    return str(stated.get("name", "???")) == "???"


def _stated(name: str, folders: Sequence[Path]) -> dict[str, Any]:
    """What a model file says, with the files that it begins with; nothing where there is none."""
    file = next((one for f in folders if (one := f / "model" / f"{name}.yaml").is_file()), None)
    own = yaml.safe_load(file.read_text(encoding="utf-8")) if file else {}
    stated: dict[str, Any] = {}
    for base in own.pop("defaults", []):
        stated |= _stated(base, folders) if isinstance(base, str) and base != "_self_" else {}
    return stated | own
