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
    assert {group["name"]: group["verdict"] for group in got["groups"]} == {
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
    (task,) = json.loads(capsys.readouterr().out)["tasks"]
    assert (task["verdict"], round(task["change"]), round(task["gain"])) == ("better", -20, 20)
    assert run_command(["compare", before, after]) == 0
    shown = capsys.readouterr().out
    assert "-20.00" in shown
    assert "lower is better: gsm8k" in shown


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
        ([good, str(tmp_path / "torn.json")], "torn.json is not a result file that it knows"),
        ([good, str(tmp_path / "list.json")], "list.json is not a result file that it knows"),
        ([good, str(tmp_path / "empty")], "holds no results*.json, metrics.json or results.yml"),
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


def lm_eval(folder: Path, scores: dict[str, float], **more: Any) -> Path:
    """A folder as lm-eval leaves it; ``items`` has the scores of items by task."""
    items = more.pop("items", {})
    listed = {task: (value, more.get("stderr", 0.01)) for task, value in scores.items()}
    more.pop("stderr", None)
    results(folder / "m" / "results_2026-01-01T00-00-00.json", listed, **more)
    for task, values in items.items():
        lines = [
            {"doc_id": number, "doc_hash": f"h{number}", "filter": "none", "acc": value}
            for number, value in enumerate(values)
        ]
        path = folder / "m" / f"samples_{task}_2026-01-01T00-00-00.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def compared(capsys: Any, before: Path, after: Path, *words: str) -> Any:
    code = run_command(["compare", str(before), str(after), "--json", *words])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return json.loads(captured.out)


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        ({"n-shot": {"math": 0}}, {"n-shot": {"math": 5}}, "shots 0 before, 5 after"),
        ({"versions": {"math": 2.0}}, {"versions": {"math": 3.0}}, "version 2.0 before, 3.0 after"),
        ({"config": {"limit": 50.0}}, {"config": {"limit": None}}, "limit 50.0 before, none after"),
        (
            {"n-samples": {"math": {"effective": 50}}},
            {"n-samples": {"math": {"effective": 1319}}},
            "items 50 before, 1319 after",
        ),
        ({"chat_template_sha": "a"}, {"chat_template_sha": None}, "chat template yes before, no"),
    ],
)
def test_other_settings_are_refused_or_said(
    tmp_path: Path, first: Any, second: Any, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = lm_eval(tmp_path / "b", {"math": 0.56}, **first)
    after = lm_eval(tmp_path / "a", {"math": 0.52}, **second)
    assert run_command(["compare", str(before), str(after)]) == 2
    err = capsys.readouterr().err
    assert says in err
    assert "differing=show" in err
    assert run_command(["compare", str(before), str(after), "differing=show"]) == 0
    assert f"NOT ALIKE: math: {says}" in capsys.readouterr().out


def test_several_models_on_one_side_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lm_eval(tmp_path / "b" / "base", {"gsm8k": 0.9}, model_name="base")
    lm_eval(tmp_path / "b" / "other", {"gsm8k": 0.6}, model_name="other")
    after = lm_eval(tmp_path / "a", {"gsm8k": 0.7}, model_name="after")
    assert run_command(["compare", str(tmp_path / "b"), str(after)]) == 2
    assert "has results of 2 models: base in" in capsys.readouterr().err


def test_a_group_does_not_depend_on_whether_an_aggregate_was_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """gsm8k falls by 6 and seven subtasks of MATH stay: the group falls by 3 in all four cases."""
    subtasks = {f"hendrycks_math_{n}": 0.4 for n in range(7)}
    sizes = {"n-samples": {name: {"effective": 100} for name in subtasks}}
    plain = {"gsm8k": 0.80, **subtasks}
    for name, more in (
        ("bare", {}),
        ("sum", {"group_subtasks": {"hendrycks_math": list(subtasks)}}),
    ):
        whole = {"hendrycks_math": 0.4} if name == "sum" else {}
        lm_eval(tmp_path / name / "b", plain | whole, **sizes, **more)
        lm_eval(tmp_path / name / "a", plain | whole | {"gsm8k": 0.74}, **sizes, **more)
    found = {
        compared(capsys, tmp_path / one / "b", tmp_path / other / "a")["groups"][0]["change"]
        for one in ("bare", "sum")
        for other in ("bare", "sum")
    }
    assert {round(change, 6) for change in found} == {-3.0}


def test_subtasks_weigh_by_their_items(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = {
        "n-samples": {
            "minerva_math_algebra": {"effective": 300},
            "minerva_math_geometry": {"effective": 100},
        }
    }
    scores = {"minerva_math_algebra": 0.5, "minerva_math_geometry": 0.1}
    before = lm_eval(tmp_path / "b", scores, **sizes)
    after = lm_eval(tmp_path / "a", scores | {"minerva_math_geometry": 0.5}, **sizes)
    (task,) = compared(capsys, before, after)["tasks"]
    assert (task["name"], task["tasks"]) == ("minerva_math", 2)
    assert (task["before"], task["after"]) == (pytest.approx(40.0), pytest.approx(50.0))
    assert task["stderr"] == pytest.approx((0.75**2 * 2 + 0.25**2 * 2) ** 0.5)


def test_pairs_of_items_see_what_independent_draws_do_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    n = 1000
    first = [1.0 if place % 2 else 0.0 for place in range(n)]
    second = [0.0 if place in range(1, 60, 2) else value for place, value in enumerate(first)]
    scores = {"gsm8k": 0.5}, {"gsm8k": 0.47}
    sides = [
        lm_eval(tmp_path / name, score, stderr=0.0158, items={"gsm8k": values})
        for name, score, values in (("b", scores[0], first), ("a", scores[1], second))
    ]
    (task,) = compared(capsys, *sides)["tasks"]
    assert task["paired"]
    assert task["verdict"] == "worse"
    # 30 of 1,000 items fell: the standard deviation of the differences, over the root of n
    assert task["stderr"] == pytest.approx(100 * (0.03 * 0.97 * n / (n - 1)) ** 0.5 / n**0.5)
    lm_eval(tmp_path / "c", scores[1], stderr=0.0158)
    (task,) = compared(capsys, sides[0], tmp_path / "c")["tasks"]
    assert (task["paired"], task["verdict"]) == (False, "noise")
    assert task["sees"] == pytest.approx((1.96 + 0.8416) * 1.58 * 2**0.5, rel=1e-3)


@pytest.mark.parametrize("fault", ["other items", "another mean", "torn"])
def test_item_scores_that_do_not_belong_to_the_score_are_not_used(
    tmp_path: Path, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    items = [1.0, 0.0] * 50
    before = lm_eval(tmp_path / "b", {"gsm8k": 0.5}, items={"gsm8k": items})
    after = lm_eval(tmp_path / "a", {"gsm8k": 0.5}, items={"gsm8k": items})
    path = next((tmp_path / "a").rglob("samples*"))
    if fault == "other items":
        path.write_text(path.read_text().replace("h3", "x3"))
    elif fault == "another mean":
        path.write_text(path.read_text().replace('"acc": 0.0', '"acc": 1.0'))
    else:
        path.write_text(path.read_text()[:-5])
    assert not compared(capsys, before, after)["tasks"][0]["paired"]


def test_many_comparisons_are_judged_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """2.5 standard errors are enough alone, and not as the largest of fifteen."""
    fall = 2.5 * 0.01 * 2**0.5
    many = {f"task_{n}": 0.5 for n in range(15)}
    before, after = (
        lm_eval(tmp_path / "b", many),
        lm_eval(tmp_path / "a", many | {"task_0": 0.5 - fall}),
    )
    verdicts = {one["name"]: one["verdict"] for one in compared(capsys, before, after)["tasks"]}
    assert verdicts["task_0"] == "noise"
    one = {"task_0": 0.5}
    before, after = (
        lm_eval(tmp_path / "1b", one),
        lm_eval(tmp_path / "1a", {"task_0": 0.5 - fall}),
    )
    assert compared(capsys, before, after)["tasks"][0]["verdict"] == "worse"


def test_a_perplexity_is_taken_as_it_is_and_lower_is_better(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (("b", 30.0), ("a", 22.0)):
        data = {"results": {"wikitext": {"word_perplexity,none": value}}}
        (tmp_path / f"{name}.json").write_text(json.dumps(data))
    words = (tmp_path / "b.json", tmp_path / "a.json")
    (task,) = compared(capsys, *words, "metrics=[word_perplexity]")["tasks"]
    assert (task["before"], task["change"], task["gain"]) == (30.0, -8.0, 8.0)
    (tmp_path / "odd.json").write_text(json.dumps({"results": {"x": {"acc,none": 61.5}}}))
    assert run_command(["compare", str(tmp_path / "odd.json"), str(tmp_path / "odd.json")]) == 2
    assert "acc,none of task x is 61.5, which is no share of 1" in capsys.readouterr().err


def skills(folder: Path, correct: list[list[bool]]) -> Path:
    """A folder of NeMo-Skills' results: a row of ``correct`` for each of several generations."""
    bench = folder / "eval-results" / "gsm8k"
    bench.mkdir(parents=True)
    entries = len(correct[0])
    for number, row in enumerate(correct):
        lines = [
            {"problem": f"p{place}", "expected_answer": "1", "symbolic_correct": value}
            for place, value in enumerate(row)
        ]
        path = bench / f"output-rs{number}.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    mean = 100 * sum(map(sum, correct)) / (len(correct) * entries)
    modes = {
        f"pass@1[avg-of-{len(correct)}]": {"num_entries": entries, "symbolic_correct": mean},
        f"pass@{len(correct)}": {"num_entries": entries, "symbolic_correct": 99.0},
    }
    (folder / "eval-results" / "metrics.json").write_text(json.dumps({"gsm8k": modes}))
    return folder


def test_results_of_nemo_skills(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = [place % 4 != 0 for place in range(400)]
    worse = [value and place % 40 != 1 for place, value in enumerate(base)]
    before = skills(tmp_path / "b", [base, base])
    after = skills(tmp_path / "a", [worse, worse])
    (task,) = compared(capsys, before, after)["tasks"]
    assert task["metric"] == "pass@1[avg-of-2] symbolic_correct"
    assert (task["before"], task["after"]) == (75.0, 72.5)
    assert (task["paired"], task["verdict"]) == (True, "worse")
    for path in tmp_path.rglob("output*.jsonl"):
        path.unlink()
    (task,) = compared(capsys, before, after)["tasks"]
    assert (task["paired"], task["verdict"]) == (False, "noise")
    assert task["stderr"] == pytest.approx((75 * 25 / 400 + 72.5 * 27.5 / 400) ** 0.5)


EVALUATOR = """
config:
  type: lm-evaluation-harness.mmlu
  params: {{limit_samples: {limit}, extra: {{num_fewshot: 5}}}}
target: {{api_endpoint: {{model_id: {model}}}}}
results:
  groups:
    mmlu:
      metrics: {{acc: {{scores: {{acc: {{value: {value}, stats: {{stderr: 0.01}}}}}}}}}}
  tasks:
    mmlu_anatomy:
      metrics: {{acc: {{scores: {{acc: {{value: 0.1, stats: {{stderr: 0.01}}}}}}}}}}
    gsm8k:
      metrics:
        exact_match__strict-match:
          scores: {{exact_match__strict-match: {{value: {value}, stats: {{stderr: 0.01}}}}}}
"""


def test_results_of_nemo_evaluator(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, value, limit in (("b", 0.6, 50), ("a", 0.5, 50), ("c", 0.5, 100)):
        (tmp_path / name).mkdir()
        text = EVALUATOR.format(model=name, value=value, limit=limit)
        (tmp_path / name / "results.yml").write_text(text)
    got = compared(capsys, tmp_path / "b", tmp_path / "a")
    assert {one["name"]: round(one["change"], 6) for one in got["tasks"]} == {
        "gsm8k": -10.0,
        "mmlu": -10.0,
    }
    assert got["models"] == ["b", "a"]
    assert run_command(["compare", str(tmp_path / "b"), str(tmp_path / "c")]) == 2
    assert "limit 50 before, 100 after" in capsys.readouterr().err
