"""``tsdg mix``: a budget of tokens over the tasks of runs."""

from __future__ import annotations

from pathlib import Path

from tsdg.commands.words import Words


def main(words: Words) -> int:
    """Divide a budget of tokens over the tasks of runs, print it, and write the blends."""
    from tsdg.config.compose import recipes_dir
    from tsdg.config.mix import MixConfig
    from tsdg.config.overrides import read_words
    from tsdg.mixture.write_mix import write_mix
    from tsdg.views.mix_text import print_mix

    config = read_words(
        MixConfig,
        words.overrides,
        defaults=recipes_dir() / "mix" / "default.yaml",
        command="tsdg mix",
    )
    print_mix(write_mix([Path(word) for word in words.arguments], config), config)
    return 0
