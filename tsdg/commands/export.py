"""``tsdg export``: a finished run in the form that another tool reads."""

from __future__ import annotations

from pathlib import Path

from tsdg.commands.table import COMMANDS, FORMATS
from tsdg.commands.words import Words
from tsdg.errors import UsageError
from tsdg.layout import run_directory


def main(words: Words) -> int:
    """Write a finished run in the form that another tool reads."""
    from tsdg.mixture.export_blend import BLENDS, write_blend
    from tsdg.package.export import export
    from tsdg.storage import refuse_filled

    form = words.flags.get("--format", "")
    if not form:
        raise UsageError(
            f"tsdg export takes a run and a format: {COMMANDS['export'].call}; formats: "
            f"{', '.join(FORMATS)}"
        )
    run = run_directory(words.arguments[0], command="tsdg export")
    out = Path(words.keys.get("out", run.with_name(f"{run.absolute().name}-{form}")))
    refuse_filled(out, command="tsdg export")
    rows = export(run, out, "jsonl" if form in BLENDS else form)
    if form in BLENDS:
        write_blend(run, out, form)
    print(f"{rows:,} rows in {out}")
    return 0
