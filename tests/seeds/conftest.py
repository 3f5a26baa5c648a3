"""Small mirrors that the tests write, and a cache that is not the user's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.seeds.rows import WriteSplit


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all tests of this folder: the index of a real mirror takes a while to build."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module", autouse=True)
def _own_cache(cache: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TSDG_CACHE", str(cache))
        yield


@pytest.fixture
def write_split(tmp_path: Path) -> WriteSplit:
    """Write a split of a mirror below ``tmp_path / "mirror"``; gives the file."""

    def write(dataset_path: str, config: str, split: str, rows: list[dict[str, Any]]) -> Path:
        path = tmp_path / "mirror" / dataset_path / (config or "default") / f"{split}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows), path)
        return path

    return write
