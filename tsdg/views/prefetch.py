"""``tsdg seeds prefetch``: what a mirror lacks for a recipe, and what was fetched."""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tsdg.config.compose import compose_recipe
from tsdg.errors import MirrorError, ShortfallError, UsageError
from tsdg.seeds.draw.selection import select
from tsdg.seeds.mirror.hub import Hub, endpoint
from tsdg.seeds.mirror.prefetch import Outcome, Request, failures, prefetch, survey

USAGE = """\
tsdg seeds prefetch recipe=R [KEY=VALUE ...]: fetch what its seeds need into seeds.mirror; resumable

  --held-out=same|all  splits that seeds are compared with: of the same data sets (default),
                       or all that lm-eval scores
  --dry-run            list what is there and what is missing, without network
  --update             move the recipe's data sets to the hub's present commits
  --verify             read every file that is there, in place of its size and time
  --json               one JSON object on standard output
HF_ENDPOINT names another hub, HF_TOKEN an account.
"""
_FLAGS = ("--dry-run", "--update", "--verify", "--json")
_HELD_OUT = "--held-out="


def run_prefetch(arguments: Sequence[str]) -> None:
    """Run ``tsdg seeds prefetch`` with what stands after it.

    Raises:
        UsageError: an option, an override or a task is wrong.
        MachineError: the hub or the disk is not fit; a ``MirrorError`` where a split was
            refused.
        ShortfallError: a split of the request can never be fetched.
    """
    if {"-h", "--help"} & set(arguments):
        print(USAGE, end="")
        return
    options = [word for word in arguments if word.startswith("-")]
    overrides = [word for word in arguments if not word.startswith("-")]
    held_out = [word.removeprefix(_HELD_OUT) for word in options if word.startswith(_HELD_OUT)]
    unknown = [word for word in options if word not in _FLAGS and not word.startswith(_HELD_OUT)]
    if unknown or any(value not in ("same", "all") for value in held_out):
        wrong = unknown[0] if unknown else f"{_HELD_OUT}{held_out[0]}"
        raise UsageError(
            f"tsdg seeds prefetch: {wrong}: allowed: {_HELD_OUT}same|all, {', '.join(_FLAGS)}"
        )
    recipe = compose_recipe(overrides)
    if not recipe.seeds.mirror:
        raise MirrorError(
            "seeds.mirror: empty; name the folder to fill with seeds.mirror=FOLDER (or set "
            "TSDG_MIRROR)"
        )
    request = Request(
        mirror=Path(recipe.seeds.mirror).absolute(),
        tasks=select(recipe.seeds).tasks,
        held_out="all" if "all" in held_out[-1:] else "same",
        update="--update" in options,
        verify="--verify" in options,
    )
    again = [word for word in arguments if word not in ("--dry-run", "--json", "--verify")]
    command = shlex.join(["tsdg", "seeds", "prefetch", *again])
    as_json = "--json" in options
    if "--dry-run" in options:
        outcomes = survey(request)
        _print(request, outcomes, command, as_json=as_json)
        return
    with _progress_aside(as_json):
        outcomes = _fetch(request)
    _print(request, outcomes, command, as_json=as_json)
    _require_all(outcomes)


def _fetch(request: Request) -> list[Outcome]:
    from tsdg.progress import reporter

    with reporter() as shown:
        shown.stage("prefetch", total=0)
        outcomes = prefetch(request, Hub(endpoint()), shown)
        shown.end("ended")
    return outcomes


@contextlib.contextmanager
def _progress_aside(as_json: bool) -> Iterator[None]:
    """With ``--json``, standard output is for the object alone."""
    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        yield


def _print(request: Request, outcomes: Sequence[Outcome], command: str, *, as_json: bool) -> None:
    lacking = [outcome for outcome in outcomes if outcome.status in ("missing", "refused")]
    if as_json:
        rows: list[dict[str, Any]] = [
            {
                "dataset_path": outcome.want.dataset_path,
                "config": outcome.want.config or "default",
                "split": outcome.want.split,
                "role": outcome.want.role,
                "status": outcome.status,
                "rows": outcome.rows,
                "detail": outcome.detail,
            }
            for outcome in outcomes
        ]
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
    if lacking:
        print(f"fetch what is missing, on a machine with internet: {command}")


def _summary(outcomes: Sequence[Outcome]) -> str:
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


def _require_all(outcomes: Sequence[Outcome]) -> None:
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
