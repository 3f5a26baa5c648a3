"""Chat turns for TRL's trainers, with the thoughts where chat templates look for them.

::

    prompt_completion/<group>/<task>.jsonl   {"prompt": [user], "completion": [assistant], ...}
    messages/<group>/<task>.jsonl            {"messages": [user, assistant], ...}

The assistant's turn of a record with reasoning has it as ``reasoning_content``, and only the answer
as ``content``: templates that separate thoughts would else render an empty thought, and teach not
to think.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa

from tsdg.package.export.files import Pattern, write_folder_card, write_lines
from tsdg.package.export.source import Export, Exported, records, wording_of
from tsdg.package.render import Wording, render_record
from tsdg.records import RECORD_SCHEMA, Message, Record

_ABOUT = ("record_id", "question_id", "group", "task", "variant", "language", "licence")
_TURNS = pa.list_(RECORD_SCHEMA.field("messages").type.value_type)
_SHAPES = {
    "prompt_completion": (pa.field("prompt", _TURNS), pa.field("completion", _TURNS)),
    "messages": (pa.field("messages", _TURNS),),
}
_LABELS = [RECORD_SCHEMA.field(name) for name in _ABOUT]
Turns = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]
_FORMS: dict[str, Turns] = {
    "prompt_completion": lambda user, said: {"prompt": [user], "completion": [said]},
    "messages": lambda user, said: {"messages": [user, said]},
}


def trl(export: Export) -> Exported:
    """Write both forms of all records."""
    wording = replace(wording_of(export.manifest), think=True)
    total = 0
    for form, turns in _FORMS.items():
        total = sum(
            write_lines(export.out / form / group / f"{task}.jsonl", _rows(rows, turns, wording))
            for group, task, rows in records(export)
        )
    write_folder_card(
        export.out,
        {
            form: Pattern(pattern=f"{form}/*/*.jsonl", schema=pa.schema([*turns, *_LABELS]))
            for form, turns in _SHAPES.items()
        },
        "Chat turns for TRL, with the reasoning as `reasoning_content`.",
    )
    return Exported(rows=total)


def _rows(rows: Iterator[Record], turns: Turns, wording: Wording) -> Iterator[dict[str, Any]]:
    for record in rows:
        user, said = render_record(record, wording).messages
        yield {
            **turns(as_turn(user), as_turn(said)),
            **{name: getattr(record, name) for name in _ABOUT},
        }


def as_turn(message: Message) -> dict[str, Any]:
    """A turn as chat templates take it: no key for thoughts where there are none."""
    turn = {"role": message.role, "content": message.content}
    thought = message.reasoning_content
    return turn | ({"reasoning_content": thought} if thought else {})
