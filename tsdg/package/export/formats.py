"""Writes a finished run in the formats that other tools read.

================= =================================================================================
format            files
================= =================================================================================
``jsonl``         ``<group>/<task>.jsonl``: the records, one a line
``parquet``       ``<group>/<task>/part-*.parquet``: the dataset's files as they are
``hf``            the same below ``dataset/``, with card, manifest and seeds: whole in itself
``nemo-skills``   its generation files (:mod:`tsdg.package.export.nemo_skills`)
``nemo-gym``      questions with verifiable answers (:mod:`tsdg.package.export.nemo_gym`)
``trl``           chat turns (:mod:`tsdg.package.export.trl`)
``megatron-bin``  token-packed ``.bin`` and ``.idx`` (:mod:`tsdg.package.export.megatron_bin`)
``data-designer`` ``seeds.parquet``: the verified questions as flat columns, for its seed dataset
================= =================================================================================

Blends for Nemotron and Megatron need weights: :mod:`tsdg.mixture.blends` makes them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tsdg.layout import CARD, DATASET, MANIFEST, SEEDS
from tsdg.package.export.data_designer import data_designer
from tsdg.package.export.files import Pattern, write_folder_card, write_lines
from tsdg.package.export.megatron_bin import megatron_bin
from tsdg.package.export.nemo_gym import nemo_gym
from tsdg.package.export.nemo_skills import nemo_skills
from tsdg.package.export.source import Export, Exported, records
from tsdg.package.export.trl import as_turn, trl
from tsdg.package.manifest import read_manifest
from tsdg.records import RECORD_SCHEMA, Record
from tsdg.rowform import to_row
from tsdg.storage import make_directory, storage


def export(run: Path, out: Path, form: str, keys: Mapping[str, str]) -> Exported:
    """Write a finished run into ``out`` in one of ``FORMATS``.

    Args:
        run: the run directory, or a merged dataset.
        out: where to.
        form: one of ``FORMATS``.
        keys: of the command line, for formats that need some.

    Raises:
        UsageError: a key is missing or wrong, or a merged dataset lacks what the format needs.
        VerificationError: the run is not finished, or damaged.
        StorageError: ``out`` cannot be written.
    """
    manifest = read_manifest(run)
    make_directory(out)
    return FORMATS[form](Export(run=run, out=out, manifest=manifest, keys=keys))


def jsonl(export: Export) -> Exported:
    """Records as JSON lines, one file per task."""
    total = sum(
        write_lines(export.out / group / f"{task}.jsonl", map(_line, rows))
        for group, task, rows in records(export)
    )
    write_folder_card(
        export.out,
        {"default": Pattern(pattern="*/*.jsonl", schema=RECORD_SCHEMA)},
        "Records of tsdg as JSON lines, a file per task.",
    )
    return Exported(rows=total)


def _line(record: Record) -> dict[str, Any]:
    """A record as a line; a turn without thoughts has no key for them, as chat templates expect."""
    return to_row(record) | {"messages": [as_turn(turn) for turn in record.messages]}


def parquet(export: Export) -> Exported:
    """The dataset's files, one folder per task."""
    rows = _copy(export, lambda path: path.removeprefix(f"{DATASET}/"))
    write_folder_card(
        export.out,
        {"default": Pattern(pattern="*/*/*.parquet")},
        "Records of tsdg, a folder per task.",
    )
    return Exported(rows=rows)


def hf(export: Export) -> Exported:
    """The dataset with its card, manifest and seeds: for ``load_dataset`` or an upload."""
    rows = _copy(export, lambda path: path)
    make_directory((export.out / SEEDS).parent)
    with storage("write", export.out):
        for name in (CARD, MANIFEST, SEEDS):
            shutil.copyfile(export.run / name, export.out / name)
    return Exported(rows=rows)


def _copy(export: Export, place: Callable[[str], str]) -> int:
    rows = 0
    for file in _files(export):
        target = export.out / place(file["path"])
        make_directory(target.parent)
        with storage("write", target):
            shutil.copyfile(export.run / file["path"], target)
        rows += file["rows"] or 0
    return rows


def _files(export: Export) -> Iterator[Mapping[str, Any]]:
    for task in export.manifest["tasks"].values():
        yield from task["files"]


FORMATS: Mapping[str, Callable[[Export], Exported]] = {
    "jsonl": jsonl,
    "parquet": parquet,
    "hf": hf,
    "nemo-skills": nemo_skills,
    "nemo-gym": nemo_gym,
    "trl": trl,
    "megatron-bin": megatron_bin,
    "data-designer": data_designer,
}
