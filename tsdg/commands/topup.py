"""``tsdg topup``: further runs for what a run lacks."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tsdg.commands.words import Words
from tsdg.errors import ShortfallError, UsageError
from tsdg.layout import JOBS, MANIFEST, run_directory

if TYPE_CHECKING:
    from tsdg.run.prepare import Prepared

LEAST_YIELD, ROUNDS = 0.1, 5


def main(words: Words) -> int:
    """Ask for what is missing until the targets are reached or no longer pay; then merge.

    Of a run that was launched, one further run is submitted at a time.
    """
    from tsdg.pipeline.topup import TopupWishes, topup
    from tsdg.views.topup_text import print_topup

    run = run_directory(words.arguments[0], command="tsdg topup")
    keys = {}
    for word in words.overrides:
        key, equals, value = word.partition("=")
        if not equals or not (key == "records" or key.startswith("records.")):
            raise UsageError(
                f"tsdg topup: found {word!r}; allowed: records=N, records.TASK=N, out=FOLDER, "
                "least_yield=SHARE, rounds=N"
            )
        keys[key] = value
    out = Path(words.keys.get("out", run.absolute().with_name(f"{run.absolute().name}-topped-up")))
    wishes = TopupWishes(
        words=keys,
        least_yield=_share(words.keys.get("least_yield", str(LEAST_YIELD))),
        rounds=int(words.keys.get("rounds", ROUNDS)),
    )
    done = topup(run, out, wishes, partial(_launch, run) if (run / JOBS).is_file() else _run)
    print_topup(done, out)
    if done.given_up:
        raise ShortfallError(
            "targets were not reached: "
            + "; ".join(f"{task}: {why}" for task, why in done.given_up.items())
        )
    return 0


def _run(prepared: Prepared) -> bool:
    """Do a further run on this machine."""
    from tsdg.commands.run import run_prepared

    try:
        run_prepared(prepared, [])
    except ShortfallError:  # no record at all: that is a yield, if the run is finished
        if not (prepared.directory / MANIFEST).is_file():
            raise
    return True


def _launch(first: Path, prepared: Prepared) -> bool:
    """Submit what is left of a further run, with the code of the first, unless its jobs are there.

    Returns:
        False: it is not done yet.
    """
    from tsdg.launch.launch_run import launch_again, relaunch
    from tsdg.run.status import read_status
    from tsdg.views.launch import print_outcome

    further = prepared.directory
    if not (further / JOBS).is_file():
        done = launch_again(first, prepared, [], dry_run=False)
    elif read_status(further).state in {"pending", "running"}:
        return False
    else:
        done = relaunch(further, [], dry_run=False)
    print_outcome(done, further, dry_run=False)
    return False


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0.0 < share <= 1.0:
        raise UsageError(f"tsdg topup: least_yield: found {text!r}, allowed: above 0, at most 1")
    return share
