"""Caps that know which families are poor seeds, and the mix that comes of them."""

from fnmatch import fnmatchcase

import pytest

from tests.seeds.rows import unit_of
from tsdg.config.recipe import SeedsConfig
from tsdg.seeds.catalogue.caps import POOR, cap_of, caps, poor
from tsdg.seeds.catalogue.domains import domain_of
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.catalogue.tables import table
from tsdg.seeds.draw.expectation import expect
from tsdg.seeds.draw.selection import by_name, survey


def nemotron() -> SeedsConfig:
    """What ``recipes/recipe/nemotron.yaml`` asks of the seeds, with no mirror."""
    return by_name("", (), 50_000).model_copy(
        update={
            "groups": ("knowledge", "reasoning"),
            "cap_per_family": "suggested",
            "cap_per_group": 500_000,
            "mix": "round_robin",
        }
    )


@pytest.mark.parametrize("line", caps(), ids=lambda line: f"{line.family}-{line.unit}")
def test_every_line_is_of_a_unit_and_gives_a_reason(line) -> None:  # type: ignore[no-untyped-def]
    names = [f"{u.dataset_path}/{u.config}" for u in load().units_of_family(line.family)]
    assert [name for name in names if fnmatchcase(name, line.unit)]
    assert line.kind in (*POOR, "passages")
    assert len(line.reason.split()) >= 4
    whole = line.unit == "*"
    assert whole or line.cap or line.per_passage
    assert line.cap <= load().family(line.family).suggested_cap or line.per_passage


def test_the_first_line_that_fits_counts() -> None:
    line = cap_of(unit_of("ethics_virtue"))
    assert line is not None
    assert (line.cap, poor("hendrycks_ethics"), poor("gsm8k")) == (500, "narrow", "")
    assert cap_of(unit_of("gsm8k")) is None


def test_no_family_of_poor_seeds_is_more_than_two_per_cent_of_nemotron() -> None:
    request = nemotron()
    located = survey(request)
    used = (*located.there, *located.missing)
    quotas = expect(request, used).quotas.tasks
    total = sum(quotas.values())
    seeds: dict[str, int] = {}
    for source in used:
        seeds[source.family.family] = seeds.get(source.family.family, 0) + quotas[source.task]
    assert total > 500_000
    shares = {family: count / total for family, count in seeds.items() if poor(family)}
    assert len(shares) > 15
    assert max(shares.values()) < 0.02
    assert sum(shares.values()) < 0.15


def test_caps_of_tasks_hold_where_suggested_caps_are_asked_for() -> None:
    request = by_name("", ("ethics_virtue", "cola", "gsm8k"), 5000)
    for asked, virtue, cola in (("suggested", 500, 500), (0, 5000, 5000)):
        config = request.model_copy(update={"cap_per_family": asked})
        quotas = expect(config, survey(config).missing).quotas.tasks
        assert (quotas["ethics_virtue"], quotas["cola"], quotas["gsm8k"]) == (virtue, cola, 5000)


def test_units_of_one_family_have_domains_of_their_own() -> None:
    lines = list(table("domains.csv"))
    for line in lines:
        fitting = [
            unit
            for unit in load().units
            if fnmatchcase(unit.dataset_path, line["dataset_path"])
            and fnmatchcase(unit.config, line["config"])
        ]
        assert fitting, line
    domains = {unit.tasks[0]: domain_of(load().family(unit.family), unit) for unit in load().units}
    assert (domains["bec2016eu"], domains["bhtc_v2"]) == ("sentiment", "news")
    assert (domains["cola"], domains["rte"]) == ("grammar", "natural language inference")
    assert domains["gsm8k"] == "math"
    assert not set(domains.values()) & {"multilingual"}
