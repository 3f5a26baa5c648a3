"""What is released: each file of the repository that should be there, and none beside it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from tsdg import version
from tsdg.installation import demo_setup, from_wheel, packaged

ROOT = Path(__file__).resolve().parents[1]
IN_WHEEL = {
    "cluster_configs": "tsdg/_cluster_configs",
    "recipes": "tsdg/_recipes",
    "requirements": "tsdg/_requirements",
    "slurm": "tsdg/_slurm",
    "tsdg": "tsdg",
}
"""Folder of the repository → where a wheel has it."""
OF_DEVELOPERS = {"clients.txt", "constraints.txt", "lock.py"}
"""Files of ``requirements`` that no wheel needs."""
PRIVATE = ["cluster_configs/mine.yaml", "tsdg/__pycache__/old.pyc", ".venv/secret", "runs/a/b"]


def git(*words: str, folder: Path = ROOT) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    return subprocess.run(
        ["git", *who, "-C", folder, *words], check=True, capture_output=True, text=True
    ).stdout


def build(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", *words],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def tracked() -> set[str]:
    names = git("ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    return {name for name in names if (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def tree(tracked: set[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository without its history, and with what should stay where it is."""
    folder = tmp_path_factory.mktemp("tree")
    for name in tracked:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for name in PRIVATE:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("secret")
    return folder


def test_wheel_and_sdist_hold_the_repositorys_files_and_no_private_one(
    tree: Path, tracked: set[str], tmp_path: Path
) -> None:
    assert build(tree, "version") == "0.1.dev0", "without git's history"
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"], ["tag", "v9.8.7"]):
        git(*words, folder=tree)
    build(tree, "build", "-t", "sdist", "-d", str(tmp_path))
    with tarfile.open(tmp_path / "tsdg-9.8.7.tar.gz") as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
        archive.extractall(tmp_path, filter="data")
    assert names == {name for name in tracked if not name.startswith(".ci/")} | {"PKG-INFO"}

    build(tmp_path / "tsdg-9.8.7", "build", "-t", "wheel", "-d", str(tmp_path))
    with zipfile.ZipFile(tmp_path / "tsdg-9.8.7-py3-none-any.whl") as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    wanted = {
        f"{IN_WHEEL[path.parts[0]]}/{path.relative_to(path.parts[0])}"
        for path in map(PurePosixPath, tracked)
        if path.parts[0] in IN_WHEEL and path.name not in OF_DEVELOPERS
    }
    assert names == wanted


def test_a_cluster_of_ones_own_is_in_no_commit() -> None:
    words = ["check-ignore", "--no-index", "cluster_configs/mine.yaml", "cluster_configs/dev.yaml"]
    assert git(*words).split() == ["cluster_configs/mine.yaml"]


def test_advice_fits_a_wheel_and_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (from_wheel(), demo_setup("server-env")) == (False, "make server-env")
    assert packaged("recipes") == ROOT / "recipes"
    monkeypatch.setattr("tsdg.installation._PACKAGE", tmp_path)
    (tmp_path / "_requirements").mkdir()
    assert (from_wheel(), demo_setup("model")) == (
        True,
        f"{sys.executable} -m tsdg.serving.demo_setup",
    )


def test_shipped_code_knows_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / version.SHIPPED).write_text("1.2.3\n")
    monkeypatch.setattr(version, "__file__", str(tmp_path / "version.py"))
    version.version.cache_clear()
    try:
        assert version.version() == "1.2.3"
    finally:
        version.version.cache_clear()
