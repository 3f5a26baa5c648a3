"""Fills a mirror: fetches the splits that a request needs, each data set at one pinned commit.

A data set that moves to another commit is swapped when all its splits are here; until then the
mirror has the old ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from tsdg.errors import DatasetRefusedError, HubError, MirrorError, StorageError, few
from tsdg.seeds.catalogue import guard
from tsdg.seeds.catalogue.index import load_index
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.catalogue.model import Catalogue
from tsdg.seeds.mirror import commits, layouts, pins, staging
from tsdg.seeds.mirror.cards import note_card
from tsdg.seeds.mirror.hub import Hub
from tsdg.seeds.mirror.needed_splits import (
    HeldOut,
    Want,
    not_on_hub,
    plain,
    proven,
    wants,
)
from tsdg.seeds.mirror.pins import Origin, Pin, Pins
from tsdg.seeds.mirror.source_files import GitHubFiles, github_pin
from tsdg.seeds.mirror.staging import Staged, StagedFile

Status = Literal["present", "foreign", "fetched", "missing", "absent", "refused", "unfetchable"]
"""``foreign``: there, and not fetched by tsdg; ``absent``: a held-out split that the data set does
not have; ``refused``: the hub does not give it now; ``unfetchable``: it never could be."""


_FURTHER = 24
"""Splits beside the training units of a data set that are fetched unasked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRequest:
    """What to fetch, and how."""

    mirror: Path
    tasks: tuple[str, ...]
    held_out: HeldOut
    update: bool
    """Move each data set of the request to the commit that its reference stands at now."""
    verify: bool
    """Read every file that is there, in place of its size and time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchOutcome:
    """What became of one split."""

    want: Want
    status: Status
    rows: int
    """0 where they are not known."""
    detail: str
    """One line, where there is something to say."""


class Watch(Protocol):
    """Where progress is told."""

    def note(self, line: str) -> None:
        """Say one thing that happened."""
        ...

    def update(self, *, done: int, total: int, detail: str) -> None:
        """Say how many splits of how many are done, and what is under way."""
        ...


def survey(request: FetchRequest) -> list[FetchOutcome]:
    """Say what a request needs and what of it is there, offline and without any change.

    The further held-out splits of a data set (a validation that lm-eval does not score) are known
    once it is pinned.

    Raises:
        SeedsDeniedError: a task may not be used.
        MirrorError: the mirror's own notes are unreadable.
    """
    catalogue, known = load(), Pins(request.mirror)
    out: list[FetchOutcome] = []
    for dataset, wanted in _by_dataset(request, catalogue).items():
        pin = known.get(dataset)
        layout = staging.cached_layout(request.mirror, dataset, pin.commit) if pin else None
        layout = commits.with_known_default(dataset, layout) if layout else None
        extra = _further(wanted, layout, catalogue) if layout else []
        out += [_there(request, want, pin, layout) for want in [*wanted, *extra]]
    return out


def _there(
    request: FetchRequest, want: Want, pin: Pin | None, layout: layouts.Layout | None
) -> FetchOutcome:
    """What the mirror has of one split."""
    path = pins.split_path(request.mirror, want.dataset_path, want.config, want.split)
    state, rows = pins.look(path, pin.commit if pin else "", full=request.verify)
    status: Status = "missing"
    detail = "" if state in ("present", "foreign", "missing") else state.replace("_", " ")
    if state == "present" or state == "foreign":
        status = state
    elif why := not_on_hub().get(want.dataset_path, ""):
        status, detail = "unfetchable", why
    elif layout is not None and not layout.files(want.config, want.split):
        status, detail = _lacking(want, layout)
    return FetchOutcome(want=want, status=status, rows=rows, detail=detail)


def prefetch(request: FetchRequest, hub: Hub, watch: Watch) -> list[FetchOutcome]:
    """Fetch what a request needs and the mirror lacks.

    Returns:
        One outcome for each split that the request needs, by data set.

    Raises:
        SeedsDeniedError: a task may not be used.
        MachineError: the hub cannot be reached, or fails for two data sets in a row.
        StorageError: the disk is full, or the mirror cannot be written.
        RunConflictError: another prefetch is at work in this mirror.
        MirrorError: the mirror's own notes are unreadable.
    """
    catalogue = load()
    groups = _by_dataset(request, catalogue)
    if not groups:
        return []
    with ExitStack() as stack:
        try:
            stack.enter_context(staging.alone(request.mirror))
        except StorageError:
            # A mirror that may only be read, and lacks nothing, is as good.
            there = []
            with suppress(MirrorError):
                there = [] if request.update else survey(request)
            if not there or any(outcome.status == "missing" for outcome in there):
                raise
            return there
        return _Run(request, hub, watch, catalogue, groups).outcomes()


def _by_dataset(request: FetchRequest, catalogue: Catalogue) -> dict[str, list[Want]]:
    guard.require_allowed(
        request.tasks, tier_b=True
    )  # whether tier B is wanted, the recipe has decided
    groups: dict[str, list[Want]] = {}
    for want in wants(request.tasks, request.held_out, catalogue, load_index()):
        groups.setdefault(want.dataset_path, []).append(want)
    return groups


class _Run:
    """One prefetch."""

    def __init__(
        self,
        request: FetchRequest,
        hub: Hub,
        watch: Watch,
        catalogue: Catalogue,
        groups: dict[str, list[Want]],
    ) -> None:
        self._request, self._hub, self._watch, self._catalogue = request, hub, watch, catalogue
        self._groups = groups
        self._github = GitHubFiles()
        self._pins = Pins(request.mirror)
        self._out: list[FetchOutcome] = []
        self._needed: list[Want] = []
        """Splits of the data set that is under way."""
        self._total = sum(map(len, groups.values()))

    def outcomes(self) -> list[FetchOutcome]:
        failing = 0
        for dataset, wanted in self._groups.items():
            before, self._needed = len(self._out), list(wanted)
            try:
                if why := not_on_hub().get(dataset):
                    self._by_hand(wanted, why)
                else:
                    self._dataset(dataset, wanted)
                failing = 0
                continue
            except MirrorError as error:
                reason = str(error)
            except HubError as error:
                failing += 1
                reason = str(error)
                if failing > 1:
                    raise
            judged = {outcome.want for outcome in self._out[before:]}
            for want in self._needed:
                if want not in judged:
                    self._end(want, "refused", 0, reason)
        return self._out

    def _end(self, want: Want, status: Status, rows: int, detail: str = "") -> None:
        self._out.append(FetchOutcome(want=want, status=status, rows=rows, detail=detail))
        if status == "fetched":
            self._watch.note(
                f"fetched {want.name}: {rows:,} rows{f' ({detail})' if detail else ''}"
            )
        self._watch.update(done=len(self._out), total=self._total, detail=want.name)

    def _by_hand(self, wanted: Sequence[Want], why: str) -> None:
        for want in wanted:
            path = pins.split_path(self._request.mirror, want.dataset_path, want.config, want.split)
            there = path.is_file()
            self._end(want, "foreign" if there else "unfetchable", 0, "" if there else why)

    def _dataset(self, dataset: str, wanted: list[Want]) -> None:
        target, layout = self._target(dataset, wanted)
        self._add(self._extra(dataset, wanted, layout))
        items = [item for want in self._needed if (item := self._looked_at(want, target, layout))]
        siblings = self._siblings(dataset, target, layout, items)
        self._add([item.want for item in siblings])
        self._fetch(dataset, target, [*items, *siblings], moving=self._moves(dataset, target))
        staging.tidy(self._request.mirror, dataset, target.commit)

    def _add(self, wanted: Sequence[Want]) -> None:
        self._needed += wanted
        self._total += len(wanted)

    def _target(self, dataset: str, wanted: Sequence[Want]) -> tuple[Pin, layouts.Layout]:
        """The commit that is read, pinned or chosen now, with its splits."""
        pin = github_pin(dataset) or self._pins.get(dataset)
        if pin is not None and not self._request.update:
            return pin, self._layout(dataset, pin)
        target, layout = commits.choose(
            self._hub, dataset, wanted, lambda pin: self._layout(dataset, pin)
        )
        # A small hub may have no cards, and what lies on GitHub has none.
        with suppress(DatasetRefusedError, HubError):
            if github_pin(dataset) is None:
                note_card(self._request.mirror, dataset, self._hub.card(dataset))
        if pin is None:
            self._pin(dataset, target)
        return target, layout

    def _extra(self, dataset: str, wanted: Sequence[Want], layout: layouts.Layout) -> list[Want]:
        """Further splits to compare with."""
        extra = _further(wanted, layout, self._catalogue)
        if len(extra) > _FURTHER:
            names = few([want.split for want in extra], 6)
            raise MirrorError(
                f"{dataset}: it has {len(extra)} splits that nobody knows ({names}); at most "
                f"{_FURTHER} are fetched to compare with; see {self._hub.page(dataset)}, and put "
                "those that count into the mirror by hand"
            )
        return extra

    def _looked_at(self, want: Want, target: Pin, layout: layouts.Layout) -> StagedFile | None:
        """Say of a split that is there, or cannot be had, so; return one that is to be fetched."""
        files = layout.files(want.config, want.split)
        path = pins.split_path(self._request.mirror, want.dataset_path, want.config, want.split)
        state, rows = pins.look(path, target.commit, full=self._request.verify)
        if state == "present":
            pins.keep_time(path)
        if state == "present" or state == "foreign":
            self._end(want, state, rows)
            return None
        if not files:
            status, lack = _lacking(want, layout)
            self._end(want, status, 0, lack)
            return None
        if state == "damaged":
            self._watch.note(f"{want.name} is not as it was fetched; it is fetched again")
        hub_config = layout.config(want.config)
        return StagedFile(want=want, path=path, hub_config=hub_config, files=files)

    def _moves(self, dataset: str, target: Pin) -> bool:
        """Whether the mirror holds a split of another commit."""
        return any(
            origin is None or origin.revision != target.commit
            for _, origin in self._fetched(dataset)
        )

    def _fetched(self, dataset: str) -> Iterator[tuple[Path, Origin | None]]:
        """The splits of a data set that were fetched at some time, and their sources."""
        for path in sorted((self._request.mirror / dataset).glob("*/*.parquet")):
            if pins.origin_path(path).is_file():
                yield path, pins.read_origin(pins.origin_path(path))

    def _siblings(
        self, dataset: str, target: Pin, layout: layouts.Layout, items: Sequence[StagedFile]
    ) -> list[StagedFile]:
        """Splits of another commit that nobody asked for now.

        They move as well, so that no two commits mix.
        """
        known, out = {item.path for item in items}, []
        trained = proven(self._catalogue)
        for path, origin in self._fetched(dataset):
            if path in known or (origin is not None and origin.revision == target.commit):
                continue
            config, split = plain(path.parent.name), path.stem
            files = layout.files(config, split)
            if not files:
                raise MirrorError(
                    f"{path}: of another commit than {target.commit[:12]}, which has no such "
                    "split; delete it to move "
                    f"{dataset} to that commit"
                )
            role: Literal["train", "held_out"] = (
                "train" if (dataset, config, split) in trained else "held_out"
            )
            want = Want(dataset_path=dataset, config=config, split=split, role=role, rows=0)
            out.append(
                StagedFile(want=want, path=path, hub_config=layout.config(config), files=files)
            )
        return out

    def _layout(self, dataset: str, pin: Pin) -> layouts.Layout:
        """The splits of a commit, which never change: from the mirror's notes, or the hub."""
        layout = staging.cached_layout(self._request.mirror, dataset, pin.commit)
        if layout is None:
            layout = commits.read_layout(self._hub, dataset, pin)
            staging.note_layout(self._request.mirror, dataset, pin.commit, layout)
        return commits.with_known_default(dataset, layout)

    def _fetch(self, dataset: str, pin: Pin, items: Sequence[StagedFile], *, moving: bool) -> None:
        staging.require_space(self._request.mirror, pin.commit, dataset, items)
        staged: list[tuple[StagedFile, Staged]] = []
        if not moving:
            self._pin(dataset, pin)
        for item in items:
            try:
                ready = staging.stage(
                    self._origins(dataset),
                    self._request.mirror,
                    dataset,
                    pin,
                    item,
                    tell=self._tell,
                )
            except DatasetRefusedError:
                raise
            except MirrorError as error:
                if moving:
                    raise  # the old commit stays whole
                self._end(item.want, "refused", 0, str(error))
                continue
            if moving:
                staged.append((item, ready))
            else:
                self._publish(item, ready)
        # From here on an interrupted move is ended by the next call, with or without --update.
        self._pin(dataset, pin)
        for item, ready in staged:
            self._publish(item, ready)

    def _origins(self, dataset: str) -> staging.Origins:
        return self._hub if github_pin(dataset) is None else self._github

    def _pin(self, dataset: str, pin: Pin) -> None:
        if self._pins.get(dataset) != pin:
            self._pins.set(dataset, pin)

    def _publish(self, item: StagedFile, ready: Staged) -> None:
        staging.publish(self._request.mirror, item, ready)
        expected, rows = item.want.rows, ready.origin.rows
        self._end(
            item.want,
            "fetched",
            rows,
            f"the catalogue counts {expected:,}" if expected not in (0, rows) else "",
        )

    def _tell(self, detail: str) -> None:
        self._watch.update(done=len(self._out), total=self._total, detail=detail)


def failures(outcomes: Sequence[FetchOutcome]) -> Counter[Status]:
    """Count what a request needed and did not get, by status."""
    return Counter(
        outcome.status
        for outcome in outcomes
        if outcome.status in ("refused", "unfetchable", "missing")
    )


def _further(wanted: Sequence[Want], layout: layouts.Layout, catalogue: Catalogue) -> list[Want]:
    """Splits beside the training units that lm-eval does not score, such as a validation.

    One that is called a train is left alone: it is neither proven training data nor a test.
    """
    known = {(want.config, want.split) for want in wanted} | {
        (config, split)
        for dataset, config, split in proven(catalogue)
        if dataset == wanted[0].dataset_path
    }
    return [
        Want(
            dataset_path=want.dataset_path, config=want.config, split=split, role="held_out", rows=0
        )
        for want in {want.config: want for want in wanted if want.role == "train"}.values()
        for split in sorted(layout.configs.get(layout.config(want.config), {}))
        if (want.config, split) not in known and not split.startswith("train")
    ]


def _lacking(want: Want, layout: layouts.Layout) -> tuple[Status, str]:
    """What a split is that the pinned commit does not have."""
    lack = layout.lack(want.config, want.split)
    certain = bool(layout.config(want.config)) and lack not in layout.doubts.values()
    return ("absent" if want.role == "held_out" and certain else "unfetchable"), lack
