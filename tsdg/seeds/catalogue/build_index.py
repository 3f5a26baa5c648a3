"""Writes ``data/index.csv.gz``: every name that lm-eval knows.

With it no command waits for lm-eval's own index. Run this by hand after a change of the lm-eval
version, then run the tests of the catalogue::

    python -m tsdg.seeds.catalogue.build_index

One row per name, in lm-eval's order. Columns:

=============  ================================================================================
name           of a task, group or tag
kind           ``task``, ``python`` (a task that is a Python class), ``group`` or ``tag``
yaml           its file below ``lm_eval/tasks``; empty for a tag
dataset_path   as lm-eval resolves it; the repository for ``csv`` and ``json`` tasks that read
               hub files; else empty
config         "" for the default config
scored         the split that lm-eval scores: the test split, else the validation split
training       the split that the task declares as training data; empty where it declares none
fewshot        the split that few-shot examples are declared to come from
members        names in a group or tag, ``|``-separated
=============  ================================================================================
"""

from __future__ import annotations

import ast
import csv
import gzip
import io
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

COLUMNS = (
    "name",
    "kind",
    "yaml",
    "dataset_path",
    "config",
    "scored",
    "training",
    "fewshot",
    "members",
)
TARGET = Path(__file__).parent / "data" / "index.csv.gz"

_HUB_FILE = re.compile(r"hf://datasets/([^/]+/[^/@]+)")


def rows() -> Iterator[tuple[str, ...]]:
    """Yield the rows, from lm-eval's own index (about 6 s)."""
    import lm_eval.tasks

    root = Path(lm_eval.tasks.__file__).parent
    for name, entry in lm_eval.tasks.TaskManager().task_index.items():
        kind = (
            entry.kind.name.lower().removeprefix("py_")
            if entry.kind.name != "PY_TASK"
            else "python"
        )
        yaml = entry.yaml_path.relative_to(root).as_posix() if entry.yaml_path else ""
        cfg: Mapping[str, Any] = entry.cfg or {}
        if kind == "tag":
            yield (name, kind, "", "", "", "", "", "", "|".join(sorted(entry.tags)))
        elif kind == "group":
            yield (
                name,
                kind,
                yaml,
                "",
                "",
                "",
                "",
                "",
                "|".join(dict.fromkeys(_members(cfg.get("task")))),
            )
        elif kind == "python":
            yield (name, kind, yaml, *_class_source(str(cfg["class"])), "")
        else:
            yield (name, kind, yaml, *_task_source(cfg), "")


def _members(task: Any) -> Iterator[str]:
    for member in task if isinstance(task, list) else [task]:
        if isinstance(member, str):
            yield member
        elif "group" in member:
            yield from _members(member.get("task"))
        else:  # defined inside the group; a member without a name is shown by its data set
            yield member.get("task") or member["dataset_path"]


def _task_source(cfg: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    kwargs = cfg.get("dataset_kwargs") or {}
    path, config = cfg.get("dataset_path") or "", cfg.get("dataset_name") or ""
    if "dataset_repo" in kwargs:
        path, config = kwargs["dataset_repo"], kwargs.get("dataset_name") or ""
    elif "/" not in path and (hub := _HUB_FILE.search(str(kwargs.get("data_files") or ""))):
        path = hub.group(1)
    scored = cfg.get("test_split") or cfg.get("validation_split") or ""
    return (
        path,
        str(config),
        scored,
        cfg.get("training_split") or "",
        cfg.get("fewshot_split") or "",
    )


def _class_source(where: str) -> tuple[str, str, str, str, str]:
    """Read a Python task's class without importing it: some need the network, some exit."""
    module, _, name = where.rpartition(".")
    tree = ast.parse(Path(f"{module}.py").read_text(encoding="utf-8"))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    known: dict[str, Any] = {}
    line = name
    while line in classes:
        for node in classes[line].body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                if isinstance(node.value, ast.Constant) and not known.get(node.targets[0].id):
                    known[node.targets[0].id] = node.value.value
            elif isinstance(node, ast.FunctionDef) and node.name.startswith("has_"):
                known.setdefault(
                    node.name, any("True" in ast.unparse(inner) for inner in node.body)
                )
        bases = [base.id for base in classes[line].bases if isinstance(base, ast.Name)]
        line = bases[0] if bases else ""
    scored = (
        "test"
        if known.get("has_test_docs")
        else "validation"
        if known.get("has_validation_docs")
        else ""
    )
    training = "train" if known.get("has_training_docs") else ""
    return known.get("DATASET_PATH") or "", known.get("DATASET_NAME") or "", scored, training, ""


def write(target: Path, table: Iterable[tuple[str, ...]]) -> None:
    """Write rows to ``target``; the same rows give the same bytes."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(table)
    target.write_bytes(gzip.compress(text.getvalue().encode(), compresslevel=9, mtime=0))


if __name__ == "__main__":
    table = list(rows())
    write(TARGET, table)
    sys.stdout.write(f"{len(table)} names in {TARGET}\n")
