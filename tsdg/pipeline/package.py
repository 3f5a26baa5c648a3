"""Stage 5: the dataset, its card and the manifest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from tsdg.accounting import read_run, spent
from tsdg.crew import crew_size
from tsdg.errors import VerificationError
from tsdg.layout import MANIFEST, PARTS, QUESTIONS, SOLUTIONS, VERSIONS
from tsdg.package.dataset import Packer, Packing, write_dataset
from tsdg.package.finish import finish_run
from tsdg.package.manifest import ManifestInputs, ModelFacts, SourceFacts, TaskFacts
from tsdg.package.manifest_form import Manifest
from tsdg.package.pairs import Chunk, accepted_chunks
from tsdg.package.render import Wording
from tsdg.package.report.facts import contamination_of
from tsdg.package.report.page import REPORT, write_report
from tsdg.package.tokens import TokenCounter, find_tokenizer
from tsdg.pipeline.held_out import held_out
from tsdg.progress import Reporter
from tsdg.run.measure_diversity import keep_diversity, measure
from tsdg.run.prepare import Prepared
from tsdg.run.roles import models_of
from tsdg.run.state import TABLES
from tsdg.seeds.catalogue.domains import domain_of
from tsdg.seeds.draw.selection import LICENCES, TaskSource
from tsdg.tables import count_rows

_QUESTIONS_OF_A_PROCESS = 5_000
"""Fewer are packaged before another process has started."""


def package(prepared: Prepared, reporter: Reporter) -> Manifest:
    """Stage 5: make the dataset, its card, the manifest and the report from the tables."""
    recipe, directory, state = prepared.recipe, prepared.directory, prepared.state
    finished = state.packaged(recipe.package)
    if finished is not None:
        if not (directory / REPORT).is_file():  # its last file, which an earlier start lacked
            write_report(directory)
        reporter.note(
            f"package: done before; all files have the sizes of {MANIFEST}, `tsdg verify` reads "
            "them all"
        )
        return finished
    for steps in recipe.phases:
        if left := len(state.pending_units(steps)):
            tables = ", ".join(str(directory / table) for step in steps for table in TABLES[step])
            raise VerificationError(
                f"{state.folder(steps) / PARTS} lacks {left} of its parts, though its tables are "
                f"there: restore them, or remove {tables} to make them anew"
            )
    answered = any("answers" in steps for steps in recipe.phases)
    total = count_rows(directory / SOLUTIONS) if answered else 0
    reporter.stage("package", total=total)
    made = "no records, as no question was to be answered"
    if answered:
        reporter.doing("reading the tokenizer and held-out rows to compare with")
        packer = Packer(
            packing=Packing(
                variants=recipe.answers.variants,
                rows_per_file=recipe.package.rows_per_file,
                wording=Wording(
                    style=recipe.package.style,
                    knowledge=recipe.package.knowledge,
                    think=recipe.package.think,
                ),
                seed=recipe.seed,
            ),
            tokens_of=TokenCounter(find_tokenizer(recipe.model.path)),
            held_out=held_out(recipe, directory),
        )
        summary = write_dataset(
            chunks=_shown(accepted_chunks(directory), reporter, total),
            run=directory,
            packer=packer,
            processes=crew_size(total, each=_QUESTIONS_OF_A_PROCESS),
        )
        if summary.contaminated:
            reporter.note(
                f"contaminated: {summary.contaminated} questions dropped for what stands in their "
                "solutions"
            )
        made = f"{sum(summary.records.values()):,} records, {summary.tokens:,} tokens"
    if (directory / QUESTIONS).exists() and count_rows(directory / QUESTIONS):
        reporter.doing("measuring how varied the questions are")
        keep_diversity(directory, measure(directory))
    reporter.doing("counting all rows for the manifest")
    contamination_of(directory)  # a damaged account must not get into a manifest
    manifest = finish_run(directory, _manifest_inputs(prepared))
    reporter.doing("writing the report")
    write_report(directory)
    reporter.end(made)
    return manifest


def _shown(chunks: Iterable[Chunk], reporter: Reporter, total: int) -> Iterator[Chunk]:
    """Yield chunks, and show how many questions they hold."""
    done = 0
    for chunk in chunks:
        yield chunk
        done += chunk.size
        reporter.update(done=done, total=total, detail="records are written")


def _manifest_inputs(prepared: Prepared) -> ManifestInputs:
    """What the manifest needs and the tables do not say."""
    recipe = prepared.recipe
    try:
        versions = json.loads((prepared.directory / VERSIONS).read_text())
        created, commit = versions["created"], versions["commit"]
        packages = {"tsdg": versions["tsdg"], "python": versions["python"], **versions["packages"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise VerificationError(
            f"{prepared.directory}/{VERSIONS} is damaged; restore it"
        ) from error
    used = spent(read_run(prepared.directory))
    return ManifestInputs(
        run=prepared.directory.name,
        created=created,
        recipe_fingerprint=prepared.fingerprint,
        phases=recipe.phases,
        questions_per_seed=recipe.questions.per_seed,
        models=tuple(
            ModelFacts(name=model.name, revision=model.revision, licence=model.licence)
            for model in models_of(recipe)
        ),
        sampling={
            "questions": recipe.questions.sampling.model_dump(),
            "answers": recipe.answers.sampling.model_dump(),
            "enrich": recipe.answers.enrich.model_dump(),
        },
        package=recipe.package.model_dump(),
        commit=commit,
        versions=packages,
        tasks={source.task: _task_facts(source) for source in prepared.sources},
        left_out={task.task: task.reason for task in prepared.left_out},
        gpu_hours=used.gpu_hours,
        idle_gpu_hours=used.idle_gpu_hours,
        max_lost=recipe.budget.max_lost,
    )


def _task_facts(source: TaskSource) -> TaskFacts:
    family, unit = source.family, source.unit
    return TaskFacts(
        group=family.group,
        family=family.family,
        domain=domain_of(family, unit),
        language=unit.language,
        licence=family.licence_of(unit),
        commercial_ok=family.commercial_of(unit) in LICENCES["commercial"],
        source=(
            SourceFacts(
                dataset_path=unit.dataset_path,
                config=unit.config,
                split=unit.split,
                revision=source.revision(),
            ),
        ),
    )
