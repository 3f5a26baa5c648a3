"""The dataset card ``README.md``: what a person and ``datasets.load_dataset`` read first.

Its YAML header declares one configuration per task and per group, and ``all``, the default. All
numbers are the manifest's.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tsdg.layout import CARD, DATASET, steps_of
from tsdg.package.manifest_form import Manifest
from tsdg.package.render import HERE
from tsdg.records import GROUPS
from tsdg.storage import write_whole

ALL = "all"


def write_card(run: Path, manifest: Manifest) -> None:
    """Write the card of a run; before its manifest, which lists the card.

    Raises:
        StorageError: it cannot be written.
    """
    write_whole(run / CARD, card_text(manifest).encode())


def card_text(manifest: Manifest) -> str:
    """Render the card from a manifest."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    header = yaml.safe_dump(header_of(manifest), sort_keys=False, allow_unicode=True, width=1000)
    loadable = [task for task, entry in manifest["tasks"].items() if entry["files"]]
    template = environment.get_template("card.j2")
    return template.render(
        header=header, m=manifest, loadable=loadable, steps=steps_of(manifest["phases"])
    )


def header_of(manifest: Manifest) -> dict[str, Any]:
    """The card's YAML header; a task without records has no file and no configuration."""
    data = yaml.safe_load((HERE / "data" / "card.yaml").read_text(encoding="utf-8"))
    tasks = manifest["tasks"]
    records = manifest["totals"]["records"]
    languages = sorted({entry["language"] for entry in tasks.values()})
    return {
        "pretty_name": manifest["run"],
        "language": languages,
        **_licence({entry["licence"] for entry in tasks.values()}, set(data["licences"])),
        "multilinguality": "multilingual" if len(languages) > 1 else "monolingual",
        "task_categories": ["question-answering", "text-generation"],
        "size_categories": [
            next((name for bound, name in data["sizes"] if records < bound), data["largest"])
        ],
        "annotations_creators": ["machine-generated"],
        "language_creators": ["machine-generated"],
        "tags": ["synthetic", "task-seeded", "tsdg"],
        **_configs(tasks),
    }


def _licence(licences: set[str], known: set[str]) -> dict[str, Any]:
    found = {licence.lower() if licence.lower() in known else "other" for licence in licences}
    header: dict[str, Any] = {"license": sorted(found)}
    others = sorted(licence or "not stated" for licence in licences if licence.lower() not in known)
    if others:
        header["license_name"] = "; ".join(others)
    return header


def _configs(tasks: Mapping[str, Any]) -> dict[str, Any]:
    full = {task: entry["group"] for task, entry in tasks.items() if entry["files"]}
    if not full:
        return {}

    def config(name: str, pattern: str, **more: bool) -> dict[str, Any]:
        return {
            "config_name": name,
            "data_files": [{"split": "train", "path": f"{DATASET}/{pattern}"}],
            **more,
        }

    groups = [config(group, f"{group}/*/*.parquet") for group in GROUPS if group in full.values()]
    each = [config(task, f"{group}/{task}/*.parquet") for task, group in full.items()]
    return {"configs": [config(ALL, "*/*/*.parquet", default=True), *groups, *each]}
