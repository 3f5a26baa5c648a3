"""A user's own families and verifiers: folders with ``families/`` and ``verifiers/``.

``--config-dir FOLDER`` names one; a run directory's ``snapshot/`` is one too, so that its jobs find
what it was begun with. The folders stand in an environment variable, because the processes that
read rows inherit it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

VARIABLE = "TSDG_EXTENSIONS"


def folders() -> tuple[Path, ...]:
    """The folders in use, in the order in which they were named."""
    return tuple(Path(part) for part in os.environ.get(VARIABLE, "").split(os.pathsep) if part)


def use(folder: Path) -> None:
    """Take what a folder holds, in this process and those that it starts."""
    parts = dict.fromkeys([*map(str, folders()), str(folder.absolute())])
    os.environ[VARIABLE] = os.pathsep.join(parts)


@contextmanager
def using(folder: Path | None) -> Iterator[None]:
    """Take what a folder holds for as long as this lasts; nothing where there is none."""
    before = os.environ.get(VARIABLE)
    if folder is not None:
        use(folder)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = before


def files(kind: str, ending: str) -> dict[str, Path]:
    """The files of a kind by their stems.

    Args:
        kind: ``families`` or ``verifiers``.
        ending: ``.py`` or ``.yaml``.

    Returns:
        One file for each stem: of two folders that have it, the last.
    """
    return dict(_files(folders(), kind, ending))


@cache  # asked for each question, and a folder may lie on a slow file system
def _files(places: tuple[Path, ...], kind: str, ending: str) -> tuple[tuple[str, Path], ...]:
    found = [path for place in places for path in sorted((place / kind).glob(f"*{ending}"))]
    return tuple({path.stem: path for path in found}.items())
