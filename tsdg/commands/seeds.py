"""``tsdg seeds list|show|check|probe|prefetch``."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tsdg.commands.own_folder import using_own
from tsdg.commands.words import Words
from tsdg.errors import MirrorError, UsageError

if TYPE_CHECKING:
    from tsdg.seeds.catalogue.model import Unit
    from tsdg.seeds.mirror.prefetch import FetchOutcome, FetchRequest


def list_families(words: Words) -> int:
    """Show the catalogue."""
    from tsdg.views.seeds import print_list

    with using_own(words, command="tsdg seeds"):
        print_list(_mirror(words), as_json="--json" in words.flags)
    return 0


def show(words: Words) -> int:
    """Show one family with real rows."""
    from tsdg.views.seeds import print_family

    with using_own(words, command="tsdg seeds"):
        print_family(words.arguments[0], _mirror(words))
    return 0


def check(words: Words) -> int:
    """Print the guard's verdict on a name; exit code 1 where it is denied."""
    from tsdg.views.seeds import print_verdict

    with using_own(words, command="tsdg seeds"):
        allowed = print_verdict(words.arguments[0], as_json="--json" in words.flags)
    return 0 if allowed else 1


def probe(words: Words) -> int:
    """Compare the data sets of a recipe on the hub with what is expected of them.

    Returns 1 where something cannot be used, or is not accepted yet.

    Raises:
        UsageError: an override or a task is wrong.
        MachineError: the hub cannot be reached.
        StorageError: the table cannot be written.
    """
    with using_own(words, command="tsdg seeds") as folder:
        return _probe(words, folder)


def _probe(words: Words, folder: Path | None) -> int:
    from tsdg.config.compose import compose_recipe
    from tsdg.progress import reporter
    from tsdg.seeds.catalogue.load import load
    from tsdg.seeds.draw.selection import select
    from tsdg.seeds.mirror.hub import Hub, endpoint
    from tsdg.seeds.probe.differences import unaccepted
    from tsdg.seeds.probe.probing import by_dataset
    from tsdg.seeds.probe.probing import probe as look
    from tsdg.views.differences import print_probe, write_table

    recipe = compose_recipe(words.overrides, config_dir=folder)
    as_json = "--json" in words.flags
    catalogue, hub = load(), Hub(endpoint())
    units = dict.fromkeys(catalogue.unit_of_task(task) for task in select(recipe.seeds).tasks)
    asked = by_dataset([unit for unit in units if unit and _is_public(unit)])
    found = []
    with _progress_aside(as_json), reporter() as progress:
        progress.stage("probe", total=0)
        for done, (dataset, wanted) in enumerate(asked.items(), start=1):
            found += look(hub, catalogue, dataset, wanted)
            progress.update(done=done, total=len(asked), detail=dataset)
        progress.end(f"{len(asked)} data sets looked at")
    out = Path(words.keys.get("out") or "seeds-differences.csv")
    write_table(out, found)
    print_probe(found, out, as_json=as_json)
    stopped = any(one.level == "stops" for one in found)
    return 1 if stopped or unaccepted(found, recipe.seeds.accept) else 0


def _is_public(unit: Unit) -> bool:
    """Whether a unit is in the package's catalogue and not its own demo."""
    from tsdg.seeds.catalogue.load import load

    catalogue = load()
    return unit.name in catalogue.evidence and catalogue.family(unit.family).tier != "demo"


def prefetch(words: Words) -> int:
    """Fetch what a recipe's seeds need into the mirror, or list it.

    Raises:
        UsageError: an override or a task is wrong.
        MachineError: the hub or the disk is not fit; a ``MirrorError`` where a split was refused.
        ShortfallError: a split of the request can never be fetched.
    """
    with using_own(words, command="tsdg seeds") as folder:
        return _prefetch(words, folder)


def _prefetch(words: Words, folder: Path | None) -> int:
    from tsdg.config.compose import compose_recipe
    from tsdg.seeds.draw.selection import select
    from tsdg.seeds.mirror.prefetch import FetchRequest, survey
    from tsdg.views.prefetch import print_outcomes, require_all

    recipe = compose_recipe(words.overrides, config_dir=folder)
    if not recipe.seeds.mirror:
        raise MirrorError(
            "seeds.mirror: empty; name the folder to fill with seeds.mirror=FOLDER (or set "
            "TSDG_MIRROR)"
        )
    request = FetchRequest(
        mirror=Path(recipe.seeds.mirror).absolute(),
        tasks=select(recipe.seeds).tasks,
        held_out="all" if words.flags.get("--held-out") == "all" else "same",
        update="--update" in words.flags,
        verify="--verify" in words.flags,
    )
    flags = [f"{name}={value}" if value else name for name, value in words.flags.items()]
    again = [flag for flag in flags if flag not in ("--dry-run", "--json", "--verify")]
    command = shlex.join(["tsdg", "seeds", "prefetch", *words.overrides, *again])
    as_json = "--json" in words.flags
    if "--dry-run" in words.flags:
        print_outcomes(request, survey(request), command, as_json=as_json)
        return 0
    with _progress_aside(as_json):
        outcomes = _fetch(request)
    print_outcomes(request, outcomes, command, as_json=as_json)
    _note(request, outcomes)
    _compare(request, recipe.seeds.accept, aside=as_json)
    require_all(outcomes)
    return 0


def _note(request: FetchRequest, outcomes: Sequence[FetchOutcome]) -> None:
    """Note for ``tsdg seeds list`` why splits are not there."""
    from tsdg.seeds.mirror.refusals import note_refusals

    lacking = {one.want.name: one.detail for one in outcomes if one.status in _LACKING}
    if os.access(request.mirror, os.W_OK):  # some may only be read
        note_refusals(request.mirror, [one.want.name for one in outcomes], lacking)


_LACKING = ("refused", "unfetchable")


def _compare(request: FetchRequest, accepted: Sequence[str], *, aside: bool) -> None:
    """Print how what is in the mirror differs from what is expected, and write the table."""
    from tsdg.seeds.catalogue.load import load
    from tsdg.seeds.draw.selection import locate
    from tsdg.seeds.probe.differences import unaccepted
    from tsdg.seeds.probe.gate import mirror_differences
    from tsdg.views.differences import print_differences, summary, write_table

    sources = [locate(task, load(), str(request.mirror)) for task in request.tasks]
    splits = {source.unit: source.split for source in sources if source.split.path.is_file()}
    found = mirror_differences(load(), request.mirror, splits.items())
    if not found:
        return
    table = request.mirror / "differences.csv"
    if os.access(request.mirror, os.W_OK):
        write_table(table, found)
    with _progress_aside(aside):
        print_differences(unaccepted(found, accepted))
        there = f"; as a table that you can send to us: {table}" if table.is_file() else ""
        print(f"{summary(found)}{there}")


def _mirror(words: Words) -> str:
    """The mirror that is named, else that of the environment; empty for none."""
    named = words.keys.get("seeds.mirror")
    if named is not None and not Path(named).expanduser().is_dir():
        raise UsageError(
            f"tsdg seeds: seeds.mirror={named}: there is no such folder; name the mirror"
        )
    return os.environ.get("TSDG_MIRROR", "") if named is None else named


def _fetch(request: FetchRequest) -> list[FetchOutcome]:
    from tsdg.progress import reporter
    from tsdg.seeds.mirror.hub import Hub, endpoint
    from tsdg.seeds.mirror.prefetch import prefetch as fetch

    with reporter() as shown:
        shown.stage("prefetch", total=0)
        outcomes = fetch(request, Hub(endpoint()), shown)
        shown.end("ended")
    return outcomes


@contextlib.contextmanager
def _progress_aside(as_json: bool) -> Iterator[None]:
    """With ``--json``, standard output is for the object alone."""
    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        yield
