"""Prints questions of a run: seed, question, votes, and record or rejection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from tsdg.errors import UsageError, did_you_mean
from tsdg.errors import shown as safe
from tsdg.package.manifest import read_manifest
from tsdg.package.report.browse import browse

ACCEPTED = "accepted"


def _entries(run: Path, task: str, count: int) -> list[dict[str, Any]]:
    """Questions of one task, or of all where it is empty."""
    manifest = read_manifest(run)
    tasks = manifest["tasks"]
    if task and task not in tasks:
        raise UsageError(
            f"{run} has no task {task!r}; allowed: {', '.join(tasks)}{did_you_mean(task, tasks)}"
        )
    wanted = {task: tasks[task]} if task else tasks
    return browse(run, {**manifest, "tasks": wanted}, sample=8 * count * len(wanted))


def print_questions(run: Path, *, task: str, count: int, rejected: bool) -> None:
    """Print some questions of a finished run, the same ones every time.

    Args:
        run: the run directory.
        task: of this task only; empty for all.
        count: how many of each task.
        rejected: show rejected questions in place of accepted ones.

    Raises:
        UsageError: the run has no such task, or nothing to show.
        VerificationError: the run is not finished, or damaged.
    """
    entries = _entries(run, task, count)
    kept = [entry for entry in entries if (entry["verdict"] != ACCEPTED) == rejected]
    if not kept:
        what = "rejected questions" if rejected else "records"
        of = f" of task {task}" if task else ""
        look = f"report {run}" if rejected else f"show {run} --rejected"
        raise UsageError(f"{run} has no {what}{of}; `tsdg {look}` shows why")
    console = Console()
    shown: Counter[str] = Counter()
    for entry in kept:
        shown[entry["task"]] += 1
        if shown[entry["task"]] <= count:
            console.print(panel(entry))


def panel(entry: Mapping[str, Any]) -> Panel:
    """One question, from its seed to its records."""
    parts: list[RenderableType] = []
    for heading, row in (("Seed", entry["seed"]), ("Question", entry["question"])):
        if row is not None:
            parts += [Text(heading, style="bold"), Text(safe(_question(row)))]
    if entry["samples"]:
        votes = Counter(sample["answer"] or "(nothing readable)" for sample in entry["samples"])
        told = ", ".join(f"{answer} × {count}" for answer, count in votes.most_common())
        parts += [Text("Votes", style="bold"), Text(safe(told))]
    for record in entry["records"]:
        parts += [
            Text(""),
            Text(f"Record: {record['variant']}, {record['tokens']} tokens", style="bold"),
            Text(safe(record["text"])),
        ]
    if entry["detail"]:
        parts.append(Text(safe(entry["detail"]), style="italic"))
    return _framed(entry, parts)


def _framed(entry: Mapping[str, Any], parts: Sequence[RenderableType]) -> Panel:
    accepted = entry["verdict"] == ACCEPTED
    verdict = ACCEPTED if accepted else f"rejected in {entry['stage']}: {entry['verdict']}"
    return Panel(
        Group(*parts),
        title=Text(safe(f"{entry['task']} · {verdict}")),
        title_align="left",
        subtitle=Text(safe(entry["id"])),
        subtitle_align="right",
        border_style="green" if accepted else "red",
    )


def _question(row: Mapping[str, Any]) -> str:
    lines = [row["context"], row["question"], *(f"- {option}" for option in row["options"])]
    answer = row.get("answer") or row.get("claimed_answer")
    return "\n".join([*(line for line in lines if line), *([f"→ {answer}"] if answer else []), ""])
