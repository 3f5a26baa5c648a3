"""The templates of lm-eval's tasks, compiled once.

lm-eval compiles a Jinja template anew for every document. Here each is compiled when the task is
loaded; a template that is a single ``{{ expression }}`` gives the expression's value itself, so
that a list of options is not written out as text and parsed back.

The scaffolding of a prompt (``Passage: … Question: … Answer:``) is taken off the *template*, never
off the rendered text: a source text that itself says "Question:" stays whole. What stands before
the question's label is the context.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import Any

import yaml

from tsdg.seeds.rows.item import Row

Value = Callable[[Row], Any]
"""Takes one document and gives what a field of the task says of it."""

_EXPRESSION = re.compile(r"\{\{((?:(?!\{\{|\}\}|\{%).)*)\}\}", re.S)
_NAMES = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")


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


def is_constant(source: Any, columns: frozenset[str]) -> bool:
    """Whether a field of a task says the same of every document."""
    if isinstance(source, str):
        return source not in columns and "{{" not in source and "{%" not in source
    return isinstance(source, (list, tuple)) and not any("{{" in str(part) for part in source)


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


def place(name: str, source: Any) -> str:
    """The columns that a field reads, or the field where a function hides them."""
    if not isinstance(source, str):
        return f"doc_to_{name}"
    if "{" not in source:
        return source or name
    from jinja2 import meta
    from lm_eval.utils import env

    return ", ".join(sorted(meta.find_undeclared_variables(env.parse(source)))) or f"doc_to_{name}"
