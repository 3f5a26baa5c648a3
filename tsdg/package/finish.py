"""The end of a run: its card, then its manifest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tsdg.errors import VerificationError
from tsdg.layout import CARD, CONTAMINATION, MANIFEST, PARTS, QUESTIONS, SNAPSHOT, steps_of
from tsdg.package.card import write_card
from tsdg.package.manifest import (
    ManifestInputs,
    build_manifest,
    describe,
    file_entries,
    with_file,
    write_manifest,
)
from tsdg.package.manifest_form import Manifest
from tsdg.storage import storage


def finish_run(run: Path, inputs: ManifestInputs) -> Manifest:
    """Write ``README.md`` and, last, ``manifest.json``; return the manifest.

    An earlier manifest is removed first: a manifest always describes the files as they are.

    Raises:
        VerificationError: a table that the phases must have left is missing or damaged.
        StorageError: the run directory cannot be written.
    """
    with storage("write", run):
        (run / MANIFEST).unlink(missing_ok=True)
    manifest = build_manifest(run, inputs)
    write_card(run, manifest)
    manifest = with_file(manifest, describe(run, CARD))
    write_manifest(run, manifest)
    return manifest


def finished_manifest(run: Path, steps: Sequence[str]) -> Manifest | None:
    """Return the manifest of a run that has all these steps and files; else None.

    Only the sizes of files are checked, because there may be thousands; `tsdg verify` reads them.
    """
    try:
        manifest: Manifest = json.loads((run / MANIFEST).read_bytes())
        whole = all(
            (run / file["path"]).stat().st_size == file["bytes"] for file in file_entries(manifest)
        )
        return manifest if whole and set(steps) <= set(steps_of(manifest["phases"])) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # there is none, or it is damaged: it is made again from the tables


def check_undamaged(run: Path) -> None:
    """Check the sizes of files in an earlier manifest, so that a new one hides no damage.

    Raises:
        VerificationError: a file has another size; what is missing is made again, or named, by the
            stages.
    """
    try:
        files = {
            file["path"]: file["bytes"]
            for file in json.loads((run / MANIFEST).read_bytes())["files"]
        }
    except (OSError, ValueError, KeyError, TypeError):
        return  # nothing vouches for anything
    for name, size in files.items():
        path = run / name
        made_anew = name == CARD or name.startswith("filter/")
        if path.is_file() and not made_anew and path.stat().st_size != size:
            raise VerificationError(
                f"{path} is damaged: found {path.stat().st_size} bytes, its manifest says {size}; "
                f"{_way_out(path, name)}"
            )


def _way_out(path: Path, name: str) -> str:
    """What to do about a damaged file: not all can be made again."""
    if name.startswith(f"{SNAPSHOT}/"):
        return "restore it"
    with_it = f" and the tables of {path.parent.parent.name}/" if path.parent.name == PARTS else ""
    with_it = f" and {QUESTIONS}" if name == CONTAMINATION else with_it
    return f"restore it, or delete it{with_it} and start the run again, which makes it again"
