"""Each family's gold and options against what lm-eval's own code makes of the same rows.

Each unit's row is tried as it is, and with every other label, letter or name that could be right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import datasets
import pyarrow as pa
import pytest

from tests.seeds.lmeval_oracle import Asked, Oracle
from tests.seeds.rows import unit_of
from tests.seeds.unit_rows import row_of, table_of
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.catalogue.model import Unit
from tsdg.seeds.families.renderers import renderer_for
from tsdg.seeds.mirror.parquet_files import plain_rows
from tsdg.seeds.rows import render
from tsdg.seeds.rows.item import Gold, Item, MalformedRowError, Row
from tsdg.seeds.rows.render import Renderer
from tsdg.seeds.rows.task_files import tasks_folder

FAMILIES = tuple(family.family for family in load().families if family.tier != "demo")
OTHERWISE = {
    "AIML-TUDA/SLR-Bench": "the target is a column's name; a program of Prolog judges the answer",
    "EleutherAI/coqa": "additional answers, which lm-eval's validation rows always have, are null",
    "EleutherAI/drop": "the target is the names of the struct's fields; process_results reads it",
    "EleutherAI/hendrycks_math": "a boxed letter is replaced by the option that it names",
    "HiTZ/MGSM-eu": "the column has floats, and lm-eval prints the number as one",
    "HiTZ/truthfulqa-multi": "the target has the label of the prompt",
    "allenai/winogrande": "the target is what follows the blank, the same for both options",
    "bigbio/mediqa_qa": "lm-eval takes the answer that was found first, good or not",
    "epfl-dlab/JSONSchemaBench": "the target is the schema",
    "google-research-datasets/mbpp": "lm-eval's prompt needs three tests; the made-up row has one",
    "hitachi-nlp/FLD.v2": "lm-eval's prompt is a column of its own, which the made-up row lacks",
    "ibm-research/acp_bench": "the target of open questions is printed; acp_utils.py explains it",
    "masakhane/afriqa-gold-passages": "the target is the printed struct of the marked text",
    "masakhane/afrimgsm": "the target is cut from the solution, and not the number beside it",
    "openai/gsm8k": "the target is the whole solution",
    "projecte-aina/Parafraseja": "the column has labels as texts, which are none of the options",
    "projecte-aina/xstorycloze_ca": "lm-eval subtracts from a label that the column has as text",
}
"""Data sets whose targets in lm-eval are no answers, or other ones, and why."""
ONE_CATEGORY = ("TIGER-Lab/MMLU-Pro", "saeidasgari/mmlu-pro-plus", "li-lab/MMLU-ProX")
"""Data sets of which a task reads one category only: that of law, here."""
OTHER_TASK = {"allenai/qasper": "qasper/freeform.yaml"}
"""The task that reads a made-up row, where it is not the unit's first."""


WITHOUT_SEEDS = ("acp_just_gen",)
ONE_RIGHT = {
    "EleutherAI/hendrycks_ethics": "the pleasanter experience has a column of its own",
    "EleutherAI/hendrycks_math": "the letter stands in the solution",
    "TIGER-Lab/MMLU-Pro": "letter and index say it both",
    "allenai/sciq": "the right answer has a column of its own",
    "aps/super_glue": "of ReCoRD, the right names are a list",
    "li-lab/MMLU-ProX": "letter and index say it both",
    "saeidasgari/mmlu-pro-plus": "letter and index say it both",
}
"""Data sets of which a change of one cell makes no other option the right one, and why."""
WAYS = 24
"""How many ways of reading are tried for a family: one of 42 languages has as many."""


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What came of comparing the rows of a unit."""

    different: list[str] = field(default_factory=list)
    never: set[str] = field(default_factory=set)
    """Options that were right in no row."""


class Shifted:
    """A renderer whose right option is the next one."""

    def __init__(self, inner: Renderer) -> None:
        self.columns, self.documents, self.item = inner.columns, inner.documents, inner.item
        self._inner = inner

    def gold(self, row: Row, item: Item) -> Gold:
        gold = self._inner.gold(row, item)
        place = (gold.index + 1) % len(item.options)
        return replace(gold, index=place, answer=item.options[place])


def with_other_labels(row: Row, columns: Sequence[str], names: Sequence[str]) -> Iterator[Row]:
    """The row, and the row with other labels, one cell at a time."""
    yield row
    said = set(map(folded, names))
    for name in columns or tuple(row):
        cell = row.get(name)
        others: Sequence[object] = ()
        if isinstance(cell, int) and not isinstance(cell, bool):
            others = range(-1, max(6, len(names)))
        elif isinstance(cell, str) and re.fullmatch(r"\d", cell):
            others = tuple(map(str, range(6)))
        elif isinstance(cell, str) and re.fullmatch(r"[A-Ea-e]", cell):
            others = "ABCDE" if cell.isupper() else "abcde"
        elif isinstance(cell, str) and folded(cell) in said:
            others = names
        yield from ({**row, name: other} for other in others if other != cell)


def folded(text: object) -> str:
    return "".join(filter(str.isalnum, str(text))).casefold()


def agree(item: Item, gold: Gold, one: Asked) -> bool:
    """Whether a seed's right answer is one of lm-eval's."""
    right = one.right
    theirs, ours = (list(map(folded, options)) for options in (one.options, item.options))
    if theirs and len(theirs) == len(ours) and set(theirs) != set(ours):
        return gold.index in right  # letters, or other words for the same classes
    if theirs and not set("abcdefgh") >= set(theirs):
        said = [theirs[place] for place in right if isinstance(place, int)]
        return any(folded(gold.answer) in option for option in said)
    letters = [theirs[one] if isinstance(one, int) and theirs else folded(one) for one in right]
    if item.options and len(letters[0]) == 1:
        return gold.index == ord(letters[0]) - ord("a")
    return any(folded(text) in letters for text in (gold.answer, *gold.aliases))


def compared(unit: Unit, *, wrong: bool = False) -> Compared:
    """Compare a unit's row, with its labels changed too, with what lm-eval makes of them."""
    made = row_of(unit.tasks[0])
    assert made is not None
    row = made.case["row"] | ({"category": "law"} if unit.dataset_path in ONE_CATEGORY else {})
    renderer = renderer_for(load().family(unit.family), unit, frozenset(row))
    oracle = Oracle(OTHER_TASK.get(unit.dataset_path, unit.yaml))
    (first,) = oracle.asked(table_of(unit, [row]))
    names = () if isinstance(first, Exception) else first.options
    if not any(map(folded, names)) or max(map(len, names)) == 1:
        names = read(renderer, table_of(unit, [row]))[0][0].options
    table = table_of(unit, with_other_labels(row, renderer.columns, names))
    try:
        theirs = oracle.asked(table)
    except (LookupError, ValueError):  # process_docs stops at one of the labels
        table, theirs = table.slice(0, 1), [first]
    out, always = Compared(), set[str]()
    for seed, one in zip(
        read(Shifted(renderer) if wrong else renderer, table), theirs, strict=True
    ):
        if seed is None:
            continue
        item, gold = seed
        always.add(gold.answer)
        out.never.update(item.options)
        with suppress(IndexError, ValueError):  # a target that is none of lm-eval's own options
            if not isinstance(one, Exception) and agree(item, gold, one):
                continue
        out.different.append(f"{unit.name}: {gold.answer!r} is right, in lm-eval: {one!r}")
    out.never.difference_update(always)
    return out


def read(renderer: Renderer | Shifted, table: pa.Table) -> list[tuple[Item, Gold] | None]:
    """The seed of each row; None where it has none."""
    out: list[tuple[Item, Gold] | None] = []
    for document in renderer.documents(table, plain_rows(table)[1]):
        try:
            assert document is not None
            item = renderer.item(document)
            gold = renderer.gold(document, item)
            render.check(item, gold)
        except MalformedRowError:
            out.append(None)
        else:
            out.append((item, gold))
    return out


def read_otherwise(family: str) -> tuple[Unit, ...]:
    """The units of a family, one for each row and each way in which lm-eval reads it."""
    found = {}
    for unit in load().units_of_family(family):
        made = row_of(unit.tasks[0])
        if unit.yaml and made:
            task = (tasks_folder() / unit.yaml).read_text(encoding="utf-8")
            way = re.sub(r"(?m)^(task|dataset_name|process_docs|tag|- ).*|^ .*\n", "", task)
            found.setdefault((unit.dataset_path, made.case["task"], way), unit)
    return tuple(found.values())[:WAYS]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_right_answer_is_that_of_lm_eval(family: str) -> None:
    datasets.disable_progress_bars()
    for unit in read_otherwise(family):
        if unit.tasks[0] in WITHOUT_SEEDS:
            continue
        comparison = compared(unit)
        if unit.dataset_path not in OTHERWISE:
            assert comparison.different == []
        if unit.dataset_path not in ONE_RIGHT:
            assert comparison.never == set(), unit.name


@pytest.mark.parametrize("path", OTHERWISE)
def test_what_differs_still_does(path: str) -> None:
    units = [unit for unit in load().units if unit.dataset_path == path and unit.yaml]
    assert any(compared(unit).different for unit in units[:4] + units[-4:])


@pytest.mark.parametrize(
    "task", ["arc_easy", "xnli_de", "headqa_en", "legalbench_abercrombie", "sciq"]
)
def test_a_wrong_gold_is_found(task: str) -> None:
    assert compared(unit_of(task), wrong=True).different
