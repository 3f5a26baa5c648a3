"""Draws the pictures of this folder from a finished run of the demo: ``make pictures``.

``python docs/images/draw.py RUN [OTHER]`` draws what the terminal shows, at 60, 80, 120 and 200
columns, as SVG, and the pages as Chromium shows them, as PNG. All is drawn by the code that users
see it by. Two pictures are of a run at work: the finished run is taken back to its answers, as its
workers recorded them. The page of two runs is drawn where OTHER, another finished run, is given.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console, Group
from rich.text import Text

from tsdg.cli import run_command
from tsdg.package.manifest import read_manifest
from tsdg.progress import StageView, live_lines
from tsdg.run.watched import Watcher
from tsdg.views.run import print_run
from tsdg.views.watch_text import frame

HERE = Path(__file__).parent
WIDTHS = (60, 80, 120, 200)
PAGES = (("light", 1440, 1150), ("dark", 1440, 1150), ("phone", 390, 1300), ("wide", 2560, 1000))
# No font is fetched: each browser has one of fixed width.
SVG = re.sub(r"<!--.*?-->|@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


def main(run: Path, other: Path | None) -> None:
    """Draw all pictures of a finished run, and of it beside another."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        working = taken_back(run, scratch / run.name)
        for width in WIDTHS:
            with columns(width):
                draw("progress", width, partial(progress, run, width))
                draw("table", width, partial(table, run))
                draw("help", width, partial(run_command, ["report", "--help"]))
                draw("watch", width, partial(watch, working, width))
        report("report.html", [str(run)])
        for name, width, height in PAGES:
            photograph(run / "report.html", f"report-{name}", width, height, dark=name == "dark")
        if other is not None:
            page = scratch / "two.html"
            report("two.html", [str(run), str(other), f"out={page}"])
            photograph(page, "report-two-runs", 1440, 1250, dark=False)


def report(name: str, words: list[str]) -> None:
    """Write a page as `tsdg report` does."""
    with contextlib.redirect_stdout(io.StringIO()):
        if run_command(["report", *words]):
            sys.exit(f"{name} cannot be written")


@contextlib.contextmanager
def columns(width: int) -> Iterator[None]:
    """Let commands print as into a terminal of so many columns, in its colours."""
    before = dict(os.environ)
    os.environ.update(COLUMNS=str(width), FORCE_COLOR="1")
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def draw(name: str, width: int, show: Callable[[], object]) -> None:
    """Write what a function prints as a picture of a terminal."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        show()
    console = Console(
        width=width, record=True, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(Text.from_ansi(printed.getvalue().rstrip("\n")), soft_wrap=False)
    path = HERE / f"{name}-{width}.svg"
    path.write_text(
        console.export_svg(title=f"{width} columns", code_format=SVG, unique_id=f"{name}{width}")
    )
    print(path, file=sys.stderr)


def table(run: Path) -> None:
    """The last lines of the run."""
    print_run(Path("runs") / run.name, read_manifest(run), note="")


def progress(run: Path, width: int) -> None:
    """The lines of a run whose answers are under way."""
    totals: dict[str, Any] = read_manifest(run)["totals"]  # type: ignore[assignment]
    seeds, asked = totals["seeds"], totals["questions"]
    rows = asked["generated"]
    (worker,) = workers_of(run, "answers")
    seconds, tokens, in_flight, done = midway(worker)
    view = StageView(
        name="answers",
        total=rows,
        started=0.0,
        done=done,
        detail=f"{in_flight} in flight, {tokens / seconds:.0f} tokens/s, "
        f"{worker['requests_done']} requests",
        first=(0.0, 0),
        last=seconds,
    )
    console = Console(width=width, force_terminal=True, highlight=False)
    console.print(
        Group(
            f"seeds: {seeds['sampled']} of {seeds['available']} rows",
            f"questions: {asked['asked']} rows",
            f"questions.gather: {rows} questions of {asked['asked']} rows go on",
            *live_lines(view, width=width, now=seconds),
        )
    )


def watch(working: Path, width: int) -> None:
    """A run whose answers are under way, as `tsdg watch` shows it."""
    lines = frame(Watcher(working).look(), width=width)
    print("\n".join(lines).replace(str(working), f"runs/{working.name}"))


def workers_of(run: Path, phase: str) -> list[dict[str, Any]]:
    """What the processes of a phase wrote about themselves."""
    paths = sorted((run / phase / "workers").glob("*.json"))
    return [json.loads(path.read_text()) for path in paths]


def midway(worker: dict[str, Any]) -> tuple[float, int, int, int]:
    """The point of a process's history when about half of its rows were done."""
    points = worker["history"]
    return next(tuple(point) for point in points if point[3] >= points[-1][3] / 2)


def taken_back(run: Path, to: Path) -> Path:
    """A copy of a finished run as it was when half of its answers were there."""
    shutil.copytree(run, to)
    for name in ("manifest.json", "dataset", "filter", "README.md", "report.html", "diversity"):
        path = to / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for name in ("samples", "solutions", "rejected"):
        (to / f"answers/{name}.parquet").unlink()
    for part in (to / "answers/parts").iterdir():
        part.unlink()
    for path in (to / "answers/workers").glob("*.json"):
        worker = json.loads(path.read_text())
        seconds, tokens, in_flight, done = midway(worker)
        now = time.time()
        worker |= {
            "state": "running",
            "ended": None,
            "started": now - seconds,
            "updated": now,
            "in_flight": in_flight,
            "rows_done": done,
            "completion_tokens": tokens,
            "units_committed": 0,
            "history": [point for point in worker["history"] if point[0] <= seconds],
        }
        worker["owner"] |= {"host": os.uname().nodename, "pid": os.getpid()}
        path.write_text(json.dumps(worker))
    return to


def photograph(page: Path, name: str, width: int, height: int, *, dark: bool) -> None:
    """Write what Chromium shows of a page as a picture."""
    path = HERE / f"{name}.png"
    with tempfile.TemporaryDirectory() as home:
        subprocess.run(
            [
                "chromium",
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--hide-scrollbars",
                f"--user-data-dir={home}",
                f"--blink-settings=preferredColorScheme={0 if dark else 1}",
                "--virtual-time-budget=3000",
                f"--window-size={width},{height}",
                f"--screenshot={path}",
                page.absolute().as_uri(),
            ],
            check=True,
            capture_output=True,
            env={**os.environ, "HOME": home},
        )
    print(path, file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python docs/images/draw.py RUN [OTHER], finished runs of recipe=demo")
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else None)
