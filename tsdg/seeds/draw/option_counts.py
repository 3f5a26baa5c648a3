"""How many options the questions of a task have, from the first rows of its split.

This is a look before a run, not a count: later rows may have another number.
"""

from __future__ import annotations

from tsdg.records import AnswerKind
from tsdg.seeds.draw.selection import TaskSource
from tsdg.seeds.families.renderers import renderer_for
from tsdg.seeds.rows.item import MalformedRowError

ROWS = 64
"""Rows that are looked at."""
YES_OR_NO = 2


def possible_answers(kind: AnswerKind, options: int) -> int:
    """Number of answers that a question can have; 0 where it is not bounded."""
    return options or (YES_OR_NO if kind == "boolean" else 0)


def option_counts(source: TaskSource) -> frozenset[int]:
    """Numbers of possible answers among the first rows of a source; see :func:`possible_answers`.

    Without the split, only the answer kind is known: yes or no is two.

    Raises:
        MirrorError: the split cannot be read or lacks a column.
        MachineError: its lm-eval task cannot be loaded.
    """
    kind = source.family.answer_kind_of(source.unit)
    if not source.split.path.is_file():
        return frozenset({possible_answers(kind, 0)})
    renderer = renderer_for(source.family, source.unit, frozenset(source.split.columns()))
    source.split.check(renderer.columns)
    found = set()
    for batch in source.split.batches(span=range(ROWS)):
        for document in renderer.documents(batch.table, batch.rows):
            try:
                if document is not None:
                    item = renderer.item(document)
                    gold = renderer.gold(document, item)
                    found.add(possible_answers(gold.kind, len(item.options)))
            except (MalformedRowError, KeyError, TypeError, AttributeError, IndexError, ValueError):
                continue  # the seeds stage says what is wrong with it
    return frozenset(found)
