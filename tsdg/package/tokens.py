"""Token counts by the model's own tokenizer.

The rule: ``model.path`` names the folder that holds the model's ``tokenizer.json``, whatever serves
the model. With ``server.type=vllm`` that is the folder of the weights; with ``server.type=openai``
a folder with the tokenizer alone will do. A hub id is looked up in this machine's hub cache;
nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tsdg.errors import MachineError, UsageError
from tsdg.installation import lacks_demo_model

if TYPE_CHECKING:
    import pyarrow as pa
    from tokenizers import Tokenizer

FILE = "tokenizer.json"
_FORMATS = {".parquet": "parquet", ".jsonl": "json"}
BATCH = 256
"""Texts encoded at once: enough for all cores, small enough for little memory."""


def find_tokenizer(model_path: str, *, key: str = "model.path") -> Path:
    """Return the ``tokenizer.json`` of a model. Quick: a look at the disk, nothing is loaded.

    Args:
        model_path: the recipe's ``model.path``: a folder, or a hub id.
        key: where the user named it, for messages.

    Raises:
        MachineError: there is none.
    """
    folder = Path(model_path).expanduser()
    if (folder / FILE).is_file():
        return folder / FILE
    if folder.is_dir():
        raise MachineError(
            f"{key}={model_path} has no {FILE}, which counts the tokens of the dataset; "
            "write one there with transformers: "
            "AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)"
        )
    if not folder.is_absolute() and model_path.count("/") == 1:
        from huggingface_hub import try_to_load_from_cache

        cached = try_to_load_from_cache(model_path, FILE)
        if isinstance(cached, str):
            return Path(cached)
        raise MachineError(
            f"{key}={model_path} is not a folder, and this machine's hub cache has no {FILE} of "
            "that name, which counts the tokens of the dataset; fetch it with "
            f"`hf download {model_path} {FILE}`, or give a folder"
        )
    if advice := lacks_demo_model(folder):
        raise MachineError(f"{key}={model_path}: {advice}, or name another with model=endpoint")
    raise MachineError(
        f"{key}={model_path} is not a folder: a folder with the model's {FILE} is needed to count "
        "the tokens of the dataset, with server.type=openai too"
    )


def load_tokenizer(path: Path) -> Tokenizer:
    """Load a tokenizer that neither cuts nor pads.

    Raises:
        MachineError: the file is not a tokenizer.
    """
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises the bare class
        raise MachineError(
            f"{path} is not a tokenizer ({' '.join(str(error).split())}); see model.path"
        ) from error
    # A tokenizer saved for inference may cut or pad what it is given.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


class TokenCounter:
    """Counts the tokens of texts, without the special ones that trainers add themselves."""

    def __init__(self, path: Path) -> None:
        """Load a tokenizer; see :func:`load_tokenizer`."""
        self._path = path
        self._tokenizer = load_tokenizer(path)

    def __reduce__(self) -> tuple[type[TokenCounter], tuple[Path]]:
        """Another process loads the file for itself."""
        return TokenCounter, (self._path,)

    def __call__(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text, in order."""
        counts: list[int] = []
        for start in range(0, len(texts), BATCH):
            encoded = self._tokenizer.encode_batch_fast(
                list(texts[start : start + BATCH]), add_special_tokens=False
            )
            counts += [len(encoding) for encoding in encoded]
        return counts


def _check_column(file: Path, field: str, schema: pa.Schema) -> None:
    from pyarrow import types

    if field not in schema.names:
        raise UsageError(f"{file} has no column {field!r}; found: {', '.join(schema.names)}")
    kind = schema.field(field).type
    if not (types.is_string(kind) or types.is_large_string(kind)):
        raise UsageError(f"{file}: column {field!r} holds {kind}; text is needed")


def count_corpus(path: Path, field: str, counter: TokenCounter) -> int:
    """Tokens of a corpus that tsdg did not make, read batch by batch.

    Args:
        path: a Parquet or JSONL file, or a folder of them.
        field: column of the text; a row without one counts as nothing.
        counter: of the tokens.

    Raises:
        UsageError: there is no such file or column, it holds something else than text, or no
            token at all.
    """
    import pyarrow as pa
    import pyarrow.dataset as ds

    found = sorted(path.rglob("*")) if path.is_dir() else [path]
    files = [file for file in found if file.suffix in _FORMATS and file.is_file()]
    total = 0
    for file in files:
        try:
            table = ds.dataset(file, format=_FORMATS[file.suffix])
            _check_column(file, field, table.schema)
            for batch in table.to_batches(columns=[field], batch_size=BATCH):
                total += sum(counter([text for text in batch[field].to_pylist() if text]))
        except (OSError, pa.ArrowException) as error:
            raise UsageError(
                f"{file} cannot be read: {' '.join(str(error).split())[:200]}; restore it"
            ) from error
    if not total:
        allowed = " or ".join(_FORMATS)
        raise UsageError(
            f"{path} is not a file or folder of {allowed} files with text; name one that has some"
        )
    return total
