"""lm-eval's task YAML as a renderer of its documents.

A user's own task may say under ``metadata.tsdg`` which template gives the ``question``,
``context``, ``answer``, ``aliases`` or ``checks``; that goes before what is read from
``doc_to_text`` and ``doc_to_target``. So may it say what gives the ``solution``, ``level`` or
``subject``; for lm-eval's own tasks ``data/notes.yaml`` does.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from tsdg.errors import MachineError
from tsdg.records import AnswerKind
from tsdg.seeds.rows.item import (
    Gold,
    Item,
    MalformedRowError,
    Notes,
    Row,
    as_text,
    chosen,
    found,
    noted,
)
from tsdg.seeds.rows.task_files import load_config
from tsdg.seeds.rows.templates import Value, compile_value, is_constant, place, split_prompt

_NOTES = ("solution", "level", "subject")
_HINTS = ("question", "context", "answer", "aliases", "checks", *_NOTES)


@cache
def _own_notes() -> dict[str, dict[str, str]]:
    data = (resources.files("tsdg.seeds.rows") / "data/notes.yaml").read_text(encoding="utf-8")
    notes: dict[str, dict[str, str]] = yaml.safe_load(data)
    return notes


def _hints(path: Path, config: dict[str, Any]) -> dict[str, Any]:
    """What the task itself, or else ``notes.yaml``, says of the fields of a seed."""
    own = _own_notes().get("/".join(path.parts[-2:]), {})
    hints: dict[str, Any] = own | (config.get("metadata") or {}).get("tsdg", {})
    if unknown := sorted(set(hints) - set(_HINTS)):
        raise MachineError(
            f"task file {path}: metadata.tsdg has {unknown}, allowed are {', '.join(_HINTS)}"
        )
    return hints


class Template:
    """Renders the documents of one lm-eval task.

    Attributes:
        columns: the columns that the mirror's split must have; empty where ``process_docs`` may
            make columns.
        shuffle: whether the options of this task are to be shuffled (never: their order is the
            task's).
        classes: whether the options stand in the task and not in its rows.
    """

    shuffle = False
    same = ""

    def __init__(self, path: Path, *, kind: AnswerKind, columns: frozenset[str]) -> None:
        """Compile a task.

        Args:
            path: the task's YAML.
            kind: the answer kind of its family, for tasks without options.
            columns: the columns of its documents.

        Raises:
            MachineError: the task cannot be loaded, or uses what tsdg cannot render.
        """
        config = load_config(path)
        self.kind = kind
        self._process = config["process_docs"]
        hints = _hints(path, config)
        self._sources = {
            "text": hints.get("question", config["doc_to_text"]),
            "context": hints.get("context", ""),
            "choice": config["doc_to_choice"],
            "target": hints.get("answer", config["doc_to_target"]),
            "aliases": hints.get("aliases", []),
            "checks": hints.get("checks", []),
        }
        self._notes = {name: compile_value(hints.get(name, ""), columns) for name in _NOTES}
        self.classes = is_constant(config["doc_to_choice"], columns)
        text = self._sources["text"]
        if text is None or self._sources["target"] is None:
            raise MachineError(
                f"lm-eval task file {path}: has no doc_to_text or no doc_to_target; it needs an "
                "adapter"
            )
        self._prompted = callable(text)
        if isinstance(text, str) and text not in columns and "question" not in hints:
            context, self._sources["text"] = split_prompt(text)
            self._sources["context"] = context or self._sources["context"]
        try:
            self._compile(columns)
        except Exception as error:
            raise MachineError(
                f"lm-eval task file {path}: its template is broken ({error})"
            ) from None

    def _compile(self, columns: frozenset[str]) -> None:
        sources = self._sources
        known = columns
        if self._process is not None:  # it may make columns, and a bare name then means one
            known |= {s for s in sources.values() if isinstance(s, str) and s.isidentifier()}
        self.columns = self._needed(columns) if self._process is None else ()
        self._text, self._context, self._target, self._aliases, self._checks = (
            compile_value(sources[name], known)
            for name in ("text", "context", "target", "aliases", "checks")
        )
        given = sources["choice"]
        self._choice = None if given is None else compile_value(given, known)
        self._places = {name: place(name, source) for name, source in sources.items()}

    def _needed(self, columns: frozenset[str]) -> tuple[str, ...]:
        """Columns that the templates name, in their order."""
        from jinja2 import meta
        from lm_eval.utils import env

        names: dict[str, None] = {}
        for source in self._sources.values():
            if isinstance(source, str):
                used = (
                    [source]
                    if source in columns
                    else sorted(meta.find_undeclared_variables(env.parse(source)))
                )
                names.update(dict.fromkeys(used))
        return tuple(names)

    def documents(self, table: Any, rows: list[dict[str, Any]]) -> list[dict[str, Any] | None]:
        """Give the documents of some rows.

        The rows themselves, or what the task's ``process_docs`` makes of them.

        Args:
            table: the rows as an Arrow table.
            rows: the same as dicts.

        Returns:
            One document per row; None where ``process_docs`` leaves the row out.
        """
        if self._process is None:
            return list(rows)
        import datasets

        datasets.disable_progress_bars()
        made = list(self._process(datasets.Dataset(table)))
        if len(made) == len(rows):
            return made
        out: list[dict[str, Any] | None] = []
        for number in range(len(rows)):  # it filters or unfolds rows: ask for each by itself
            single = list(self._process(datasets.Dataset(table.slice(number, 1).combine_chunks())))
            out.append(single[0] if single else None)
        return out

    def item(self, row: Row) -> Item:
        """Render what a document asks.

        Raises:
            MalformedRowError: a template fails on it or gives nothing usable.
        """
        question, context = (
            self._value("text", self._text, row),
            self._value("context", self._context, row),
        )
        if self._prompted and isinstance(
            question, str
        ):  # a function's prompt can only be split when it is there
            before, question = split_prompt(question)
            context = before or context
        if not isinstance(question, str) or not question.strip():
            raise MalformedRowError(
                self._places["text"], f"found {found(question)}, a question is needed"
            )
        if not isinstance(context, str):
            raise MalformedRowError(
                self._places["context"], f"found {found(context)}, a text is needed"
            )
        options: tuple[str, ...] = ()
        if self._choice is not None:
            value = self._value("choice", self._choice, row)
            if isinstance(value, str):
                value = ast.literal_eval(value)
            if isinstance(value, Mapping):
                value = list(value.values())
            options = self._texts("choice", value)
        return Item(question=question.strip(), context=context.strip(), options=options)

    def gold(self, row: Row, item: Item) -> Gold:
        """Render the right answer of a document.

        Raises:
            MalformedRowError: a template fails on it, or gives no answer or none of the options.
        """
        value, where = self._value("target", self._target, row), self._places["target"]
        if isinstance(value, (list, tuple)) and len(value) == 1:
            value = value[0]
        answer = as_text(value)
        if item.options:
            if answer in item.options:
                return chosen(item, item.options.index(answer), where)
            if answer is None or not answer.isdecimal():
                raise MalformedRowError(
                    where, f"found {found(value)}, an option or its index is needed"
                )
            return chosen(item, int(answer), where)
        if not answer:
            raise MalformedRowError(where, f"found {found(value)}, an answer is needed")
        aliases = self._texts("aliases", self._value("aliases", self._aliases, row))
        checks = self._texts("checks", self._value("checks", self._checks, row))
        return Gold(kind=self.kind, answer=answer, aliases=aliases, checks=checks)

    def notes(self, row: Row) -> Notes:
        """Render what the task says of a document beside question and answer; never raises."""
        return Notes(**{name: self._note(name, row) for name in _NOTES})

    def _note(self, name: str, row: Row) -> str:
        try:
            return noted({name: self._notes[name](row)}, (name,))
        except Exception:  # a column that is not there, or of another type
            return ""

    def _texts(self, name: str, value: Any) -> tuple[str, ...]:
        read = [as_text(text) for text in value] if isinstance(value, (list, tuple)) else [None]
        if not all(read):
            raise MalformedRowError(
                self._places[name], f"found {found(value)}, a list of texts is needed"
            )
        return tuple([text for text in read if text])

    def _value(self, name: str, value: Value, row: Row) -> Any:
        try:
            return value(row)
        except (
            Exception
        ) as error:  # a template or a task's function may raise anything on a strange row
            reason = " ".join(str(error).split())[:80]
            raise MalformedRowError(
                self._places[name], f"{type(error).__name__}: {reason}{self._nulls(row)}"
            ) from None

    def _nulls(self, row: Row) -> str:
        empty = [name for name, value in row.items() if value is None]
        return f" (null: {', '.join(empty)})" if empty else ""
