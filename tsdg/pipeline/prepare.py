"""A recipe that has passed every check, and the run directory that is its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tsdg.config.compose import recipes_dir
from tsdg.config.recipe import PromptConfig, Recipe
from tsdg.config.snapshot import read_recipe, run_name, write_snapshot
from tsdg.corpus.near_pass import check_against
from tsdg.errors import RunConflictError
from tsdg.generate.prompts import Prompts, load_prompts
from tsdg.generate.ways import check_ways
from tsdg.package.tokens import find_tokenizer
from tsdg.pipeline.progress import phase_done
from tsdg.pipeline.roles import endpoints_of
from tsdg.pipeline.verifiers import check_verifiers, check_verifiers_ready
from tsdg.pipeline.votes import check_votes
from tsdg.seeds.draw.selection import LeftOut, Source, check_request, sources, survey
from tsdg.seeds.heldout.build import check_files
from tsdg.seeds.passages import collector as passages
from tsdg.serving.checks import check_server


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A recipe that passed every check that needs no server and writes nothing."""

    recipe: Recipe
    prompts: Prompts
    sources: tuple[Source, ...]
    """The units of source of the tasks; with ``seeds.missing=skip``, last those that the mirror
    lacks."""
    left_out: tuple[LeftOut, ...]
    """Tasks of chosen families and groups that may not be used."""
    directory: Path
    """The run directory, which may not exist yet."""


def prepare(recipe: Recipe, *, mirror_here: bool = True) -> Prepared:
    """Check what a recipe names: its prompts, its tasks and the mirror. Starts and writes nothing.

    Args:
        recipe: the recipe.
        mirror_here: whether this machine has the mirror; else it is not looked at.

    Raises:
        UsageError: something that was asked for does not exist or may not be used.
        MirrorError: the mirror lacks something.
    """
    prompts = load_prompts(recipe.prompt, recipes_dir(), study=bool(recipe.study.share))
    check_ways(prompts.ways, recipe.questions, recipe.prompt.dir)
    seeds = recipe.seeds
    if recipe.passages.path:
        located = passages.locate(recipe.passages)
    else:
        located = (
            check_request(seeds) if mirror_here else survey(seeds.model_copy(update={"mirror": ""}))
        )
    found = (*located.there, *located.missing)
    check_verifiers(recipe, found)
    check_votes(recipe, found if mirror_here else ())
    check_against(recipe.filter.dedup.against)
    decontaminate = recipe.filter.decontaminate
    check_files(decontaminate.files if decontaminate.enabled else (), ngram=decontaminate.ngram)
    directory = Path(recipe.output_root).expanduser() / run_name(recipe, prompts.hashes())
    return Prepared(
        recipe=recipe,
        prompts=prompts,
        sources=found,
        left_out=located.left_out,
        directory=directory,
    )


def reopen(
    directory: Path,
    overrides: Sequence[str],
    *,
    file: str = "snapshot/recipe.yaml",
    mirror_here: bool = True,
) -> Prepared:
    """Prepare what a run directory holds, from its snapshot alone.

    Args:
        directory: of a run that was started before.
        overrides: ``KEY=VALUE`` of keys that no row depends on.
        file: with the recipe, in the run directory.
        mirror_here: whether this machine has the mirror; else it is not looked at.

    Raises:
        UsageError: it is no run directory, or an override is wrong or would make it another run.
        MirrorError: the mirror is missing.
    """
    recipe = read_recipe(directory, overrides, file=file)
    folder = (directory / "snapshot" / "prompts").absolute()
    prompts = load_prompts(
        PromptConfig(dir=str(folder), files={}), recipes_dir(), study=bool(recipe.study.share)
    )
    seeds = recipe.seeds
    if recipe.passages.path:
        located = passages.locate(recipe.passages)
    else:
        located = sources(seeds) if mirror_here else survey(seeds.model_copy(update={"mirror": ""}))
    found = (*located.there, *located.missing)
    return Prepared(
        recipe=recipe,
        prompts=prompts,
        sources=found,
        left_out=located.left_out,
        directory=directory,
    )


def check_servers(prepared: Prepared) -> None:
    """Check the servers of the phases that are left, and the tokenizer for packaging.

    Raises:
        ServerError: this machine cannot serve the model as it is.
        MachineError: there is no tokenizer, or no sandbox for answers that are code.
    """
    recipe = prepared.recipe
    if any(not phase_done(prepared.directory, steps) for steps in recipe.phases):
        for steps in recipe.phases:
            for endpoint in endpoints_of(recipe, steps):
                check_server(endpoint.server, endpoint.model)
    if any(
        "answers" in steps and not phase_done(prepared.directory, steps) for steps in recipe.phases
    ):
        check_verifiers_ready(recipe, prepared.sources)
    if any("answers" in steps for steps in recipe.phases):
        find_tokenizer(recipe.model.path)


def take_snapshot(prepared: Prepared, overrides: Sequence[str]) -> None:
    """Write the run's snapshot, or check that the directory holds this run; note this start.

    Raises:
        RunConflictError: the directory holds another run, or this one in another form of phases.
    """
    _same_form(prepared)
    write_snapshot(
        prepared.directory / "snapshot",
        recipe=prepared.recipe,
        overrides=overrides,
        prompt_texts=prepared.prompts.texts(),
        prompt_hashes=prepared.prompts.hashes(),
        catalogue=[source.catalogue_row() for source in prepared.sources],
    )


def _same_form(prepared: Prepared) -> None:
    """Refuse to go on fused with what was begun in separate phases, and the other way round."""
    fused = any(len(steps) > 1 for steps in prepared.recipe.phases)
    other = prepared.directory / ("questions" if fused else "questions-answers") / "parts"
    if prepared.recipe.phases and other.exists():
        begun = "[[questions],[answers]]" if fused else "[[questions,answers]]"
        raise RunConflictError(
            f"phases: {prepared.directory} was begun as {begun}; go on with that, or choose "
            "another run=NAME"
        )
