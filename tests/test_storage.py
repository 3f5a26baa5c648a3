"""Files that belong together change together."""

from __future__ import annotations

from pathlib import Path

import pytest

from tsdg import storage
from tsdg.errors import StorageError
from tsdg.storage import write_together

OLD, NEW = {"a": b"old a", "b": b"old b"}, {"a": b"new a", "b": b"new b"}


def seen(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("before", [{}, OLD])
def test_where_one_file_cannot_be_written_all_stay_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: dict[str, bytes]
) -> None:
    out = tmp_path / "out"
    if before:
        write_together(out, before)
        (out / "other").write_bytes(b"of somebody else")
    was = seen(out) if before else {}
    real = storage.write_whole

    def full(path: Path, data: bytes) -> None:
        if data == NEW["b"]:
            raise StorageError(f"cannot write {path}")
        real(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(storage, "write_whole", full)
        with pytest.raises(StorageError, match="cannot write "):
            write_together(out, NEW)
    assert out.exists() == bool(before)
    assert (seen(out) if before else {}) == was
    write_together(out, NEW)
    assert seen(out) == was | NEW
