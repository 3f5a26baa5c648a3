"""The forms that many data sets share, and the readers of their columns.

Adapters fill them in with column names.

A form is a question that one data set after the other asks of its rows: which class a text belongs
to, which option is right, where a passage answers. What is not of such a form an adapter reads by
itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from tsdg.seeds.rows.item import (
    DoubtfulRowError,
    Gold,
    Item,
    MalformedRowError,
    Row,
    as_text,
    chosen,
    found,
    integer,
    labelled,
    part,
    sentence,
    stated,
    text,
    texts,
    unknown,
)
from tsdg.seeds.rows.phrases import phrase, quoting
from tsdg.seeds.rows.spans import answered, spans, uncited

if TYPE_CHECKING:
    from tsdg.seeds.catalogue.model import Unit

LETTERS = "ABCDEFGHIJKLMNOP"
_GLUED = re.compile(r"^(\w+),(?=\w)")
"""A question's first word and the comma after it, without a space."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How the rows of one data set are read."""

    columns: tuple[str, ...]
    """Columns that every split must have."""
    item: Callable[[Row], Item]
    """What a row asks; raises MalformedRowError."""
    gold: Callable[[Row, Item], Gold]
    """The right answer; raises MalformedRowError."""
    shuffle: bool = False
    """Whether to shuffle options, as the source has the right one always in one place."""
    classes: bool = False
    """Whether options, where a row has any, are the classes that all rows share: yes and no,
    topics. Nobody may invent another one."""
    verbatim: bool = False
    """Whether texts are code, formulas or data, in which no sign may be changed; prose is freed of
    its source's residue (:mod:`tsdg.seeds.rows.residue`)."""
    same: str = ""
    """Column in which rows that follow one another are alike where they are one item with several
    right answers: the first row has the others' answers as aliases. Empty where each row is an item
    of its own."""
    solution: tuple[str, ...] = ()
    """Columns with a worked solution or rationale. Of these and the next two nothing needs to be
    there: see :func:`tsdg.seeds.rows.item.noted`."""
    level: tuple[str, ...] = ()
    """Columns that say how hard a row is."""
    subject: tuple[str, ...] = ()
    """Columns that say what a row is about."""


def form_of(forms: Mapping[str, Form], unit: Unit) -> Form:
    """Find the form of a unit.

    By its config, its data set or its language, or the one form ("") of all.

    Raises:
        MachineError: there is none.
    """
    for key in (unit.config, unit.dataset_path, unit.language, ""):
        if key in forms:
            return forms[key]
    raise unknown(unit)


def optional(row: Row, column: str) -> str:
    """Read a text that may be null, empty or not a number (an empty cell of a table).

    Raises:
        MalformedRowError: it is something else.
    """
    value = row[column]
    if value is None or value != value:
        return ""
    read = as_text(value)
    if read is None:
        raise MalformedRowError(column, f"found {found(value)}, a text or nothing is needed")
    return read


def asked(value: str) -> str:
    """Begin a question with a capital and end it with a question mark, if the source does not."""
    return sentence(value.rstrip(" ?")) + "?"


def lettered(row: Row, column: str, item: Item) -> Gold:
    """The gold of an item whose column holds the right option's letter, A for the first.

    Digits count from 1.

    Raises:
        MalformedRowError: it is no letter of an option.
    """
    letter = text(row, column).upper().strip("(). :")
    allowed = LETTERS[: len(item.options)]
    if letter.isdecimal():
        return chosen(item, int(letter) - 1, column)
    if len(letter) != 1 or letter not in allowed:
        raise MalformedRowError(column, f"found {found(letter)}, allowed are A to {allowed[-1:]}")
    return chosen(item, allowed.index(letter), column)


def twice_told(row: Row, letter: str, index: str, item: Item) -> Gold:
    """The gold of an item whose row has the right option's letter, and its index from 0 too.

    Raises:
        MalformedRowError: one of them is none of an option.
        DoubtfulRowError: they are not those of one option.
    """
    gold = lettered(row, letter, item)
    if labelled(row, index, item).index != gold.index:
        raise DoubtfulRowError(index, f"found {found(row[index])}, but {letter} {row[letter]!r}")
    return gold


def named(row: Row, column: str, item: Item) -> Gold:
    """The gold of an item whose column holds the right option itself, in whatever case.

    Raises:
        MalformedRowError: it is none of the options.
    """
    value = " ".join(text(row, column).split())
    for same in (str, str.casefold, lambda option: option.casefold().rstrip(" .")):
        options = [same(" ".join(option.split())) for option in item.options]
        if same(value) in options:
            return chosen(item, options.index(same(value)), column)
    allowed = ", ".join(map(found, item.options))
    raise MalformedRowError(column, f"found {found(value)}, allowed are {allowed}")


def leading(row: Row, columns: Iterable[str]) -> tuple[str, ...]:
    """Read options that stand in columns of their own, of which the last may be empty.

    Raises:
        MalformedRowError: one in the middle is empty, which would move the others.
    """
    names = tuple(columns)
    values = [optional(row, column) for column in names]
    while values and not values[-1]:
        values.pop()
    for column, value in zip(names, values, strict=False):
        if not value:
            raise MalformedRowError(column, "found no option, though options follow")
    return tuple(values)


def listed(answers: Iterable[str]) -> Gold:
    """The gold of an item whose answer is a list, all of which is right: in alphabetical order.

    So two who name the same things say the same.
    """
    distinct = sorted(dict.fromkeys(answers), key=str.casefold)
    return Gold(kind="short_text", answer=", ".join(distinct), several=len(distinct) > 1)


def labelled_choices(row: Row, stem: str, choices: str) -> Item:
    """The item of a row whose options have labels: see :func:`tsdg.seeds.rows.item.part`.

    Raises:
        MalformedRowError: the options are in another form.
    """
    options = part(row[choices], "text")
    if options is None:
        raise MalformedRowError(
            choices, f"found {found(row[choices])}, options with labels are needed"
        )
    return Item(question=text(row, stem), options=texts({choices: options}, choices))


def chosen_label(row: Row, column: str, choices: str, item: Item) -> Gold:
    """The gold of an item made by :func:`labelled_choices`.

    Raises:
        MalformedRowError: no option has the label.
    """
    labels = texts({choices: part(row[choices], "label")}, choices)
    label = text(row, column)
    if label not in labels:
        raise MalformedRowError(column, f"found {found(label)}, allowed are {', '.join(labels)}")
    return chosen(item, labels.index(label), column)


def classified(
    family: str,
    key: str,
    *,
    label: str,
    context: tuple[str, ...] = (),
    quoted: tuple[str, ...] = (),
    names: tuple[str, ...] = (),
    clean: Callable[[str], str] = str.strip,
) -> Form:
    """The form of texts that belong to one of a few classes.

    Args:
        family: section of ``phrases.yaml``.
        key: its entry: the question, and the classes in the order of the labels.
        label: column of the label, a number from 0 or one of ``names``.
        context: columns that are put into the context, one a line.
        quoted: columns whose texts fill the question's ``{}``.
        names: what the label column calls the classes, in their order; empty where it has numbers
            only.
        clean: makes a text of the source readable.
    """

    def item(row: Row) -> Item:
        wording = phrase(family, key)
        given = [clean(stated(row, column)) for column in quoted]
        if len(given) > 1 and len(set(given)) == 1:
            raise MalformedRowError(quoted[-1], f"found {found(given[0])} twice, to be compared")
        said = "\n".join(clean(stated(row, column)) for column in context)
        return quoting(wording, *given, context=said)

    def gold(row: Row, item: Item) -> Gold:
        value = row[label]
        if names and isinstance(value, str) and value.strip() in names:
            return chosen(item, names.index(value.strip()), label)
        if names and isinstance(value, (str, bool)):
            raise MalformedRowError(label, f"found {found(value)}, allowed are {', '.join(names)}")
        return labelled(row, label, item)

    return Form(columns=(*context, *quoted, label), item=item, gold=gold, classes=True)


def extracted(*, question: str, context: str, answers: str) -> Form:
    """The form of questions that a passage answers; see :func:`spans`."""

    def item(row: Row) -> Item:
        asks = _GLUED.sub(r"\1, ", sentence(" ".join(text(row, question).split())))
        return Item(question=asks, context=uncited(text(row, context)))

    return Form(
        columns=(question, context, answers),
        item=item,
        gold=lambda row, item: spans(row, answers, context),
        subject=("title",),
    )


def summarised(family: str, key: str, *, context: str, summary: str) -> Form:
    """The form of texts with a summary."""

    def item(row: Row) -> Item:
        return Item(question=phrase(family, key).question, context=_tidy(text(row, context)))

    def gold(row: Row, item: Item) -> Gold:
        return Gold(kind="text", answer=_tidy(text(row, summary)))

    return Form(columns=(context, summary), item=item, gold=gold, subject=("title",))


def continued(
    family: str,
    key: str,
    *,
    story: tuple[str, ...],
    endings: tuple[str, ...],
    label: str,
    base: int,
    between: str = " ",
) -> Form:
    """The form of stories with endings to choose from.

    The label counts from ``base``; ``between`` stands between the sentences of the story.
    """

    def item(row: Row) -> Item:
        context = between.join(text(row, column) for column in story)
        options = tuple(text(row, column) for column in endings)
        return Item(question=phrase(family, key).question, context=context, options=options)

    def gold(row: Row, item: Item) -> Gold:
        return chosen(item, integer(row, label) - base, label)

    return Form(columns=(*story, *endings, label), item=item, gold=gold)


def caused(family: str, *, premise: str, asks: str, options: tuple[str, ...], label: str) -> Form:
    """The form of a premise and its more likely cause or effect.

    The phrases stand under the values of ``asks``.
    """

    def item(row: Row) -> Item:
        try:
            question = phrase(family, text(row, asks)).question
        except KeyError:
            raise MalformedRowError(
                asks, f"found {found(row[asks])}, the word for cause or effect is needed"
            ) from None
        return Item(
            question=f"{text(row, premise)} {question}",
            options=tuple(text(row, name) for name in options),
        )

    def gold(row: Row, item: Item) -> Gold:
        return chosen(item, integer(row, label), label)

    return Form(columns=(premise, asks, *options, label), item=item, gold=gold)


def talked() -> Form:
    """The form of conversations about a story, of which the last turn is asked.

    The turns before it are context.

    The columns are CoQA's, of which ``additional_answers`` may be missing; ``questions`` is a list
    of texts, or a struct that has one as ``input_text``.
    """

    def item(row: Row) -> Item:
        questions, answers = _turns(row, "questions"), _turns(row, "answers")
        if len(questions) != len(answers):
            raise MalformedRowError(
                "answers", f"found {len(answers)}, for {len(questions)} questions"
            )
        talk = [
            f"– {question}\n– {answer}"
            for question, answer in zip(questions[:-1], answers, strict=False)
        ]
        context = "\n".join([text(row, "story"), *talk])
        return Item(question=sentence(questions[-1]), context=context)

    def gold(row: Row, item: Item) -> Gold:
        turns = _turns(row, "answers")
        last = [turns[-1], *_last_of_others(row.get("additional_answers"), len(turns))]
        if last[0].lower().strip(" .") == "unknown":
            raise MalformedRowError("answers", "the story does not answer this question")
        return answered("short_text", last, "answers")

    return Form(
        columns=("story", "questions", "answers"), item=item, gold=gold, subject=("source",)
    )


def _last_of_others(value: object, turns: int) -> Iterator[str]:
    """What other annotators answered last, where they answered every turn: others are left out."""
    for name in sorted(value) if isinstance(value, Mapping) else ():
        with suppress(MalformedRowError, KeyError, TypeError):
            answers = _turns(cast("Row", value), name)
            if len(answers) == turns:
                yield answers[-1]


def _turns(row: Row, column: str) -> tuple[str, ...]:
    said = part(row[column], "input_text")
    whole = said is None or (isinstance(said, list) and not any(said))
    return texts(row, column) if whole else texts({column: said}, column)


def _tidy(value: str) -> str:
    """Lines without the runs of blanks that some sources have."""
    return "\n".join(" ".join(line.split()) for line in value.splitlines()).strip()
