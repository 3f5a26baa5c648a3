"""Where the cache lies is said once, and all who keep something there, or look for it, agree."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tsdg import cache
from tsdg.config.compose import compose_recipe
from tsdg.errors import StorageError
from tsdg.serving import demo_model


@pytest.mark.parametrize("environ", [{}, {"TSDG_CACHE": ""}])
def test_without_a_word_it_lies_in_the_home_folder(environ: dict[str, str]) -> None:
    assert cache.root(environ) == Path.home() / ".cache" / "tsdg"


def test_the_variable_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache.root({"TSDG_CACHE": str(tmp_path)}) == tmp_path
    assert cache.root({"TSDG_CACHE": "~/elsewhere"}) == Path.home() / "elsewhere"
    monkeypatch.setenv("TSDG_CACHE", str(tmp_path))
    assert cache.folder("leaks") == tmp_path / "leaks"
    assert (tmp_path / "leaks").is_dir()


def test_nothing_else_in_the_code_says_where_it_lies() -> None:
    tellers = {path for path in (ROOT / "tsdg").rglob("*.py") if ".cache/tsdg" in path.read_text()}
    assert tellers == {Path(cache.__file__)}


def test_the_recipe_finds_the_model_where_it_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (None, str(tmp_path)):
        monkeypatch.delenv("TSDG_CACHE", raising=False)
        if folder is not None:
            monkeypatch.setenv("TSDG_CACHE", folder)
        recipe = compose_recipe(["recipe=demo"])
        assert Path(recipe.model.path).expanduser() == demo_model.models_dir() / demo_model.MODEL


def test_python_alone_is_enough_to_use_it() -> None:
    """The demo's model is made in an environment that has not what tsdg needs."""
    code = "import tsdg.cache, sys; print(sorted(m for m in sys.modules if m.startswith('tsdg')))"
    command = [sys.executable, "-S", "-P", "-c", code]
    ran = subprocess.run(
        command,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout == "['tsdg', 'tsdg.cache', 'tsdg.errors']\n", ran.stderr


def test_a_file_appears_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    for data in (b"first", b"second"):
        cache.write(path, data)
        assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TSDG_CACHE", str(tmp_path / "file"))
    with pytest.raises(StorageError, match="point TSDG_CACHE to a folder") as caught:
        cache.folder("leaks")
    assert "\n" not in str(caught.value)
    with pytest.raises(StorageError, match="point TSDG_CACHE to a folder"):
        cache.write(tmp_path / "file" / "kept", b"")
