"""``tsdg list``."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tsdg.errors import UsageError


def main(arguments: list[str]) -> int:
    """List the runs below a folder."""
    from tsdg.run.runs import read_runs
    from tsdg.views.runs import print_runs, runs_json

    words = [word for word in arguments if word != "--json"]
    if len(words) > 1 or any(not word or word.startswith("-") for word in words):
        raise UsageError("tsdg list takes one folder of runs at most: tsdg list [ROOT] [--json]")
    # As recipes/config.yaml has output_root.
    root = Path(words[0] if words else os.environ.get("TSDG_OUTPUT_ROOT", "runs")).expanduser()
    if not root.is_dir():
        raise UsageError(f"tsdg list: there is no folder {root}; name one: tsdg list ROOT")
    runs = read_runs(root)
    if "--json" in arguments:
        print(json.dumps(runs_json(runs)))
    else:
        print_runs(root, runs)
    return 0
