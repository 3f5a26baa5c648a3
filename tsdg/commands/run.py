"""``tsdg run``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsdg.commands.words import Words
from tsdg.errors import ShortfallError

if TYPE_CHECKING:
    from tsdg.config.recipe import Recipe
    from tsdg.run.prepare import Prepared


def main(words: Words) -> int:
    """Run all stages on this machine."""
    from tsdg.config.compose import hydra_app

    return hydra_app(run_recipe, command="tsdg run", arguments=words.overrides)


def run_recipe(recipe: Recipe, overrides: list[str]) -> int:
    """Run one recipe and print what it came to; returns the exit code.

    Raises:
        TsdgError: as :func:`tsdg.run.prepare.prepare` and :func:`tsdg.pipeline.run_stages.run`;
            or no record was made.
    """
    from tsdg.progress import PREPARES, said_if_slow

    with said_if_slow(PREPARES):
        from tsdg.run.prepare import prepare

        prepared = prepare(recipe)
    return run_prepared(prepared, overrides)


def run_prepared(prepared: Prepared, overrides: list[str]) -> int:
    """Run what is left of a prepared run; see :func:`run_recipe`."""
    from tsdg.layout import steps_of
    from tsdg.package.losses import told
    from tsdg.pipeline.run_stages import run
    from tsdg.progress import reporter
    from tsdg.run.prepare import check_servers
    from tsdg.views.run import print_run

    recipe = prepared.recipe
    check_servers(prepared)
    with reporter() as shown:
        finished = run(prepared, overrides=overrides, reporter=shown)
    print_run(finished.directory, finished.manifest, note=recipe.model.note)
    if "answers" in steps_of(recipe.phases) and not finished.manifest["totals"]["records"]:
        raise ShortfallError(
            "the run made no record; the table says why, and the rejected rows say it one by one"
        )
    # Said above, with the table: the exit code says it to scripts.
    return ShortfallError.exit_code if told(finished.manifest) else 0
