"""What is worth a note about words that are right, and may not do what was meant. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from tsdg.config.recipe import Recipe, SeedsConfig
from tsdg.errors import RecipeError

_SOURCES = ("tasks", "families", "groups")
_WITHOUT_EFFECT = (
    "hydra.run.dir",
    "hydra.sweep.dir",
    "hydra.sweep.subdir",
    "hydra.job.chdir",
    "hydra.output_subdir",
)


def remarks(words: Sequence[str], seeds: SeedsConfig) -> list[str]:
    """Notes for the user, a line each.

    Args:
        words: of the command line.
        seeds: of the recipe that they gave.
    """
    keys = [word.partition("=")[0].lstrip("+") for word in words if "=" in word]
    found = [
        f"{key} has no effect: output_root=FOLDER and run=NAME name the run directory"
        for key in keys
        if key in _WITHOUT_EFFECT
    ]
    named = {source: tuple(getattr(seeds, source)) for source in _SOURCES}
    typed = [source for source in _SOURCES if f"seeds.{source}" in keys and named[source]]
    kept = [source for source in _SOURCES if f"seeds.{source}" not in keys and named[source]]
    if typed and kept:
        added = " and ".join(f"seeds.{source}" for source in typed)
        own = " ".join(f"seeds.{source}=[{','.join(named[source])}]" for source in kept)
        alone = " ".join(f"seeds.{source}=[]" for source in kept)
        found.append(f"{added} is added to the recipe's own {own}; {alone} leaves those out")
    return found


def refuse_borrowed_identity(words: Sequence[str], recipe: Recipe) -> None:
    """Refuse an endpoint's model that would have another one's licence, revision and speed.

    Args:
        words: of the command line; those of ``model`` alone count, as a recipe's file says itself
            which model it starts from.
        recipe: that they gave.

    Raises:
        RecipeError: they give a name to the model of the recipe's file.
    """
    keys = {word.partition("=")[0].lstrip("+") for word in words}
    if recipe.server.type != "openai" or "model.name" not in keys or "model" in keys:
        return
    raise RecipeError(
        f"model.name={recipe.model.name}: its licence, revision and length would be those of the "
        "recipe's own model; add model=endpoint model.licence=LICENCE model.max_model_len=TOKENS, "
        "or where it is a model that tsdg knows under another name, model=ITS_FILE"
    )
