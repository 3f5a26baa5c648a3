"""``tsdg plan``."""

from __future__ import annotations

from tsdg.config.compose import hydra_app
from tsdg.config.recipe import Recipe


def main(arguments: list[str]) -> int:
    """Print what a run would do."""

    def task(recipe: Recipe, _: list[str]) -> int:
        from tsdg.views.plan import make_plan, print_plan

        print_plan(make_plan(recipe), as_json="--json" in arguments)
        return 0

    return hydra_app(
        task, command="tsdg plan", arguments=[word for word in arguments if word != "--json"]
    )
