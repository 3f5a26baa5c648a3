"""After the study: its rows as a table, the syllabus, and the seeds that go on.

Gathering streams twice over the parts: names get their commonest spelling, and shares their rates,
only when all studies have been counted. Its result depends on the parts alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from tsdg.concepts import concept_key
from tsdg.config.study import StudySharesConfig
from tsdg.corpus.balance import Cell, Keeper
from tsdg.corpus.syllabus import Mentions, Names, Pairs
from tsdg.errors import ShortfallError, VerificationError
from tsdg.records import (
    REJECTION_SCHEMA,
    STUDIED_SEED_SCHEMA,
    STUDY_SCHEMA,
    Outcome,
    Rejection,
    Seed,
    StudiedSeed,
    Study,
)
from tsdg.storage import make_directory, partial_of, storage, sync_file
from tsdg.tables import Table, read_rows, work_table


@dataclass(frozen=True, slots=True, kw_only=True)
class Studies:
    """The outcome of the study."""

    asked: int
    usable: int
    kept: int
    """Seeds that go on, studied or not."""
    left: int
    """Seeds beyond a share."""
    concepts: int
    """Rows of the syllabus."""
    forgotten: int
    """Mentions of concepts that the syllabus lacks, because there were more than it may hold."""


def gather_studies(
    outcomes: Callable[[], Iterator[Outcome]],
    *,
    seeds: Path,
    directory: Path,
    unit_rows: int,
    shares: StudySharesConfig,
) -> Studies:
    """Write ``studies.parquet``, ``syllabus.parquet``, ``seeds.parquet`` and ``rejected.parquet``.

    Args:
        outcomes: of the study, in the order of the seeds; called twice.
        seeds: the table of all seeds.
        directory: ``<run>/study``.
        unit_rows: rows of a work unit of the questions.
        shares: the largest share that each field and difficulty may have.

    Raises:
        VerificationError: the parts are not those of the seeds.
        ShortfallError: the shares leave no seed.
    """
    mentions, cells, asked, without = Mentions(), Counter[Cell](), 0, 0
    with Table(directory / "studies.parquet", STUDY_SCHEMA, group_rows=10_000) as studies:
        for outcome in outcomes():
            asked += len(outcome.studies)
            for made in outcome.studies:
                studies.add(made)
            usable = usable_study(outcome)
            if usable is None:
                without += 1
            else:
                mentions.add(usable)
                cells[_cell(usable)] += 1
    names, pairs = mentions.names(), Pairs()
    keeper = Keeper(cells, without=without, shares=shares)
    left = 0
    with (
        Table(directory / "rejected.parquet", REJECTION_SCHEMA, group_rows=10_000) as rejected,
        work_table(directory / "seeds.parquet", STUDIED_SEED_SCHEMA, unit_rows=unit_rows) as kept,
    ):
        for seed, study in _spelt(seeds, outcomes(), names):
            if study is not None:
                pairs.add(study.concepts)
            if study is None or keeper.keeps(_cell(study)):
                kept.add(_with(seed, study))
            else:
                left += 1
                rejected.add(_left(seed, study))
        if not kept.count:
            raise ShortfallError(
                f"{directory.parent}: study.shares leave none of {left} seeds; start a run with "
                "larger shares, or bound fewer fields or difficulties"
            )
    table = names.table(pairs)
    path = directory / "syllabus.parquet"
    with storage("write", path):
        make_directory(directory)
        partial = partial_of(path)
        pq.write_table(table, partial, compression="zstd", write_page_checksum=True)
        sync_file(partial)
        partial.replace(path)
    return Studies(
        asked=asked,
        usable=sum(cells.values()),
        kept=kept.count,
        left=left,
        concepts=table.num_rows,
        forgotten=mentions.forgotten,
    )


def usable_study(outcome: Outcome) -> Study | None:
    """The study of a seed, if there is one that can be used."""
    return next((study for study in outcome.studies if not study.flaw), None)


def _spelt(
    seeds: Path, outcomes: Iterator[Outcome], names: Names
) -> Iterator[tuple[Seed, Study | None]]:
    for seed, outcome in zip(read_rows(seeds, Seed), outcomes, strict=True):
        if outcome.input_id != seed.seed_id:
            raise VerificationError(
                f"the parts of the study are not those of {seeds}: {outcome.input_id} stands where "
                f"{seed.seed_id} should; restore them, or remove the folder study to study again"
            )
        study = usable_study(outcome)
        yield seed, names.spelt(study) if study else None


def _cell(study: Study) -> Cell:
    return concept_key(study.field), str(study.difficulty)


def _with(seed: Seed, study: Study | None) -> StudiedSeed:
    values = {name: getattr(seed, name) for name in Seed.__dataclass_fields__}
    return StudiedSeed(**values, study=study)


def _left(seed: Seed, study: Study) -> Rejection:
    return Rejection(
        row_id=seed.seed_id,
        group=seed.group,
        family=seed.family,
        task=seed.task,
        stage="study",
        reason="over_share",
        detail=f"{study.field}, difficulty {study.difficulty}",
    )
