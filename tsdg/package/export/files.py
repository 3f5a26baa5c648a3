"""How exports are written: JSON lines, and a card by which ``load_dataset`` reads the folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import pyarrow as pa
import yaml

from tsdg.storage import make_directory, partial_of, storage, write_whole


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows as JSON lines, whole or not at all; return how many."""
    make_directory(path.parent)
    partial = partial_of(path)
    count = 0
    with storage("write", path):
        with partial.open("wb") as file:
            for row in rows:
                file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
                count += 1
        partial.replace(path)
    return count


class LineFiles:
    """Files of JSON lines that are written beside one another, until their stack is left."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._files: dict[Path, BinaryIO] = {}

    def __contains__(self, path: Path) -> bool:
        return path in self._files

    def add(self, path: Path, row: Mapping[str, Any]) -> None:
        """Add a row to a file, which is begun where it is its first one.

        Raises:
            StorageError: it cannot be written; also where the stack is left.
        """
        if path not in self._files:
            make_directory(path.parent)
            with storage("write", path):
                self._files[path] = path.open("wb")
            self._stack.callback(_close, path, self._files[path])
        with storage("write", path):
            self._files[path].write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))


def _close(path: Path, file: BinaryIO) -> None:
    with storage("write", path):
        file.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """Files of an export that ``load_dataset`` reads together."""

    pattern: str
    schema: pa.Schema | None = None
    """Of JSON lines, whose types would else be guessed from the first rows of the first file."""


def write_folder_card(out: Path, configs: Mapping[str, Pattern], about: str) -> None:
    """Write a ``README.md`` that tells ``load_dataset`` which files belong together.

    Args:
        out: the export's folder.
        configs: by name; the first is the default.
        about: what the files are, in a sentence or two.
    """
    listed = [
        {"config_name": name, "data_files": [{"split": "train", "path": config.pattern}]}
        for name, config in configs.items()
    ]
    features = [
        {"config_name": name, "features": features_of(config.schema)}
        for name, config in configs.items()
        if config.schema is not None
    ]
    header: dict[str, Any] = {"configs": listed} if listed else {}
    header |= {"dataset_info": features} if features else {}
    text = yaml.safe_dump(header, sort_keys=False, width=1000)
    write_whole(out / "README.md", f"---\n{text}---\n\n{about}\n".encode())


def features_of(fields: Iterable[pa.Field]) -> list[dict[str, Any]]:
    """The fields of an Arrow schema as a dataset card names them, for any major of ``datasets``."""
    return [{"name": field.name, **_feature(field.type)} for field in fields]


def _feature(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_struct(kind):
        return {"struct": features_of(kind)}
    if pa.types.is_list(kind):
        if pa.types.is_struct(kind.value_type):
            return {"list": features_of(kind.value_type)}
        return {"sequence": _feature(kind.value_type)["dtype"]}
    return {"dtype": {"double": "float64"}.get(str(kind), str(kind))}
