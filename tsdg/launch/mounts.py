"""What the containers of a run see: the cluster's mounts, and all that its jobs read and write."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tsdg.config.recipe import Recipe
from tsdg.config.roles import models_named
from tsdg.errors import MachineError, UsageError
from tsdg.launch import links, ship
from tsdg.launch.target import Target
from tsdg.slurm.slurm_shell import Shell, ssh_of

_Item = TypeVar("_Item")
_SYSTEM = ("/bin", "/dev", "/etc", "/lib", "/lib64", "/proc", "/sbin", "/sys", "/usr")
"""What an image has of its own; to mount a machine's over it would break it."""
_MOST = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class _MountedPlace:
    """A path that a job needs."""

    key: str
    """What names it: a key of the recipe or of the cluster's file."""
    path: str
    """Absolute."""
    looked_into: bool
    """Whether links in it are followed: not in what tsdg writes itself."""


def mounts_of(target: Target, *, ask: bool) -> tuple[str, ...]:
    """The mounts of a run's containers; none where no job has one.

    Args:
        target: the run.
        ask: whether to ask the cluster, over ssh, for links that lead out of the mounts.

    Raises:
        UsageError: a path that no mount can carry, or links that lead to too many places.
    """
    cluster = target.cluster
    if not (cluster.image_of(gpus=True) or cluster.image_of(gpus=False)):
        return ()
    mounts = list(cluster.mounts)
    inside = [mount.split(":")[1] for mount in mounts]
    places = tuple(_places(target))
    for place in _outer_first(places, lambda place: place.path):
        if not _within(place.path, inside):
            ship.check_path(f"{place.key}, which is mounted into containers", place.path)
            mounts.append(f"{place.path}:{place.path}")
            inside.append(place.path)
    mounts += _mounts_of_links(target, places, inside, ask=ask)
    # A folder that is mounted after one that lies in it would hide that one.
    return tuple(_outer_first(tuple(dict.fromkeys(mounts)), lambda mount: mount.split(":")[1]))


def _outer_first(items: Sequence[_Item], path_of: Callable[[_Item], str]) -> list[_Item]:
    """Folders before what lies in them; all else in the order in which it comes."""
    paths = [path_of(item) for item in items]
    return sorted(items, key=lambda item: sum(_within(path_of(item), [path]) for path in paths))


def _mounts_of_links(
    target: Target, places: Sequence[_MountedPlace], inside: list[str], *, ask: bool
) -> Iterator[str]:
    found = _look(target, places, inside, ask=ask)
    if len(found) > _MOST:
        raise UsageError(
            f"links lead to {len(found)} folders outside of the containers' mounts, e.g. "
            f"{found[0][2]} to {found[0][1]}; add a folder that holds them to mounts in the "
            "cluster file"
        )
    for source, folder, link in found:
        if folder == "/" or _system(folder):
            raise UsageError(
                f"{link} leads to {folder}, which an image has of its own; copy the file in place "
                "of the link"
            )
        for path in (source, folder):
            ship.check_path(f"{link} leads to a folder that is mounted into containers", path)
        yield f"{source}:{folder}"


def _look(
    target: Target, places: Sequence[_MountedPlace], inside: list[str], *, ask: bool
) -> list[tuple[str, str, str]]:
    """Links that lead out of the mounts, here or on the cluster."""
    paths = [place.path for place in places]
    within = [place.path for place in places if place.looked_into]
    if not target.cluster.ssh_tunnel:
        return links.mounts_for_links(paths, within, inside)
    if not ask:
        return []
    question = json.dumps({"places": paths, "within": within, "seen": inside})
    source = Path(links.__file__).read_bytes()
    shell = Shell(ssh=ssh_of(target.cluster))
    try:
        said = shell.run(["python3", "-", question], data=source, timeout_s=300.0)
        return [(source, folder, link) for source, folder, link in json.loads(said)]
    except (MachineError, ValueError) as error:
        raise MachineError(
            "nobody knows whether links lead out of the containers' mounts, which python3 on the "
            f"cluster would look for: {' '.join(str(error).split())}"
        ) from error


def _places(target: Target) -> Iterator[_MountedPlace]:
    """What jobs read and write, as absolute paths; names that are no paths are left out."""
    away = target.cluster.ssh_tunnel is not None
    here = Path("/") if away else Path.cwd()
    for key, path, looked_into in _named(target):
        written = str(Path(path).expanduser()) if path else ""
        if not written or (away and not written.startswith("/")):
            continue
        absolute = os.path.normpath(here / written)
        if absolute != "/" and (written.startswith("/") or Path(absolute).exists()):
            yield _MountedPlace(key=key, path=absolute, looked_into=looked_into)


def _named(target: Target) -> Iterator[tuple[str, str, bool]]:
    """Key, path as it is written, and whether links in it count."""
    recipe, cluster = target.recipe, target.cluster
    yield "output_root and run", target.run, False
    yield from _of_recipe(recipe)
    yield from (("tsdg.python", path, False) for path in python_folders(cluster.tsdg.python))
    if not cluster.ssh_tunnel:
        yield "the working folder", str(Path.cwd()), False
    if target.environment.secret:
        yield "job_dir", str(Path(ship.secrets_path(cluster, target.name)).parent), False
    yield "tsdg.env_file", cluster.tsdg.env_file, True
    yield "tsdg.cache_dir", cluster.tsdg.cache_dir, False


def _of_recipe(recipe: Recipe) -> Iterator[tuple[str, str, bool]]:
    for model in models_named(recipe):
        yield f"path of {model.name}", model.path, True
    yield "seeds.mirror", recipe.seeds.mirror, True
    yield "passages.path", recipe.passages.path, True
    for path in recipe.filter.decontaminate.files:
        yield "filter.decontaminate.files", path, True
    for path in recipe.filter.dedup.against:
        yield "filter.dedup.against", path, True
    yield "server.api_key_file", recipe.server.api_key_file, True


def python_folders(python: str) -> tuple[str, ...]:
    """The environment of a Python, and that of the Python that it is a link to.

    Two folders above each file; none for a system's Python, which an image has of its own, or for a
    name that is no path.
    """
    path = Path(python)
    if not path.is_absolute():
        return ()
    files = (path, *(inside for inside, _ in links.hops(path)))
    folders = (str(file.parent.parent) for file in files)
    return tuple(folder for folder in folders if folder != "/" and not _system(folder))


def _system(folder: str) -> bool:
    return _within(folder, _SYSTEM)


def _within(path: str, folders: list[str] | tuple[str, ...]) -> bool:
    return any(f"{path}/".startswith(f"{folder.rstrip('/')}/") for folder in folders)
