"""``tsdg plan``: what a run would do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tsdg.commands.words import Words
from tsdg.layout import run_directory

if TYPE_CHECKING:
    from tsdg.config.recipe import Recipe


def main(words: Words) -> int:
    """Print what a run would do; ``from=RUN``: and how many questions would repeat others."""
    from tsdg.config.compose import hydra_app

    def task(recipe: Recipe, _: list[str]) -> int:
        from tsdg.progress import PREPARES, said_if_slow
        from tsdg.run.prepare import lacks, look_up
        from tsdg.run.run_plan import make_plan
        from tsdg.views.plan_text import print_plan

        named = words.keys.get("from")
        like = None if named is None else run_directory(named, command="tsdg plan: from")
        with said_if_slow(PREPARES):
            plan = make_plan(look_up(recipe, mirror="optional"), like=like)
        noted = replace(plan, notes=[*plan.notes, *lacks(recipe)])
        print_plan(noted, as_json="--json" in words.flags)
        return 0

    return hydra_app(task, command="tsdg plan", arguments=words.overrides)
