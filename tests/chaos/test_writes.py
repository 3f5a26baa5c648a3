"""A failing write at every call of every command that writes.

Each call that writes below the output folder is failed in turn, or the process is killed in it with
half of the bytes written: ``failing_writes.c``, by LD_PRELOAD. Whatever fails, the command says so
in one line with a path, nothing half-made stands under a final name, and the same command
afterwards gives the bytes that it would have given undisturbed.

Here a few of the calls are drawn. ``CHAOS_WRITES=50`` takes so many of each command, by hand;
``CHAOS_WRITES=all`` takes every call with every error.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from tests.package.make_run import make_run

ASKED = os.environ.get("CHAOS_WRITES", "2")
ALL = ASKED == "all"
ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, 0)
"""0: the process is killed."""
ROOT = Path(__file__).resolve().parents[2]
COMMANDS = {
    "export jsonl": ("export", "{run}", "--format", "jsonl", "out={out}/made"),
    "export parquet": ("export", "{run}", "--format", "parquet", "out={out}/made"),
    "export hf": ("export", "{run}", "--format", "hf", "out={out}/made"),
    "export nemo-skills": ("export", "{run}", "--format", "nemo-skills", "out={out}/made"),
    "merge": ("merge", "{run}", "{other}", "out={out}/made"),
}


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shim, compiled; skipped where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    made = tmp_path_factory.mktemp("shim") / "failing_writes.so"
    source = Path(__file__).with_name("failing_writes.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", source, "-o", made, "-ldl"], check=True)
    return made


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two small finished runs."""
    made = []
    for seed in (1, 2):
        run = tmp_path_factory.mktemp(f"run-{seed}")
        make_run(run, seed=seed, tasks=2, seeds_per_task=6).package()
        made.append(run)
    return made[0], made[1]


@dataclass(frozen=True)
class Site:
    """One call that writes."""

    number: int
    call: str
    path: str


def tsdg(words: Sequence[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tsdg", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def bytes_of(folder: Path) -> dict[str, str]:
    """Every file below a folder and its checksum, but for the moment that a manifest names."""
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("manifest.json", "README.md")
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_write_that_fails_is_one_line_and_the_same_command_makes_it_good(
    tmp_path: Path,
    shim: Path,
    runs: tuple[Path, Path],
    name: str,
    dice: random.Random,
) -> None:
    def words(out: Path) -> list[str]:
        return [word.format(run=runs[0], other=runs[1], out=out) for word in COMMANDS[name]]

    def disturbed(out: Path, **how: str) -> subprocess.CompletedProcess[str]:
        out.mkdir()
        return tsdg(words(out), {"LD_PRELOAD": str(shim), "FAIL_BELOW": str(out), **how})

    log = tmp_path / "log"
    calm = disturbed(tmp_path / "calm", FAIL_LOG=str(log))
    assert calm.returncode == 0, calm.stderr
    whole = bytes_of(tmp_path / "calm")
    sites = [
        Site(int(number), call, path)
        for number, call, path in (line.split(" ", 2) for line in log.read_text().splitlines())
    ]
    assert len(sites) > 10
    chosen = sites if ALL else dice.sample(sites, min(int(ASKED), len(sites)))
    for place, site in enumerate(chosen):
        for error in ERRORS if ALL else (dice.choice(ERRORS),):
            out = tmp_path / f"{place}-{error}"
            where = f"{name}: {site} failed with {error}"
            ran = disturbed(out, FAIL_AT=str(site.number), FAIL_WITH=str(error))
            told = ran.stderr.strip()
            if error and ran.returncode:
                assert ran.returncode in (1, 3), f"{where}: {told}"
                assert told.count("\n") == 0, f"{where}: {told}"
                assert str(out) in told, f"{where}: {told}"
            if ran.returncode:
                assert not (out / "made").exists(), f"{where}: half of it stands there"
                again = tsdg(words(out), {})
                assert again.returncode == 0, f"{where}, then: {again.stderr}"
            assert bytes_of(out) == whole, where
            shutil.rmtree(out)
