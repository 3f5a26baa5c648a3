"""``tsdg compare``: what changed between two evaluations."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from tsdg.commands.words import Words
from tsdg.errors import ShortfallError


def main(words: Words) -> int:
    """Show what changed between two evaluations; a broken retention rule ends with exit code 1."""
    from tsdg.config.comparison import CompareConfig
    from tsdg.config.compose import recipes_dir
    from tsdg.config.overrides import read_words
    from tsdg.mixture.compare import compare
    from tsdg.mixture.results import read_evaluation
    from tsdg.views.comparison import print_comparison

    config = read_words(
        CompareConfig,
        words.overrides,
        defaults=recipes_dir() / "compare" / "default.yaml",
        command="tsdg compare",
    )
    before, after = (read_evaluation(Path(word), config) for word in words.arguments)
    comparison = compare(before, after, config)
    if "--json" in words.flags:
        print(json.dumps(asdict(comparison), indent=1))
    else:
        print_comparison(comparison, config.z)
    if comparison.broken:
        raise ShortfallError(f"retention: {'; '.join(comparison.broken)}")
    return 0
