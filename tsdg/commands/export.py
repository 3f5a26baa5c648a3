"""``tsdg export``: a finished run in the form that another tool reads."""

from __future__ import annotations

from pathlib import Path

from tsdg.commands.table import COMMANDS
from tsdg.commands.training_table import FORMATS
from tsdg.commands.words import Words
from tsdg.errors import UsageError
from tsdg.layout import run_directory

_KEYS = {"megatron-bin": ("tokenizer", "eod")}
"""Format → keys of its own."""


def main(words: Words) -> int:
    """Write a finished run in the form that another tool reads."""
    from tsdg.mixture.export_blend import BLENDS, LINES, write_blend
    from tsdg.package.export.formats import export
    from tsdg.storage import new_folder, refuse_filled

    form = words.flags.get("--format", "")
    if not form:
        raise UsageError(
            f"tsdg export takes a run and a format: {COMMANDS['export'].call}; formats: "
            f"{', '.join(FORMATS)}"
        )
    run = run_directory(words.arguments[0], command="tsdg export")
    out = Path(words.keys.get("out", run.with_name(f"{run.absolute().name}-{form}")))
    refuse_filled(out, command="tsdg export")
    unused = sorted(set(words.keys) - {"out", *_KEYS.get(form, ())})
    if unused:
        raise UsageError(
            f"tsdg export: {unused[0]}= has no meaning for --format {form}; it is for megatron-bin"
        )
    with new_folder(out) as building:
        done = export(run, building, "jsonl" if form in LINES else form, words.keys)
        if form in BLENDS:
            write_blend(run, building, form, named=out)
    print(f"{done.rows:,} rows in {out}")
    for line in done.said:
        print(line)
    return 0
