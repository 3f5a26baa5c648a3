"""The programs that exports are for read them: Megatron-Core, NeMo Gym, datasets, TRL, lm-eval."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.package.make_run import make_run
from tests.package.words import save_tokenizer
from tsdg.cli import run_command

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clients") / "run"
    make_run(folder, seed=6, tasks=4, seeds_per_task=20).package()
    return folder


@pytest.fixture(scope="module")
def read(run: Path, clients: Path) -> Callable[[str], Any]:
    """What a program read of the run's exports."""
    folder = run.parent / "exports"
    save_tokenizer(folder / "model")
    for form in ("jsonl", "parquet", "hf", "trl", "nemo-skills", "nemo-gym", "megatron-bin"):
        words = [f"tokenizer={folder / 'model'}", "eod=<s>"] if form == "megatron-bin" else []
        out = f"out={folder / form}"
        assert run_command(["export", str(run), "--format", form, out, *words]) == 0
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / ".hf")}
    environment = {key: value for key, value in environment.items() if key != "PYTHONPATH"}

    def read_by(program: str) -> Any:
        command = [clients, str(HERE / "read_exports.py"), program, str(folder)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500)
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads((folder / f"{program}.json").read_text())

    return read_by


def rows_of(run: Path) -> list[dict[str, Any]]:
    files = sorted((run / "dataset").rglob("*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def test_megatron_core_reads_the_packed_tokens(run: Path, read: Callable[[str], Any]) -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(run.parent / "exports/model/tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    found = read("megatron")
    packed = found["documents"]
    expected: dict[str, list[list[int]]] = {}
    for row in rows_of(run):
        tokens = tokenizer.encode(row["text"], add_special_tokens=False).ids
        expected.setdefault(f"{row['task']}_text_document", []).append([*tokens, 0])
    assert packed == expected
    for name, boundaries in found["boundaries"].items():
        assert boundaries == list(range(len(expected[name]) + 1))
    assert sum(found["weights"]) == pytest.approx(1.0)


def test_nemo_gym_takes_every_line(read: Callable[[str], Any]) -> None:
    found = read("nemo_gym")
    assert found["offending"] == []
    assert found["lines"] == found["turns"] > 5
    assert set(found["taken"]) == {"mcqa", "math_with_judge", "equivalence_llm_judge"}
    assert found["refuses"], "its validation sees what is wrong"


def test_datasets_of_another_major_loads_every_folder(
    run: Path, read: Callable[[str], Any]
) -> None:
    import datasets

    found = read("datasets")
    assert found.pop("version").split(".")[0] != datasets.__version__.split(".")[0]
    count = len(rows_of(run))
    assert found["jsonl"] == found["parquet"] == {"default": count}
    assert found["hf"]["all"] == count
    assert found["trl"] == {"prompt_completion": count, "messages": count}
    assert min(found["nemo-skills"].values()) > 0
    assert min(found["nemo-gym"].values()) > 0


def test_trl_trains_on_both_forms_with_the_thoughts(run: Path, read: Callable[[str], Any]) -> None:
    thoughtful = sum(bool(row["reasoning"].strip()) for row in rows_of(run))
    assert thoughtful > 0
    for found in read("trl").values():
        assert found["conversational"]
        assert found["thoughts"] == thoughtful
        assert sum("<think>\n\n</think>" not in text for text in found["texts"]) == thoughtful
        assert found["steps"] == 1


def test_lm_eval_parses_the_commands_of_eval(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import shlex

    from lm_eval._cli.harness import HarnessCLI

    assert run_command(["eval", "some/model", "out=before"]) == 0
    printed = [line for line in capsys.readouterr().out.splitlines() if "lm_eval" in line]
    assert printed
    for line in printed:
        monkeypatch.setattr("sys.argv", shlex.split(line))
        parsed = HarnessCLI().parse_args()
        assert parsed.tasks
        assert parsed.log_samples
