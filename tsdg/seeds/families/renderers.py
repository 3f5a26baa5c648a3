"""Find what renders the rows of a unit: its family's form, or lm-eval's own template.

A user's own family has its forms in ``families/NAME.py`` beside its YAML file, or takes those of
another family by its column ``adapter``. Its examples are rendered when it is first used: what they
give must be what the file expects.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tsdg.config import extensions
from tsdg.errors import CatalogueError, MachineError
from tsdg.seeds.catalogue.own import RowExample, own_family
from tsdg.seeds.rows.item import Gold, Item, MalformedRowError, Notes, Row, found, noted
from tsdg.seeds.rows.render import VERBATIM_KINDS, Renderer, Tidied, check
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
        self.same = form.same
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
    """Columns that a unit's form reads.

    None where lm-eval's template does, which says so when it is loaded.

    Raises:
        CatalogueError: the family has no forms, or its examples give something else.
        MachineError: its forms do not know the unit.
    """
    if family.adapter == "lm_eval":
        return ()
    return renderer_for(family, unit, frozenset()).columns


def renderer_for(family: Family, unit: Unit, columns: frozenset[str]) -> Renderer:
    """Return what renders a unit of source.

    Args:
        family: the unit's family; its ``adapter`` decides.
        unit: the unit.
        columns: the columns of the split.

    Raises:
        CatalogueError: the family has no forms, or its examples give something else.
        MachineError: its forms do not know the unit, or the lm-eval task cannot be loaded.
    """
    if family.family in extensions.files("families", ".yaml"):
        _check_examples(extensions.files("families", ".yaml")[family.family])
    return _renderer(family, unit, columns)


def _renderer(family: Family, unit: Unit, columns: frozenset[str]) -> Renderer:
    if family.adapter != "lm_eval":
        form = form_of(_forms(family), unit)
        plain = _FormRenderer(form)
        return plain if form.verbatim else Tidied(plain, unit.language)
    from tsdg.seeds.rows.lmeval import Template
    from tsdg.seeds.rows.task_files import tasks_folder

    root = DEMO if family.tier == "demo" else tasks_folder()
    kind = family.answer_kind_of(unit)
    template = Template(root / unit.yaml, kind=kind, columns=columns)
    return template if kind in VERBATIM_KINDS else Tidied(template, unit.language)


def source_files(family: Family, unit: Unit) -> tuple[Path, ...]:
    """The files that say how a unit's rows are read: of families, or of lm-eval's task.

    Raises:
        CatalogueError: the family has no forms.
        MachineError: lm-eval is not installed.
    """
    if family.adapter == "passages":  # of one's own texts, which are in no catalogue
        return ()
    if family.adapter == "lm_eval":
        from tsdg.seeds.rows.task_files import tasks_folder

        return ((DEMO if family.tier == "demo" else tasks_folder()) / unit.yaml,)
    if not (own := extensions.files("families", ".yaml").get(family.family)):
        return (_module_file(family),)
    return (own, _module_file(family))


def own_files(families: Iterable[str]) -> dict[str, str]:
    """Read the files of a user's own families, and of the modules that they take.

    Returns:
        ``families/NAME.yaml`` → its text.
    """
    kept: dict[str, str] = {}
    tables, modules = (extensions.files("families", ending) for ending in (".yaml", ".py"))
    for name in dict.fromkeys(families):
        if name in tables:
            files = [tables[name], modules.get(own_family(tables[name]).family.adapter)]
            kept |= {
                f"families/{file.name}": file.read_text(encoding="utf-8") for file in files if file
            }
    return kept


def _module_file(family: Family) -> Path:
    own = extensions.files("families", ".py")
    if family.family in extensions.files("families", ".yaml") and family.adapter in own:
        return own[family.adapter]
    here = Path(__file__)
    inside = here.with_name(f"{family.adapter}.py")
    if inside == here or not inside.is_file():
        raise CatalogueError(
            f"family {family.family}: column adapter: found {family.adapter!r}, allowed: lm_eval, "
            f"a module of {here.parent}, or for a family of your own a .py file beside its .yaml"
        )
    return inside


def _forms(family: Family) -> Mapping[str, Form]:
    file = _module_file(family)
    if file.parent == Path(__file__).parent:
        module = importlib.import_module(f"{__package__}.{file.stem}")
    else:
        module = extensions.load_module(file)
    forms = getattr(module, "FORMS", None)
    if not isinstance(forms, Mapping) or not all(isinstance(f, Form) for f in forms.values()):
        raise CatalogueError(
            f'{file}: FORMS: found {found(forms)}, allowed: a mapping of "", a config, a data '
            "set or a language to Form(...)"
        )
    return forms


@cache
def _check_examples(file: Path) -> None:
    """Render the examples of a user's own family.

    Raises:
        CatalogueError: one gives something else than the file expects.
    """
    own = own_family(file)
    tasks = {task: unit for unit in own.units for task in unit.tasks}
    for number, example in enumerate(own.examples, 1):
        where = f"{file}: examples[{number}]"
        if example.task and example.task not in tasks:
            raise CatalogueError(
                f"{where}: task: found {example.task!r}, allowed: {', '.join(tasks)}"
            )
        unit = tasks[example.task] if example.task else own.units[0]
        given = _given(own.family, unit, example)
        wanted = example.model_dump(exclude_none=True, exclude={"row", "task"})
        for name, value in wanted.items():
            if given.get(name) != value:
                shown = given.get(name, given.get("malformed"))
                raise CatalogueError(
                    f"{where}: {name}: found {found(shown)}, expected {found(value)}; mend the "
                    "form or the example"
                )


def _given(family: Family, unit: Unit, example: RowExample) -> dict[str, Any]:
    """What a form makes of an example; ``malformed`` is the column at fault."""
    renderer = _renderer(family, unit, frozenset(example.row))
    lacking = [column for column in renderer.columns if column not in example.row]
    if lacking:
        return {"malformed": f"no column {lacking[0]}"}
    try:
        item, gold = _read(renderer, example.row)
    except MalformedRowError as error:
        return {"malformed": error.column}
    except MachineError:
        raise
    except Exception as error:
        return {"malformed": f"{type(error).__name__}: {error}"}
    return {
        "question": item.question,
        "context": item.context,
        "options": item.options,
        "answer": gold.answer,
    }


def _read(renderer: Renderer, row: dict[str, Any]) -> tuple[Item, Gold]:
    import pyarrow as pa

    document = renderer.documents(pa.Table.from_pylist([row]), [row])[0]
    if document is None:
        raise MalformedRowError("process_docs", "the task's own preparation leaves this row out")
    item = renderer.item(document)
    gold = renderer.gold(document, item)
    check(item, gold)
    return item, gold
