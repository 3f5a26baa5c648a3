"""``tsdg export``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tsdg.errors import UsageError
from tsdg.layout import run_directory
from tsdg.mixture import blends
from tsdg.mixture.parts import read_parts
from tsdg.package.export import FORMATS, export
from tsdg.storage import refuse_filled, write_whole

BLENDS = ("nemotron-blend", "megatron")
USAGE = "tsdg export RUN --format FORMAT [out=FOLDER]"


def main(arguments: list[str]) -> int:
    """Write a finished run in the form that another tool reads."""
    words = [
        word.removeprefix("--format=") if word.startswith("--format=") else word
        for word in arguments
    ]
    words = [word for word in words if word != "--format"]
    outs = [word.partition("=")[2] for word in words if word.startswith("out=")]
    words = [word for word in words if not word.startswith("out=")]
    allowed = (*FORMATS, *BLENDS)
    if len(words) != 2 or any(word.startswith("-") for word in words):
        raise UsageError(
            f"tsdg export takes a run and a format: {USAGE}; formats: {', '.join(allowed)}"
        )
    form = words[1]
    if form not in allowed:
        raise UsageError(f"tsdg export: no format {form!r}; allowed: {', '.join(allowed)}")
    run = run_directory(words[0], command="tsdg export")
    out = Path(outs[-1]) if outs else run.with_name(f"{run.absolute().name}-{form}")
    refuse_filled(out, command="tsdg export")
    rows = export(run, out, "jsonl" if form in BLENDS else form)
    if form in BLENDS:
        _blend(run, out, form)
    print(f"{rows:,} rows in {out}")
    return 0


def _blend(run: Path, out: Path, form: str) -> None:
    """Write a blend with natural weights beside the JSON lines (``tsdg mix`` chooses others)."""
    parts = read_parts([run], ())
    total = sum(part.tokens for part in parts)
    shares = [(part, part.tokens / total) for part in parts]
    blend: Mapping[str, Any] | list[str]
    if form == "nemotron-blend":
        blend = blends.nemotron({"train": shares})
        for part, entry in zip(parts, blend["datasets"], strict=True):
            entry["path"] = str((out / part.group / f"{part.name}.jsonl").absolute())
    else:
        blend = blends.megatron(shares, str(out.absolute() / "{name}_text_document"))
    write_whole(
        out / "blend.json", (json.dumps(blend, indent=1, ensure_ascii=False) + "\n").encode()
    )
