"""The blend beside an exported run, for trainers that read one."""

from __future__ import annotations

from pathlib import Path

from tsdg.mixture import blends
from tsdg.mixture.parts import read_parts
from tsdg.package.export.megatron_bin import SUFFIX
from tsdg.storage import write_whole

LINES = ("nemotron-blend", "megatron")
"""Formats that are JSON lines with a blend beside them."""
BLENDS = (*LINES, "megatron-bin")


def write_blend(run: Path, out: Path, form: str, *, named: Path) -> None:
    """Write a blend with natural weights over exported files; `tsdg mix` chooses others.

    Args:
        run: the run directory.
        out: with the exported files of each task.
        form: one of :data:`BLENDS`.
        named: the folder that the blend names, where ``out`` gets another name later.

    Raises:
        VerificationError: the run is not finished, or damaged.
        StorageError: the blend cannot be written.
    """
    parts = read_parts([run], ())
    total = sum(part.tokens for part in parts)
    shares = [(part, part.tokens / total) for part in parts]
    files: blends.Files
    if form == "nemotron-blend":
        blend = blends.nemotron({"train": shares})
        for part, entry in zip(parts, blend["datasets"], strict=True):
            entry["path"] = str((named / part.group / f"{part.name}.jsonl").absolute())
        files = {"blend.json": blends.as_json(blend)}
    else:
        folder = str(named.absolute()).replace("{", "{{").replace("}", "}}")
        splits = {"train": shares, "valid": [], "test": []}
        files = blends.megatron_files(splits, f"{folder}/{{name}}{SUFFIX}")
    for name, content in files.items():
        write_whole(out / name, content)
