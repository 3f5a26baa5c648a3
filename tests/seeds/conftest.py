"""Small mirrors that the tests write, and a cache that is not the user's."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.seeds.rows import WriteSplit, config
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.heldout.build import build_index
from tsdg.seeds.heldout.index import LeakIndex


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all tests of this folder, in whichever process they run."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "seeds-cache"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def mirror_index(mirror: Path, cache: Path) -> LeakIndex:
    """The held-out items of the real mirror: half a minute's work for the first process only."""
    leaks = config(mirror).leaks
    with pytest.MonkeyPatch.context() as patch, (cache / ".lock").open("w") as lock:
        patch.setenv("TSDG_CACHE", str(cache))
        fcntl.flock(lock, fcntl.LOCK_EX)
        return build_index(mirror, load(), ngram=leaks.ngram, overlap=leaks.overlap)


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
