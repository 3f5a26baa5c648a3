"""Families of one's own, in a folder that ``--config-dir`` names."""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.seeds.rows import collected, config
from tsdg.cli import run_command
from tsdg.config import extensions
from tsdg.config.compose import compose_recipe
from tsdg.errors import CatalogueError, RunConflictError, TsdgError
from tsdg.run.prepare import prepare, reopen, take_snapshot
from tsdg.seeds.catalogue import guard
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.families.renderers import renderer_for

TABLE = """\
group: knowledge
output_type: multiple_choice
answer_kind: choice
domain: driving
languages: [en]
licence: CC-BY-4.0
commercial: yes
suggested_cap: 5000
units:
  - dataset_path: me/street-signs
    split: train
    proof: "our own release: train is trained on and test is scored"
    rows: 40
    tasks: [street_signs]
examples:
  - row: {sign: a red octagon, meanings: [stop, give way, no entry], right: 0}
    question: What does a red octagon tell a driver?
    answer: stop
  - row: {sign: a red octagon, meanings: [stop, give way], right: 2}
    malformed: right
"""
MODULE = """\
from tsdg.seeds.rows.item import Gold, Item, Row, chosen, integer, text, texts
from tsdg.seeds.rows.row_forms import Form


def item(row: Row) -> Item:
    question = f"What does {text(row, 'sign')} tell a driver?"
    return Item(question=question, options=texts(row, "meanings"))


def gold(row: Row, item: Item) -> Gold:
    return chosen(item, integer(row, "right"), "right")


FORMS = {"": Form(columns=("sign", "meanings", "right"), item=item, gold=gold, shuffle=True)}
"""


@pytest.fixture(autouse=True)
def _no_folder_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(extensions.VARIABLE, "")
    yield
    guard._folded_with.cache_clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    families = tmp_path / "my/families"
    families.mkdir(parents=True)
    (families / "street_signs.yaml").write_text(TABLE)
    (families / "street_signs.py").write_text(MODULE)
    return tmp_path / "my"


def write(mirror: Path, count: int = 60) -> Path:
    rows: list[dict[str, Any]] = [
        {"sign": f"sign number {n}", "meanings": [f"go {n}", f"stop {n}", "turn"], "right": 0}
        for n in range(count)
    ]
    path = mirror / "me/street-signs/default/train.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)
    return mirror


@pytest.mark.parametrize("workers", [1, 2])
def test_it_gives_seeds(folder: Path, tmp_path: Path, workers: int) -> None:
    """In processes of their own too, which inherit the folder."""
    mirror = write(tmp_path / "mirror")
    with extensions.using(folder):
        request = config(mirror, "street_signs").model_copy(update={"workers": workers})
        seeds, rejections, _ = collected(request)
    assert len(seeds) == 60
    assert not rejections
    assert {seed.family for seed in seeds} == {"street_signs"}
    assert {seed.answer_index for seed in seeds} == {0, 1, 2}
    assert "street_signs" not in {family.family for family in load().families}


def test_its_held_out_rows_are_read_by_its_module_as_it_is_now(
    folder: Path, tmp_path: Path
) -> None:
    mirror = write(tmp_path / "mirror")
    train = mirror / "me/street-signs/default/train.parquet"
    (train.parent / "test.parquet").write_bytes(train.read_bytes())
    with extensions.using(folder):
        assert not collected(config(mirror, "street_signs"))[0]
    change(folder, "street_signs.py", "tell a driver", "say")
    change(folder, "street_signs.yaml", "tell a driver", "say")
    forget()
    with extensions.using(folder):
        assert not collected(config(mirror, "street_signs"))[0]


def test_seeds_show_and_check_know_it(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mirror = write(tmp_path / "mirror")
    words = ["--config-dir", str(folder)]
    assert run_command(["seeds", "check", "street_signs", *words]) == 0
    assert run_command(["seeds", "show", "street_signs", f"seeds.mirror={mirror}", *words]) == 0
    assert "tell a driver?" in capsys.readouterr().out
    assert run_command(["seeds", "check", "street_signs"]) == 1


def change(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / "families" / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("yaml", "group: knowledge", "group: Knowledge", "group: found 'Knowledge'"),
        ("yaml", "domain: driving\n", "", "domain: has no value"),
        ("yaml", "rows: 40", "rows: forty", "units[0].rows: found 'forty'"),
        ("yaml", "licence:", "license:", "license is unknown"),
        ("yaml", "units:\n  - ", "units:\n    ", "units: found"),
        ("yaml", "group: knowledge", "group: [", "cannot be read"),
        ("yaml", "tasks: [street_signs]", "tasks: [gsm8k]", "task gsm8k stands twice"),
        ("yaml", "dataset_path: me/street-signs", "dataset_path: google/IFEval", "is denied"),
        ("yaml", TABLE[TABLE.index("examples:") :], "", "family street_signs has no examples"),
        ("yaml", "answer: stop", "answer: go", "examples[1]: answer: found 'stop', expected 'go'"),
        ("yaml", "right: 2}", "right: 1}", "malformed: found None, expected 'right'"),
        ("py", "FORMS", "FORM", "FORMS: found None"),
        ("py", "def item", "def item(", "SyntaxError"),
        ("py", "from tsdg.seeds.rows.item", "from nowhere", "ModuleNotFoundError"),
        ("py", '"sign", "meanings"', '"sing", "meanings"', "found 'no column sing'"),
        ("py", "integer(row", "row.index(row", 'found "AttributeError'),
    ],
)
def test_a_mistake_is_one_line_before_anything_is_generated(
    folder: Path, tmp_path: Path, name: str, old: str, new: str, said: str
) -> None:
    change(folder, f"street_signs.{name}", old, new)
    mirror = write(tmp_path / "mirror")
    with extensions.using(folder), pytest.raises(CatalogueError) as caught:
        prepare(recipe(mirror, tmp_path))
    assert said in str(caught.value)
    assert f"families/street_signs.{name}" in str(caught.value) or name == "py"
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_family_needs_a_module_or_anothers(folder: Path, tmp_path: Path) -> None:
    (folder / "families/street_signs.py").unlink()
    with (
        extensions.using(folder),
        pytest.raises(CatalogueError, match="allowed: lm_eval, a module"),
    ):
        prepare(recipe(write(tmp_path / "mirror"), tmp_path))
    change(folder, "street_signs.yaml", "group:", "adapter: social_iqa\ngroup:")
    with extensions.using(folder), pytest.raises(CatalogueError, match="no column context"):
        prepare(recipe(write(tmp_path / "mirror"), tmp_path))


def recipe(mirror: Path, root: Path) -> Any:
    return compose_recipe(
        [
            "recipe=demo",
            "seeds.tasks=[street_signs]",
            f"seeds.mirror={mirror}",
            f"output_root={root}",
            "run=own",
        ]
    )


def test_a_run_keeps_it_and_its_jobs_find_it(folder: Path, tmp_path: Path) -> None:
    mirror = write(tmp_path / "mirror")
    with extensions.using(folder):
        prepared = prepare(recipe(mirror, tmp_path))
        take_snapshot(prepared, [])
    kept = prepared.directory / "snapshot/families"
    assert (kept / "street_signs.py").read_text() == MODULE
    assert [source.task for source in reopen(prepared.directory, []).sources] == ["street_signs"]


@pytest.mark.parametrize(
    ("touch", "said"),
    [
        ("py", "how family street_signs reads its rows changed"),
        ("licence", "column licence of me/street-signs/default/train changed"),
        ("rows", "the data of me/street-signs/default/train changed"),
        ("nothing", ""),
    ],
)
def test_a_change_after_the_start_is_a_conflict(
    folder: Path, tmp_path: Path, touch: str, said: str
) -> None:
    mirror = write(tmp_path / "mirror")
    with extensions.using(folder):
        take_snapshot(prepare(recipe(mirror, tmp_path)), [])
    if touch == "py":
        change(folder, "street_signs.py", "tell a driver", "say")
        change(folder, "street_signs.yaml", "tell a driver", "say")
    elif touch == "licence":
        change(folder, "street_signs.yaml", "CC-BY-4.0", "MIT")
    elif touch == "rows":
        write(mirror, count=61)
    forget()
    with extensions.using(folder):
        again = prepare(recipe(mirror, tmp_path))
        if not said:
            take_snapshot(again, [])
            return
        with pytest.raises(RunConflictError) as caught:
            take_snapshot(again, [])
    assert said in str(caught.value)
    assert isinstance(caught.value, TsdgError)


def forget() -> None:
    """What a new process would not know."""
    from tsdg.seeds.families import renderers

    load.__globals__["_load"].cache_clear()
    extensions.load_module.cache_clear()
    renderers._check_examples.cache_clear()


@pytest.mark.parametrize(
    ("page", "name"), [("recipes.md", "street_signs"), ("verification.md", "my_instructions")]
)
def test_the_docs_families_give_what_they_say(page: str, name: str, tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / page).read_text(encoding="utf-8")
    section = text[text.rindex("of your own", 0, text.index("FORMS =")) :]
    blocks = re.findall(r"^( *)```(yaml|python)\n(.*?)^ *```", section, re.S | re.M)
    families = tmp_path / "families"
    families.mkdir()
    for _, kind, block in blocks[:2]:
        ending = {"yaml": "yaml", "python": "py"}[kind]
        (families / f"{name}.{ending}").write_text(textwrap.dedent(block))
    assert len(list(families.iterdir())) == 2
    with extensions.using(tmp_path):
        unit = load().unit_of_task(name)
        assert unit is not None
        assert renderer_for(load().family(name), unit, frozenset()).columns
