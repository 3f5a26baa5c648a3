"""What a request asks of the sampling, and what to expect of it before any row is read.

Caps come from the request, and from the catalogue where ``seeds.cap_per_family=suggested`` asks for
its own (:mod:`tsdg.seeds.catalogue.caps`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tsdg.config.recipe import SeedsConfig
from tsdg.seeds.catalogue.caps import TaskCap, cap_of
from tsdg.seeds.draw.quota_dealing import Wishes
from tsdg.seeds.draw.quotas import Quotas, solve
from tsdg.seeds.draw.selection import Located, TaskSource, sources
from tsdg.seeds.families import renderers


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """How many rows each task has and how many seeds it gives at most, before any row is read."""

    rows: Mapping[str, int]
    """Task → rows of its training split; 0 where nobody knows."""
    quotas: Quotas


def wishes_of(config: SeedsConfig, used: tuple[TaskSource, ...]) -> Wishes:
    """What a request asks of the sampling."""
    tasks = {source.task: line.cap for source in used if (line := suggested(config, source))}
    tasks |= {task: min(most, tasks.get(task) or most) for task, most in config.caps.items()}
    return Wishes(
        cap_per_task=config.cap_per_task,
        task_caps={task: most for task, most in tasks.items() if most},
        family_caps=_family_caps(config, used),
        cap_per_group=config.cap_per_group,
        total=config.total,
        mix=config.mix,
        temperature=config.temperature,
        domain_shares=config.shares.domain,
        language_shares=config.shares.language,
    )


def _family_caps(config: SeedsConfig, used: tuple[TaskSource, ...]) -> dict[str, int]:
    """Most seeds of each family that has a cap: the request's, or the catalogue's."""
    cap = config.cap_per_family
    families = {source.family.family: source.family.suggested_cap for source in used}
    caps = families if cap == "suggested" else dict.fromkeys(families, cap)
    return {family: most for family, most in caps.items() if most}


def suggested(config: SeedsConfig, source: TaskSource) -> TaskCap | None:
    """The catalogue's cap of a task's unit, where the request asks for suggested caps."""
    return cap_of(source.unit) if config.cap_per_family == "suggested" else None


def per_passage(config: SeedsConfig, source: TaskSource) -> int:
    """Most seeds that one passage of a task gives; 0 for no limit."""
    cap = suggested(config, source)
    return cap.per_passage if cap else 0


def expect(config: SeedsConfig, used: tuple[TaskSource, ...]) -> Expected:
    """Work out the seeds of each task, from files' footers and, where there is none, the catalogue.

    Raises:
        RecipeError: shares cannot hold even if every row is good.
        MirrorError: a split that is there is unreadable or lacks a column.
        MachineError: a family's adapter is missing.
    """
    rows = {
        source.task: (
            source.split.check(renderers.columns_of(source.family, source.unit))
            if source.split.path.is_file()
            else source.unit.rows
        )
        for source in used
    }
    stocks = [source.stock(rows[source.task]) for source in used]
    return Expected(rows=rows, quotas=solve(stocks, wishes_of(config, used)))


def check_request(config: SeedsConfig) -> tuple[Located, Expected]:
    """Refuse a request that cannot be met, before anything starts.

    From the catalogue and the files' footers only.

    Returns:
        What :func:`sources` does, and what to expect of the splits that are there.

    Raises:
        SeedsDeniedError: a task may not be used.
        MirrorError: a split is missing, unreadable or lacks a column.
        RecipeError: shares cannot hold even if every row is good.
        MachineError: a family's adapter is missing.
    """
    located = sources(config)
    return located, expect(config, located.there)
