"""Runs the commands of a tutorial as a reader would: one shell, from the page's first to its last.

The commands are the blocks of ``bash`` on a page; whatever else stands there is not run.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.forks import bare_environment

ROOT = Path(__file__).resolve().parents[1]
PAGES = {"tutorial", "tutorial-endpoint", "tutorial-slurm", "tutorial-dataset"}
"""All of them; each is run by a test, in ``tests/e2e`` or ``tests/slurm``."""
_BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def script(page: str, replaced: Mapping[str, str]) -> str:
    """The commands of a page.

    Args:
        page: its name in ``docs``.
        replaced: texts of the page → what is run here in their place, because a test has another
            address, no internet or a server of its own.
    """
    assert page in PAGES
    text = "".join(_BLOCK.findall((ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")))
    for old, new in replaced.items():
        assert old in text, f"{page}: no {old!r}"
        text = text.replace(old, new)
    return text


def walk(page: str, folder: Path, replaced: Mapping[str, str], **environment: str) -> str:
    """Run a page in ``folder`` with this checkout's ``tsdg``; every command must succeed.

    Returns:
        What was printed.
    """
    _environment_of_make(folder)
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", f". .venv/bin/activate\n{script(page, replaced)}"],
        cwd=folder,
        env={**bare_environment(), **environment},
        capture_output=True,
        text=True,
        timeout=1400,
        check=False,
    )
    assert done.returncode == 0, f"{page}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _environment_of_make(folder: Path) -> None:
    """Stand-in for the ``.venv`` of ``make env``: this Python, and this checkout."""
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True, exist_ok=True)
    python = shlex.quote(sys.executable)
    for name, call in {"python": "", "tsdg": " -m tsdg"}.items():
        (programs / name).write_text(f'#!/bin/sh\nexec {python}{call} "$@"\n')
        (programs / name).chmod(0o755)
    (programs / "activate").write_text(
        f"export PATH={shlex.quote(str(programs))}:$PATH PYTHONPATH={shlex.quote(str(ROOT))}\n"
    )
