"""Which commit of a data set is read, and which splits it has."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tsdg.errors import DatasetRefusedError
from tsdg.seeds.mirror import layouts
from tsdg.seeds.mirror.hub import CONVERTED, MAIN, Hub
from tsdg.seeds.mirror.layouts import Layout
from tsdg.seeds.mirror.needed_splits import Want, default_config
from tsdg.seeds.mirror.pins import Pin
from tsdg.seeds.mirror.source_files import github_pin, source_layout, sources_of


def read_layout(hub: Hub, dataset: str, pin: Pin) -> Layout:
    """Ask the hub for the splits of a commit.

    Raises:
        DatasetRefusedError: the commit is gone, or this account may not read it.
        MachineError: the hub cannot be reached, or fails again and again.
    """
    if github_pin(dataset) is not None:
        return source_layout(dataset, {})
    files = hub.files(dataset, pin.commit)
    if sources_of(dataset):
        return source_layout(dataset, {file.path: file for file in files})
    if pin.ref == CONVERTED:
        return layouts.converted(files)
    readme = next((file for file in files if file.path == "README.md"), None)
    return layouts.declared(files, "" if readme is None else hub.text(dataset, pin.commit, readme))


def with_known_default(dataset: str, layout: Layout) -> Layout:
    """Return a layout with what the catalogue knows to be the default config."""
    return layout.with_default(default_config(dataset))


def choose(
    hub: Hub,
    dataset: str,
    wanted: Sequence[Want],
    layout_of: Callable[[Pin], Layout],
) -> tuple[Pin, Layout]:
    """Choose the hub's conversion, or the repository's own files if they have more.

    Data sets of ``source_files.csv`` are read where that says.

    Args:
        hub: that is asked for the present commits.
        dataset: hub path.
        wanted: its splits that are needed.
        layout_of: gives the splits of a commit.

    Raises:
        DatasetRefusedError: the data set has no commit, or is refused.
        MachineError: the hub cannot be reached, or fails again and again.
    """
    pinned = github_pin(dataset)
    if pinned is not None:
        return pinned, layout_of(pinned)
    commits = hub.commits(dataset)
    refs = (MAIN,) if sources_of(dataset) else (CONVERTED, MAIN)
    found: list[tuple[Pin, Layout]] = []
    for ref in refs:
        if ref in commits:
            pin = Pin(ref=ref, commit=commits[ref])
            found.append((pin, layout_of(pin)))
            if all(found[-1][1].files(want.config, want.split) for want in wanted):
                break

    def has(candidate: tuple[Pin, Layout]) -> tuple[int, int]:
        there = [want for want in wanted if candidate[1].files(want.config, want.split)]
        return sum(want.role == "train" for want in there), len(there)

    best = max(found, key=has, default=None)
    if best is None:
        raise DatasetRefusedError(
            f"{dataset}: the hub names no commit of it; see {hub.page(dataset)}"
        )
    return best
