"""``tsdg seeds prefetch``: what a mirror lacks for a recipe, and what was fetched."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tsdg.errors import MirrorError, ShortfallError
from tsdg.seeds.mirror.identity import KEPT, kept_files
from tsdg.seeds.mirror.prefetch import FetchOutcome, FetchRequest, failures


def _row(outcome: FetchOutcome) -> dict[str, Any]:
    return {
        "dataset_path": outcome.want.dataset_path,
        "config": outcome.want.config or "default",
        "split": outcome.want.split,
        "role": outcome.want.role,
        "status": outcome.status,
        "rows": outcome.rows,
        "detail": outcome.detail,
    }


def print_outcomes(
    request: FetchRequest, outcomes: Sequence[FetchOutcome], command: str, *, as_json: bool
) -> None:
    """Print the result for each split, and the command that fetches what is missing."""
    lacking = [outcome for outcome in outcomes if outcome.status in ("missing", "refused")]
    if as_json:
        rows = list(map(_row, outcomes))
        values = {"mirror": str(request.mirror), "held_out": request.held_out, "splits": rows}
        print(json.dumps({**values, "command": command if lacking else ""}, indent=1))
        return
    for outcome in outcomes:
        if outcome.status in ("missing", "unfetchable", "refused"):
            role = outcome.want.role.replace("_", "-")
            print(
                f"{outcome.status} {outcome.want.name} ({role})"
                + (f": {outcome.detail}" if outcome.detail else "")
            )
    print(f"{request.mirror}: {_summary(outcomes)}")
    count, size = kept_files(request.mirror)
    if count:
        print(
            f"{request.mirror / KEPT}: {count} files of before an update, {size / 1e9:.1f} GB, for "
            "runs that began with them; delete the folder when these have ended"
        )
    if lacking:
        print(f"fetch what is missing, on a machine with internet: {command}")


def _summary(outcomes: Sequence[FetchOutcome]) -> str:
    if not outcomes:
        return "nothing is needed: all tasks are tsdg's own"
    words = {
        "fetched": "fetched",
        "present": "already there",
        "foreign": "there, not fetched by tsdg (left as they are)",
        "missing": "missing",
        "absent": "held-out splits that the data set does not have",
        "refused": "not fetched",
        "unfetchable": "that cannot be fetched",
    }
    counts = {status: sum(outcome.status == status for outcome in outcomes) for status in words}
    told = [f"{count} {words[status]}" for status, count in counts.items() if count]
    return f"{len(outcomes)} splits: {', '.join(told)}"


def require_all(outcomes: Sequence[FetchOutcome]) -> None:
    """Fail while a split is not in the mirror.

    Raises:
        MirrorError: the hub refused one.
        ShortfallError: one can never be fetched.
    """
    counts = failures(outcomes)
    if not counts:
        return
    first = next(
        o for o in outcomes if o.status == ("refused" if counts["refused"] else "unfetchable")
    )
    total = sum(counts.values())
    line = (
        f"{total} of {len(outcomes)} splits are not in the mirror; "
        f"{first.want.name}: {first.detail}"
    )
    raise (MirrorError if counts["refused"] else ShortfallError)(line)
