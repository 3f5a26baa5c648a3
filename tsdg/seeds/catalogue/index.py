"""Every name of the lm-eval release that the catalogue is verified against, without lm-eval.

``data/index.csv.gz`` is written by :mod:`tsdg.seeds.catalogue.build_index`, which describes its
columns. It says what each task reads and which split it scores: the basis of
:mod:`tsdg.seeds.catalogue.guard`.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from tsdg.seeds.catalogue.tables import DATA


class Entry(NamedTuple):
    """One name of lm-eval."""

    name: str
    kind: str
    """``task``, ``python``, ``group`` or ``tag``."""
    yaml: str
    dataset_path: str
    """Empty where the task gets its rows from code of its own."""
    config: str
    scored: str
    training: str
    fewshot: str
    members: tuple[str, ...]

    @property
    def is_task(self) -> bool:
        """Whether it reads rows, and is no group or tag."""
        return self.kind in ("task", "python")


@dataclass(frozen=True, kw_only=True)
class Index:
    """The names, and the data sets that they read."""

    entries: Mapping[str, Entry]
    datasets: Mapping[str, tuple[Entry, ...]]
    """Tasks by dataset path."""
    scored: Mapping[tuple[str, str, str], tuple[str, ...]]
    """Names of the tasks that score a split, by (dataset path, config, split)."""

    def tasks_of(self, name: str) -> tuple[str, ...]:
        """Return the tasks of a group or tag and of the groups in it, in order, each once.

        A member that is defined inside the group and has no entry of its own is returned by its
        name there.
        """
        out: dict[str, None] = {}
        seen, waiting = {name}, list(reversed(self.entries[name].members))
        while waiting:
            member = waiting.pop()
            entry = self.entries.get(member)
            if entry is None or entry.is_task:
                out[member] = None
            elif member not in seen:
                seen.add(member)
                waiting.extend(reversed(entry.members))
        return tuple(out)


@cache
def load_index() -> Index:
    """Read the index (about 40 ms).

    Raises:
        OSError: the package lacks its table.
    """
    with gzip.open(DATA / "index.csv.gz") as file:
        text = file.read().decode()
    entries: dict[str, Entry] = {}
    datasets: dict[str, list[Entry]] = {}
    scored: dict[tuple[str, str, str], list[str]] = {}
    reader = csv.reader(io.StringIO(text, newline=""))
    next(reader)
    for name, kind, yaml, path, config, score, training, fewshot, members in reader:
        inside = tuple(members.split("|")) if members else ()
        entry = Entry(name, kind, yaml, path, config, score, training, fewshot, inside)
        entries[name] = entry
        if entry.is_task and path:
            datasets.setdefault(path, []).append(entry)
        if entry.is_task and score:
            scored.setdefault((path, config, score), []).append(name)
    return Index(
        entries=entries,
        datasets={path: tuple(readers) for path, readers in datasets.items()},
        scored={split: tuple(names) for split, names in scored.items()},
    )
