"""The catalogue's tables with one change, and the one line that refuses them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tsdg.errors import CatalogueError
from tsdg.seeds.catalogue.load import read_catalogue
from tsdg.seeds.catalogue.tables import DATA


def edited(folder: Path, file: str, change: Callable[[str], str]) -> Path:
    """Copy the tables into a new folder below ``folder``, one of them changed."""
    data = folder / "data"
    shutil.copytree(DATA, data)
    text = (data / file).read_text(encoding="utf-8")
    (data / file).write_text(change(text), encoding="utf-8")
    return data


def with_one(old: str, new: str) -> Callable[[str], str]:
    """Replace the first of a text, which must be there."""

    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return change


def refused(folder: Path, said: str) -> None:
    """The tables are refused in one line that says so and names the folder."""
    with pytest.raises(CatalogueError) as caught:
        read_catalogue(folder)
    assert said in str(caught.value)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
