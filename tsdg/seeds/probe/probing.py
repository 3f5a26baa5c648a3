"""``tsdg seeds probe``: asks a hub for metadata, footers and first rows, and fetches nothing.

Of each data set that a recipe needs it compares, with what the catalogue and the readers expect:
whether it is there and may be read, its licence tag, whether there is Parquet of it, configs and
splits, columns, types, class labels, rows, and what the first rows give.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import pyarrow as pa

from tsdg.errors import DatasetRefusedError, HubError, MirrorError, few, shown
from tsdg.seeds.catalogue.model import Catalogue, Commercial, Unit
from tsdg.seeds.catalogue.tables import table
from tsdg.seeds.mirror import commits
from tsdg.seeds.mirror.hub import CONVERTED, Hub
from tsdg.seeds.mirror.hub_form import Card, HubFile
from tsdg.seeds.mirror.layouts import Layout
from tsdg.seeds.mirror.needed_splits import Want, not_on_hub, plain, proven
from tsdg.seeds.mirror.parquet_files import OddParquetError, open_parquet
from tsdg.seeds.mirror.pins import Pin
from tsdg.seeds.mirror.source_files import github_pin, sources_of
from tsdg.seeds.probe.differences import Level, SourceDifference, What, of_licence, of_split
from tsdg.seeds.probe.looked_at import first_rows, needed_columns
from tsdg.seeds.probe.outline import outline_of
from tsdg.seeds.probe.remote_file import RemoteFile

_FILES = 40
"""Files of a split whose footers are read."""
_TEST = ("test", "validation", "valid", "dev")


def probe(
    hub: Hub, catalogue: Catalogue, dataset: str, units: Sequence[Unit]
) -> list[SourceDifference]:
    """Compare a data set on the hub with what is expected of it.

    Args:
        hub: that has it.
        catalogue: says what is expected.
        dataset: hub path.
        units: its units of source that are wanted.

    Raises:
        MachineError: the hub cannot be reached, or fails again and again.
    """
    if why := not_on_hub().get(dataset):
        return [_stop(dataset, "data set", "on the hub", "not on the hub", why)]
    try:
        out: list[SourceDifference] = []
        if github_pin(dataset) is None:
            card = hub.card(dataset)
            out += of_card(dataset, card)
            out += card_licence(catalogue, dataset, card)
        return out + _Probe(hub, catalogue, dataset, units).differences()
    except DatasetRefusedError as error:
        # The hub's address may be one that nobody else should know.
        return [_refused(dataset, str(error).replace(f"{hub.name}/", ""))]


def of_card(dataset: str, card: Card) -> Iterator[SourceDifference]:
    """Compare what the hub says of a data set as a whole, but for its licence."""
    if card.name not in ("", dataset):
        yield SourceDifference(
            where=dataset,
            what="name",
            level="note",
            expected=dataset,
            found=card.name,
            meaning="it was moved, and the hub sends on from the old name; who holds the new one "
            "decides what is in it",
        )
    if card.gated:
        yield SourceDifference(
            where=dataset,
            what="access",
            level="note",
            expected="open",
            found="gated",
            meaning="its terms must be accepted on its page by the account of HF_TOKEN",
        )


def card_licence(catalogue: Catalogue, dataset: str, card: Card) -> Iterator[SourceDifference]:
    """Compare the licence tag of a card with the licences that were read for a data set."""
    uses: dict[str, Commercial] = {
        row["licence"]: row["commercial"]  # type: ignore[misc]
        for row in table("licences.csv")
    }
    read = {
        one.found: uses.get(one.found, "unclear")
        for unit in catalogue.datasets.get(dataset, ())
        if unit.name in catalogue.evidence
        for one in catalogue.evidence[unit.name].licences
    }
    yield from of_licence(dataset, list(read.items()), card.licence, uses)


def _refused(dataset: str, why: str) -> SourceDifference:
    gone = "404" in why
    return _stop(
        dataset,
        "data set" if gone else "access",
        "there, under this name" if gone else "this account may read it",
        "unknown to the hub" if gone else "refused",
        why,
    )


def _stop(where: str, what: What, expected: str, found: str, meaning: str) -> SourceDifference:
    return SourceDifference(
        where=where, what=what, level="stops", expected=expected, found=found, meaning=meaning
    )


class _Probe:
    """A look at one data set."""

    def __init__(self, hub: Hub, catalogue: Catalogue, dataset: str, units: Sequence[Unit]) -> None:
        self._hub, self._catalogue, self._dataset, self._units = hub, catalogue, dataset, units

    def differences(self) -> list[SourceDifference]:
        wanted = [
            Want(
                dataset_path=unit.dataset_path,
                config=plain(unit.config),
                split=unit.split,
                role="train",
                rows=0,
            )
            for unit in self._units
        ]

        def layout_of(pin: Pin) -> Layout:
            layout = commits.read_layout(self._hub, self._dataset, pin)
            return commits.with_known_default(self._dataset, layout)

        pin, layout = commits.choose(self._hub, self._dataset, wanted, layout_of)
        out = list(self._conversion(pin, layout, wanted))
        for unit, want in zip(self._units, wanted, strict=True):
            if layout.files(want.config, want.split) and sources_of(self._dataset):
                out.append(_as_files(unit, pin, layout.files(want.config, want.split)[0]))
            elif layout.files(want.config, want.split):
                out += self._split(unit, want, pin, layout)
            elif layout.configs:
                out.append(_lacking(unit, want, layout))
        return out

    def _conversion(
        self, pin: Pin, layout: Layout, wanted: Sequence[Want]
    ) -> Iterator[SourceDifference]:
        if pin.ref == CONVERTED or sources_of(self._dataset):
            return
        if not layout.configs:
            yield _stop(
                self._dataset,
                "conversion",
                "Parquet of its rows",
                "none",
                "the hub has converted nothing (a loading script, or its viewer is off), and its "
                "README names no Parquet files: rows must be put into the mirror by hand",
            )
            return
        there = sum(bool(layout.files(want.config, want.split)) for want in wanted)
        yield SourceDifference(
            where=self._dataset,
            what="conversion",
            level="note",
            expected="the hub's own conversion",
            found=f"the repository's own Parquet files, with {there} of {len(wanted)} splits",
            meaning="they are read as its README names them; nothing is to be done",
        )

    def _split(self, unit: Unit, want: Want, pin: Pin, layout: Layout) -> list[SourceDifference]:
        files = layout.files(want.config, want.split)
        out = list(_same_files(unit, want, layout, proven(self._catalogue)))
        evidence = self._catalogue.evidence.get(unit.name)
        needed = needed_columns(self._catalogue, unit)
        try:
            with ExitStack() as stack:
                opened = [stack.enter_context(self._open(pin, file)) for file in files[:_FILES]]
                if evidence is not None:
                    outline, whole = outline_of(opened), len(files) <= _FILES
                    out += of_split(unit.name, evidence, outline, needed=needed, whole=whole)
                if not any(one.level == "stops" for one in out):
                    out += first_rows(self._catalogue, unit, opened[0])
        except (OSError, pa.ArrowException, OddParquetError) as error:
            why = shown(" ".join(str(error).split())[:200])
            meaning = f"no row can be read: {why}"
            out.append(_stop(unit.name, "conversion", "Parquet", "another file", meaning))
        except HubError as error:
            out.append(_unseen(unit.name, str(error)))
        except MirrorError as error:
            out.append(_stop(unit.name, "access", "readable", "refused", str(error)))
        return out

    def _open(self, pin: Pin, file: HubFile) -> Any:
        remote = RemoteFile(self._hub, self._dataset, pin.commit, file)
        return open_parquet(pa.PythonFile(io.BufferedReader(remote, 1 << 16), mode="r"))


def _unseen(where: str, why: str) -> SourceDifference:
    return SourceDifference(
        where=where,
        what="first rows",
        level="note",
        expected="a look at them",
        found="none",
        meaning=why,
    )


def _as_files(unit: Unit, pin: Pin, file: HubFile) -> SourceDifference:
    """What is said of a split that is no Parquet at its source."""
    return SourceDifference(
        where=unit.name,
        what="conversion",
        level="note",
        expected="Parquet",
        found=f"{file.path} at {pin.ref}, {pin.commit[:12]}",
        meaning="it is fetched as this file and stored as Parquet; its columns and rows are "
        "compared then",
    )


def _lacking(unit: Unit, want: Want, layout: Layout) -> SourceDifference:
    """What is said of a split that the data set does not have."""
    config = layout.config(want.config)
    lack = layout.lack(want.config, want.split)
    if not config:
        names = few(sorted(layout.configs), 8)
        meaning = (
            "it was renamed or taken away; nothing of it is read until the catalogue knows the new "
            "name"
            if want.config
            else "none is the default one for certain; the catalogue must say which is meant"
        )
        return _stop(unit.name, "config", want.config or "one default config", names, meaning)
    if lack in layout.doubts.values():
        meaning = f"{lack}: rows would be missing without a word"
        return _stop(unit.name, "conversion", "all files of the split", "not all", meaning)
    return _stop(
        unit.name,
        "split",
        want.split,
        few(sorted(layout.configs[config]), 8) or "none",
        "it was renamed or taken away; no other split is proven to be training data",
    )


def _same_files(
    unit: Unit, want: Want, layout: Layout, trained: set[tuple[str, str, str]]
) -> Iterator[SourceDifference]:
    """A training split whose files are also those of a split that is scored."""
    mine = {file.key for file in layout.files(want.config, want.split)}
    for config, splits in layout.configs.items():
        for split, files in splits.items():
            other = (unit.dataset_path, plain(config), split) not in trained
            same = mine & {file.key for file in files}
            if same and other and any(word in split.lower() for word in _TEST):
                level: Level = "accept"
                yield SourceDifference(
                    where=unit.name,
                    what="same file",
                    level=level,
                    expected="rows of its own",
                    found=f"the bytes of {config}/{split}",
                    meaning="the training split is one that is scored: nothing of it may be a seed "
                    "unless you know better",
                )


def by_dataset(units: Sequence[Unit]) -> Mapping[str, list[Unit]]:
    """Return units by the data set that has them, in their order."""
    out: dict[str, list[Unit]] = {}
    for unit in units:
        out.setdefault(unit.dataset_path, []).append(unit)
    return out
