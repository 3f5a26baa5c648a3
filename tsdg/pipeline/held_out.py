"""What a run compares its seeds and questions with: the same held-out splits to its end."""

from __future__ import annotations

import json
from pathlib import Path

from tsdg.config.recipe import Recipe
from tsdg.corpus.decontamination import Nothing
from tsdg.errors import RunConflictError
from tsdg.layout import HELD_OUT
from tsdg.protocols import HeldOut
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.heldout.build import build_index, held_out_revisions
from tsdg.storage import make_directory, write_whole


def held_out(recipe: Recipe, directory: Path) -> HeldOut:
    """What generated questions, and then their solutions, are compared with.

    Raises:
        MirrorError: a held-out split is unreadable, or no longer what the run compares with.
        RunConflictError: the run's note of them is damaged.
        StorageError: the cache cannot be written.
    """
    config, mirror = recipe.filter.decontaminate, recipe.seeds.mirror
    if not config.enabled:
        return Nothing()
    return build_index(
        Path(mirror) if mirror else None,
        load(),
        ngram=config.ngram,
        overlap=config.overlap,
        files=config.files,
        revisions=compared(directory),
    )


def hold_out(recipe: Recipe, directory: Path) -> dict[str, str]:
    """Note the held-out splits of the mirror with their revisions, or read what was noted.

    Raises:
        MirrorError: one is unreadable, or is not what was fetched.
        RunConflictError: the note is damaged.
        StorageError: it cannot be written.
    """
    known = compared(directory)
    if known is not None:
        return known
    mirror = recipe.seeds.mirror
    revisions = held_out_revisions(Path(mirror), load()) if mirror else {}
    make_directory((directory / HELD_OUT).parent)
    write_whole(directory / HELD_OUT, (json.dumps(revisions, indent=1) + "\n").encode())
    return revisions


def compared(directory: Path) -> dict[str, str] | None:
    """Return the held-out splits of a run with their revisions; None where none were noted.

    Raises:
        RunConflictError: the note is damaged.
    """
    path = directory / HELD_OUT
    try:
        revisions = json.loads(path.read_bytes())
        if all(isinstance(value, str) for value in revisions.values()):
            return dict(revisions)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, AttributeError):
        pass
    raise RunConflictError(
        f"{path} is damaged, so nobody knows what the run compares with; restore it, or choose "
        "another run=NAME"
    )
