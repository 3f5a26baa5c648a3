"""Verifiers of one's own, in a folder that ``--config-dir`` names."""

import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT
from tsdg.config import extensions
from tsdg.config.compose import compose_recipe
from tsdg.config.recipe import Recipe
from tsdg.config.snapshot_diff import compare_snapshots
from tsdg.errors import CatalogueError, RecipeError, RunConflictError
from tsdg.run.prepare import Prepared, prepare, prepare_again, reopen, take_snapshot
from tsdg.run.verifiers import check_verifiers_ready
from tsdg.verify import own, verifier_for
from tsdg.verify.own import NOTHING_ASKED


def docs_example() -> str:
    """The file of docs/verification.md, as a reader copies it."""
    page = (ROOT / "docs/verification.md").read_text(encoding="utf-8")
    section = page[page.index("\n## A verifier of your own") :]
    found = re.search(r"^( *)```python\n(.*?)^ *```", section, re.S | re.M)
    assert found
    return textwrap.dedent(found[2])


MODULE = docs_example()
NAMED = "+filter.verifiers.demo_arithmetic=whole_number"


@pytest.fixture(autouse=True)
def _no_folder_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(extensions.VARIABLE, "")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "my/verifiers").mkdir(parents=True)
    (tmp_path / "my/verifiers/whole_number.py").write_text(MODULE)
    yield tmp_path / "my"
    forget()


def forget() -> None:
    """What a new process would not know."""
    extensions.load_module.cache_clear()
    extensions._files.cache_clear()
    own._checked.cache_clear()


def change(folder: Path, old: str, new: str) -> None:
    path = folder / "verifiers/whole_number.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    forget()


def recipe(root: Path, *words: str) -> Recipe:
    tasks = "seeds.tasks=[demo_arithmetic]"
    return compose_recipe(["recipe=demo", tasks, f"output_root={root}", *(words or (NAMED,))])


def prepared(folder: Path, root: Path, *words: str) -> Prepared:
    with extensions.using(folder):
        return prepare(recipe(root, *words), mirror_here=False)


def test_the_docs_example_reads_whole_numbers(folder: Path) -> None:
    with extensions.using(folder):
        verifier = verifier_for("whole_number")
    assert verifier.read("Answer: 1,200", NOTHING_ASKED) == "1200"
    assert verifier.read("Answer: 12.5", NOTHING_ASKED) is None
    assert verifier.same("12", "12")
    assert verifier.kind == "number"


def test_a_run_keeps_it_and_its_jobs_find_it(folder: Path, tmp_path: Path) -> None:
    with extensions.using(folder):
        begun = prepare(recipe(tmp_path), mirror_here=False)
        take_snapshot(begun, [])
    kept = begun.directory / "snapshot/verifiers/whole_number.py"
    assert kept.read_text() == MODULE
    forget()
    again = reopen(begun.directory, [])
    check_verifiers_ready(again.recipe, again.sources)
    assert again.fingerprint == begun.fingerprint
    take_snapshot(again, [])
    replayed = prepare_again(begun.directory, [])
    take_snapshot(replayed, [])
    assert (replayed.directory / "snapshot/verifiers/whole_number.py").read_text() == MODULE


def test_jobs_of_another_machine_check_it_again(folder: Path, tmp_path: Path) -> None:
    with extensions.using(folder):
        begun = prepare(recipe(tmp_path), mirror_here=False)
        take_snapshot(begun, [])
    kept = begun.directory / "snapshot/verifiers/whole_number.py"
    kept.write_text("import of_another_machine\n" + MODULE)
    forget()
    again = reopen(begun.directory, [])
    with pytest.raises(CatalogueError, match=r"whole_number\.py: cannot be imported \(Module"):
        check_verifiers_ready(again.recipe, again.sources)
    with pytest.raises(RunConflictError, match="the file of verifier whole_number differs"):
        take_snapshot(again, [])


def test_a_changed_file_is_another_run(folder: Path, tmp_path: Path) -> None:
    first = prepared(folder, tmp_path)
    with extensions.using(folder):
        take_snapshot(first, [])
    change(folder, "12.5", "13.5")
    second = prepared(folder, tmp_path)
    assert first.directory != second.directory
    with extensions.using(folder):
        take_snapshot(second, [])
    (found,) = compare_snapshots(first.directory, second.directory)
    assert (found.part, found.key, found.identity) == ("verifiers", "whole_number", True)
    other = prepared(folder, tmp_path, NAMED, f"run={first.directory.name}")
    with (
        extensions.using(folder),
        pytest.raises(
            RunConflictError, match="another run: the file of verifier whole_number differs"
        ) as error,
    ):
        take_snapshot(other, [])
    assert error.value.exit_code == 2


def test_a_run_without_it_says_so(folder: Path, tmp_path: Path) -> None:
    with extensions.using(folder):
        take_snapshot(prepare(recipe(tmp_path, NAMED, "run=a"), mirror_here=False), [])
    plain = prepare(recipe(tmp_path, "run=a"), mirror_here=False)
    with pytest.raises(RunConflictError, match="verifier whole_number of your own is used only"):
        take_snapshot(plain, [])


def test_runs_that_use_none_are_what_they_were(folder: Path, tmp_path: Path) -> None:
    """Files that lie in the folder and are not named are neither looked at nor kept."""
    (folder / "verifiers/broken.py").write_text("not Python")
    with extensions.using(folder):
        begun = prepare(recipe(tmp_path, "run=a"), mirror_here=False)
        take_snapshot(begun, [])
    assert begun.fingerprint == prepare(recipe(tmp_path, "run=a"), mirror_here=False).fingerprint
    assert not (begun.directory / "snapshot/verifiers").exists()
    marker = json.loads((begun.directory / "snapshot/fingerprint.json").read_text())
    assert set(marker["identity"]) == {"version", "recipe", "prompts"}


SAME = 'same=[("Answer: 1,200", "Both together have 1200.")]'
DIFFERENT = 'different=[("Answer: 12", "Answer: 13")]'
ABSTAINS = 'abstains=["Answer: 12.5", "I do not know."]'


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (SAME, "same=[]", "verifier whole_number has no examples of 'same'; give at least one"),
        (DIFFERENT, "different=()", "verifier whole_number has no examples of 'different'"),
        (ABSTAINS, "abstains=[]", "verifier whole_number has no examples of 'abstains'"),
        (ABSTAINS, 'abstains="none"', "abstains: found 'none', allowed: a list, each a text"),
        (SAME, 'same=["12"]', "same[1]: found '12', allowed: a pair of texts"),
        (SAME, "same=[(12, 12)]", "same[1]: found (12, 12), allowed: a pair of texts"),
        (
            DIFFERENT,
            'different=[("Answer: 12", "It is 12.")]',
            "different[1]: same('12', '12') is True, expected False",
        ),
        (
            SAME,
            'same=[("Answer: 12", "Answer: 13")]',
            "same[1]: same('12', '13') is False, expected True",
        ),
        (SAME, 'same=[("12", "a dozen eggs or so")]', "is read as None, expected an answer"),
        (
            ABSTAINS,
            'abstains=["no", "Answer: 7"]',
            "abstains[2]: 'Answer: 7' is read as '7', expected None",
        ),
        (
            "return int(left) == int(right)",
            "return left <= right",
            "different[1]: same('12', '13') is True, expected False",
        ),
        (
            "return int(left) == int(right)",
            "return left < right or right == '1200'",
            "different[1]: same('12', '13') is True",
        ),
        (
            "return int(left) == int(right)",
            "return left > right or right == '1200'",
            "different[1]: same('13', '12') is True",
        ),
        ("return int(left) == int(right)", "return 1 / 0", "raised ZeroDivisionError"),
        (
            "        return found if",
            "        raise ValueError(text)\n        return found if",
            "same[1]: 'Answer: 1,200' is read as an exception (ValueError: Answer: 1,200)",
        ),
        (
            "        return found if",
            "        return 12\n        return found if",
            "TypeError: read gave 12, allowed: a text or None",
        ),
        ('kind = "number"', 'kind = "integer"', "kind: found 'integer', allowed: choice, number"),
        ('method = "vote"', 'method = "none"', "method: found 'none', allowed: 'vote'"),
        ("def same", "def equal", "same: found None, allowed: a method"),
        (
            "def same",
            "def alike(self): ...\n    async def prove(self): ...\n    def same",
            "prove: found a verifier that tests answers itself",
        ),
        ("VERIFIER = ", "VERIFYER = ", "VERIFIER: found None, allowed: OwnVerifier(verifier="),
        ("def read", "def read(", "cannot be imported (SyntaxError"),
        ("different=[", "differing=[", "cannot be imported (TypeError"),
        ("from tsdg.protocols", "from nowhere", "cannot be imported (ModuleNotFoundError"),
    ],
)
def test_a_mistake_is_one_line(folder: Path, old: str, new: str, said: str) -> None:
    change(folder, old, new)
    with extensions.using(folder), pytest.raises(CatalogueError) as caught:
        verifier_for("whole_number")
    assert said in str(caught.value)
    assert "verifiers/whole_number.py: " in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_it_is_refused_before_anything_is_generated(folder: Path, tmp_path: Path) -> None:
    change(folder, SAME, "same=[]")
    with pytest.raises(CatalogueError, match="verifier whole_number has no examples of 'same'"):
        prepared(folder, tmp_path)


def test_a_wrong_reply_later_is_an_exception_of_its_row(folder: Path) -> None:
    odd = '        if "odd" in text:\n            return 7\n'
    change(folder, "        found = Num", f"{odd}        found = Num")
    with extensions.using(folder), pytest.raises(TypeError, match="read gave 7"):
        verifier_for("whole_number").read("an odd reply", NOTHING_ASKED)


def test_a_typo_is_told_what_is_meant(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        prepared(folder, tmp_path, "+filter.verifiers.demo_arithmetic=whole_numbr")
    assert str(caught.value) == (
        "recipe key filter.verifiers.demo_arithmetic: found 'whole_numbr'; allowed: choice, "
        "number, math, short_text, text, code, boolean, json, code_text, ifeval, whole_number, or "
        "what a file verifiers/NAME.py in the folder of --config-dir is called; did you mean "
        "whole_number?"
    )
    with pytest.raises(RecipeError, match=r"found 'shorttext'; .*; did you mean short_text\?$"):
        recipe(tmp_path, "+filter.verifiers.demo_arithmetic=shorttext")
    with pytest.raises(RecipeError, match="found 7, allowed: one of choice, number, math"):
        recipe(tmp_path, "+filter.verifiers.demo_arithmetic=7")


def test_it_reads_answers_of_its_kind_alone(folder: Path, tmp_path: Path) -> None:
    tasks = "seeds.tasks=[demo_science]"
    with pytest.raises(RecipeError, match=r"whole_number cannot read its answers, .* kind choice"):
        prepared(folder, tmp_path, tasks, "+filter.verifiers.demo_science=whole_number")


def test_it_may_not_be_called_as_one_of_tsdgs(folder: Path, tmp_path: Path) -> None:
    (folder / "verifiers/number.py").write_text(MODULE)
    forget()
    with pytest.raises(CatalogueError, match="verifier number is one of tsdg's; give the file an"):
        prepared(folder, tmp_path)


FAMILY = """\
group: reasoning
output_type: generate_until
answer_kind: number
verifier: whole_number
domain: math
languages: [en]
licence: CC-BY-4.0
commercial: yes
suggested_cap: 10
units:
  - dataset_path: me/sums
    split: train
    proof: our own
    rows: 1
    tasks: [my_sums]
examples:
  - row: {sum: 1 + 1, total: "2"}
    answer: "2"
"""
FORMS = """\
from tsdg.seeds.rows.item import Gold, Item, text
from tsdg.seeds.rows.row_forms import Form

FORMS = {
    "": Form(
        columns=("sum", "total"),
        item=lambda row: Item(question=text(row, "sum")),
        gold=lambda row, item: Gold(kind="number", answer=text(row, "total")),
    )
}
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("", "", ""),
        ("verifier: whole_number", "verifier: whole", "verifier: found 'whole'; allowed: choice, "),
        ("answer_kind: number", "answer_kind: text", "whole_number cannot read its answers, which"),
    ],
)
def test_a_family_of_ones_own_names_it(
    folder: Path, tmp_path: Path, old: str, new: str, said: str
) -> None:
    (folder / "families").mkdir()
    (folder / "families/my_sums.yaml").write_text(FAMILY.replace(old, new))
    (folder / "families/my_sums.py").write_text(FORMS)
    words = ["seeds.tasks=[my_sums]", "run=sums"]
    if said:
        with pytest.raises(CatalogueError, match=re.escape(said)):
            prepared(folder, tmp_path, *words)
        return
    with extensions.using(folder):
        begun = prepare(recipe(tmp_path, *words), mirror_here=False)
        take_snapshot(begun, [])
    assert set(begun.own_files) == {
        "families/my_sums.yaml",
        "families/my_sums.py",
        "verifiers/whole_number.py",
    }
    again = reopen(begun.directory, [], mirror_here=False)
    assert {source.family.verifier for source in again.sources} == {"whole_number"}
