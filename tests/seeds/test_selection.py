from pathlib import Path
from typing import Any

import pytest

from tests.seeds.rows import WriteSplit, arc_rows, collected, unit_of
from tsdg.config.recipe import SeedsConfig
from tsdg.errors import MirrorError, SeedsDeniedError
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.draw.collect import SeedCollector
from tsdg.seeds.draw.expectation import check_request, wishes_of
from tsdg.seeds.draw.selection import by_name, select, sources, survey


def request(**values: Any) -> SeedsConfig:
    return by_name("", ("replaced",), 10).model_copy(update={"tasks": (), **values})


def units_of(*groups: str, tiers: str = "A") -> list[str]:
    catalogue = load()
    families = [
        family for family in catalogue.families if family.group in groups and family.tier in tiers
    ]
    units = [unit for family in families for unit in catalogue.units_of_family(family.family)]
    return [unit.tasks[0] for unit in units if not unit.part_of]


def test_a_group_is_its_families_of_tier_a_once_per_unit() -> None:
    selection = select(request(groups=("knowledge", "reasoning")))
    assert list(selection.tasks) == units_of("knowledge", "reasoning")
    families = {unit_of(task).family for task in selection.tasks}
    assert len(families) == 64
    assert not any(name.startswith("demo") for name in families)
    assert "folio" not in families
    left_out = {task.task: task.reason for task in selection.left_out}
    assert "tier B" in left_out["mmlu_pro_law"]
    assert left_out["winogrande_l"] == "a smaller size of winogrande_xl"
    assert len(selection.tasks) + len(left_out) == len(
        [u for u in load().units if load().family(u.family).tier in "AB"]
    )


def test_tier_b_comes_when_it_is_asked_for() -> None:
    without, with_ = (
        select(request(groups=("reasoning",), tier_b=wanted)).tasks for wanted in (False, True)
    )
    assert set(with_) - set(without) == set(units_of("reasoning", tiers="B"))
    assert select(request(tasks=("mmlu_pro_law",), tier_b=True)).tasks == ("mmlu_pro_law",)
    with pytest.raises(
        SeedsDeniedError,
        match=r"seeds.tasks: 'mmlu_pro_law' is denied: family mmlu_pro is off by default",
    ):
        select(request(tasks=("mmlu_pro_law",)))
    with pytest.raises(
        SeedsDeniedError, match=r"seeds.families: mgsm may not be used: tier B.*seeds.tier_b=true"
    ):
        select(request(families=("mgsm",)))


def test_exemplars_that_are_asked_for_are_not_held_out_from_themselves(
    tmp_path: Path, write_split: WriteSplit
) -> None:
    """But they are from other seeds, and so are the exemplars that nobody asked for."""
    asked = [
        (
            "A baker sells twelve loaves every morning and nine in the evening; how many is that "
            "in "
            "one week?"
        ),
        (
            "Seven children share ninety-one marbles evenly among themselves; how many does each "
            "of "
            "them get?"
        ),
        (
            "The train left the harbour at noon and drove sixty miles an hour; how far had it come "
            "by "
            "five?"
        ),
        (
            "Anna is twice as old as her brother, who turned eleven last spring; what is their age "
            "together?"
        ),
        (
            "Each of the four walls needs three pots of paint at eight francs; what does painting "
            "them "
            "cost?"
        ),
    ]
    rows = [
        {"question": question, "answer": f"It is {n}.", "answer_number": n, "equation_solution": ""}
        for n, question in enumerate(asked)
    ]
    write_split("juletxara/mgsm", "de", "train", rows)
    write_split("juletxara/mgsm", "en", "train", rows[:2])
    write_split(
        "openai/gsm8k", "main", "train", [{"question": rows[4]["question"], "answer": "#### 4"}]
    )
    german = next(unit.tasks[0] for unit in load().units_of_family("mgsm") if unit.config == "de")
    config = by_name(str(tmp_path / "mirror"), (german, "gsm8k"), 10).model_copy(
        update={"tier_b": True}
    )
    seeds, _, counts = collected(config)
    assert (counts[german].leaked, counts[german].sampled) == (2, 3)
    assert (counts["gsm8k"].duplicate, counts["gsm8k"].sampled) == (1, 0)
    assert {seed.family for seed in seeds} == {"mgsm"}
    _, _, counts = collected(by_name(str(tmp_path / "mirror"), ("gsm8k",), 10))
    assert counts["gsm8k"].leaked == 1


def test_tasks_families_and_groups_are_united() -> None:
    selection = select(request(tasks=("arc_easy", "gsm8k"), families=("gsm8k", "ai2_arc", "folio")))
    assert selection.tasks == ("arc_easy", "gsm8k", unit_of("arc_challenge").tasks[0], "folio")
    several = select(request(families=("glue",), groups=("reasoning",))).tasks
    assert len(set(several)) == len(several) == len(select(request(groups=("reasoning",))).tasks)


def test_licences() -> None:
    catalogue = load()
    for licences, allowed in (
        ("any", {"yes", "share_alike", "no", "unclear"}),
        ("commercial", {"yes", "share_alike"}),
        ("permissive", {"yes"}),
    ):
        selection = select(request(groups=("knowledge", "reasoning"), licences=licences))
        assert {catalogue.commercial_of(unit_of(task)) for task in selection.tasks} == allowed
        every = [*selection.tasks, *(task.task for task in selection.left_out)]
        assert sorted(every) == sorted(
            [*units_of("knowledge", "reasoning", tiers="AB"), "winogrande_l"]
        )
    reasons = {task.task: task.reason for task in selection.left_out}
    assert reasons["arc_challenge_mt_de"].startswith("seeds.licences=permissive: ")
    assert reasons["arc_challenge_mt_de"].endswith("(commercial use: share_alike)")
    assert reasons["piqa"].endswith("(commercial use: unclear)")


def test_what_is_named_and_has_no_such_licence_is_an_error() -> None:
    with pytest.raises(
        SeedsDeniedError,
        match=r"seeds.tasks: sciq may not be used: seeds.licences=commercial: CC-BY-NC",
    ):
        select(request(tasks=("sciq",), licences="commercial"))
    with pytest.raises(SeedsDeniedError, match=r"seeds.families: sciq may not be used"):
        select(request(families=("sciq",), licences="commercial"))
    some = select(request(families=("glue",), licences="commercial"))
    assert some.tasks
    assert some.left_out


@pytest.mark.parametrize(
    ("name", "part"), [("knowlege", "unknown name"), ("blimp", "no family"), ("arc_easy", "no f")]
)
def test_an_unknown_family_is_one_line(name: str, part: str) -> None:
    with pytest.raises(SeedsDeniedError, match=part) as caught:
        select(request(families=(name,)))
    assert "\n" not in str(caught.value)


def test_suggested_caps() -> None:
    config = request(families=("ai2_arc", "medmcqa"), cap_per_family="suggested")
    wishes = wishes_of(config, survey(config).missing)
    assert wishes.family_caps == {"ai2_arc": 3370, "medmcqa": 20000}
    assert wishes_of(request(families=("ai2_arc",)), survey(config).missing).family_caps == {}


def test_without_a_mirror_nothing_is_there_but_the_demo() -> None:
    located = survey(request(groups=("reasoning",), tasks=("demo_facts",)))
    assert [source.task for source in located.there] == ["demo_facts"]
    assert [source.task for source in located.missing] == list(
        select(request(groups=("reasoning",))).tasks
    )
    with pytest.raises(MirrorError, match=r"seeds.mirror: empty, but task hellaswag needs"):
        sources(request(groups=("reasoning",)))


def test_a_groups_missing_tasks_follow_the_recipe(tmp_path: Path, write_split: WriteSplit) -> None:
    write_split("allenai/ai2_arc", "ARC-Easy", "train", arc_rows(4))
    config = request(mirror=str(tmp_path / "mirror"), groups=("knowledge",))
    with pytest.raises(MirrorError, match=r"splits are missing .* and \d+ more; fetch") as caught:
        check_request(config)
    assert len(str(caught.value)) < 1500
    collector = SeedCollector(config.model_copy(update={"missing": "skip"}), 0)
    assert len(list(collector)) == 4
    assert len(collector.skipped) == len(collector.counts) - 1
    assert "mmlu_pro_law" in {task.task for task in collector.left_out}


def test_quotas_count_good_rows_only(tmp_path: Path, write_split: WriteSplit) -> None:
    """The task that falls short of its half is made up for by the other."""
    broken = [row | {"answerKey": None} for row in arc_rows(50, "brook")]
    write_split("allenai/ai2_arc", "ARC-Easy", "train", arc_rows(60))
    write_split("allenai/ai2_arc", "ARC-Challenge", "train", [*broken, *arc_rows(10, "creek")])
    config = by_name(str(tmp_path / "mirror"), ("arc_challenge", "arc_easy"), 1000).model_copy(
        update={"total": 50, "mix": "uniform"}
    )
    _, _, counts = collected(config)
    assert {task: count.sampled for task, count in counts.items()} == {
        "arc_challenge": 10,
        "arc_easy": 40,
    }
    assert counts["arc_challenge"].malformed == 50
