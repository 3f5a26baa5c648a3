"""``tsdg seeds list|show|check|prefetch``."""

from __future__ import annotations

import os
from pathlib import Path

from tsdg.errors import UsageError


def main(arguments: list[str]) -> int:
    """Show the catalogue, one family, the guard's verdict; or fill a mirror."""
    if arguments[:1] == ["prefetch"]:
        from tsdg.views.prefetch import run_prefetch

        run_prefetch(arguments[1:])
        return 0
    from tsdg.views.seeds import print_family, print_list, print_verdict

    as_json = "--json" in arguments
    words = [word for word in arguments if word != "--json"]
    mirror = os.environ.get("TSDG_MIRROR", "")
    for word in [word for word in words if word.startswith("seeds.mirror=")]:
        words.remove(word)
        mirror = word.partition("=")[2]
        if not Path(mirror).expanduser().is_dir():
            raise UsageError(f"tsdg seeds: {word}: there is no such folder; name the mirror")
    match words:
        case ["list"]:
            print_list(mirror, as_json=as_json)
            return 0
        case ["show", name]:
            print_family(name, mirror)
            return 0
        case ["check", name]:
            return 0 if print_verdict(name, as_json=as_json) else 1
    raise UsageError(
        f"tsdg seeds: found {' '.join(words) or 'nothing'}; allowed: tsdg seeds list, tsdg seeds "
        "show NAME, "
        "tsdg seeds check NAME, tsdg seeds prefetch recipe=R; seeds.mirror=FOLDER names the mirror "
        "(default "
        "TSDG_MIRROR), --json is for list and check"
    )
