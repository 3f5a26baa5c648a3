"""Pages lead somewhere: their links, and the tutorials that tests run."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.tutorial import PAGES, ROOT, script

LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")
FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
MARKDOWN = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda page: page.name)
def test_links_to_files_lead_to_files(page: Path) -> None:
    """``make docs`` checks pages and headings of the site, and no pictures or other pages."""
    targets = [found[0] for found in LINK.findall(FENCED.sub("", page.read_text("utf-8")))]
    here = [target for target in targets if "://" not in target and not target.startswith("mailto")]
    assert [target for target in here if not (page.parent / target).exists()] == []


def test_every_tutorial_is_run_and_is_a_script() -> None:
    assert {page.stem for page in (ROOT / "docs").glob("tutorial*.md")} == PAGES
    for page in PAGES:
        subprocess.run(["bash", "-n", "-c", script(page, {})], check=True)


def test_the_readme_is_one_screen() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 90
