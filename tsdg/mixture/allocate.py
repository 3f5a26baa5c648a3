"""Pure: how many tokens of each part a budget buys.

Within a pool (a group with a share of its own, or all other groups together) part *i* gets
``min(high_i, max(low_i, scale * weight_i))`` tokens, with the one ``scale`` for which they add up
to the pool's budget: the division nearest to the policy's weights that holds to the floors and
caps. ``high_i`` is the smaller of the part's cap and its tokens times ``max_epochs``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tsdg.config.mix import MixConfig
from tsdg.errors import RecipeError
from tsdg.mixture.parts import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Allotment:
    """What a mixture takes of one part."""

    part: Part
    tokens: int
    """To train on; the sum over all parts is the budget."""
    share: float
    """Of the budget."""
    natural: float
    """Share of the part's own tokens among those of all parts."""

    @property
    def epochs(self) -> float:
        """How often the part is read."""
        return self.tokens / self.part.tokens


def allocate(parts: Sequence[Part], config: MixConfig) -> tuple[Allotment, ...]:
    """Divide the budget, in the order of ``parts``.

    Raises:
        RecipeError: a key names no part or group, or the wishes cannot be met together; says which
            and by how much.
    """
    _known(parts, config)
    weights = _weights(parts, config)
    lows = {part.name: config.floors.get(part.name, 0.0) * config.budget for part in parts}
    highs = {part.name: _high(part, config) for part in parts}
    for part in parts:
        if lows[part.name] > highs[part.name] * (1 + 1e-12):
            raise RecipeError(
                f"tsdg mix: floors.{part.name} asks for {lows[part.name]:,.0f} tokens, "
                f"{highs[part.name]:,.0f} is the "
                f"most: {part.tokens:,} tokens, max_epochs={config.max_epochs:g}"
                + (
                    f", caps.{part.name}={config.caps[part.name]:g}"
                    if part.name in config.caps
                    else ""
                )
            )
    exact: dict[str, float] = {}
    for name, members, budget in _pools(parts, config):
        _feasible(name, members, budget, lows, highs, config)
        exact |= _fill({part.name: weights[part.name] for part in members}, lows, highs, budget)
    tokens = round_together([exact[part.name] for part in parts], config.budget)
    total = sum(part.tokens for part in parts)
    return tuple(
        Allotment(part=part, tokens=count, share=count / config.budget, natural=part.tokens / total)
        for part, count in zip(parts, tokens, strict=True)
    )


def _known(parts: Sequence[Part], config: MixConfig) -> None:
    names, groups = [part.name for part in parts], sorted({part.group for part in parts})
    for key, mapping, allowed in (
        ("floors", config.floors, names),
        ("caps", config.caps, names),
        ("weights", config.weights, names),
        ("group_shares", config.group_shares, groups),
    ):
        for name in mapping:
            if name not in allowed:
                raise RecipeError(
                    f"tsdg mix: {key}.{name} names nothing here; allowed: {', '.join(allowed)}"
                )
    if config.policy == "explicit" and (
        missing := [name for name in names if name not in config.weights]
    ):
        raise RecipeError(
            f"tsdg mix: policy=explicit needs weights.{missing[0]}=NUMBER (and of every other part)"
        )


def _weights(parts: Sequence[Part], config: MixConfig) -> dict[str, float]:
    rules: Mapping[str, Callable[[Part], float]] = {
        "proportional": lambda part: float(part.tokens),
        "uniform": lambda part: 1.0,
        "temperature": lambda part: float(part.tokens) ** (1 / config.temperature),
        "explicit": lambda part: config.weights[part.name],
    }
    rule = rules[config.policy]
    return {part.name: rule(part) for part in parts}


def _high(part: Part, config: MixConfig) -> float:
    return min(config.caps.get(part.name, 1.0) * config.budget, part.tokens * config.max_epochs)


def _pools(parts: Sequence[Part], config: MixConfig) -> list[tuple[str, list[Part], float]]:
    """Each group that has a share, and all other parts together: name, members, tokens."""
    shares = config.group_shares
    pools = [
        (
            f"group_shares.{group}={share:g}",
            [part for part in parts if part.group == group],
            share * config.budget,
        )
        for group, share in shares.items()
    ]
    others = [part for part in parts if part.group not in shares]
    left = config.budget - sum(budget for _, _, budget in pools)
    if others:
        name = "what group_shares leave" if shares else "budget"
        return [*pools, (name, others, max(left, 0.0))]
    if left > 1e-9 * config.budget:
        raise RecipeError(
            f"tsdg mix: group_shares add up to {sum(shares.values()):g} and name every group; "
            "allowed: 1, or leave a group out, which then takes the rest"
        )
    return pools


def _feasible(
    name: str,
    members: Sequence[Part],
    budget: float,
    lows: Mapping[str, float],
    highs: Mapping[str, float],
    config: MixConfig,
) -> None:
    low, high = (sum(bound[part.name] for part in members) for bound in (lows, highs))
    if high < budget * (1 - 1e-12):
        raise RecipeError(
            f"tsdg mix: {name} is {budget:,.0f} tokens, and its {len(members)} parts give "
            f"{high:,.0f} at most "
            f"(max_epochs={config.max_epochs:g}, caps); lower the budget or the share, or raise "
            "max_epochs or the caps"
        )
    if low > budget * (1 + 1e-12):
        raise RecipeError(
            f"tsdg mix: {name} is {budget:,.0f} tokens, and the floors of its {len(members)} parts "
            "ask for "
            f"{low:,.0f}; lower floors, or raise the share"
        )


def _fill(
    weights: Mapping[str, float],
    lows: Mapping[str, float],
    highs: Mapping[str, float],
    budget: float,
) -> dict[str, float]:
    """Find by bisection the scale at which the clipped weights add up to the budget."""

    def clipped(scale: float) -> dict[str, float]:
        return {
            name: min(highs[name], max(lows[name], scale * weight))
            for name, weight in weights.items()
        }

    below, above = 0.0, max((highs[name] / weight for name, weight in weights.items()), default=0.0)
    for _ in range(200):
        middle = (below + above) / 2
        if sum(clipped(middle).values()) < budget:
            below = middle
        else:
            above = middle
    return clipped(above)


def round_together(exact: Sequence[float], total: int) -> list[int]:
    """Round numbers that add up to ``total`` to integers that do: the largest remainders up."""
    floors = [int(value) for value in exact]
    order = sorted(range(len(exact)), key=lambda i: (floors[i] - exact[i], i))
    for i in order[: total - sum(floors)]:
        floors[i] += 1
    return floors
