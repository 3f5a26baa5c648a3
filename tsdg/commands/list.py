"""``tsdg list``: the runs below a folder."""

from __future__ import annotations

import json
from pathlib import Path

from tsdg.commands.words import Words
from tsdg.errors import UsageError
from tsdg.layout import output_root


def main(words: Words) -> int:
    """List the runs below a folder."""
    from tsdg.run.runs import read_runs
    from tsdg.views.runs import print_runs, runs_json

    root = Path(words.arguments[0]).expanduser() if words.arguments else output_root()
    if not root.is_dir():
        raise UsageError(f"tsdg list: there is no folder {root}; name one: tsdg list ROOT")
    runs = read_runs(root)
    if "--json" in words.flags:
        print(json.dumps(runs_json(runs)))
    else:
        print_runs(root, runs)
    return 0
