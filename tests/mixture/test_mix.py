"""``tsdg mix`` on manifests."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.package.data_designer import write_output
from tests.package.make_run import make_run
from tests.package.words import save_tokenizer
from tsdg.cli import run_command


def run_with(folder: Path, tasks: dict[str, tuple[str, int]]) -> str:
    folder.mkdir()
    listed = {
        name: {"group": group, "tokens": tokens, "records": tokens // 10}
        for name, (group, tokens) in tasks.items()
    }
    (folder / "manifest.json").write_text(json.dumps({"tasks": listed, "digest": folder.name}))
    return str(folder)


@pytest.fixture
def runs(tmp_path: Path) -> list[str]:
    first = {"arc": ("knowledge", 1000), "gsm8k": ("reasoning", 4000), "none": ("knowledge", 0)}
    return [run_with(tmp_path / "a", first), run_with(tmp_path / "b", {"arc": ("knowledge", 500)})]


def test_runs_and_a_corpus_become_blends(
    runs: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(
        "corpora: [{name: web, path: /data/web, tokens: 100000, group: web}]\n"
    )
    words = [
        "budget=20000",
        "config=mine.yaml",
        "group_shares={web: 0.5, knowledge: 0.2}",
        "valid=[b/arc]",
    ]
    assert run_command(["mix", *runs, *words]) == 0
    shown = capsys.readouterr().out
    assert "20,000 tokens" in shown
    wants = "gsm8k: the mixture wants 6,000 tokens, there are 4,000; "
    assert f"{wants}`tsdg topup {runs[0]} records.gsm8k=600`" in shown
    blend = json.loads((tmp_path / "mix" / "blend.json").read_text())
    assert {entry["name"]: entry["weight"] for entry in blend["train"]} == {
        "a--arc": 0.2,
        "gsm8k": 0.3,
        "web": 0.5,
    }
    assert [entry["name"] for entry in blend["valid"]] == ["b--arc"]
    listed = json.loads((tmp_path / "mix" / "megatron.json").read_text())
    assert sum(Decimal(weight) for weight in listed[::2]) == 1
    assert (tmp_path / "mix" / "megatron.txt").read_text().split() == listed
    splits = json.loads((tmp_path / "mix" / "megatron-splits.json").read_text())
    assert splits == {
        "train": listed,
        "valid": ["1.000000000", "b--arc_text_document"],
        "test": None,
    }
    record = json.loads((tmp_path / "mix" / "mix.json").read_text())
    assert {one["name"]: one["epochs"] for one in record["parts"]}["gsm8k"] == pytest.approx(1.5)
    assert record["config"]["budget"] == 20000
    assert (tmp_path / "mix" / "shares.svg").read_text().startswith("<svg")


def made(folder: Path, seed: int) -> Path:
    make_run(folder, seed=seed, tasks=3, seeds_per_task=12).package()
    return folder


def test_what_would_count_twice_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = made(tmp_path / "a", 3), made(tmp_path / "b", 4)
    other = made(tmp_path / "other", 3)  # the requests of a
    (other / "manifest.json").write_text(
        (other / "manifest.json").read_text().replace('"digest": "', '"digest": "other')
    )
    merged = tmp_path / "merged"
    assert run_command(["merge", str(a), str(b), f"out={merged}"]) == 0
    words = ["budget=100", "max_epochs=100", f"out={tmp_path / 'mix'}"]
    capsys.readouterr()
    for runs, says in (
        ([a, merged], "have a run in common"),
        ([merged, b], "have a run in common"),
        ([a, other], "share questions"),
    ):
        assert run_command(["mix", *map(str, runs), *words]) == 2
        said = capsys.readouterr().err
        assert says in said
        assert len(said.strip().splitlines()) == 1
    assert run_command(["mix", str(a), str(b), *words]) == 0
    assert run_command(["mix", str(a), str(b), *words]) == 0, "the same mixture again"
    assert run_command(["mix", str(a), str(b), *words[1:], "budget=200"]) == 2
    assert "holds another mixture" in capsys.readouterr().err


def test_a_path_with_white_space_is_refused(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["budget=10", "prefix=my data/{name}", f"out={tmp_path / 'mix'}"]
    assert run_command(["mix", *runs, *words]) == 2
    assert "Megatron splits its list of paths at white space" in capsys.readouterr().err


def test_the_tokens_of_a_corpus_are_counted(runs: list[str], tmp_path: Path) -> None:
    samples = [{"rqa_sample": "a b a", "question": "a"}] * 1500
    folder = write_output(tmp_path / "artifacts", samples)
    corpora = (
        f"corpora: [{{name: dd, path: {folder}, tokens: count, group: web, "
        "text_field: rqa_sample}]\n"
    )
    (tmp_path / "mine.yaml").write_text(corpora)
    save_tokenizer(tmp_path / "model")
    words = ["budget=5000", f"config={tmp_path}/mine.yaml", f"out={tmp_path}/mix"]
    assert run_command(["mix", *runs, *words, f"tokenizer={tmp_path}/model"]) == 0
    parts = json.loads((tmp_path / "mix" / "mix.json").read_text())["parts"]
    assert {one["name"]: one["available_tokens"] for one in parts}["dd"] == 4500
    entries = json.loads((tmp_path / "mix" / "blend.json").read_text())["datasets"]
    assert {entry["name"]: entry["text_field"] for entry in entries}["dd"] == "rqa_sample"


def test_a_corpus_is_counted_with_a_tokenizer_only(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["budget=10", f"corpora=[{{name: dd, path: {tmp_path}, tokens: count, group: web}}]"]
    assert run_command(["mix", *runs, *words]) == 2
    assert "corpora: dd has tokens: count, which needs tokenizer=FOLDER" in capsys.readouterr().err
    assert run_command(["mix", *runs, *words, f"tokenizer={tmp_path}/none"]) == 3
    assert f"tokenizer={tmp_path}/none is not a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "budget: has no value; give it one with budget=VALUE"),
        (["budget=none"], "budget: found 'none', allowed: a whole number (1 or more)"),
        (["budget=10", "polcy=uniform"], "polcy is unknown; allowed: budget, caps"),
        (["budget=10", "policy=best"], "policy: found 'best', allowed: proportional, uniform"),
        (["budget=10", "prefix=x"], "prefix is 'x'; it needs {name}"),
        (
            ["budget=10", "valid=[arc]"],
            "valid names arc, which is not a part; allowed: a/arc, gsm8k, b/arc",
        ),
        (["budget=10", "valid=[a/arc,b/arc,gsm8k]"], "valid and test take every part"),
        (["budget=10", "valid=[gsm8k]", "test=[gsm8k]"], "gsm8k stands in valid and in test"),
        (
            ["budget=10", "group_shares={knowledge: 0.7, reasoning: 0.7}"],
            "group_shares add up to 1.4",
        ),
        (["budget=10", "config=nowhere.yaml"], "nowhere.yaml cannot be read"),
        (["budget=10", "caps={a"], "'caps={a' is not understood; allowed: KEY=VALUE"),
        (
            ["budget=10", "caps=[a]"],
            "tsdg mix: caps: found ['a'], allowed: a mapping {NAME: VALUE}",
        ),
        (["budget=10", "caps=${a}"], "tsdg mix: caps: Interpolation key 'a' not found"),
        (["budget=10", ".=5"], "found '.=5'; allowed: KEY=VALUE"),
        (["budget=10", "out=RUN/x"], "which is a run or a dataset; name a folder outside it"),
        (
            ["budget=10", "corpora=[{name: x}]"],
            "corpora[0].path: has no value; give it one with corpora=[...]",
        ),
        (
            ["budget=10", "corpora=[{name: gsm8k, path: x, tokens: 5, group: web}]"],
            "two parts are named gsm8k",
        ),
    ],
)
def test_what_cannot_be_mixed_is_one_line(
    runs: list[str], words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["mix", *runs, *(word.replace("RUN", runs[0]) for word in words)]) == 2
    err = capsys.readouterr().err
    assert says in err
    assert len(err.strip().splitlines()) == 1


def test_no_run_an_unfinished_one_and_a_damaged_manifest(
    runs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["mix", "budget=1"]) == 2
    assert run_command(["mix", str(tmp_path / "nowhere"), "budget=1"]) == 2
    assert "the run is not finished" in capsys.readouterr().err
    assert run_command(["mix", runs[0], runs[0], "budget=1"]) == 2
    assert "is the same run as" in capsys.readouterr().err
    (Path(runs[0]) / "manifest.json").write_text('{"tasks": 3}')
    assert run_command(["mix", runs[0], "budget=1"]) == 1
    assert "is damaged" in capsys.readouterr().err
