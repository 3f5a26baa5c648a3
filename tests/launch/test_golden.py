"""`tsdg launch --scripts`: each script, as it was reviewed.

`python -m tests.launch.cases` writes them anew.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.launch.cases import CASES, GOLDEN, write


@pytest.fixture(scope="module")
def now(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what is printed now."""
    folder = tmp_path_factory.mktemp("golden")
    write(folder)
    return folder


@pytest.mark.parametrize("name", CASES)
def test_scripts_are_as_they_were(name: str, now: Path) -> None:
    text = (now / f"{name}.txt").read_text()
    assert text == (GOLDEN / f"{name}.txt").read_text()
    assert "never-to-be-seen" not in text


def test_a_dry_run_writes_nothing(now: Path) -> None:
    assert sorted(path.stem for path in now.iterdir()) == sorted(CASES)
    assert not Path("/lustre").exists()
