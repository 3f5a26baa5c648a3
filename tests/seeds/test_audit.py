import dataclasses
from pathlib import Path
from typing import Any

import pytest

from tests.seeds.audit import ENOUGH, audit
from tests.seeds.rows import config
from tsdg.records import Seed, Source
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.catalogue.model import Unit
from tsdg.seeds.draw import collect
from tsdg.seeds.draw.collect import SeedCollector
from tsdg.seeds.heldout.index import LeakIndex
from tsdg.seeds.mirror.split_files import split_file

SOUND = Seed(
    classes=False,
    solution="",
    level="",
    subject="",
    seed_id="0" * 24,
    group="knowledge",
    family="f",
    task="t",
    output_type="multiple_choice",
    answer_kind="choice",
    question="Which part takes up water?",
    context="A plant has several parts.",
    options=("petals", "roots"),
    answer="roots",
    answer_index=1,
    aliases=(),
    checks=(),
    option_order=(0, 1),
    domain="science",
    language="en",
    licence="MIT",
    source=Source(dataset_path="a/b", config="", split="train", row=3, revision="r"),
)


def found(**changes: Any) -> list[str]:
    return [finding.what for finding in audit([dataclasses.replace(SOUND, **changes)])]


def test_a_sound_seed_has_no_finding() -> None:
    assert audit([SOUND]) == ()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"question": " "}, "empty question"),
        ({"answer": "", "options": (), "answer_index": -1, "option_order": ()}, "empty answer"),
        ({"options": ("A", "B"), "answer": "B"}, "options are bare letters"),
        ({"options": ("(b)", "(a)"), "answer": "(a)"}, "options are bare letters"),
        ({"answer": "bark"}, "gold is not among the options"),
        ({"answer_index": 0}, "gold is not among the options"),
        ({"answer_index": 2}, "gold is not among the options"),
        ({"aliases": ("petals",)}, "every option is right"),
        ({"option_order": (0, 0)}, "option order is no permutation"),
        ({"question": "Question: which?"}, "scaffolding of a prompt"),
        ({"question": "Which? Answer:"}, "scaffolding of a prompt"),
        ({"context": "{'text': ['a', 'b']}"}, "dumped data structure"),
        ({"question": "Which of ['a', 'b']?"}, "dumped data structure"),
        ({"options": ("None", "roots")}, "dumped data structure"),
        ({"question": "Which {{ part }}?"}, "template residue"),
        ({"question": "Which {% if x %}part?"}, "template residue"),
        ({"context": "petals &amp; roots"}, "HTML entity"),
        ({"context": "cafÃ©"}, "broken characters"),
    ],
)
def test_each_flaw_is_found(changes: dict[str, Any], what: str) -> None:
    assert what in found(**changes)


def test_code_and_mathematics_may_look_so() -> None:
    plain = {"options": (), "answer_index": -1, "option_order": ()}
    assert found(answer_kind="code", answer="x = {'a': ['b']}", **plain) == []
    assert (
        found(answer_kind="math", question='What is $x^{{2}}$ in ["a", "b"]?', answer="4", **plain)
        == []
    )


def test_repeated_items_and_one_place_for_all_right_options() -> None:
    many = [
        dataclasses.replace(SOUND, question=f"Which part is number {n}?") for n in range(ENOUGH)
    ]
    assert [finding.what for finding in audit(many)] == ["right option always at one place"]
    assert audit(many[1:]) == ()
    assert [(f.what, f.count) for f in audit([SOUND, SOUND])] == [("repeated item", 1)]
    assert "row 3" in audit([SOUND, SOUND])[0].example


KNOWN = {"aps/super_glue/wsc.fixed/train": {"right option always at one place"}}
"""Of wsc.fixed the mirror has 32 rows only, all of which are positive: the audit is right about
them."""


LOTS = 48
"""The mirror's units are audited in as many tests, so that several processes share them."""


def _mirrored(mirror: Path) -> list[Unit]:
    return [
        unit
        for unit in load().units
        if load().family(unit.family).tier not in ("B", "demo")
        and split_file(mirror, unit.dataset_path, unit.config, unit.split).path.is_file()
    ]


def test_the_mirror_has_units_of_most_families(mirror: Path) -> None:
    assert len(_mirrored(mirror)) >= 45


@pytest.mark.parametrize("lot", range(LOTS))
def test_no_family_of_the_mirror_has_a_finding(
    lot: int, mirror: Path, mirror_index: LeakIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Read once: no unit here is of tier B, which alone would be compared with fewer splits.
    monkeypatch.setattr(collect, "build_index", lambda *_, **__: mirror_index)
    audited = {}
    for unit in _mirrored(mirror)[lot::LOTS]:
        items = SeedCollector(config(mirror, unit.tasks[0]), 0)
        audited[unit.name] = {
            finding.what for finding in audit(item for item in items if isinstance(item, Seed))
        }
    known = {name: flaws for name, flaws in KNOWN.items() if name in audited}
    assert {name: flaws for name, flaws in audited.items() if flaws} == known
