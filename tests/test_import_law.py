"""The import law of docs/architecture.md: who may import whom inside tsdg."""

import ast
from collections import Counter
from pathlib import Path

import tsdg

ROOT = Path(tsdg.__file__).parent
BASE = {
    "accounting",
    "amounts",
    "cache",
    "concepts",
    "contamination",
    "records",
    "rowform",
    "row_parts",
    "errors",
    "protocols",
    "text",
    "hashset",
    "installation",
    "kinds",
    "crew",
    "layout",
    "scratch",
    "shellvars",
    "storage",
    "tables",
    "version",
    "wording",
}
WINGS = {"seeds", "generate", "verify", "corpus", "package", "engine", "serving", "slurm"}
ALLOWED = {
    **dict.fromkeys(BASE, BASE),
    "config": BASE | {"config"},
    "progress": BASE,
    **{wing: BASE | {"config", wing} for wing in WINGS},
    "run": BASE | WINGS | {"config", "progress", "run"},
    "pipeline": BASE | WINGS | {"config", "progress", "run", "pipeline"},
    "launch": BASE | WINGS | {"config", "run", "pipeline", "launch"},
    "mixture": BASE | {"config", "package", "mixture"},
}
"""Part of tsdg → the parts that it may import. ``cli`` and what hangs beside the pipeline may
import all of these."""
OUTER = {"cli", "commands", "views", "__init__", "__main__"}


def part_of(path: Path) -> str:
    relative = path.relative_to(ROOT)
    return relative.parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Parts of tsdg that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            names = [f"tsdg.{alias.name}" for alias in node.names] if module == "tsdg" else [module]
        found |= {name.split(".")[1] for name in names if name.startswith("tsdg.")}
    return found


FILES = sorted(path for path in ROOT.rglob("*.py") if "_recipes" not in path.parts)


def test_every_part_has_its_place_in_the_law() -> None:
    assert {part_of(path) for path in FILES} <= set(ALLOWED) | OUTER


def test_imports_go_one_way() -> None:
    places = set(ALLOWED) | OUTER
    wrong = []
    for path in FILES:
        part = part_of(path)
        if part in OUTER:
            forbidden = set() if part in {"cli", "__main__"} else {"cli"}
        else:
            forbidden = places - ALLOWED[part]
        wrong += [f"{path.relative_to(ROOT)}: {name}" for name in imports(path) & forbidden]
    assert sorted(wrong) == []


MOST = 420
"""Lines of a module."""


def test_no_module_is_a_monster() -> None:
    lines = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in FILES}
    assert {name: count for name, count in lines.items() if count > MOST} == {}


def test_one_name_is_one_class() -> None:
    names = Counter(
        node.name
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    )
    assert {name for name, count in names.items() if count > 1} == set()


def test_no_file_name_stands_more_than_twice() -> None:
    names = Counter(path.name for path in FILES if path.name != "__init__.py")
    assert {name for name, count in names.items() if count > 2} == set()
