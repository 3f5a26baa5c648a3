"""Finds links that lead out of what a container sees, and the mounts that lead them in again.

A folder of a hub's cache holds links only: ``tokenizer.json -> ../../blobs/...``. Mounted alone it
is empty inside. Only the standard library is used, because over ssh this file is handed to
``python3`` on the cluster.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

_MOST_ENTRIES = 200_000
_MOST_HOPS = 20


def mounts_for_links(
    places: list[str], within: list[str], seen: list[str]
) -> list[tuple[str, str, str]]:
    """What else must be mounted so that links lead somewhere.

    Args:
        places: paths that a job needs, absolute.
        within: those of them whose content may be links, too.
        seen: all paths that the container has by mounts, as it names them.

    Returns:
        Source, target, and the link that needs it; each target once.
    """
    found: list[tuple[str, str, str]] = []
    known = list(seen)

    def follow(link: Path) -> Path:
        """Mount what a link leads to where nothing has it; returns where it leads, inside."""
        inside = link
        for inside, outside in hops(link):
            if _covered(inside, known):
                continue
            whole = outside.is_dir() and not outside.is_symlink()
            source, target = (outside, inside) if whole else (outside.parent, inside.parent)
            found.append((str(source.resolve()), str(target), str(link)))
            known.append(str(target))
        return inside

    for place in places:
        path = Path(place)
        for _ in range(_MOST_HOPS):
            link = _on_the_way(path, known)
            if link is None:
                break
            path = follow(link) / path.relative_to(link)
        for link in _links(path) if place in within else ():
            follow(link)
    return found


def _on_the_way(path: Path, seen: list[str]) -> Path | None:
    """The first link among the parts of a path, below a mount: a mount itself follows links."""
    parts = (part for part in (*reversed(path.parents), path) if part.is_symlink())
    return next((part for part in parts if str(part) not in seen and _covered(part, seen)), None)


def _links(place: Path) -> Iterator[Path]:
    """The links below a folder; not those below folders that are links themselves."""
    entries = 0
    for folder, folders, files in os.walk(place):
        entries += len(folders) + len(files)
        paths = (Path(folder, name) for name in (*folders, *files))
        yield from (path for path in paths if path.is_symlink())
        if entries > _MOST_ENTRIES:
            return


def hops(link: Path) -> list[tuple[Path, Path]]:
    """Where a link leads, step by step.

    Returns:
        Each step as a container sees it, where folders of the way are no links, and as this machine
        does; nothing where the link leads nowhere on this machine either.
    """
    found: list[tuple[Path, Path]] = []
    inside, outside = link, link.parent.resolve() / link.name
    if not outside.exists():
        return found
    while outside.is_symlink() and len(found) < _MOST_HOPS:
        to = outside.readlink()
        inside = Path(os.path.normpath(inside.parent / to))
        outside = (outside.parent / to).parent.resolve() / to.name
        found.append((inside, outside))
    return found


def _covered(path: Path, seen: list[str]) -> bool:
    return any(path.is_relative_to(there) for there in seen)


if __name__ == "__main__":
    print(json.dumps(mounts_for_links(**json.loads(sys.argv[1]))))
