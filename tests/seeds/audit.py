"""Flags what no person would accept among rendered seeds.

A family with a finding needs another adapter, not a filter.

Row by row: an empty question, bare letters for options, a gold that is not among the options, every
option right, a dumped data structure, a template's residue, an evaluation prompt's scaffolding,
broken characters. Over all rows: the same item twice, and the right option always at one place.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tsdg.hashset import HashSet
from tsdg.records import Seed
from tsdg.seeds.rows.item import Item, found
from tsdg.seeds.rows.keys import keys
from tsdg.seeds.rows.render import BROKEN

ENOUGH = 30
"""Seeds with options from which one place for all right options is no chance."""

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_DUMP = re.compile(r"""[\[{](?:'[^']*'|"[^"]*")\s*[:,\]}]|^(?:None|nan|null)$|\barray\(\[""")
_RESIDUE = re.compile(r"\{\{\s*[a-z_][\w.]*\s*\}\}|\{%.*?%\}")
_ENTITY = re.compile(r"&(?:amp|quot|lt|gt|nbsp|#\d+);")
_SCAFFOLD = re.compile(
    r"^(?:question|problem|q)\s*:|\b(?:answer|erantzuna|respuesta)\s*:\s*$", re.I
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong with some seeds."""

    what: str
    count: int
    example: str
    """The first seed with it: its row in the source, and what was found."""


def audit(seeds: Iterable[Seed]) -> tuple[Finding, ...]:
    """Look through the seeds of one family or unit.

    Returns:
        The findings, the most frequent first; none for sound seeds.
    """
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    places: Counter[int] = Counter()
    seen = HashSet()
    for seed in seeds:
        places.update([seed.answer_index] if len(seed.options) > 1 else [])
        flaws = list(_flaws(seed))
        if not seen.add(
            keys([Item(question=seed.question, context=seed.context, options=seed.options)])[
                0
            ].whole
        ):
            flaws.append(("repeated item", seed.question))
        for what, value in flaws:
            counts[what] += 1
            examples.setdefault(what, f"row {seed.source.row}: {found(value)}")
    total = sum(places.values())
    if total >= ENOUGH and len(places) == 1:
        counts["right option always at one place"] = total
        examples["right option always at one place"] = f"index {next(iter(places))}"
    return tuple(
        Finding(what=what, count=count, example=examples[what])
        for what, count in counts.most_common()
    )


def _flaws(seed: Seed) -> Iterator[tuple[str, object]]:
    if not seed.question.strip():
        yield "empty question", seed.question
    if not seed.answer.strip():
        yield "empty answer", seed.answer
    if seed.options:
        bare = [option.strip(" ().").lower() for option in seed.options]
        if "".join(bare) == _LETTERS[: len(bare)] or sorted(bare) == list(_LETTERS[: len(bare)]):
            yield "options are bare letters", seed.options
        if (
            not 0 <= seed.answer_index < len(seed.options)
            or seed.options[seed.answer_index] != seed.answer
        ):
            yield "gold is not among the options", (seed.answer, seed.answer_index)
        if set(seed.options) <= {seed.answer, *seed.aliases}:
            yield "every option is right", seed.options
        if sorted(seed.option_order) != list(range(len(seed.options))):
            yield "option order is no permutation", seed.option_order
    if _SCAFFOLD.search(seed.question):
        yield "scaffolding of a prompt", seed.question
    for text in (seed.question, seed.context, seed.answer, *seed.options, *seed.aliases):
        if BROKEN.search(text):
            yield "broken characters", text
        if seed.answer_kind in ("code", "json", "math") or seed.checks:
            continue  # there such signs belong to the text
        if _DUMP.search(text):
            yield "dumped data structure", text
        if _ENTITY.search(text):
            yield "HTML entity", text
        if _RESIDUE.search(text):
            yield "template residue", text
