import dataclasses
import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsdg.errors import RecipeError
from tsdg.seeds.draw.quota_dealing import Stock, Wishes
from tsdg.seeds.draw.quotas import Quotas, apportion, solve

PLAIN = Wishes(
    cap_per_task=10**9,
    task_caps={},
    family_caps={},
    cap_per_group=0,
    total=0,
    mix="proportional",
    temperature=2.0,
    domain_shares={},
    language_shares={},
)


def stock(
    task: str, rows: int, *, domain: str = "math", language: str = "en", family: str = ""
) -> Stock:
    return Stock(
        task=task,
        family=family or task,
        group="knowledge",
        domain=domain,
        language=language,
        rows=rows,
    )


@st.composite
def stocks(draw: st.DrawFn) -> list[Stock]:
    """Tasks of a few families; a family has one group and one domain, as in the catalogue."""
    homes = {
        family: (
            draw(st.sampled_from(["knowledge", "reasoning"])),
            draw(st.sampled_from(["math", "code", "law"])),
        )
        for family in "fgh"
    }
    rows = draw(st.lists(st.integers(min_value=0, max_value=40), min_size=1, max_size=9))
    out = []
    for number, count in enumerate(rows):
        family = draw(st.sampled_from("fgh"))
        group, domain = homes[family]
        language = draw(st.sampled_from(["en", "fr", "sw"]))
        out.append(
            Stock(
                task=f"t{number}",
                family=family,
                group=group,
                domain=domain,
                language=language,
                rows=count,
            )
        )
    return out


wishes = st.builds(
    lambda **values: dataclasses.replace(PLAIN, **values),
    cap_per_task=st.integers(min_value=1, max_value=50),
    family_caps=st.dictionaries(st.sampled_from("fgh"), st.integers(min_value=1, max_value=40)),
    cap_per_group=st.integers(min_value=0, max_value=60),
    total=st.integers(min_value=0, max_value=120),
    mix=st.sampled_from(["proportional", "uniform", "round_robin"]),
)


def one_by_one(stocks: list[Stock], wishes: Wishes) -> dict[str, int]:
    """The rules as they are written, seed after seed."""
    quotas = {entry.task: 0 for entry in stocks}

    def of(**values: str) -> int:
        chosen = [
            entry
            for entry in stocks
            if all(getattr(entry, key) == value for key, value in values.items())
        ]
        return sum(quotas[entry.task] for entry in chosen)

    def has_room(entry: Stock) -> bool:
        return (
            quotas[entry.task] < min(entry.rows, wishes.cap_per_task)
            and of(family=entry.family) < wishes.family_caps.get(entry.family, 10**9)
            and of(group=entry.group) < (wishes.cap_per_group or 10**9)
            and sum(quotas.values()) < (wishes.total or 10**9)
        )

    def turn(entry: Stock) -> tuple[object, ...]:
        if wishes.mix == "round_robin":
            domain, family = of(domain=entry.domain), of(family=entry.family)
            return (domain, entry.domain, family, entry.family, quotas[entry.task], entry.task)
        weight = entry.rows if wishes.mix == "proportional" else 1
        return (Fraction(2 * quotas[entry.task] + 1, weight), entry.task)

    while open_ := [entry for entry in stocks if has_room(entry)]:
        quotas[min(open_, key=turn).task] += 1
    return quotas


@settings(max_examples=3 * settings.default.max_examples)
@given(stocks=stocks(), wishes=wishes)
def test_quotas_are_those_of_dealing_one_by_one(stocks: list[Stock], wishes: Wishes) -> None:
    assert solve(stocks, wishes).tasks == one_by_one(stocks, wishes)


@settings(max_examples=2 * settings.default.max_examples)
@given(
    stocks=stocks(),
    wishes=wishes,
    temperature=st.floats(min_value=1, max_value=9),
    order=st.randoms(),
)
def test_no_cap_is_broken_and_no_order_matters(
    stocks: list[Stock], wishes: Wishes, temperature: float, order: random.Random
) -> None:
    wishes = dataclasses.replace(wishes, mix="temperature", temperature=temperature)
    quotas = solve(stocks, wishes).tasks
    assert list(quotas) == [entry.task for entry in stocks]
    for entry in stocks:
        assert 0 <= quotas[entry.task] <= min(entry.rows, wishes.cap_per_task)
    for family, cap in wishes.family_caps.items():
        assert sum(quotas[entry.task] for entry in stocks if entry.family == family) <= cap
    for group in ("knowledge", "reasoning"):
        used = sum(quotas[entry.task] for entry in stocks if entry.group == group)
        assert used <= (wishes.cap_per_group or used)
    assert sum(quotas.values()) <= (wishes.total or 10**9)
    order.shuffle(stocks)
    assert solve(stocks, wishes).tasks == quotas


@given(stocks=stocks(), wishes=wishes, more=st.integers(min_value=1, max_value=60))
def test_a_larger_total_takes_nothing_away(stocks: list[Stock], wishes: Wishes, more: int) -> None:
    small = solve(stocks, dataclasses.replace(wishes, total=wishes.total + 1)).tasks
    large = solve(stocks, dataclasses.replace(wishes, total=wishes.total + 1 + more)).tasks
    assert all(small[task] <= large[task] for task in small)


@given(
    stocks=stocks(),
    wishes=wishes,
    math=st.integers(1, 99),
    english=st.integers(1, 99),
    both=st.booleans(),
)
def test_shares_hold_to_the_row_or_are_refused(
    stocks: list[Stock], wishes: Wishes, math: int, english: int, both: bool
) -> None:
    wishes = dataclasses.replace(
        wishes,
        domain_shares={"math": math / 100},
        language_shares={"en": english / 100} if both else {},
    )
    try:
        quotas = solve(stocks, wishes).tasks
    except RecipeError:
        # there is no such domain or language, or no row of it: see
        # test_impossible_shares_are_one_line
        return
    whole = sum(quotas.values())
    got = sum(quotas[entry.task] for entry in stocks if entry.domain == "math")
    # One row of rounding for each class of the share, and what the fit of two shares leaves.
    assert abs(got - whole * math / 100) <= (2 + 1e-3 * whole if both else 1)
    if both:
        got = sum(quotas[entry.task] for entry in stocks if entry.language == "en")
        assert abs(got - whole * english / 100) <= 2 + 1e-3 * whole
    for entry in stocks:
        assert quotas[entry.task] <= min(entry.rows, wishes.cap_per_task)


@given(
    whole=st.integers(min_value=0, max_value=10**7),
    weights=st.dictionaries(
        st.text(max_size=3), st.integers(min_value=1, max_value=1000), min_size=1, max_size=8
    ),
)
def test_apportioned_parts_sum_to_the_whole(whole: int, weights: dict[str, int]) -> None:
    parts = {name: weight / sum(weights.values()) for name, weight in weights.items()}
    out = apportion(whole, parts)
    assert sum(out.values()) == whole
    assert all(abs(out[name] - whole * part) < 1 + 1e-6 for name, part in parts.items())


def quotas_of(*stocks: Stock, **values: object) -> Quotas:
    return solve(stocks, dataclasses.replace(PLAIN, **values))  # type: ignore[arg-type]


def test_mixes() -> None:
    tasks = [stock("big", 9000), stock("mid", 900), stock("tiny", 100)]
    for mix, expected in (
        ("proportional", [900, 90, 10]),
        ("uniform", [450, 450, 100]),
        ("round_robin", [450, 450, 100]),
        ("temperature", [704, 222, 74]),
    ):
        assert list(quotas_of(*tasks, mix=mix, total=1000).tasks.values()) == expected


def test_turns_go_by_domain_then_family_then_task() -> None:
    tasks = [
        stock("a1", 1000, domain="law", family="a"),
        stock("a2", 1000, domain="law", family="a"),
        stock("b", 1000, domain="law"),
        stock("c", 1000),
        stock("d", 30),
    ]
    quotas = quotas_of(*tasks, mix="round_robin", total=400)
    assert quotas.tasks == {"a1": 50, "a2": 50, "b": 100, "c": 170, "d": 30}
    assert quotas.notes == ()


def test_a_short_total_is_explained() -> None:
    quotas = quotas_of(stock("a", 10), stock("b", 5), total=100)
    assert quotas.tasks == {"a": 10, "b": 5}
    assert quotas.notes == ("seeds.total: 100 asked for, rows and caps leave 15",)


def test_shares_hold_and_the_total_gives_way() -> None:
    tasks = [stock("maths", 20), stock("laws", 1000, domain="law")]
    quotas = quotas_of(*tasks, total=100, domain_shares={"math": 0.5})
    assert quotas.tasks == {"maths": 20, "laws": 20}
    (note,) = quotas.notes
    assert "0.5 of seeds.total=100 for math asks for more rows than there are" in note
    assert "the total is 40" in note
    assert quotas_of(*tasks, domain_shares={"math": 0.5}) == Quotas(
        tasks={"maths": 20, "laws": 20}, notes=()
    )


def test_shares_of_domains_and_languages_together() -> None:
    tasks = [
        stock("math_en", 500),
        stock("math_fr", 500, language="fr"),
        stock("law_en", 500, domain="law"),
    ]
    quotas = quotas_of(*tasks, total=100, domain_shares={"math": 0.5}, language_shares={"fr": 0.4})
    assert quotas.tasks == {"math_en": 10, "math_fr": 40, "law_en": 50}


@pytest.mark.parametrize(
    ("shares", "parts"),
    [
        ({"domain_shares": {"magic": 0.5}}, ["seeds.shares.domain", "magic", "allowed: law, math"]),
        (
            {"language_shares": {"en": 0.5}},
            ["seeds.shares.language", "sum to 0.5", "make them sum to 1"],
        ),
        ({"domain_shares": {"code": 0.5}}, ["seeds.shares.domain", "no good row for code"]),
        (
            {"domain_shares": {"math": 0.2}, "language_shares": {"fr": 0.9}},
            ["cannot both hold"],
        ),
    ],
)
def test_impossible_shares_are_one_line(shares: dict[str, object], parts: list[str]) -> None:
    tasks = [stock("a", 10), stock("b", 10, domain="law")]
    if "code" in str(shares):
        tasks.append(stock("c", 0, domain="code"))
    if "fr" in str(shares):
        tasks.append(stock("d", 10, language="fr"))
    with pytest.raises(RecipeError) as caught:
        quotas_of(*tasks, **shares)
    assert [part for part in parts if part not in str(caught.value)] == []
    assert "\n" not in str(caught.value)


def test_millions_of_rows_over_hundreds_of_tasks() -> None:
    draw = random.Random(1)
    tasks = [
        stock(
            f"t{n}",
            draw.randrange(10**6),
            domain=f"d{n % 40 % 7}",
            language=f"l{n % 3}",
            family=f"f{n % 40}",
        )
        for n in range(450)
    ]
    for mix in ("proportional", "uniform", "temperature", "round_robin"):
        quotas = quotas_of(
            *tasks,
            mix=mix,
            total=5_000_000,
            family_caps={f"f{n}": 100_000 * n for n in range(1, 30)},
            domain_shares={"d0": 0.125, "d3": 0.25},
        )
        by_domain = {
            domain: sum(quotas.tasks[entry.task] for entry in tasks if entry.domain == domain)
            for domain in ("d0", "d3")
        }
        assert by_domain == {"d0": 625_000, "d3": 1_250_000}
        assert sum(quotas.tasks.values()) == 5_000_000
