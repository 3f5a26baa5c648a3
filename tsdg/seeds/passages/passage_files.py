"""The files of a passage corpus: which they are, what columns they have, and their rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from tsdg.config.passages import DEMO, PassagesConfig
from tsdg.errors import MirrorError, RecipeError, looked_in

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES = (".parquet", ".jsonl")
DEMO_FILE = Path(__file__).parents[1] / "demo" / "passages.jsonl"
"""tsdg's own passages, for trying a recipe: most of them meet the labels that recipe ``rqa`` keeps,
some do not."""
_BATCH = 2048
_COUNTED_BYTES = 1 << 24
"""A file up to this size is read whole, to count its lines for a plan or to hash it."""


def files_of(config: PassagesConfig) -> tuple[Path, ...]:
    """The files of a passage corpus, sorted.

    Raises:
        MirrorError: there are none.
    """
    path = DEMO_FILE if config.path == DEMO else Path(config.path).expanduser()
    found = sorted(path.rglob("*")) if path.is_dir() else [path]
    files = tuple(file for file in found if file.suffix in SUFFIXES and file.is_file())
    if not files:
        raise MirrorError(
            f"passages.path: {path} is not a file or folder of {' or '.join(SUFFIXES)} files"
            f"{looked_in(path)}; name one, or {DEMO}"
        )
    return files


def state_of(file: Path) -> tuple[int, int, int]:
    """Return inode, size and time of a file: by these it is known again.

    A corpus may be too large to be hashed.

    Raises:
        MirrorError: it is gone.
    """
    try:
        stat = file.stat()
    except OSError as error:
        raise _unreadable(file, error) from error
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def corpus_state(config: PassagesConfig) -> str:
    """What a corpus is known by again: a hash of its files' names and contents.

    Of a file that is too large to be hashed at each start, size and time of change stand for the
    content.

    Raises:
        MirrorError: there is no such corpus, or a file is gone.
    """
    digest = hashlib.sha256()
    files = files_of(config)
    for file in files:
        _, size, changed = state_of(file)
        content = f"{size} {changed}".encode() if size > _COUNTED_BYTES else _bytes_of(file)
        digest.update(hashlib.sha256(f"{file.name}\n".encode() + content).digest())
    return f"files:{digest.hexdigest()[:24]}"


def rows_of(config: PassagesConfig) -> int | None:
    """How many passages a corpus has; None where it has a file that only reading it all could tell.

    Raises:
        MirrorError: there is no such corpus, or a file cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    count = 0
    for file in files_of(config):
        try:
            if file.suffix == ".parquet":
                count += pq.read_metadata(file).num_rows
            elif file.stat().st_size <= _COUNTED_BYTES:
                count += sum(1 for line in file.read_bytes().splitlines() if line.strip())
            else:
                return None
        except (OSError, pa.ArrowException) as error:
            raise _unreadable(file, error) from error
    return count


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise _unreadable(file, error) from error


def check_columns(file: Path, config: PassagesConfig) -> None:
    """Check that a Parquet file has the columns of the recipe, and text where text is looked for.

    Reads its footer.

    Raises:
        MirrorError: it cannot be read.
        RecipeError: it lacks a column, or has no text there; the message names the key.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if file.suffix != ".parquet":
        return
    try:
        schema = pq.read_schema(file)
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(file, error) from error
    for path, key in _paths(config).items():
        kind = _kind_at(schema, path)
        found = f"found: {', '.join(schema.names)}"
        if kind is None:
            step = f"set {key}" if key == "passages.keep" else f"name another with {key}=COLUMN"
            raise RecipeError(f"{key}: {file} has no column {path!r}; {found}; {step}")
        if key == "passages.text" and not (
            pa.types.is_string(kind) or pa.types.is_large_string(kind)
        ):
            raise RecipeError(
                f"{key}: column {path!r} of {file} holds {kind}, not text; {found}; name another "
                f"with {key}=COLUMN"
            )


def _paths(config: PassagesConfig) -> dict[str, str]:
    """Path of each column that is read → the recipe key that names it."""
    named = {
        getattr(config, key): f"passages.{key}" for key in ("language", "subject", "domain", "text")
    }
    return {
        path: key
        for path, key in {**dict.fromkeys(config.keep, "passages.keep"), **named}.items()
        if path
    }


def _kind_at(schema: pa.Schema, path: str) -> pa.DataType | None:
    """Type of a column, or of a field within fields; None where there is none."""
    import pyarrow as pa

    at: pa.DataType = pa.struct(list(schema))
    for name in path.split("."):
        if not pa.types.is_struct(at) or at.get_field_index(name) < 0:
            return None
        at = at.field(name).type
    return at


def read_file(file: Path, config: PassagesConfig) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of a file, of a Parquet file with the columns that the recipe names.

    Raises:
        MirrorError: it cannot be read.
        RecipeError: it is a Parquet file without a column of the recipe.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if file.suffix == ".jsonl":
            with file.open("rb") as lines:
                for number, line in enumerate(lines, start=1):
                    if line.strip():
                        yield _object(file, number, line)
            return
        check_columns(file, config)
        columns = list(dict.fromkeys(path.split(".")[0] for path in _paths(config)))
        with pq.ParquetFile(file) as table:
            for batch in table.iter_batches(batch_size=_BATCH, columns=columns):
                yield from batch.to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: Exception) -> MirrorError:
    return MirrorError(
        f"passages.path: {file} cannot be read: {' '.join(str(error).split())[:200]}; restore it"
    )


def _object(file: Path, number: int, line: bytes) -> Mapping[str, Any]:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise MirrorError(
            f"passages.path: {file}:{number} is not JSON: {error}; correct the line"
        ) from error
    if not isinstance(row, dict):
        raise MirrorError(
            f"passages.path: {file}:{number} is {type(row).__name__}; an object is needed"
        )
    return row
