from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.package.data_designer import write_output
from tests.package.words import save_tokenizer
from tsdg.errors import MachineError, UsageError
from tsdg.package.tokens import BATCH, TokenCounter, count_corpus, find_tokenizer


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with a real tokenizer that adds a special token, and is set to cut and pad."""
    save_tokenizer(tmp_path)
    return tmp_path


def test_counts_what_the_text_has(model: Path) -> None:
    counter = TokenCounter(find_tokenizer(str(model)))
    assert counter(["a", "a b a b a b", "", "水 a"]) == [1, 6, 0, 2]
    texts = ["a " * (index % 7) for index in range(2 * BATCH + 1)]
    assert counter(texts) == [index % 7 for index in range(2 * BATCH + 1)]
    assert counter([]) == []


def test_a_folder_without_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(
        MachineError, match=r"^model.path=.* has no tokenizer.json.*save_pretrained\(DIR\)$"
    ):
        find_tokenizer(str(tmp_path))


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=r"is not a folder.*with server.type=openai too"):
        find_tokenizer(str(tmp_path / "nope"))


def test_a_hub_id_is_looked_up_in_the_cache(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(MachineError, match=r"hf download someone/model tokenizer.json"):
        find_tokenizer("someone/model")
    folder = tmp_path / "hub" / "models--someone--model"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("abc")
    (folder / "snapshots" / "abc").mkdir(parents=True)
    (folder / "snapshots" / "abc" / "tokenizer.json").write_bytes(
        (model / "tokenizer.json").read_bytes()
    )
    assert TokenCounter(find_tokenizer("someone/model"))(["a b"]) == [2]


@pytest.mark.parametrize("content", ["", "{", json.dumps({"version": "1.0"})])
def test_rubbish_is_one_clear_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(MachineError, match=r"is not a tokenizer") as caught:
        TokenCounter(find_tokenizer(str(tmp_path)))
    assert "\n" not in str(caught.value)


def test_the_tokens_of_a_corpus(tmp_path: Path, model: Path) -> None:
    counter = TokenCounter(find_tokenizer(str(model)))
    rows = [{"sample": "a b " * number, "other": number} for number in range(600)]
    folder = write_output(tmp_path / "artifacts", rows)
    assert count_corpus(folder, "sample", counter) == sum(2 * number for number in range(600))
    (folder / "more.jsonl").write_text('{"sample": "a"}\n{"sample": null}\n')
    assert count_corpus(folder / "more.jsonl", "sample", counter) == 1
    assert count_corpus(folder, "sample", counter) == sum(2 * number for number in range(600)) + 1


def test_a_corpus_without_text_is_one_line(tmp_path: Path, model: Path) -> None:
    counter = TokenCounter(find_tokenizer(str(model)))
    folder = write_output(tmp_path / "artifacts", [{"sample": "", "score": 1}])
    (tmp_path / "broken.parquet").write_text("no table")
    for path, field, says in (
        (
            tmp_path / "nowhere",
            "sample",
            "is not a file or folder of .parquet or .jsonl files with text",
        ),
        (folder, "sample", "with text; name one that has some"),
        (folder, "text", r"has no column 'text'; found: sample, score"),
        (folder, "score", "column 'score' holds int64; text is needed"),
        (tmp_path / "broken.parquet", "sample", "cannot be read"),
    ):
        with pytest.raises(UsageError, match=says) as caught:
            count_corpus(path, field, counter)
        assert "\n" not in str(caught.value)
