"""lm-eval's task YAML: loaded with its own loader, its templates compiled once.

lm-eval compiles a Jinja template anew for every document. Here each is compiled when the task is
loaded; a template that is a single ``{{ expression }}`` gives the expression's value itself, so
that a list of options is not written out as text and parsed back.

The scaffolding of a prompt (``Passage: … Question: … Answer:``) is taken off the *template*, never
off the rendered text: a source text that itself says "Question:" stays whole. What stands before
the question's label is the context.

A user's own task may say under ``metadata.tsdg`` which template gives the ``question``,
``context``, ``answer``, ``aliases`` or ``checks``; that goes before what is read from
``doc_to_text`` and ``doc_to_target``. So may it say what gives the ``solution``, ``level`` or
``subject``; for lm-eval's own tasks ``data/notes.yaml`` does.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
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

Value = Callable[[Row], Any]
"""Takes one document and gives what a field of the task says of it."""

_OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_EVALUATE_OFFLINE", "TRANSFORMERS_OFFLINE")
_EXPRESSION = re.compile(r"\{\{((?:(?!\{\{|\}\}|\{%).)*)\}\}", re.S)
_NAMES = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_FUNCTION = re.compile(r"[\w.]*\.\w+")
_NOTES = ("solution", "level", "subject")
_HINTS = ("question", "context", "answer", "aliases", "checks", *_NOTES)


def tasks_folder() -> Path:
    """Return lm-eval's folder of tasks, without importing lm-eval.

    Raises:
        MachineError: lm-eval is not installed.
    """
    spec = importlib.util.find_spec("lm_eval")
    if spec is None or not spec.submodule_search_locations:
        raise MachineError(
            "lm-eval is not installed, and its tasks define the seeds; install tsdg's base with pip"
        )
    return Path(spec.submodule_search_locations[0]) / "tasks"


@contextmanager
def _offline() -> Iterator[None]:
    """Undo what a task module changes on import to go offline, also for later servers."""
    from huggingface_hub import (
        constants,
    )  # it reads the variables once; a prefetch in this process is online again

    before = {name: os.environ.get(name) for name in _OFFLINE}
    online = not constants.HF_HUB_OFFLINE
    os.environ.update(dict.fromkeys(_OFFLINE, "1"))
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = not online
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def load_config(path: Path) -> dict[str, Any]:
    """Load a task's YAML with its includes.

    The functions it uses for rendering are resolved, metrics are not.

    Many a task cannot be imported for a metric that is never computed here, so only what renders is
    imported.

    Raises:
        MachineError: the file is missing or broken, or one of those functions cannot be
            imported.
    """
    try:
        with _offline():
            from lm_eval.tasks._yaml_loader import load_yaml

            config: dict[str, Any] = load_yaml(path, resolve_func=False)
            for key in ("process_docs", "doc_to_text", "doc_to_target", "doc_to_choice"):
                config[key] = _resolved(config.get(key))
    except KeyboardInterrupt:
        raise
    except (
        BaseException
    ) as error:  # a task module may do anything when imported, SystemExit included
        if isinstance(error, MachineError):
            raise
        reason = " ".join(str(error).split())
        raise MachineError(
            f"lm-eval task file {path}: cannot be loaded ({type(error).__name__}: {reason}); "
            "take the task out of seeds.tasks or install what it needs"
        ) from None
    return config


def _resolved(value: Any) -> Any:
    """Import the function that lm-eval's loader names as ``/folder/of/yaml/module.function``."""
    if not isinstance(value, str) or not value.startswith("/") or "\n" in value:
        return value
    base, name = Path(value).parent, Path(value).name
    if not base.is_dir() or not _FUNCTION.fullmatch(name):
        return value
    from lm_eval.tasks._yaml_loader import _import_func_in_yml

    return _import_func_in_yml(name, base)


@cache
def _labels() -> dict[str, str]:
    data = yaml.safe_load(
        (resources.files("tsdg.seeds.rows") / "data/labels.yaml").read_text(encoding="utf-8")
    )
    # Longest first, so that "the answer" is not taken for "answer" with "the" left over.
    return {
        part: "|".join(re.escape(str(word)) for word in sorted(words, key=len, reverse=True))
        for part, words in data.items()
    }


def split_prompt(template: str) -> tuple[str, str]:
    """Split a prompt's template into those of the context and the question, unlabelled.

    Returns:
        ``(context, question)``; the context is "" where the prompt has none.
    """
    labels = _labels()
    template = re.sub(
        rf"\s*(?:^|\n|(?<=\}}\}}))\s*(?:{labels['answer']})\s*[:：]\s*$", "", template, flags=re.I
    )
    match = re.search(
        rf"(?:^|\n|(?<=\}}\}}))[ \t]*(?:{labels['question']})\s*[:：]\s*", template, flags=re.I
    )
    context, question = (
        (template[: match.start()], template[match.end() :]) if match else ("", template)
    )
    context = re.sub(rf"^\s*(?:{labels['context']})\s*[:：]\s*", "", context, flags=re.I)
    return context.strip(), question.strip()


def compile_value(source: Any, columns: frozenset[str]) -> Value:
    """Compile one field of a task: a column's name, a template, a constant or a function."""
    if callable(source):
        return source  # type: ignore[no-any-return]
    if not isinstance(source, str):
        return lambda row: source
    if source in columns:
        return lambda row: row[source]
    if "{{" not in source and "{%" not in source:
        return lambda row: source
    single = _EXPRESSION.fullmatch(source.strip())
    if single is None:
        render = _compiled(source)[0].render
        return lambda row: render(row)
    expression = single.group(1).strip()
    names = expression.split(".")
    if _NAMES.fullmatch(expression) and not any(hasattr(dict, name) for name in names):
        return _lookup(names)
    return _evaluate(expression)


def _is_constant(source: Any, columns: frozenset[str]) -> bool:
    """Whether a field of a task says the same of every document."""
    if isinstance(source, str):
        return source not in columns and "{{" not in source and "{%" not in source
    return isinstance(source, (list, tuple)) and not any("{{" in str(part) for part in source)


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


def _compiled(source: str) -> tuple[Any, dict[str, Any]]:
    """Compile a template in lm-eval's own environment; give it and its globals as a plain dict."""
    from lm_eval.utils import env

    template = env.from_string(source)
    return template, dict(template.globals)


def _lookup(names: list[str]) -> Value:
    """``question`` or ``choices.text``: what Jinja would find in plain dicts, without Jinja."""
    first, *others = names

    def lookup(row: Row) -> Any:
        value = row[first]
        for name in others:
            value = value[name]
        return value

    return lookup


def _evaluate(expression: str) -> Value:
    """Give the value of a Jinja expression.

    This is what ``Environment.compile_expression`` does, without the merging of Jinja's chained
    globals into every row's context, which took two thirds of the time.
    """
    from jinja2 import Undefined, UndefinedError
    from jinja2.runtime import new_context

    template, names = _compiled("{% set result = (" + expression + ") %}")
    render, environment, blocks = template.root_render_func, template.environment, template.blocks

    def evaluate(row: Row) -> Any:
        context = new_context(environment, None, blocks, {**names, **row}, shared=True)
        for _ in render(context):
            pass
        value = context.vars["result"]
        if isinstance(value, Undefined):
            raise UndefinedError(f"{expression!r} is undefined")
        return value

    return evaluate


def _place(name: str, source: Any) -> str:
    """The columns that a field reads, or the field where a function hides them."""
    if not isinstance(source, str):
        return f"doc_to_{name}"
    if "{" not in source:
        return source or name
    from jinja2 import meta
    from lm_eval.utils import env

    return ", ".join(sorted(meta.find_undeclared_variables(env.parse(source)))) or f"doc_to_{name}"


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
        self.classes = _is_constant(config["doc_to_choice"], columns)
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
        self._places = {name: _place(name, source) for name, source in sources.items()}

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
