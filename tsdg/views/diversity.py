"""Prints how varied the questions of a run are."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import asdict

from tsdg.run.measure_diversity import SEEDS_SIDE, Compared, Diversity, Growth
from tsdg.views.grid import Column, print_table

_TASKS_SHOWN = 20
"""Of more tasks only those that are narrower are shown, and so many; ``--json`` has them all."""
_COLUMNS = 80
Cells = tuple[str, ...]


def print_diversity(found: Diversity, *, as_json: bool) -> None:
    """Print the figures as tables of 80 columns, or as one JSON object."""
    if as_json:
        print(json.dumps(asdict(found), indent=1, ensure_ascii=False))
        return
    other = SEEDS_SIDE if found.against == SEEDS_SIDE else "other"
    shown = _shown(found)
    _print_repeats(found, shown, other)
    _print_variety(found, shown, other)
    _print_narrow(found, other)


def _print_repeats(found: Diversity, shown: Sequence[Compared], other: str) -> None:
    """Print how many questions repeat one another, now and at full size, and the seeds."""
    whole = found.whole
    if whole.measured < whole.written:
        print(f"a sample of {whole.measured:,} of {whole.written:,} questions is measured")
    print("near-duplicates, and equal ones of them, with the 95 % interval in %")
    _table(
        ("questions", "near", "interval", "equal", "interval"),
        [_growth(point) for point in whole.growth],
    )
    print(f"\nnear-duplicates by task; alike: among as many questions and {other}")
    _table(
        ("", "now", "near", "full run", "near", "interval", "alike", other),
        [_repeated(one) for one in shown],
    )
    print(f"near to a seed: {whole.to_seeds:.1%} of the questions")


def _print_variety(found: Diversity, shown: Sequence[Compared], other: str) -> None:
    """Print how much texts and subjects vary beside the other side's."""
    print(f"\nchance that two agree, questions / {other}")
    _table(("", "opening", "name", "number", "answer", "top class"), _rows(shown, _agreeing))
    print(f"\ntexts, questions / {other}")
    _table(("", "words", "of 1,000 differ", "compression"), _rows(shown, _texts))
    if any(one.questions.fields.total for one in shown):
        print("\nsubjects, different ones")
        _table(("", "fields", "subfields", "concepts", "two agree"), _rows(shown, _subjects))
    for name, (reached, there) in found.syllabus.items():
        print(f"syllabus: {reached:,} of {there:,} {name} reached")
    if len(shown) <= len(found.tasks):
        print(f"{len(found.tasks) - len(shown) + 1} more tasks: --json has them")


def _print_narrow(found: Diversity, other: str) -> None:
    """Print where the questions vary less than the other side, and by which figure."""
    narrow = [one for one in (found.whole, *found.tasks) if one.narrower]
    for one in narrow[:_TASKS_SHOWN]:
        print(f"\n{_name(one)} is narrower than its {other}:")
        for finding in one.narrower:
            said = f"{finding.figure}: {finding.said}"
            print(textwrap.fill(said, _COLUMNS, initial_indent="  ", subsequent_indent="    "))
    if len(narrow) > _TASKS_SHOWN:
        print(f"\n{len(narrow) - _TASKS_SHOWN} more are narrower: --json has them")


def _shown(found: Diversity) -> list[Compared]:
    tasks = list(found.tasks)
    if len(tasks) > _TASKS_SHOWN:
        tasks = [one for one in tasks if one.narrower][:_TASKS_SHOWN]
    return [found.whole, *tasks]


def _name(one: Compared) -> str:
    return one.task or "all"


def _rows(shown: Sequence[Compared], cells: Callable[[Compared], Cells]) -> list[Cells]:
    return [(_name(one), *cells(one)) for one in shown]


def _growth(point: Growth) -> Cells:
    cells = [f"{point.questions:,}"]
    for share in (point.near, point.exact):
        cells += [f"{share.estimate:.1%}", f"{100 * share.low:.1f} to {100 * share.high:.1f}"]
    return tuple(cells)


def _repeated(one: Compared) -> Cells:
    # The curve of all has more points: the questions that there are, and the full run.
    now = next(point for point in one.growth if point.questions >= min(one.measured, one.written))
    full = one.growth[-1]
    return (
        _name(one),
        f"{now.questions:,}",
        f"{now.near.estimate:.1%}",
        f"{full.questions:,}",
        f"{full.near.estimate:.1%}",
        f"{100 * full.near.low:.0f}-{100 * full.near.high:.0f}",
        f"{one.repeated[0]:.1%}",
        f"{one.repeated[1]:.1%}",
    )


def _agreeing(one: Compared) -> Cells:
    mine, other = one.questions, one.beside
    pairs = [
        (getattr(mine, name), getattr(other, name))
        for name in ("openings", "names", "numbers", "answers")
    ]
    chances = [
        f"{_chance(left.agree, left.total)} / {_chance(right.agree, right.total)}"
        for left, right in pairs
    ]
    left, right = mine.classes, other.classes
    return (*chances, f"{_share(left.share, left.total)} / {_share(right.share, right.total)}")


def _chance(agree: float, total: int) -> str:
    return f"{agree:.2%}" if total > 1 else "-"


def _share(share: float, total: int) -> str:
    return f"{share:.0%}" if total else "-"


def _texts(one: Compared) -> Cells:
    mine, other = one.questions, one.beside
    return (
        " / ".join("{}-{}-{}".format(*width.words) for width in (mine, other)),
        " / ".join(_figure(width.type_token, "{:.0%}") for width in (mine, other)),
        " / ".join(_figure(width.compression, "{:.2f}") for width in (mine, other)),
    )


def _figure(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _subjects(one: Compared) -> Cells:
    pairs = [
        (getattr(one.questions, name), getattr(one.beside, name))
        for name in ("fields", "subfields", "concepts")
    ]
    return (
        *(f"{mine.distinct:,} / {other.distinct:,}" for mine, other in pairs),
        " / ".join(_chance(spread.agree, spread.total) for spread in pairs[-1]),
    )


def _table(columns: Sequence[str], rows: Sequence[Cells]) -> None:
    # Of so many figures no one says much alone: all are there.
    print_table([Column(name=name, left=not name) for name in columns], rows)
