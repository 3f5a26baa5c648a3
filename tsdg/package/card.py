"""The dataset card ``README.md``: what a person and ``datasets.load_dataset`` read first.

Its YAML header declares one configuration per task and per group, and ``all``, the default. All
numbers are the manifest's.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tsdg.layout import CARD, DATASET, steps_of
from tsdg.package.losses import told
from tsdg.package.manifest_form import Manifest
from tsdg.package.render import HERE
from tsdg.package.report.facts import contamination_of
from tsdg.records import GROUPS, VARIANTS, Record
from tsdg.rowform import to_row
from tsdg.storage import write_whole
from tsdg.tables import read_rows

if TYPE_CHECKING:
    from jinja2 import Template

ALL = "all"
PASSAGES = "passages"
"""Family of the tasks whose seeds are passages, and no rows of benchmarks."""
_SHOWN = 160
"""Characters of a text in the example record."""
_SHARE_ALIKE = re.compile(r"-sa\b|^(?:a?l?gpl|gfdl|odbl|cdla-sharing|mpl)", re.IGNORECASE)
_LANGUAGE = re.compile(r"([a-z]{2,3})(?:[-_].*)?", re.IGNORECASE)


def write_card(run: Path, manifest: Manifest) -> None:
    """Write the card of a run; before its manifest, which lists the card.

    Raises:
        VerificationError: the first file of records is damaged.
        StorageError: it cannot be written.
    """
    held_out = None if "merged" in manifest else contamination_of(run)["rows"]
    card = card_text(manifest, _example(run, manifest), held_out=held_out)
    write_whole(run / CARD, card.encode())


def _example(run: Path, manifest: Manifest) -> str:
    """The shortest of the first records, as JSON with its long texts cut; empty for none."""
    files = [file["path"] for entry in manifest["tasks"].values() for file in entry["files"]]
    if not files:
        return ""
    first = itertools.islice(read_rows(run / files[0], Record), 50)
    record = min(first, key=lambda one: (one.variant != "reasoning", len(one.text)))
    return json.dumps(_cut(to_row(record)), indent=1, ensure_ascii=False)


def _cut(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _cut(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_cut(item) for item in value]
    if isinstance(value, str) and len(value) > _SHOWN:
        return f"{value[:_SHOWN]}…"
    return value


def card_text(manifest: Manifest, example: str, *, held_out: int | None) -> str:
    """Render the card from a manifest.

    Args:
        manifest: of the run.
        example: a record as JSON; empty for none.
        held_out: rows of held-out splits that questions and records were compared with; None where
            that is not known.
    """
    full, by_variant = _full(manifest), manifest["totals"]["records_by_variant"]
    header = yaml.safe_dump(header_of(manifest), sort_keys=False, allow_unicode=True, width=1000)
    return template().render(
        header=header,
        m=manifest,
        full=full,
        groups=[group for group in GROUPS if any(one["group"] == group for one in full.values())],
        variants={name: n for name in VARIANTS if (n := by_variant[name])},
        passages=all(one["family"] == PASSAGES for one in manifest["tasks"].values()),
        held_out=held_out,
        steps=steps_of(manifest["phases"]),
        columns=columns(),
        example=example,
        share_alike=share_alike,
        lost=told(manifest),
    )


@cache
def template() -> Template:
    """The card's template."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["n"] = "{:,}".format
    return environment.get_template("card.j2")


def _full(manifest: Manifest) -> dict[str, Any]:
    """The tasks that have records: a card speaks of nothing else."""
    return {task: entry for task, entry in manifest["tasks"].items() if entry["files"]}


def columns() -> dict[str, str]:
    """What each column of a record holds."""
    text = (HERE / "data" / "columns.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def header_of(manifest: Manifest) -> dict[str, Any]:
    """The card's YAML header, of the tasks that have records."""
    data = yaml.safe_load((HERE / "data" / "card.yaml").read_text(encoding="utf-8"))
    full = _full(manifest)
    records = manifest["totals"]["records"]
    languages = sorted(
        {
            found[1].lower()
            for entry in full.values()
            if (found := _LANGUAGE.fullmatch(entry["language"]))
        }
    )
    return {
        "pretty_name": manifest["run"],
        **({"language": languages} if languages else {}),
        **_licence({entry["licence"] for entry in full.values()}, set(data["licences"])),
        **({"multilinguality": _spoken(languages)} if languages else {}),
        "task_categories": ["question-answering", "text-generation"],
        "size_categories": [
            next((name for bound, name in data["sizes"] if records < bound), data["largest"])
        ],
        "annotations_creators": ["machine-generated"],
        "language_creators": ["machine-generated"],
        "tags": ["synthetic", "task-seeded", "tsdg"],
        **_configs(full),
    }


def _spoken(languages: Sequence[str]) -> str:
    return "multilingual" if len(languages) > 1 else "monolingual"


def share_alike(licence: str) -> bool:
    """Whether what is made from a source has to keep the source's licence.

    >>> [share_alike(one) for one in ("CC-BY-SA-4.0", "CC-BY-4.0|GFDL", "MIT")]
    [True, True, False]
    """
    return any(_SHARE_ALIKE.search(part) for part in licence.split("|"))


def _licence(licences: set[str], known: set[str]) -> dict[str, Any]:
    """What the hub wants: its own ids; of other licences one name as an id, and their words."""
    parts = {part.strip() for licence in licences for part in licence.split("|")}
    header: dict[str, Any] = {
        "license": sorted({part.lower() if part.lower() in known else "other" for part in parts})
    }
    others = sorted(part or "not stated" for part in parts if part.lower() not in known)
    if others:
        slug = re.sub(r"[^a-z0-9]+", "-", others[0].lower()).strip("-")
        header["license_name"] = slug if len(others) == 1 else "several-see-license-details"
        header["license_details"] = "; ".join(others)
    return header if parts else {}


def _configs(tasks: Mapping[str, Any]) -> dict[str, Any]:
    full = {task: entry["group"] for task, entry in tasks.items()}
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
