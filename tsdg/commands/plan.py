"""``tsdg plan``."""

from __future__ import annotations

from tsdg.config.compose import hydra_app
from tsdg.config.recipe import Recipe
from tsdg.layout import run_directory

_FROM = "from="


def main(arguments: list[str]) -> int:
    """Print what a run would do; ``from=RUN``: and how many questions would repeat others."""

    def task(recipe: Recipe, _: list[str]) -> int:
        from tsdg.views.plan import make_plan, print_plan

        like = run_directory(runs[-1], command="tsdg plan: from") if runs else None
        print_plan(make_plan(recipe, like=like), as_json="--json" in arguments)
        return 0

    runs = [word.removeprefix(_FROM) for word in arguments if word.startswith(_FROM)]
    words = [word for word in arguments if word != "--json" and not word.startswith(_FROM)]
    return hydra_app(task, command="tsdg plan", arguments=words)
