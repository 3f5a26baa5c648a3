"""The rules by which a set of questions is called narrower than its seeds."""

from __future__ import annotations

from dataclasses import dataclass

from tsdg.corpus.width import Spread, Width

FEWEST = 50
"""Fewest questions, and fewest seeds, that are compared."""
TIMES = 2.0
"""How many times likelier two questions must agree than two seeds."""
AGREE = 0.02
"""Smallest chance of agreeing that is reported."""
REPEATED = 0.05
"""More near-duplicates, as a share, than among as many seeds."""
BALANCE = 0.15
"""More of the commonest class, as a share."""
POORER = 0.8
"""Share of the seeds' different words in 1,000 below which the questions' words are few."""
SMALLER = 1.25
"""Times the seeds' compression, above which the questions' is high."""

_AGREEING = ("openings", "names", "numbers", "answers")


@dataclass(frozen=True, slots=True, kw_only=True)
class NarrowFigure:
    """One figure in which questions are narrower."""

    figure: str
    questions: float
    seeds: float
    said: str
    """For a person: what the figure is, of both."""


def narrower(
    questions: Width, seeds: Width, *, repeated: tuple[float, float]
) -> tuple[NarrowFigure, ...]:
    """Find the figures in which a set of questions is narrower than another.

    Args:
        questions: figures of the questions.
        seeds: figures of the seeds that they are compared with.
        repeated: share of near-duplicates among as many of each.
    """
    if min(questions.questions, seeds.questions) < FEWEST:
        return ()
    found = []
    if repeated[0] > repeated[1] + REPEATED and repeated[0] > TIMES * repeated[1]:
        found.append(_finding("near-duplicates", *repeated, "{:.1%}, against {:.1%} of as many"))
    for name in _AGREEING:
        mine, theirs = getattr(questions, name), getattr(seeds, name)
        if _agrees(mine, theirs):
            more = f"; commonest {mine.commonest!r}, {mine.share:.1%}"
            text = "two agree with chance {:.1%}, against {:.1%}"
            found.append(_finding(name, mine.agree, theirs.agree, text, more))
    mine, theirs = questions.classes, seeds.classes
    if min(mine.total, theirs.total) >= FEWEST and mine.share > theirs.share + BALANCE:
        text = "the commonest is {:.0%}, against {:.0%}"
        found.append(_finding("classes", mine.share, theirs.share, text, f"; {mine.commonest!r}"))
    rich, base = questions.type_token, seeds.type_token
    if rich is not None and base is not None and rich < POORER * base:
        found.append(_finding("words", rich, base, "{:.0%} of 1,000 differ, against {:.0%}"))
    small, usual = questions.compression, seeds.compression
    if small is not None and usual is not None and small > SMALLER * usual:
        found.append(_finding("compression", small, usual, "{:.2f} times, against {:.2f}"))
    return tuple(found)


def _agrees(mine: Spread, theirs: Spread) -> bool:
    enough = min(mine.total, theirs.total) >= FEWEST
    return enough and mine.agree > max(AGREE, TIMES * theirs.agree)


def _finding(
    figure: str, questions: float, seeds: float, text: str, more: str = ""
) -> NarrowFigure:
    said = text.format(questions, seeds) + more
    return NarrowFigure(figure=figure, questions=questions, seeds=seeds, said=said)
