"""``tsdg compare`` on result files of lm-eval's form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tsdg.cli import run_command


def results(path: Path, scores: dict[str, tuple[float, float | str]], **more: Any) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    listed = {
        task: {"alias": task, "acc,none": value, "acc_stderr,none": error}
        for task, (value, error) in scores.items()
    }
    path.write_text(json.dumps({"results": listed, **more}))
    return str(path)


POST_BEFORE = {
    "mmlu_pro": (0.648, 0.004),
    "humaneval": (0.732, 0.02),
    "gsm8k": (0.876, 0.009),
    "hellaswag": (0.729, 0.004),
    "gpqa_diamond_cot_n_shot": (0.308, 0.03),
}
POST_AFTER = {
    "mmlu_pro": (0.666, 0.004),
    "humaneval": (0.751, 0.02),
    "gsm8k": (0.879, 0.009),
    "hellaswag": (0.745, 0.004),
    "gpqa_diamond_cot_n_shot": (0.419, 0.03),
}


def test_groups_changes_and_what_is_beyond_noise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = (
        results(tmp_path / "b.json", POST_BEFORE),
        results(tmp_path / "a.json", POST_AFTER),
    )
    assert run_command(["compare", before, after, "--json", "rules={math: any, code: 0.5}"]) == 0
    got = json.loads(capsys.readouterr().out)
    changes = {group["name"]: round(group["change"], 1) for group in got["groups"]}
    assert changes == {"MMLU-Pro": 1.8, "GPQA": 11.1, "code": 1.9, "math": 0.3, "commonsense": 1.6}
    assert {name: got["verdicts"][name] for name in changes} == {
        "MMLU-Pro": "better",
        "GPQA": "better",
        "code": "noise",
        "math": "noise",
        "commonsense": "better",
    }
    assert got["groups"][0]["stderr"] == pytest.approx(0.5657, abs=1e-3)
    assert run_command(["compare", before, after]) == 0
    shown = capsys.readouterr().out
    assert "+11.10" in shown
    assert "gpqa_diamond_cot_n_shot" in shown


def test_a_group_is_the_mean_of_its_tasks_and_their_errors_combine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = results(
        tmp_path / "b.json", {"gsm8k": (0.5, 0.03), "mathqa": (0.3, 0.04), "odd": (0.1, "N/A")}
    )
    after = results(
        tmp_path / "a.json", {"gsm8k": (0.6, 0.0), "mathqa": (0.2, 0.0), "odd": (0.2, "N/A")}
    )
    assert run_command(["compare", before, after, "--json"]) == 0
    math, other = json.loads(capsys.readouterr().out)["groups"]
    assert (math["tasks"], math["before"], math["after"]) == (
        2,
        pytest.approx(40.0),
        pytest.approx(40.0),
    )
    assert math["stderr"] == pytest.approx(2.5)
    assert (other["name"], other["stderr"]) == ("other", None)


@pytest.mark.parametrize(
    ("rules", "code", "says"),
    [
        ("{math: 1.0}", 1, "math: fell by 3.00, at most 1 is accepted"),
        ("{math: any}", 1, "math: fell by 3.00, no fall beyond noise is accepted"),
        ("{math: 3.5}", 0, ""),
        ("{math: any}|z=4", 0, ""),
        ("{code: 1.0}", 1, "code: the rule cannot be checked"),
    ],
)
def test_a_broken_retention_rule_ends_with_1(
    tmp_path: Path, rules: str, code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = results(tmp_path / "b.json", {"gsm8k": (0.60, 0.006)})
    after = results(tmp_path / "a.json", {"gsm8k": (0.57, 0.008)})
    words, _, more = rules.partition("|")
    assert run_command(["compare", before, after, f"rules={words}", *more.split()]) == code
    assert says in capsys.readouterr().err


def test_folders_the_newest_file_counts_and_parts_of_a_scored_group_do_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results(tmp_path / "b" / "m" / "results_2026-01-01.json", {"gsm8k": (0.1, 0.01)})
    scores = {
        "gsm8k": (0.5, 0.01),
        "mmlu": (0.6, 0.01),
        "mmlu_stem": (0.5, 0.01),
        "mmlu_anatomy": (0.4, 0.01),
    }
    groups = {"mmlu": ["mmlu_stem"], "mmlu_stem": ["mmlu_anatomy"], "gsm8k": []}
    results(tmp_path / "b" / "m" / "results_2026-02-01.json", scores, group_subtasks=groups)
    results(tmp_path / "a" / "m" / "results_2026-03-01.json", scores, group_subtasks=groups)
    assert run_command(["compare", str(tmp_path / "b"), str(tmp_path / "a"), "--json"]) == 0
    got = json.loads(capsys.readouterr().out)
    assert [(task["name"], task["before"]) for task in got["tasks"]] == [
        ("gsm8k", 50.0),
        ("mmlu", 60.0),
    ]


def test_lower_is_better_counts_the_other_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    better = {"higher_is_better": {"gsm8k": {"acc": False}}}
    before = results(tmp_path / "b.json", {"gsm8k": (0.6, 0.01)}, **better)
    after = results(tmp_path / "a.json", {"gsm8k": (0.4, 0.01)}, **better)
    assert run_command(["compare", before, after, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdicts"]["gsm8k"] == "better"


def test_what_cannot_be_compared_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = results(tmp_path / "g.json", {"gsm8k": (0.5, 0.01)})
    other = results(tmp_path / "o.json", {"mbpp": (0.5, 0.01)})
    (tmp_path / "torn.json").write_text('{"results": {"gsm8k": 3')
    (tmp_path / "list.json").write_text('{"results": {"gsm8k": 3}}')
    (tmp_path / "em.json").write_text(
        json.dumps({"results": {"gsm8k": {"exact_match,strict": 0.5}}})
    )
    (tmp_path / "empty").mkdir()
    for words, says in (
        ([good], "takes two result files"),
        ([good, str(tmp_path / "nowhere.json")], "nowhere.json cannot be read"),
        ([good, str(tmp_path / "torn.json")], "torn.json is not a result file"),
        ([good, str(tmp_path / "list.json")], "list.json is not a result file"),
        ([good, str(tmp_path / "empty")], "holds no results*.json"),
        ([good, other], "no task in common"),
        (
            [good, str(tmp_path / "em.json")],
            "scored by acc,none before and by exact_match,strict after",
        ),
        ([good, good, "metrics=[f1]"], "has one of the metrics f1"),
        ([good, good, "z=-1"], "z: found -1"),
        ([good, good, "rules={maths: 1}"], "rules names group 'maths'; allowed: MMLU-Pro"),
    ):
        assert run_command(["compare", *words]) == 2, says
        err = capsys.readouterr().err
        assert says in err
        assert len(err.strip().splitlines()) == 1
