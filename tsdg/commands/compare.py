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
    from tsdg.mixture.results import read_results
    from tsdg.views.comparison import print_comparison

    config = read_words(
        CompareConfig,
        words.overrides,
        defaults=recipes_dir() / "compare" / "default.yaml",
        command="tsdg compare",
    )
    before, after = (
        read_results(Path(word), config.metrics, config.points) for word in words.arguments
    )
    comparison = compare(before, after, config)
    if "--json" in words.flags:
        verdicts = {
            one.name: one.verdict(config.z) for one in (*comparison.groups, *comparison.tasks)
        }
        print(json.dumps({**asdict(comparison), "verdicts": verdicts}, indent=1))
    else:
        print_comparison(comparison, config.z)
    if comparison.broken:
        raise ShortfallError(f"retention: {'; '.join(comparison.broken)}")
    return 0
