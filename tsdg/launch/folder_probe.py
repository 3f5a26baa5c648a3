"""Tries, on a node, what a run does in its folders, and whether another node's files are seen.

``tsdg doctor`` starts it with the code that it ships, one process on each node.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tsdg.engine.file_system import try_file_system
from tsdg.errors import TsdgError

MARKS = ("-node0", "-node1")
"""Ends of the names of the files by which the nodes meet."""
_WAIT_S = 20.0
_PAUSE_S = 0.1


def probe_folder(
    folder: Path,
    token: str,
    *,
    node: int,
    nodes: int,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, object]:
    """Try a folder from one of one or two nodes.

    Args:
        folder: the folder.
        token: in the names of the files that meet there.
        node: number of this node, from 0.
        nodes: how many take part.
        sleep: waits, seconds.

    Returns:
        ``folder``; ``lacks``: what it cannot do and must; ``other``: what is done in another way;
        ``late``: seconds after which the other node's file was still not listed, or 0; ``met``:
        whether it was.
    """
    try:
        tried = try_file_system(folder)
        lacks = [f"{each.name} ({each.error})" for each in tried if each.error and each.needed]
        other = [each.name for each in tried if each.error and not each.needed]
    except TsdgError as error:
        lacks, other = [" ".join(str(error).split())], []
    met = False
    if nodes > 1 and not lacks:
        (folder / f".tsdg-doctor-{token}{MARKS[node]}").touch()
        met = _is_listed(folder, f".tsdg-doctor-{token}{MARKS[1 - node]}", sleep)
    return {
        "folder": str(folder),
        "lacks": ", ".join(lacks),
        "other": ", ".join(other),
        "late": _WAIT_S if nodes > 1 and not lacks and not met else 0,
        "met": met,
    }


def _is_listed(folder: Path, name: str, sleep: Callable[[float], None]) -> bool:
    """Whether a listing of a folder shows a file before long."""
    for _ in range(round(_WAIT_S / _PAUSE_S)):
        if name in os.listdir(folder):  # noqa: PTH208 - a list of names, as a run reads it
            return True
        sleep(_PAUSE_S)
    return False


def main(words: Sequence[str], environ: Mapping[str, str]) -> None:
    """Print one line for each folder: ``folder`` and what was found, as JSON."""
    token, count, *paths = words
    nodes = int(environ.get("SLURM_STEP_NUM_NODES", "1"))
    for path in filter(os.path.isdir, paths[: int(count)]):
        number = int(environ.get("SLURM_NODEID", "0"))
        found = probe_folder(Path(path), token, node=number, nodes=nodes)
        print("folder", json.dumps(found), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:], os.environ)
