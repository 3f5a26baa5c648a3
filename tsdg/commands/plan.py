"""``tsdg plan``."""

from __future__ import annotations

from tsdg.config.compose import hydra_app
from tsdg.config.recipe import Recipe
from tsdg.layout import run_directory

_FROM = "from="


def main(arguments: list[str]) -> int:
    """Print what a run would do; ``from=RUN``: and how many questions would repeat others."""

    def task(recipe: Recipe, _: list[str]) -> int:
        from tsdg.run.plan import make_plan
        from tsdg.run.prepare import look_up
        from tsdg.views.plan_text import print_plan

        like = run_directory(runs[-1], command="tsdg plan: from") if runs else None
        plan = make_plan(look_up(recipe, mirror="optional"), like=like)
        print_plan(plan, as_json="--json" in arguments)
        return 0

    runs = [word.removeprefix(_FROM) for word in arguments if word.startswith(_FROM)]
    words = [word for word in arguments if word != "--json" and not word.startswith(_FROM)]
    return hydra_app(task, command="tsdg plan", arguments=words)
