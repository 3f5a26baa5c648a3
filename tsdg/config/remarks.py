"""What is worth a note about words that are right, and may not do what was meant. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from tsdg.config.recipe import SeedsConfig

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
