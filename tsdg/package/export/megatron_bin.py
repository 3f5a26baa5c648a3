"""Token-packed files that Megatron trains on without a step between: ``.bin`` and ``.idx``.

::

    <task>_text_document.bin   the tokens of all documents, one after the other
    <task>_text_document.idx   where each document begins (Megatron-Core's IndexedDataset)
    tokens.json                the tokenizer, the end of document, documents and tokens per task

A document is a record's ``text`` and one end-of-document token. ``--tokenizer-type
HuggingFaceTokenizer --tokenizer-model FOLDER`` of Megatron would give the same tokens.

The layout of an ``.idx`` is that of ``megatron/core/datasets/indexed_dataset.py``, little-endian: 9
bytes of magic, version 1 as 8 bytes, the code of the token type as 1, the number of sequences and
that of document boundaries as 8 each; then lengths (int32), byte offsets (int64) and the boundaries
(int64, from 0 to the number of sequences).
"""

from __future__ import annotations

import json
import multiprocessing
import os
import struct
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tsdg.errors import UsageError
from tsdg.package.counts import columns_of
from tsdg.package.export.source import Export, Exported
from tsdg.package.tokens import BATCH, find_tokenizer, load_tokenizer
from tsdg.storage import make_directory, partial_of, sha256_of, storage, write_whole

SUFFIX = "_text_document"
"""As Megatron's own preprocessing names the files of a column ``text``."""
TOKENS = "tokens.json"
_MAGIC = b"MMIDIDX\x00\x00"
_SMALL = 65500
"""Vocabularies below this many tokens have two bytes a token, as in Megatron-Core."""
_CODES = {"uint16": 8, "int32": 4}
_USUAL = ("<|endoftext|>", "<|end_of_text|>", "<|eot_id|>", "</s>", "<|im_end|>", "<eos>")
"""Names of an end of document, where a tokenizer's settings give none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """What was packed of one task."""

    task: str
    documents: int
    tokens: int
    """With one end of document each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What one process packs."""

    task: str
    files: tuple[Path, ...]
    prefix: Path
    """Of the two files, without their suffixes."""
    tokenizer: Path
    eod: int
    kind: str
    """Of numpy: how a token is stored."""


def megatron_bin(export: Export) -> Exported:
    """Pack the tasks, in parallel; the rows are documents.

    Raises:
        UsageError: ``tokenizer=`` is missing, or ``eod=`` names no token of it.
        MachineError: there is no tokenizer, or none that can be read.
    """
    if not export.keys.get("tokenizer"):
        raise UsageError(
            "tsdg export: --format megatron-bin needs tokenizer=FOLDER, the model's tokenizer.json "
            "or the folder that holds it"
        )
    path = _tokenizer_file(export.keys["tokenizer"])
    tokenizer = load_tokenizer(path)
    eod, eod_id = end_of_document(path, tokenizer, export.keys.get("eod", ""))
    vocabulary = tokenizer.get_vocab_size(with_added_tokens=True)
    kind = "uint16" if vocabulary < _SMALL else "int32"
    jobs = [
        _Job(
            task=task,
            files=tuple(export.run / file["path"] for file in entry["files"]),
            prefix=export.out / f"{task}{SUFFIX}",
            tokenizer=path,
            eod=eod_id,
            kind=kind,
        )
        for task, entry in export.manifest["tasks"].items()
        if entry["files"]
    ]
    make_directory(export.out)
    packed = list(_all_packed(jobs))
    record = {
        "tokenizer": str(path.absolute()),
        "tokenizer_sha256": sha256_of(path),
        "vocabulary": vocabulary,
        "end_of_document": eod,
        "end_of_document_id": eod_id,
        "token_type": kind,
        "tasks": {
            one.task: {
                "documents": one.documents,
                "tokens": one.tokens,
                "tokens_of_the_manifest": export.manifest["tasks"][one.task]["tokens"],
            }
            for one in packed
        },
    }
    write_whole(export.out / TOKENS, (json.dumps(record, indent=1) + "\n").encode())
    documents, tokens = sum(one.documents for one in packed), sum(one.tokens for one in packed)
    counted = sum(export.manifest["tasks"][one.task]["tokens"] for one in packed)
    said = f"{tokens:,} tokens, {documents:,} of them {eod} (id {eod_id}) at the ends of documents"
    if tokens - documents != counted:
        said += f"; the manifest counts {counted:,} without them, by another tokenizer"
    return Exported(rows=documents, said=(said,))


def _tokenizer_file(named: str) -> Path:
    path = Path(named).expanduser()
    return path if path.is_file() else find_tokenizer(named, key="tokenizer")


def end_of_document(path: Path, tokenizer: Any, named: str) -> tuple[str, int]:
    """Find the token that ends a document: as named, of the tokenizer's settings, or usual.

    Raises:
        UsageError: there is none of that name, or none at all.
    """
    candidates = [named] if named else [_eos_of(path), *_USUAL]
    for token in filter(None, candidates):
        number = tokenizer.token_to_id(token)
        if number is not None:
            return token, number
    raise UsageError(
        f"tsdg export: {path} has no token {named!r}; name another by eod=TOKEN"
        if named
        else f"tsdg export: neither {path} nor its settings name an end of document; name it by "
        "eod=TOKEN"
    )


def _eos_of(path: Path) -> str:
    """``eos_token`` of the ``tokenizer_config.json`` beside a tokenizer; empty for none."""
    try:
        token = json.loads((path.parent / "tokenizer_config.json").read_bytes()).get("eos_token")
    except (OSError, ValueError, AttributeError):
        return ""
    text = token.get("content") if isinstance(token, dict) else token
    return text if isinstance(text, str) else ""


def _all_packed(jobs: Sequence[_Job]) -> Iterator[Packed]:
    """Pack the tasks in as many processes as there are cores, in the order of the jobs."""
    workers = min(len(jobs), len(os.sched_getaffinity(0)))
    if workers <= 1:
        yield from map(_pack, jobs)
        return
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(_pack, jobs)


def _pack(job: _Job) -> Packed:
    """Write one task's two files, the ``.bin`` first: an ``.idx`` never lacks its tokens."""
    lengths = []
    with _whole(job.prefix.with_name(f"{job.prefix.name}.bin")) as file:
        for tokens in _documents(job):
            file.write(np.asarray(tokens, job.kind).tobytes())
            lengths.append(len(tokens))
    with _whole(job.prefix.with_name(f"{job.prefix.name}.idx")) as file:
        file.write(index(lengths, job.kind))
    return Packed(task=job.task, documents=len(lengths), tokens=sum(lengths))


@contextmanager
def _whole(path: Path) -> Iterator[Any]:
    partial = partial_of(path)
    with storage("write", path):
        with partial.open("wb") as file:
            yield file
        partial.replace(path)


def _documents(job: _Job) -> Iterator[list[int]]:
    """The tokens of each record's text, with the end of document."""
    tokenizer = load_tokenizer(job.tokenizer)
    for path in job.files:
        for batch in columns_of(path, ["text"], batch_rows=BATCH):
            texts = batch["text"].to_pylist()
            for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False):
                yield [*encoding.ids, job.eod]


def index(lengths: Sequence[int], kind: str) -> bytes:
    """The bytes of an ``.idx``: each document is one sequence.

    Args:
        lengths: tokens of each document.
        kind: how a token is stored.
    """
    sizes = np.asarray(lengths, np.int64) * np.dtype(kind).itemsize
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)[:-1]])[: len(lengths)]
    return b"".join(
        [
            _MAGIC,
            struct.pack("<QBQQ", 1, _CODES[kind], len(lengths), len(lengths) + 1),
            np.asarray(lengths, "<i4").tobytes(),
            offsets.astype("<i8").tobytes(),
            np.arange(len(lengths) + 1, dtype="<i8").tobytes(),
        ]
    )
