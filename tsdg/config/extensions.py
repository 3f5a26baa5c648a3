"""A user's own families and verifiers: folders with ``families/`` and ``verifiers/``.

``--config-dir FOLDER`` names one; a run directory's ``snapshot/`` is one too, so that its jobs find
what it was begun with. The folders stand in an environment variable, because the processes that
read rows inherit it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType

from tsdg.errors import CatalogueError

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


@cache
def load_module(file: Path) -> ModuleType:
    """Run a user's own module, once in a process.

    Raises:
        CatalogueError: it raised something, told in one line.
    """
    name = f"tsdg_own_{file.stem}_{hashlib.sha256(str(file).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # A dataclass whose annotations are texts looks its module up there.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        why = " ".join(str(error).split())[:200]
        raise CatalogueError(
            f"{file}: cannot be imported ({type(error).__name__}: {why}); correct it"
        ) from error
    return module
