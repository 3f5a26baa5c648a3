"""Every key, recipe and command that docs/method.md names exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any, get_args

import pytest

from tsdg.cli import COMMANDS
from tsdg.config.compose import compose_recipe, recipes_dir
from tsdg.config.recipe import StepName
from tsdg.errors import RecipeError
from tsdg.records import VARIANTS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "method.md").read_text(encoding="utf-8")
NAMED = list(dict.fromkeys(re.findall(r"`([^`]+)`", PAGE)))
RECIPES = {path.stem for path in (recipes_dir() / "recipe").glob("*.yaml")}
VALUES = {"permissive", "method: none", "manifest.json", *VARIANTS, *get_args(StepName)}
"""What is named beside keys: values of those, and what a run writes."""


def keys_of(values: dict[str, Any], above: str = "") -> set[str]:
    """Every key of a recipe by its path, and by its last name alone."""
    keys = set()
    for name, value in values.items():
        keys |= {name, f"{above}{name}"} | (
            keys_of(value, f"{above}{name}.") if isinstance(value, dict) else set()
        )
    return keys


KEYS = keys_of(compose_recipe(["recipe=knowledge"]).model_dump())


def exists(named: str) -> bool:
    """Whether something of this name exists, in one of the ways in which the page names things."""
    if named.startswith("tsdg "):
        return named.split()[1] in COMMANDS
    key, chosen, value = named.partition("=")
    if chosen and (recipes_dir() / key).is_dir():
        return (recipes_dir() / key / f"{value}.yaml").is_file()
    if chosen:
        return bool(
            compose_recipe(["recipe=knowledge", *shlex.split(named.replace("NAME", "deepseek-v3"))])
        )
    return named in KEYS | RECIPES | VALUES or (ROOT / named).exists()


@pytest.mark.parametrize("named", NAMED)
def test_what_the_page_names_exists(named: str) -> None:
    assert exists(named)


def test_what_is_not_there_is_noticed() -> None:
    assert not any(
        map(exists, ["answers.votes", "judge=strict", "tsdg blend", "everything", "docs/none.md"])
    )
    with pytest.raises(RecipeError, match=r"seeds\.mix"):
        exists("seeds.mix=stirred")


def test_every_claim_has_its_place() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.splitlines()
        if line.startswith("|")
    ]
    claims = [row for row in rows if row[0] != "the post" and not row[0].startswith("---")]
    assert len(claims) > 12
    assert [claim for claim, place, unshown in claims if "`" not in place or not unshown] == []
