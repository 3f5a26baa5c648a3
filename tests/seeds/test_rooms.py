"""The rooms of ``tsdg/seeds``: one subject each, and imports go one way."""

import ast
from pathlib import Path

import pytest

import tsdg.seeds

ROOT = Path(tsdg.seeds.__file__).parent
MAY_IMPORT = {
    "catalogue": set(),
    "rows": {"catalogue"},
    "families": {"catalogue", "rows"},
    "mirror": {"catalogue"},
    "probe": {"catalogue", "rows", "families", "mirror"},
    "heldout": {"catalogue", "rows", "families", "mirror"},
    "draw": {"catalogue", "rows", "families", "mirror", "heldout"},
    "passages": {"catalogue", "mirror", "draw"},
}
"""Room → the rooms that it builds on."""


def imported(path: Path) -> set[str]:
    """Rooms that a file imports, anywhere in it."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            modules |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
    parts = (module.split(".") for module in modules if module.startswith("tsdg.seeds."))
    return {part[2] for part in parts} & set(MAY_IMPORT)


def test_there_are_no_other_rooms() -> None:
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert rooms == set(MAY_IMPORT)
    assert [path.name for path in ROOT.glob("*.py")] == ["__init__.py"]


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_builds_on_those_before_it(room: str) -> None:
    for path in (ROOT / room).rglob("*.py"):
        assert imported(path) <= MAY_IMPORT[room] | {room}, path


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_says_where_to_begin(room: str) -> None:
    text = ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text(encoding="utf-8")))
    assert text
    assert "Begin with" in text
