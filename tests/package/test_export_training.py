"""Exports for trainers: packed tokens, chat turns, questions with verifiable answers, samples."""

from __future__ import annotations

import json
import struct
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.package.make_run import make_run
from tests.package.words import save_tokenizer
from tsdg.cli import run_command
from tsdg.layout import QUESTIONS, SAMPLES
from tsdg.package.export.nemo_gym import calls_of, line, table, verified
from tsdg.package.pairs import accepted_pairs
from tsdg.package.render import Wording, render_record
from tsdg.records import Question, Record
from tsdg.rowform import from_row
from tsdg.tables import read_rows
from tsdg.verify.number import TOLERANCE


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "run"
    make_run(folder, seed=6, tasks=4, seeds_per_task=20).package()
    return folder


def export(run: Path, out: Path, *words: str) -> Path:
    assert run_command(["export", str(run), *words, f"out={out}"]) == 0
    return out


def lines(folder: Path, pattern: str = "*.jsonl") -> list[dict[str, Any]]:
    return [
        json.loads(text)
        for path in sorted(folder.rglob(pattern))
        for text in path.read_text().splitlines()
    ]


def records(run: Path) -> dict[str, dict[str, Any]]:
    files = sorted((run / "dataset").rglob("*.parquet"))
    return {row["record_id"]: row for file in files for row in pq.read_table(file).to_pylist()}


def unpacked(prefix: Path) -> list[list[int]]:
    """The documents of a packed file, by the layout that Megatron-Core describes."""
    raw = prefix.with_name(f"{prefix.name}.idx").read_bytes()
    assert raw[:9] == b"MMIDIDX\x00\x00"
    version, code, sequences, boundaries = struct.unpack_from("<QBQQ", raw, 9)
    assert (version, boundaries) == (1, sequences + 1)
    kind = {8: np.uint16, 4: np.int32}[code]
    lengths = np.frombuffer(raw, np.int32, sequences, 34)
    offsets = np.frombuffer(raw, np.int64, sequences, 34 + lengths.nbytes)
    ends = np.frombuffer(raw, np.int64, boundaries, 34 + lengths.nbytes + offsets.nbytes)
    assert len(raw) == 34 + lengths.nbytes + offsets.nbytes + ends.nbytes
    assert ends.tolist() == list(range(sequences + 1))
    data = prefix.with_name(f"{prefix.name}.bin").read_bytes()
    return [
        np.frombuffer(data, kind, length, offset).tolist()
        for length, offset in zip(lengths.tolist(), offsets.tolist(), strict=True)
    ]


def test_packed_tokens_are_those_of_the_texts_with_an_end_each(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tokenizers import Tokenizer

    save_tokenizer(tmp_path / "model")
    words = ("--format=megatron-bin", f"tokenizer={tmp_path / 'model'}", "eod=<s>")
    out = export(run, tmp_path / "out", *words)
    tokenizer = Tokenizer.from_file(str(tmp_path / "model/tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    made = json.loads((out / "tokens.json").read_text())
    assert (made["end_of_document"], made["end_of_document_id"]) == ("<s>", 0)
    assert made["token_type"] == "uint16"
    total = 0
    for group in (run / "dataset").iterdir():
        for task in group.iterdir():
            texts = [
                text
                for file in sorted(task.glob("*.parquet"))
                for text in pq.read_table(file, columns=["text"])["text"].to_pylist()
            ]
            found = unpacked(out / f"{task.name}_text_document")
            expected = [
                [*encoding.ids, 0]
                for encoding in tokenizer.encode_batch(texts, add_special_tokens=False)
            ]
            assert found == expected
            assert made["tasks"][task.name]["documents"] == len(texts)
            assert made["tasks"][task.name]["tokens"] == sum(map(len, expected))
            total += len(texts)
    assert f"{total:,} rows" in capsys.readouterr().out
    blend = (out / "megatron.txt").read_text().split()
    assert blend == json.loads((out / "megatron.json").read_text())
    assert json.loads((out / "megatron-splits.json").read_text())["train"] == blend
    assert all(Path(f"{prefix}.idx").is_file() for prefix in blend[1::2])


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--format=megatron-bin"], 2, "needs tokenizer=FOLDER"),
        (["--format=megatron-bin", "tokenizer=MODEL"], 2, "name an end of document; name it by"),
        (["--format=megatron-bin", "tokenizer=MODEL", "eod=<x>"], 2, "has no token '<x>'"),
        (["--format=megatron-bin", "tokenizer=NONE"], 3, "tokenizer=NONE is not a folder"),
        (["--format=trl", "tokenizer=MODEL"], 2, "tokenizer= has no meaning for --format trl"),
    ],
)
def test_what_cannot_be_packed_is_one_line(
    run: Path, tmp_path: Path, words: list[str], code: int, says: str, capsys: Any
) -> None:
    save_tokenizer(tmp_path / "model")
    asked = [word.replace("MODEL", str(tmp_path / "model")) for word in words]
    assert run_command(["export", str(run), *asked, f"out={tmp_path / 'out'}"]) == code
    said = capsys.readouterr().err
    assert says in said
    assert len(said.strip().splitlines()) == 1


def test_the_end_of_document_is_that_of_the_tokenizers_settings(run: Path, tmp_path: Path) -> None:
    save_tokenizer(tmp_path / "model")
    (tmp_path / "model/tokenizer_config.json").write_text('{"eos_token": {"content": "b"}}')
    out = export(run, tmp_path / "out", "--format=megatron-bin", f"tokenizer={tmp_path / 'model'}")
    assert json.loads((out / "tokens.json").read_text())["end_of_document_id"] == 3


def test_chat_turns_for_trl_hold_the_reasoning_as_thoughts(run: Path, tmp_path: Path) -> None:
    out = export(run, tmp_path / "out", "--format=trl")
    there = records(run)
    pairs, messages = lines(out / "prompt_completion"), lines(out / "messages")
    assert len(pairs) == len(messages) == len(there)
    for pair, chat in zip(pairs, messages, strict=True):
        assert chat["messages"] == [*pair["prompt"], *pair["completion"]]
        record = there[pair["record_id"]]
        (said,) = pair["completion"]
        assert said.get("reasoning_content", "") == record["reasoning"].strip()
        assert said["content"].endswith(record["messages"][1]["content"][-5:])
        if record["reasoning"]:
            assert record["reasoning"].strip() not in said["content"]


def test_a_record_in_its_own_wording_is_what_it_is(run: Path) -> None:
    wording = Wording(style="labelled", knowledge="after", think=False)
    for row in records(run).values():
        record = from_row(Record, row)
        rendered = render_record(record, wording)
        assert rendered.text == record.text
        assert rendered.messages == record.messages


def test_all_samples_stand_side_by_side(run: Path, tmp_path: Path) -> None:
    out = export(run, tmp_path / "out", "--format=nemo-skills")
    drawn = Counter(row["question_id"] for row in pq.read_table(run / SAMPLES).to_pylist())
    late = {row["row_id"] for row in pq.read_table(run / "filter/rejected.parquet").to_pylist()}
    assert late
    seen: Counter[str] = Counter()
    for folder in out.rglob("samples-*"):
        number = int(folder.name.removeprefix("samples-"))
        files = sorted(folder.glob("output-rs*.jsonl"))
        assert len(files) == number
        asked = [
            [json.loads(text)["id"] for text in file.read_text().splitlines()] for file in files
        ]
        assert all(ids == asked[0] for ids in asked)
        assert {drawn[one] for one in asked[0]} == {number}
        seen.update(one for ids in asked for one in ids)
    assert seen == Counter({key: count for key, count in drawn.items() if key not in late})
    kept = {row["question_id"]: row["answer"] for row in records(run).values()}
    for row in lines(out, "output-rs*.jsonl"):
        assert row["expected_answer"] == kept.get(row["id"])
        if row["answer_kind"] in ("number", "math"):
            assert f"\\boxed{{{row['predicted_answer']}}}" in row["generation"]


def test_nemo_gym_has_what_each_server_needs_and_only_what_was_verified(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = export(run, tmp_path / "out", "--format=nemo-gym")
    rows = lines(out)
    packaged = {row["question_id"] for row in records(run).values()}
    kinds = {row.question_id: row.answer_kind for row in read_rows(run / QUESTIONS, Question)}
    left_out = {key for key in packaged if kinds[key] in ("text", "json")}  # they have no checks
    assert {row["uuid"] for row in rows} == packaged - left_out
    assert f"left out: {len(left_out)} of free text" in capsys.readouterr().out
    for path in out.rglob("*.jsonl"):
        level = path.stem.removeprefix("difficulty-")
        for row in map(json.loads, path.read_text().splitlines()):
            assert row["verifier"]["server"] == path.parent.name
            assert str(row["difficulty"] or "unknown") == level
            (turn,) = row["responses_create_params"]["input"]
            assert turn["role"] == "user"
            if row["verifier"]["server"] == "mcqa":
                shown = {key: value for one in row["options"] for key, value in one.items()}
                assert shown[row["expected_answer"]] == row["answer_text"]
                assert f"{row['expected_answer']}: {row['answer_text']}" in turn["content"]
            if row["verifier"]["name"] == "number":
                assert row["verifier"]["tolerance"] == float(TOLERANCE)
    assert {row["verifier"]["server"] for row in rows} >= {"mcqa", "math_with_judge"}


def test_each_kind_goes_to_the_server_that_can_verify_it(run: Path) -> None:
    question, solution = next(accepted_pairs(run))
    solution = replace(solution, verification=replace(solution.verification, method="vote"))

    def made(kind: str, answer: str, options: tuple[str, ...] = (), *checks: str) -> Any:
        asked = replace(question, answer_kind=kind, options=options, checks=checks)  # type: ignore[arg-type]
        return line(asked, replace(solution, answer=answer))

    assert made("boolean", "no")["expected_answer"] == "B"
    assert made("short_text", "Paris")["verifier"]["server"] == "equivalence_llm_judge"
    row = made("code", "def f(a): ...", (), "assert f(1) == [2]", "assert f('x') == None")
    tests = row["verifier_metadata"]["unit_tests"]
    assert tests == {"inputs": ["1", '"x"'], "outputs": ["[2]", "null"], "fn_name": "f"}
    row = made("code", "def f(a): ...", (), "assert f(1) == [2]", "assert g(f)")
    assert row["verifier"]["server"] == "python_assertions"
    assert "agent_ref" not in row
    assert made("json", "{}", (), '{"type": "object"}')["schema_str"] == '{"type": "object"}'
    row = made("text", "…", (), '{"id": "punctuation:no_comma"}', '{"id": "x:y", "n": 3}')
    assert (row["instruction_id_list"], row["kwargs"]) == (
        ["punctuation:no_comma", "x:y"],
        [{}, {"n": 3}],
    )
    unverified = replace(solution, verification=replace(solution.verification, method="none"))
    assert line(question, unverified) == "whose answer nothing verified"
    assert not verified("judge, best of 4")
    assert calls_of("assert f(1) ==") == []
    assert set(table()["servers"]) >= {"mcqa", "math_with_judge"}


def test_a_merged_dataset_says_what_it_lacks(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(tmp_path / "b", seed=7, tasks=4, seeds_per_task=12).package()
    merged = tmp_path / "merged"
    assert run_command(["merge", str(run), str(tmp_path / "b"), f"out={merged}"]) == 0
    export(merged, tmp_path / "trl", "--format=trl")
    capsys.readouterr()
    for form in ("nemo-skills", "nemo-gym", "data-designer"):
        assert run_command(["export", str(merged), "--format", form, f"out={tmp_path / form}"]) == 2
        assert "was merged and has records only" in capsys.readouterr().err


def test_the_take_away_is_whole(run: Path, tmp_path: Path) -> None:
    """A record leads to its source row within the exported folder."""
    out = export(run, tmp_path / "out", "--format=hf")
    seeds = {row["seed_id"]: row for row in pq.read_table(out / "seeds/seeds.parquet").to_pylist()}
    for row in records(out).values():
        assert all(seeds[one]["source"]["split"] == "train" for one in row["seed_ids"])
    assert json.loads((out / "manifest.json").read_text())["digest"]


@pytest.mark.parametrize(
    "form", ["jsonl", "parquet", "hf", "trl", "nemo-skills", "nemo-gym", "megatron"]
)
def test_every_folder_loads_by_its_name(run: Path, tmp_path: Path, form: str) -> None:
    from datasets import get_dataset_config_names, load_dataset

    out = export(run, tmp_path / "out", "--format", form)
    for config in get_dataset_config_names(str(out))[:3]:
        loaded = load_dataset(str(out), config, split="train", cache_dir=str(tmp_path / "cache"))
        assert len(loaded) > 0, config
