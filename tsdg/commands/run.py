"""``tsdg run``."""

from __future__ import annotations

from tsdg.config.compose import hydra_app
from tsdg.config.recipe import Recipe
from tsdg.errors import WorkShort


def main(arguments: list[str]) -> int:
    """Run all stages on this machine."""
    return hydra_app(_task, command="tsdg run", arguments=arguments)


def _task(recipe: Recipe, overrides: list[str]) -> int:
    from tsdg.package.layout import steps_of
    from tsdg.pipeline.prepare import check_servers, prepare
    from tsdg.pipeline.run import run
    from tsdg.progress import reporter
    from tsdg.views.run import print_run

    prepared = prepare(recipe)
    check_servers(prepared)
    with reporter() as shown:
        finished = run(prepared, overrides=overrides, reporter=shown)
    print_run(finished.directory, finished.manifest, note=recipe.model.note)
    if "answers" in steps_of(recipe.phases) and not finished.manifest["totals"]["records"]:
        raise WorkShort("the run made no record; the table says why, and the rejected rows say it one by one")
    return 0
