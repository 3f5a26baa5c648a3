"""What should run: a checked recipe with its prompts, its sources and its run directory.

Three ways lead to a :class:`Prepared`. :func:`prepare` checks everything that can be checked before
anything starts; :func:`look_up` is for a plan and asks for no mirror; :func:`reopen` reads the
snapshot of a run that exists.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from tsdg.config import extensions
from tsdg.config.compose import recipes_dir
from tsdg.config.fingerprint import fingerprint, verifier_hashes
from tsdg.config.recipe import PromptConfig, Recipe
from tsdg.config.snapshot import read_recipe, read_revisions, run_name, write_snapshot
from tsdg.corpus.near_pass import check_against
from tsdg.errors import MachineError, RunConflictError
from tsdg.generate.prompt_files import load_prompts
from tsdg.generate.prompts import Prompts
from tsdg.generate.ways import check_ways
from tsdg.layout import LAUNCHED_RECIPE, PARTS, PROMPTS, RECIPE, SNAPSHOT, phase_name
from tsdg.package.tokens import find_tokenizer
from tsdg.run.roles import served_models
from tsdg.run.state import RunState
from tsdg.run.verifiers import check_verifiers, check_verifiers_ready, own_verifier_files
from tsdg.run.votes import check_votes
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.draw.doubts import state_of
from tsdg.seeds.draw.expectation import Expected, check_request
from tsdg.seeds.draw.selection import LeftOut, Located, TaskSource, sources, survey
from tsdg.seeds.families.renderers import own_files
from tsdg.seeds.heldout.build import check_files
from tsdg.seeds.passages import collector as passages
from tsdg.seeds.probe.gate import mirror_differences, require_accepted
from tsdg.serving.checks import check_server
from tsdg.serving.fitting import check_fits

Mirror = Literal["checked", "present", "optional", "elsewhere"]
"""What is asked of the mirror: that all splits are there and sound, that they are there, nothing;
or it is on another machine, over ssh, and not looked at."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A recipe that has passed every check that needs no start and no writing."""

    recipe: Recipe
    prompts: Prompts
    located: Located
    """The units of source of the tasks, those that the mirror has and those that it lacks; and the
    tasks of chosen families and groups that may not be used."""
    directory: Path
    """The run directory, which may not exist yet."""
    mirror_here: bool
    """Whether this machine has the mirror."""
    own_files: Mapping[str, str]
    """The a user's own families and verifiers: file in the snapshot → its text."""
    expected: Expected | None = None
    """Already worked out by a check, so that a plan need not do it again."""

    @property
    def sources(self) -> tuple[TaskSource, ...]:
        """The units of source of all tasks; with ``seeds.missing=skip`` the missing ones last."""
        return (*self.located.there, *self.located.missing)

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """Tasks of chosen families and groups that may not be used."""
        return self.located.left_out

    @property
    def fingerprint(self) -> str:
        """The run's identity, 64 hexadecimal digits."""
        return fingerprint(self.recipe, self.prompts.hashes(), verifier_hashes(self.own_files))

    @property
    def state(self) -> RunState:
        """What is done and what is left of the run."""
        return RunState(directory=self.directory, phases=self.recipe.phases)


def prepare(recipe: Recipe, *, mirror_here: bool = True) -> Prepared:
    """Check what a recipe names: its prompts, its tasks and the mirror. Starts and writes nothing.

    Args:
        recipe: the recipe.
        mirror_here: whether this machine has the mirror; else it is not looked at.

    Raises:
        UsageError: something that was asked for does not exist or may not be used.
        MirrorError: the mirror lacks something.
    """
    prepared = _held(look_up(recipe, mirror="checked" if mirror_here else "elsewhere"))
    check_against(recipe.filter.dedup.against)
    decontaminate = recipe.filter.decontaminate
    check_files(decontaminate.files if decontaminate.enabled else (), ngram=decontaminate.ngram)
    return prepared


def look_up(recipe: Recipe, *, mirror: Mirror) -> Prepared:
    """Find what a recipe names, as far as a plan of it needs.

    Raises:
        UsageError: something that was asked for does not exist or may not be used.
        MirrorError: the mirror is not a folder, or a split is missing that is needed.
    """
    prompts = load_prompts(recipe.prompt, recipes_dir(), study=bool(recipe.study.share))
    check_ways(prompts.ways, recipe.questions, recipe.prompt.dir)
    located, expected = _locate(recipe, mirror)
    found = (*located.there, *located.missing)
    check_verifiers(recipe, found)
    check_votes(recipe, () if mirror == "elsewhere" else found)
    fits_of(recipe)
    own = _own_files(recipe, found)
    name = run_name(recipe, prompts.hashes(), verifier_hashes(own))
    return Prepared(
        recipe=recipe,
        prompts=prompts,
        located=located,
        directory=Path(recipe.output_root).expanduser() / name,
        mirror_here=mirror != "elsewhere",
        own_files=own,
        expected=expected,
    )


def reopen(
    directory: Path,
    overrides: Sequence[str],
    *,
    file: str = RECIPE,
    mirror_here: bool = True,
) -> Prepared:
    """Prepare what a run directory holds, from its snapshot alone.

    Args:
        directory: of a run that was started before.
        overrides: ``KEY=VALUE`` of keys that no row depends on.
        file: with the recipe, in the run directory.
        mirror_here: whether this machine has the mirror; else it is not looked at.

    Raises:
        UsageError: it is not a run directory, or an override is wrong or would make it another run.
        MirrorError: the mirror is missing.
    """
    extensions.use(directory / SNAPSHOT)
    recipe = read_recipe(directory, overrides, file=file)
    located, _ = _locate(recipe, "present" if mirror_here else "elsewhere")
    prepared = Prepared(
        recipe=recipe,
        prompts=load_prompts(
            kept_prompts(directory), recipes_dir(), study=bool(recipe.study.share)
        ),
        located=located,
        directory=directory,
        mirror_here=mirror_here,
        own_files=_own_files(recipe, (*located.there, *located.missing)),
    )
    return _held(prepared)


def _held(prepared: Prepared) -> Prepared:
    """Hold each split to the revision that the run began with, or begins with now.

    Raises:
        MirrorError: one cannot be read, or is not what was fetched.
        RunConflictError: the run's snapshot is damaged.
        SeedsDeniedError: one differs in meaning from what is expected, and nobody accepted that.
    """
    if not prepared.mirror_here or prepared.recipe.passages.path:
        return prepared
    located = prepared.located.pinned(read_revisions(prepared.directory))
    seeds = prepared.recipe.seeds
    if seeds.mirror and not prepared.state.has_tables("seeds"):
        splits = [(source.unit, source.split) for source in located.there]
        found = mirror_differences(load(), Path(seeds.mirror), splits)
        require_accepted(found, seeds.accept)
    return replace(prepared, located=located)


def prepare_again(before: Path, overrides: Sequence[str]) -> Prepared:
    """Prepare the recipe of a run for another directory.

    ``run=NAME``, or the next free ``<run>-replay-<n>`` beside it.

    Raises:
        UsageError: ``before`` is not a run directory, or an override would make it another run.
        MirrorError: the mirror is missing.
    """
    held = reopen(before, overrides)
    root, name = Path(held.recipe.output_root).absolute(), held.recipe.run
    if (root / name) == before.absolute():
        names = (f"{before.absolute().name}-replay-{number}" for number in itertools.count(1))
        name = next(name for name in names if not (root / name).exists())
    where = {"output_root": str(root), "run": name, "prompt": kept_prompts(before)}
    return replace(held, recipe=held.recipe.model_copy(update=where), directory=root / name)


def prepare_further(before: Path, name: str, changes: Mapping[str, Any]) -> Prepared:
    """Prepare a further run beside one that exists, with its prompts, revisions and own files.

    Args:
        before: the run directory.
        name: of the new one, beside it.
        changes: parts of the recipe that differ.

    Raises:
        UsageError: ``before`` is not a run directory, or a task is not known.
        MirrorError: the mirror is missing, or not what the run read.
    """
    launched = (before / LAUNCHED_RECIPE).is_file()
    held = reopen(before, [], file=LAUNCHED_RECIPE if launched else RECIPE)
    where = {
        "output_root": str(before.absolute().parent),
        "run": name,
        "prompt": kept_prompts(before),
    }
    recipe = held.recipe.model_copy(update={**where, **changes})
    located, _ = _locate(recipe, "present")
    if not recipe.passages.path:
        located = located.pinned(read_revisions(before))
    return replace(
        held,
        recipe=recipe,
        located=located,
        directory=before.absolute().parent / name,
    )


def _catalogue_rows(prepared: Prepared) -> list[dict[str, Any]]:
    """The catalogue's rows of a run's tasks, with what is held against rows of theirs."""
    doubts = state_of(prepared.recipe.seeds.exclude)
    return [{**source.catalogue_row(), "doubts": doubts} for source in prepared.sources]


def kept_prompts(directory: Path) -> PromptConfig:
    """The prompts that a run directory keeps, as a recipe names them."""
    return PromptConfig(dir=str((directory / PROMPTS).absolute()), files={})


def _locate(recipe: Recipe, mirror: Mirror) -> tuple[Located, Expected | None]:
    """Find the splits of a recipe's tasks, or the domains of its passages."""
    seeds = recipe.seeds
    if recipe.passages.path:
        return passages.locate(recipe.passages), None
    match mirror:
        case "checked":
            return check_request(seeds)
        case "present":
            return sources(seeds), None
        case "optional":
            return survey(seeds), None
        case "elsewhere":
            return survey(seeds.model_copy(update={"mirror": ""})), None


def fits_of(recipe: Recipe) -> list[str]:
    """One line on the room that each served model has, in the order of the phases.

    Raises:
        RecipeError: one does not fit, or holds too few requests.
    """
    served = [one for steps in recipe.phases for one in served_models(recipe, steps)]
    lines = [check_fits(one.server, one.model, recipe.hardware) for one in dict.fromkeys(served)]
    return [line for line in lines if line]


def check_servers(prepared: Prepared) -> None:
    """Check the servers of the phases that are left, and the tokenizer for packaging.

    Raises:
        ServerError: this machine cannot serve the model as it is.
        MachineError: there is no tokenizer, or no sandbox for answers that are code.
    """
    recipe, state = prepared.recipe, prepared.state
    left = [steps for steps in recipe.phases if not state.phase_done(steps)]
    if left:
        for steps in recipe.phases:
            for served in served_models(recipe, steps):
                check_server(served.server, served.model)
    if any("answers" in steps for steps in left):
        check_verifiers_ready(recipe, prepared.sources)
    if any("answers" in steps for steps in recipe.phases):
        find_tokenizer(recipe.model.path)


def lacks(recipe: Recipe) -> list[str]:
    """What a plan does not need and a run on this machine stops at, a line each."""
    try:
        find_tokenizer(recipe.model.path)
    except MachineError as error:
        return [f"`tsdg run` would stop here: {error}"]
    return []


def take_snapshot(prepared: Prepared, overrides: Sequence[str]) -> None:
    """Write the run's snapshot, or check that the directory holds this very run; note this start.

    Raises:
        RunConflictError: the directory holds another run, or this one in another form of phases,
            or what it reads has changed since.
    """
    _check_phases(prepared)
    write_snapshot(
        prepared.directory / SNAPSHOT,
        recipe=prepared.recipe,
        overrides=overrides,
        prompt_texts=prepared.prompts.texts(),
        prompt_hashes=prepared.prompts.hashes(),
        catalogue=_catalogue_rows(prepared),
        own_files=prepared.own_files,
    )


def _own_files(recipe: Recipe, found: Sequence[TaskSource]) -> dict[str, str]:
    families = own_files(source.family.family for source in found)
    return families | own_verifier_files(recipe, found)


def _check_phases(prepared: Prepared) -> None:
    """Refuse to resume with other ``phases`` than the run started with."""
    fused = any(len(steps) > 1 for steps in prepared.recipe.phases)
    other = phase_name(["questions"] if fused else ["questions", "answers"])
    if prepared.recipe.phases and (prepared.directory / other / PARTS).exists():
        begun = "[[questions],[answers]]" if fused else "[[questions,answers]]"
        raise RunConflictError(
            f"phases: {prepared.directory} was begun as {begun}; continue with that, or choose "
            "another run=NAME"
        )
