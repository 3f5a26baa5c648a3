"""The guard: default deny, with the true reason."""

import subprocess
import sys
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsdg.errors import SeedsDeniedError
from tsdg.seeds.catalogue.guard import check, require_allowed, row_denied
from tsdg.seeds.catalogue.index import Entry, load_index
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.catalogue.tables import table

DENIED = list(table("denied.csv"))


def usable(task: str) -> bool:
    unit = load().unit_of_task(task)
    return unit is not None and load().family(unit.family).tier != "B"


def test_every_name_gets_a_verdict() -> None:
    index = load_index()
    assert len(index.entries) == 14_683
    allowed = 0
    for name, entry in index.entries.items():
        verdict = check(name)
        assert verdict.name == name
        assert verdict.reason
        assert "\n" not in verdict.reason
        assert verdict.kind != "unknown", name
        assert verdict.allowed == bool(verdict.units), name
        if entry.is_task:
            assert verdict.kind == "task"
            assert verdict.allowed == usable(name), name
            allowed += verdict.allowed
    catalogued = [task for unit in load().units if unit.yaml for task in unit.tasks]
    assert allowed == sum(usable(task) and task in index.entries for task in catalogued)


def test_no_allowed_group_holds_a_denied_task() -> None:
    index = load_index()
    for name, entry in index.entries.items():
        verdict = check(name)
        if not entry.is_task and verdict.allowed and verdict.kind == "group":
            assert all(usable(task) for task in index.tasks_of(name)), name


def tasks_reading(path: str) -> list[Entry]:
    return list(load_index().datasets[path])


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("nyu-mll/blimp", 67),
        ("Idavidrein/gpqa", 18),
        ("google/IFEval", 1),
        ("inverse-scaling/NeQA", 1),
    ],
)
def test_a_train_split_that_is_scored_is_denied(path: str, count: int) -> None:
    entries = tasks_reading(path)
    assert len(entries) == count
    for entry in entries:
        assert entry.scored == "train"  # the reason is true
        verdict = check(entry.name)
        assert not verdict.allowed
        assert "only split is named train and is the one scored" in verdict.reason
    assert not check(path).allowed
    assert not check(f"{path}/{entries[0].config or 'default'}/train").allowed


def test_all_inverse_scaling_tasks_are_denied() -> None:
    names = [
        name
        for name in load_index().entries
        if name.startswith("inverse_scaling") and name[-2:] != "mc"
    ]
    assert len(names) == 11
    for name in names:
        assert not check(name).allowed
    verdict = check("inverse_scaling_mc")
    assert (verdict.kind, verdict.allowed) == ("group", False)
    assert "named train and is the one scored" in verdict.reason


def test_truthfulqa_has_no_training_split() -> None:
    entries = tasks_reading("truthfulqa/truthful_qa")
    assert {(entry.scored, entry.training) for entry in entries} == {("validation", "")}
    for name in [*(entry.name for entry in entries), "truthfulqa/truthful_qa"]:
        verdict = check(name)
        assert not verdict.allowed
        assert "validation split only, and that is the one scored" in verdict.reason


def test_strategyqa_is_denied_under_all_its_names() -> None:
    scored = load_index().scored["hails/bigbench", "strategyqa_zero_shot", "default"]
    assert sorted(scored) == [
        "bigbench_strategyqa_generate_until",
        "bigbench_strategyqa_multiple_choice",
    ]
    for name in [
        *scored,
        "StrategyQA",
        "strategyqa",
        "eladsegal/strategyqa",
        "eladsegal/strategyqa/default/train",
        "ChilleD/StrategyQA",
        "wics/strategy-qa",
    ]:
        verdict = check(name)
        assert not verdict.allowed, name
        assert "StrategyQA" in verdict.reason
        assert "BIG-bench" in verdict.reason or "bigbench" in verdict.reason


@pytest.mark.parametrize(
    "name", ["BLiMP", "GPQA", "IFEval", "TruthfulQA", "StrategyQA", "Memo-Trap", "MMLU", "FLORES"]
)
def test_the_names_that_people_use_are_denied(name: str) -> None:
    verdict = check(name)
    assert not verdict.allowed
    assert verdict.kind != "unknown"


@pytest.mark.parametrize("row", DENIED, ids=lambda row: f"{row['dataset_path']}:{row['split']}")
def test_what_the_deny_list_claims_is_so(row: dict[str, str]) -> None:
    entries = [
        entry
        for path, readers in load_index().datasets.items()
        if fnmatchcase(path, row["dataset_path"])
        for entry in readers
        if fnmatchcase(entry.config, row["config"])
    ]
    claim = row["claim"]
    if claim == "train_is_scored":
        assert {entry.scored for entry in entries} == {"train"}
    elif claim == "declared_is_scored":
        assert entries
        assert all(entry.training == entry.scored != "" for entry in entries)
    elif claim == "scored":
        assert any(entry.scored and fnmatchcase(entry.scored, row["split"]) for entry in entries)
    elif claim == "declared_validation":
        assert {entry.training for entry in entries} == {"validation"}
    elif claim == "fewshot":
        assert any(fnmatchcase(entry.fewshot, row["split"]) for entry in entries)
    else:  # what only the rows or the licence can show
        assert claim in ("translation", "item_overlap", "restricted")


def test_the_deny_list_touches_no_catalogued_unit() -> None:
    for unit in load().units:
        for row in DENIED:
            assert not (
                fnmatchcase(unit.dataset_path, row["dataset_path"])
                and fnmatchcase(unit.config, row["config"])
                and fnmatchcase(unit.split, row["split"])
            ), (unit.name, row)


def test_numbers_in_the_reasons() -> None:
    flores = tasks_reading("facebook/flores")
    assert len(flores) == 452
    assert sum(entry.training == "dev" for entry in flores) == 80


def test_other_uploads_of_catalogued_data_are_denied() -> None:
    paths = {unit.dataset_path for unit in load().units}
    for row in table("aliases.csv"):
        assert row["of"] in paths
        assert row["dataset_path"] not in paths
        if "/" in row["dataset_path"]:
            verdict = check(row["dataset_path"])
            assert not verdict.allowed
            assert row["of"] in verdict.reason
        for entry in load_index().datasets.get(row["dataset_path"], ()):
            assert not check(entry.name).allowed
    assert "EleutherAI/hendrycks_math" in check("leaderboard_math_algebra_hard").reason
    assert "allenai/ai2_arc" in check("tinyArc").reason
    assert "google-research-datasets/paws-x" in check("paws_es_spanish_bench").reason


@pytest.mark.parametrize(
    ("name", "kind", "units"),
    [
        ("gsm8k", "task", 1),
        ("gsm8k_cot", "task", 1),
        ("folio", "task", 1),
        ("demo_science", "task", 1),
        ("K01", "family", 2),
        ("hendrycks_math", "family", 7),
        ("ai2_arc", "family", 2),
        ("super-glue-lm-eval-v1", "group", 8),
        ("allenai/ai2_arc", "dataset", 2),
        ("allenai/ai2_arc/ARC-Easy", "dataset", 1),
        ("allenai/ai2_arc/ARC-Easy/train", "dataset", 1),
        ("EleutherAI/drop/default/train", "dataset", 1),
        ("cais/mmlu/all/auxiliary_train", "dataset", 1),
        ("  GSM8K ", "task", 1),
    ],
)
def test_allowed(name: str, kind: str, units: int) -> None:
    verdict = check(name)
    assert (verdict.allowed, verdict.kind, len(verdict.units)) == (True, kind, units), (
        verdict.reason
    )
    assert "licence" in verdict.reason


@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [
        ("allenai/ai2_arc/ARC-Easy/test", "dataset", "scored by arc_easy"),
        (
            "allenai/ai2_arc/ARC-Easy/validation",
            "dataset",
            "not catalogued; of allenai/ai2_arc only",
        ),
        ("allenai/ai2_arc/default/train", "dataset", "not catalogued"),
        ("cais/mmlu/all/test", "dataset", "auxiliary_train"),
        ("cais/mmlu/abstract_algebra/dev", "dataset", "few-shot prompt"),
        ("facebook/mlqa/mlqa.ar.ar/test", "dataset", "scored by mlqa_ar_ar"),
        ("mlqa_ar_ar", "task", "mlqa-translate-train"),
        ("race", "task", "race_high, race_middle"),
        ("mmlu_pro_biology", "task", "off by default (tier B)"),
        ("logiqa2", "task", "Re-split leak"),
        ("mmlu_pro", "family", "off by default (tier B)"),
        ("mmlu", "group", "57 of its 57 tasks are denied"),
        ("mbpp_plus", "task", "MBPP+"),
        ("sib_amh_prompt_1", "task", "FLORES"),
        ("gsm_plus", "task", "declare the split they score"),
        ("wikitext", "task", "without proof"),
        ("hellaswag_ar", "task", "m_hellaswag"),
        (
            "aexams_Biology",
            "task",
            "names no training split, only test (scored), dev (few-shot prompt)",
        ),
        ("graphwalks_128k", "task", "code of its own"),
        ("ag_news", "task", "code of its own"),
        ("nobody/nothing", "unknown", "unknown name"),
        ("", "unknown", "unknown name"),
    ],
)
def test_denied(name: str, kind: str, reason: str) -> None:
    verdict = check(name)
    assert (verdict.allowed, verdict.kind) == (False, kind), verdict.reason
    assert reason in verdict.reason


def test_a_group_with_some_denied_tasks_is_denied_and_says_which_are_fine() -> None:
    verdict = check("japanese_leaderboard")
    assert (
        verdict.kind == "family"
    )  # a family of the catalogue goes before a group of the same name
    verdict = check("catalan_bench")
    assert verdict.allowed
    verdict = check("leaderboard")
    assert not verdict.allowed
    verdict = check("openllm")
    assert (verdict.kind, verdict.allowed) == ("group", False)
    assert "allowed in it: arc_challenge, hellaswag, winogrande and 1 more" in verdict.reason


def test_unknown_names_are_compared_with_known_ones() -> None:
    assert "near names: gsm8k" in check("gsm8kk").reason
    assert "mmlu_abstract_algebra" in check("mmlu_abstact_algebra").reason
    assert "near names" not in check("x" * 100_000).reason


@given(st.text())
def test_any_text_gets_a_verdict(name: str) -> None:
    verdict = check(name)
    assert verdict.reason
    assert verdict.kind != "unknown" or not verdict.allowed


@given(st.sampled_from(sorted({unit.dataset_path for unit in load().units})), st.text(), st.text())
def test_no_made_up_split_of_a_catalogued_data_set_is_allowed(
    path: str, config: str, split: str
) -> None:
    named = {
        (unit.config or "default", unit.split) for unit in load().units if unit.dataset_path == path
    }
    verdict = check(f"{path}/{config}/{split}")
    assert not verdict.allowed or (config, split.rstrip()) in named


def test_a_path_with_holes_is_unknown() -> None:
    assert check("EleutherAI/drop/default/train").allowed
    for name in (
        "EleutherAI/drop//train",
        "EleutherAI/drop/",
        "EleutherAI/drop/default/",
        "/EleutherAI/drop",
    ):
        assert not check(name).allowed, name


def test_require_allowed() -> None:
    require_allowed(["gsm8k", "arc_easy", "demo_science"])
    require_allowed(["mmlu_pro_biology"], tier_b=True)
    with pytest.raises(
        SeedsDeniedError,
        match=r"'blimp' is denied: 67 of its 67 tasks .* take it out of seeds.tasks.* 1 more: gpqa",
    ):
        require_allowed(["gsm8k", "blimp", "gpqa"])
    with pytest.raises(SeedsDeniedError, match=r"'mmlu_pro_biology' is denied: .*tier B"):
        require_allowed(["mmlu_pro_biology"])
    with pytest.raises(
        SeedsDeniedError, match=r"'ai2_arc' is no task but a family.*arc_easy, arc_challenge"
    ):
        require_allowed(["ai2_arc"])
    with pytest.raises(SeedsDeniedError, match=r"unknown name.*near names: gsm8k"):
        require_allowed(["gsm8kk"])
    with pytest.raises(SeedsDeniedError) as error:
        require_allowed(["no\nsuch\ntask"])
    assert "\n" not in str(error.value)


def test_tier_b_can_be_asked_for() -> None:
    assert not check("mmlu_pro_biology").allowed
    assert check("mmlu_pro_biology", tier_b=True).allowed
    assert len(check("mmlu_prox", tier_b=True).units) == 29
    assert not check("blimp", tier_b=True).allowed


@pytest.mark.parametrize(("row", "denied"), [(600, False), (601, True), (809, True), (810, False)])
def test_mbpp_rows_that_mbpp_plus_scores(row: int, denied: bool) -> None:
    unit = load().unit_of_task("mbpp")
    assert unit is not None
    assert ("MBPP+" in row_denied(unit, {"task_id": row})) == denied


def test_a_row_that_cannot_be_placed_is_denied_and_other_units_are_not_asked() -> None:
    mbpp, gsm8k = load().unit_of_task("mbpp"), load().unit_of_task("gsm8k")
    assert mbpp is not None
    assert gsm8k is not None
    assert row_denied(mbpp, {"text": "no number"})
    assert row_denied(mbpp, {"task_id": None})
    assert row_denied(gsm8k, {"task_id": 700}) == ""


def test_the_guard_needs_nothing_heavy() -> None:
    code = (
        "import sys; from tsdg.seeds.catalogue.guard import check; "
        "check('blimp'); check('gsm8kk'); "
        "print([m for m in ('lm_eval', 'pyarrow', 'datasets', 'yaml', 'numpy', 'torch') if m in "
        "sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
