"""Runs the notebook of this folder on a finished run, and writes into it what its cells show.

``python docs/notebook.py RUN``: part of ``make pictures``. It needs no Jupyter: cells are plain
Python, and the last expression of one is shown as Jupyter shows it.
"""

from __future__ import annotations

import ast
import contextlib
import io
import itertools
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

NOTEBOOK = Path(__file__).with_name("first-look.ipynb")
RUN = "runs/first"
"""What the notebook calls the run."""


def executed(notebook: dict[str, Any], run: Path) -> dict[str, Any]:
    """The notebook with the outputs of its cells, run one after the other on a finished run."""
    names: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / RUN
        place.parent.mkdir(parents=True)
        place.symlink_to(run.absolute())
        with contextlib.chdir(folder):
            numbers = itertools.count(1)
            cells = [
                _executed(cell, next(numbers), names) if cell["cell_type"] == "code" else cell
                for cell in notebook["cells"]
            ]
    return notebook | {"cells": cells}


def _executed(cell: dict[str, Any], number: int, names: dict[str, Any]) -> dict[str, Any]:
    tree = ast.parse("".join(cell["source"]))
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "cell", "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    outputs: list[dict[str, Any]] = []
    if printed.getvalue():
        text = _lines(printed.getvalue())
        outputs.append({"name": "stdout", "output_type": "stream", "text": text})
    if value is not None:
        data = {"text/plain": _lines(repr(value))}
        if hasattr(value, "_repr_html_"):
            data["text/html"] = _lines(value._repr_html_())
        outputs.append(
            {
                "data": data,
                "execution_count": number,
                "metadata": {},
                "output_type": "execute_result",
            }
        )
    return cell | {"execution_count": number, "outputs": outputs}


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def main(run: Path) -> None:
    """Write the notebook anew."""
    notebook = executed(json.loads(NOTEBOOK.read_text(encoding="utf-8")), run)
    text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    NOTEBOOK.write_text(text, encoding="utf-8")
    print(NOTEBOOK, file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python docs/notebook.py RUN, a finished run of recipe=demo")
    main(Path(sys.argv[1]))
