"""Kin: other seeds of a seed's task that its prompt shows.

They show how wide the task is and how its items are phrased, better than examples of other tasks
would. Once the seeds are there, a fixed draw of them is cut into a few sets for each task, answer
kind and language. Every request shows one set that lacks its own seed. Few sets mean few different
beginnings of prompts, which servers keep in their cache.

Only seeds of the run are kin, never held-out rows. A question that repeats one of them is a copy,
like one that repeats its seed.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from tsdg.config.questions import KinConfig
from tsdg.generate.draws import number
from tsdg.records import Kin, Seed
from tsdg.rowform import stable_id

Group = tuple[str, str, str]
"""Task, answer kind, language."""
_CUT = " …"
_FEWEST = 80
"""Characters that a passage keeps at least; a set with less room goes without it."""


class KinDraw:
    """Draws the kin of a run from its seeds, in whatever order these come."""

    def __init__(self, config: KinConfig, *, seed: int) -> None:
        self._config, self._seed = config, seed
        # Of each group those seeds with the smallest hashes; the largest of them stands first.
        self._kept: dict[Group, list[tuple[int, str, Kin]]] = defaultdict(list)

    def add(self, seed: Seed) -> None:
        """Take one seed into account."""
        config = self._config
        if not config.items or not seed.question:
            return
        kept = self._kept[_group(seed)]
        rank = int(stable_id("kin", self._seed, seed.seed_id), 16)
        if len(kept) == config.sets * config.items and -kept[0][0] <= rank:
            return
        kin = _kin(seed, config.max_chars // config.items)
        if kin is None:
            return
        push = heapq.heappushpop if len(kept) == config.sets * config.items else heapq.heappush
        push(kept, (-rank, seed.seed_id, kin))

    def drawn(self) -> Iterator[Kin]:
        """The kin of all groups, set after set."""
        size = self._config.items
        for _, kept in sorted(self._kept.items()):
            ranked = [kin for _, _, kin in sorted(kept, key=lambda item: -item[0])]
            for place, kin in enumerate(ranked):
                yield replace(kin, set=place // size)


class KinSets:
    """The kin of a run, by group and set."""

    def __init__(self, kin: Iterable[Kin], *, seed: int) -> None:
        self._seed = seed
        self._groups: dict[Group, dict[int, list[Kin]]] = defaultdict(lambda: defaultdict(list))
        for one in kin:
            self._groups[_group(one)][one.set].append(one)

    def of(self, seed: Seed, draw: int) -> Sequence[Kin]:
        """Return the kin that one draw of a seed shows; none where its task has no other seed.

        Args:
            seed: never among its own kin.
            draw: number of the draw; the next draw shows the next set.
        """
        groups = self._groups.get(_group(seed))
        if not groups:
            return ()
        sets = list(groups.values())
        others = [one for one in sets if all(kin.seed_id != seed.seed_id for kin in one)]
        if not others:
            return [kin for kin in sets[0] if kin.seed_id != seed.seed_id]
        return others[(number("kin set", self._seed, seed.seed_id) + draw) % len(others)]


def _group(row: Seed | Kin) -> Group:
    return row.task, row.answer_kind, row.language


def _kin(seed: Seed, most: int) -> Kin | None:
    """A seed as kin, its passage cut to what fits; None where it does not fit without."""
    options = () if seed.classes else seed.options
    rest = sum(map(len, (seed.question, seed.answer, *options, *seed.checks)))
    context = seed.context
    if rest + len(context) > most:
        room = most - rest
        if room < min(_FEWEST, len(context)):
            return None
        context = context[:room].rsplit(maxsplit=1)[0] + _CUT if context else context
    return Kin(
        task=seed.task,
        answer_kind=seed.answer_kind,
        language=seed.language,
        set=0,
        seed_id=seed.seed_id,
        question=seed.question,
        context=context,
        options=options,
        answer=seed.answer,
        checks=seed.checks,
    )


@lru_cache(maxsize=256)
def kin_text(kin: tuple[Kin, ...]) -> str:
    """Kin as a prompt shows them; many seeds of a task are shown the same."""
    return "\n\n".join(map(_shown, kin))


def _shown(kin: Kin) -> str:
    lines = [f"Passage:\n{kin.context}"] if kin.context else []
    lines.append(f"Question: {kin.question}")
    if kin.options:
        lines.append("\n".join(["Options:", *(f"- {option}" for option in kin.options)]))
    if kin.checks and kin.answer_kind == "code":
        lines.append("\n".join(["Tests:", *kin.checks]))
    elif kin.checks and kin.answer_kind == "json":
        lines.append("\n".join(["JSON schema of the answer:", *kin.checks]))
    return "\n".join([*lines, f"Correct answer: {kin.answer}"])
