"""What lm-eval itself asks of rows and holds as right: its own code on made-up rows.

Its modules import packages for their metrics, of which some are not installed. Those are stood in
for while a task is loaded; nothing of a metric is called.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import MagicMock, patch

import datasets
import pyarrow as pa
from lm_eval.utils import apply_template

from tsdg.seeds.rows.task_files import _resolved, load_config, tasks_folder

_STOOD_IN_FOR = ("evaluate", "nltk", "rouge_score", "sacrebleu", "sklearn", "torch", "transformers")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What lm-eval makes of one row."""

    text: str
    """The prompt."""
    options: tuple[str, ...]
    """Empty where the answer is written, and not chosen."""
    target: Any
    """The right answer: an option's index, a text, or a list of them."""

    @property
    def right(self) -> tuple[str | int, ...]:
        """The right answers: indices of options, or texts."""
        targets = self.target if isinstance(self.target, (list, tuple)) else (self.target,)
        return tuple(self._right(one) for one in targets)

    def _right(self, target: Any) -> str | int:
        if not self.options or isinstance(target, int):
            return target if isinstance(target, int) else str(target).strip()
        return self.options.index(target)


class _StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds something that takes every call, for packages of metrics."""

    def find_spec(self, name: str, path: object, target: object = None) -> Any:
        if name.partition(".")[0] in _STOOD_IN_FOR:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> Any:
        return MagicMock(name=spec.name, __path__=[], __spec__=spec)

    def exec_module(self, module: object) -> None:
        """Nothing of it is run."""


@contextmanager
def _stand_ins() -> Iterator[None]:
    """What is loaded meanwhile is forgotten after."""
    finder = _StandIns()
    with patch.dict(sys.modules), patch.object(datasets, "load_metric", MagicMock(), create=True):
        for name in [name for name in sys.modules if name.partition(".")[0] in _STOOD_IN_FOR]:
            del sys.modules[name]
        sys.meta_path.insert(0, finder)
        try:
            yield
        finally:
            sys.meta_path.remove(finder)


class Oracle:
    """One task of lm-eval."""

    def __init__(self, path: str) -> None:
        """Load a task by the path of its YAML in lm-eval's folder of tasks."""
        with _stand_ins():
            self._config = load_config(tasks_folder() / path)
            task = _resolved(self._config.get("class"))
        self._way = _of_class(task) if task else _of_templates

    def asked(self, table: pa.Table) -> list[Asked | Exception]:
        """Give what it makes of each row, or what its code or template raises on it.

        Raises:
            LookupError: the task's ``process_docs`` does not give one document a row.
        """
        rows: Any = datasets.Dataset(table)
        if self._config["process_docs"] is not None:
            rows = self._config["process_docs"](rows)
            if len(rows) != len(table):
                raise LookupError(f"{len(table)} rows became {len(rows)} documents")
        return [_attempted(self._way, self._config, row) for row in rows]


_Way = Callable[[Mapping[str, Any], Mapping[str, Any]], Asked]


def _attempted(way: _Way, config: Mapping[str, Any], row: Mapping[str, Any]) -> Asked | Exception:
    try:
        return way(config, row)
    except Exception as error:
        return error


def _of_templates(config: Mapping[str, Any], row: Mapping[str, Any]) -> Asked:
    return Asked(
        text=str(_given(config, "doc_to_text", row)),
        options=tuple(map(str, _given(config, "doc_to_choice", row) or ())),
        target=_given(config, "doc_to_target", row),
    )


def _of_class(name: type[Any]) -> _Way:
    """Read rows as a task that is a Python class does; SCROLLS puts the references together."""
    task = object.__new__(name)

    def way(_: Mapping[str, Any], row: Mapping[str, Any]) -> Asked:
        document = task._process_doc({**row, "outputs": [row.get("output")]})
        document = document[0] if isinstance(document, list) else document
        target = document.get("gold", task.doc_to_target(document))
        options = tuple(document.get("choices", ()))
        return Asked(text=task.doc_to_text(document), options=options, target=target)

    return way


def _given(config: Mapping[str, Any], key: str, row: Mapping[str, Any]) -> Any:
    """One field of a document, as ``lm_eval.api.task.ConfigurableTask`` reads it."""
    source = config[key]
    if callable(source):
        return source(row)
    if isinstance(source, Mapping):
        return list(source.values())
    if not isinstance(source, str):
        return source
    if source in row:
        return row[source]
    said = apply_template(source, row)
    if key == "doc_to_choice" or (said.isdigit() and config["doc_to_choice"] is not None):
        return ast.literal_eval(said)
    if key == "doc_to_target" and (said[:1], said[-1:]) == ("[", "]"):
        try:
            return ast.literal_eval(said)
        except (SyntaxError, ValueError):
            return said
    return said
