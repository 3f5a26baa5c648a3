"""Find what renders the rows of a unit: its family's form, or lm-eval's own template."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tsdg.errors import MachineError
from tsdg.seeds.rows.item import Notes, Row, noted
from tsdg.seeds.rows.render import Renderer
from tsdg.seeds.rows.row_forms import Form, form_of

if TYPE_CHECKING:
    from tsdg.seeds.catalogue.model import Family, Unit

DEMO = Path(__file__).parents[1] / "demo"
"""tsdg's own demo tasks."""


class _FormRenderer:
    """A family's form as a renderer."""

    def __init__(self, form: Form) -> None:
        self.columns = form.columns
        self.shuffle = form.shuffle
        self.classes = form.classes
        self.item = form.item
        self.gold = form.gold
        self._form = form

    def notes(self, row: Row) -> Notes:
        form = self._form
        return Notes(
            solution=noted(row, form.solution, "\n"),
            level=noted(row, form.level),
            subject=noted(row, form.subject),
        )

    def documents(self, table: Any, rows: list[dict[str, Any]]) -> list[dict[str, Any] | None]:
        return list(rows)


def columns_of(family: Family, unit: Unit) -> tuple[str, ...]:
    """Columns that a unit's adapter reads.

    None where lm-eval's template does, which says so when it is loaded.

    Raises:
        MachineError: the adapter is missing.
    """
    return (
        ()
        if family.adapter == "lm_eval"
        else _FormRenderer(form_of(adapter_of(family).FORMS, unit)).columns
    )


def adapter_of(family: Family) -> ModuleType:
    """Import a family's adapter.

    Raises:
        MachineError: there is none of that name.
    """
    name = f"tsdg.seeds.families.{family.adapter}"
    if importlib.util.find_spec(name) is None:
        raise MachineError(
            f"family {family.family}: no adapter {family.adapter!r} in tsdg/seeds/adapters; "
            "take its tasks out of seeds.tasks"
        )
    return importlib.import_module(name)


def renderer_for(family: Family, unit: Unit, columns: frozenset[str]) -> Renderer:
    """Return what renders a unit of source.

    Args:
        family: the unit's family; its ``adapter`` decides.
        unit: the unit.
        columns: the columns of the split.

    Raises:
        MachineError: the adapter is missing, or the lm-eval task cannot be loaded.
    """
    if family.adapter != "lm_eval":
        return _FormRenderer(form_of(adapter_of(family).FORMS, unit))
    from tsdg.seeds.rows.lmeval import Template, tasks_folder

    root = DEMO if family.tier == "demo" else tasks_folder()
    return Template(root / unit.yaml, kind=family.answer_kind_of(unit), columns=columns)
