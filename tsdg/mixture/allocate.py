"""Pure: how many tokens of each part a budget buys.

Within a pool (a group with a share of its own, or all other groups together) part *i* gets
``min(high_i, max(low_i, scale * weight_i))`` tokens, with the one ``scale`` for which they add up
to the pool's budget: the division nearest to the policy's weights that holds to the floors and
caps. ``high_i`` is the smaller of the part's cap and its tokens times ``max_epochs``.

Shares are read as the decimal numbers that were written, and all arithmetic is decimal with 60
digits, so budgets hold to the token at any size, and any temperature has its weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, ROUND_CEILING, ROUND_FLOOR, Context, Decimal, localcontext

from tsdg.config.mix import MixConfig
from tsdg.errors import RecipeError
from tsdg.mixture.parts import Part

_EXACT = Context(prec=60, Emax=MAX_EMAX, Emin=MIN_EMIN)
_HAIR = Decimal("1e-9")
"""By which shares may miss 1: 0.333333333 three times over is meant as 1."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bounds:
    """Whole tokens of one part that a mixture may take."""

    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pool:
    """Parts that share one budget."""

    name: str
    """The key that gives it, for messages."""
    members: Sequence[Part]
    budget: int


def allocate(parts: Sequence[Part], config: MixConfig) -> tuple[Allotment, ...]:
    """Divide the budget, in the order of ``parts``.

    Raises:
        RecipeError: a key names no part or group, or the wishes cannot be met together; says which
            and by how much.
    """
    _known(parts, config)
    _weighed(parts, config)
    tokens: dict[str, int] = {}
    with localcontext(_EXACT):
        bounds = {part.name: _bounds(part, config) for part in parts}
        for pool in _pools(parts, config):
            _feasible(pool, bounds, config)
            tokens |= _fill(pool, bounds, config)
    total = sum(part.tokens for part in parts)
    return tuple(
        Allotment(
            part=part,
            tokens=tokens[part.name],
            share=tokens[part.name] / config.budget,
            natural=part.tokens / total,
        )
        for part in parts
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


def _weighed(parts: Sequence[Part], config: MixConfig) -> None:
    """Check that an explicit policy has a weight for every part."""
    missing = [part.name for part in parts if part.name not in config.weights]
    if config.policy == "explicit" and missing:
        raise RecipeError(
            f"tsdg mix: policy=explicit needs weights.{missing[0]}=NUMBER (and of every other part)"
        )


def _weights(parts: Sequence[Part], config: MixConfig) -> dict[str, Decimal]:
    rules: Mapping[str, Callable[[Part], Decimal]] = {
        "proportional": lambda part: Decimal(part.tokens),
        "uniform": lambda part: Decimal(1),
        "temperature": lambda part: Decimal(part.tokens) ** (1 / _read(config.temperature)),
        "explicit": lambda part: _read(config.weights[part.name]),
    }
    rule = rules[config.policy]
    return {part.name: rule(part) for part in parts}


def _read(number: float) -> Decimal:
    """The number as it was written, not as its nearest binary fraction."""
    return Decimal(repr(number))


def _bounds(part: Part, config: MixConfig) -> _Bounds:
    """Return the least and the most tokens of a part: shares rounded outwards, what is there exact.

    Raises:
        RecipeError: the floor is above what there is.
    """
    floor = _read(config.floors.get(part.name, 0.0)) * config.budget
    cap = _read(config.caps.get(part.name, 1.0)) * config.budget
    there = part.tokens * _read(config.max_epochs)
    if floor > min(cap, there):
        held = f", caps.{part.name}={config.caps[part.name]:g}" if part.name in config.caps else ""
        raise RecipeError(
            f"tsdg mix: floors.{part.name} asks for {floor:,.0f} tokens, {min(cap, there):,.0f} is "
            f"the most: {part.tokens:,} tokens, max_epochs={config.max_epochs:g}{held}"
        )
    return _Bounds(
        low=int(floor.to_integral_value(ROUND_FLOOR)),
        high=min(
            int(cap.to_integral_value(ROUND_CEILING)), int(there.to_integral_value(ROUND_FLOOR))
        ),
    )


def _pools(parts: Sequence[Part], config: MixConfig) -> list[_Pool]:
    """Each group that has a share, and all other parts together; budgets add up to the whole."""
    shares = {group: _read(share) for group, share in config.group_shares.items()}
    named, whole = sum(shares.values(), Decimal(0)), Decimal(1)
    others = [part for part in parts if part.group not in shares]
    if not others and abs(named - whole) > _HAIR:
        raise RecipeError(
            f"tsdg mix: group_shares add up to {named.normalize():f} and name every group; "
            "allowed: 1, or leave a group out, which then takes the rest"
        )
    # A hair off 1, the shares are meant as 1.
    scale = whole / named if not others or named > whole else whole
    exact = [share * scale * config.budget for share in shares.values()]
    rest = [max(whole - named, Decimal(0)) * config.budget] if others else []
    budgets = round_together([*exact, *rest], config.budget)
    pools = [
        _Pool(
            name=f"group_shares.{group}={config.group_shares[group]:g}",
            members=[part for part in parts if part.group == group],
            budget=budget,
        )
        for group, budget in zip(shares, budgets, strict=False)
    ]
    if others:
        name = "what group_shares leave" if shares else "budget"
        pools.append(_Pool(name=name, members=others, budget=budgets[-1]))
    return pools


def _feasible(pool: _Pool, bounds: Mapping[str, _Bounds], config: MixConfig) -> None:
    low = sum(bounds[part.name].low for part in pool.members)
    high = sum(bounds[part.name].high for part in pool.members)
    if high < pool.budget:
        raise RecipeError(
            f"tsdg mix: {pool.name} is {pool.budget:,} tokens, and its {len(pool.members)} parts "
            f"give {high:,} at most (max_epochs={config.max_epochs:g}, caps); lower the budget or "
            "the share, or raise max_epochs or the caps; `tsdg topup` makes more records of a run"
        )
    if low > pool.budget:
        raise RecipeError(
            f"tsdg mix: {pool.name} is {pool.budget:,} tokens, and the floors of its "
            f"{len(pool.members)} parts ask for {low:,}; lower floors, or raise the share"
        )


def _fill(pool: _Pool, bounds: Mapping[str, _Bounds], config: MixConfig) -> dict[str, int]:
    """Divide a pool's budget: raise the scale from bound to bound until it is used up."""
    weights = _weights(pool.members, config)
    taken = {name: Decimal(bounds[name].low) for name in weights}
    left = pool.budget - sum(taken.values())
    # A part grows with the scale from its low bound on, and stops at its high bound.
    bends = [(bounds[name].low / weight, name, True) for name, weight in weights.items()]
    bends += [(bounds[name].high / weight, name, False) for name, weight in weights.items()]
    growing, scale = Decimal(0), Decimal(0)
    free: set[str] = set()
    for at, name, starts in sorted(bends, key=lambda bend: (bend[0], not bend[2], bend[1])):
        step = at - scale
        if growing * step >= left:
            break
        left -= growing * step
        scale = at
        if starts:
            free.add(name)
        else:
            free.discard(name)
            taken[name] = Decimal(bounds[name].high)
        growing = sum((weights[one] for one in sorted(free)), Decimal(0))
    if free:
        scale += left / growing
    taken |= {name: min(Decimal(bounds[name].high), scale * weights[name]) for name in free}
    names = list(weights)
    return dict(
        zip(names, round_together([taken[name] for name in names], pool.budget), strict=True)
    )


def round_together(exact: Sequence[Decimal], total: int) -> list[int]:
    """Round numbers that add up to ``total`` to integers that do: the largest remainders up."""
    floors = [int(value) for value in exact]
    order = sorted(range(len(exact)), key=lambda i: (floors[i] - exact[i], i))
    for i in order[: total - sum(floors)]:
        floors[i] += 1
    return floors
