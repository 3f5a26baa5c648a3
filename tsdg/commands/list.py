"""``tsdg list``: the runs below a folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tsdg.commands.words import Words
from tsdg.errors import UsageError


def main(words: Words) -> int:
    """List the runs below a folder."""
    from tsdg.run.runs import read_runs
    from tsdg.views.runs import print_runs, runs_json

    # As recipes/config.yaml has output_root.
    named = words.arguments[0] if words.arguments else os.environ.get("TSDG_OUTPUT_ROOT", "runs")
    root = Path(named).expanduser()
    if not root.is_dir():
        raise UsageError(f"tsdg list: there is no folder {root}; name one: tsdg list ROOT")
    runs = read_runs(root)
    if "--json" in words.flags:
        print(json.dumps(runs_json(runs)))
    else:
        print_runs(root, runs)
    return 0
