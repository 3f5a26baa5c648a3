"""How varied a set of questions is: figures of what its questions have in common.

A question's text is its passage, if it has one, and the question itself.

Most figures are the chance that two questions, drawn at random, agree: in how they begin, in a
name, in their answer. Unlike a count of different values, this does not depend on how many
questions there are, so a run of a hundred can be compared with its million seeds. The inverse of
the chance is the number of equally frequent values that would give the same chance.
"""

from __future__ import annotations

import zlib
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from tsdg.text import normalise, tokens

OPENING = 3
"""Words of an opening: those that the text begins with."""
WINDOW_WORDS = 1_000
"""Over so many words in a row the different ones are counted."""
WINDOW_BYTES = 16_384
"""So much text in a row is compressed."""
_ENDS = (".", "?", "!", ":", "。")
_AROUND = "\"'“”‘’«»()[]{}.,;:!?…*_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How the values of one kind are spread over the questions."""

    total: int
    """Values in all: a question may have several names, and none."""
    distinct: int
    agree: float
    """Chance that two of the values, drawn at random, are the same; 0 where there are fewer than
    two."""
    commonest: str
    share: float
    """Of the commonest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Width:
    """Figures of one set of questions."""

    questions: int
    openings: Spread
    names: Spread
    """Words within a sentence that begin with a capital; in German all nouns are."""
    numbers: Spread
    answers: Spread
    """Of questions that are not answered with a class."""
    classes: Spread
    """Answers of questions that are: yes and no, topics."""
    fields: Spread
    subfields: Spread
    concepts: Spread
    words: tuple[int, int, int]
    """Words of a text: a tenth has fewer, half have, nine tenths have."""
    type_token: float | None
    """Different words among 1,000 in a row, as a share; None where there are fewer."""
    compression: float | None
    """How many times smaller 16 KiB in a row become; None where there are fewer."""


@dataclass(slots=True, kw_only=True)
class Reading:
    """What was read of a set of questions."""

    openings: Counter[str] = field(default_factory=Counter)
    names: Counter[str] = field(default_factory=Counter)
    numbers: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    classes: Counter[str] = field(default_factory=Counter)
    fields: Counter[str] = field(default_factory=Counter)
    subfields: Counter[str] = field(default_factory=Counter)
    concepts: Counter[str] = field(default_factory=Counter)
    lengths: array[int] = field(default_factory=lambda: array("I"))
    type_tokens: array[float] = field(default_factory=lambda: array("d"))
    compressions: array[float] = field(default_factory=lambda: array("d"))
    _words: list[str] = field(default_factory=list)
    _text: bytearray = field(default_factory=bytearray)

    def add(self, text: str, *, answer: str, of_class: bool, subject: tuple[str, str, str]) -> None:
        """Read a question.

        Args:
            text: its passage, where it has one, and the question.
            answer: its answer; empty for none.
            of_class: whether that is one of the classes that all items of the task have.
            subject: field, subfield and concept; empty where they are not known.
        """
        words = tokens(text)
        self.openings[" ".join(words[:OPENING])] += 1
        self.names.update(set(names_of(text)))
        self.numbers.update({word for word in words if any(map(str.isdigit, word))})
        if answer:
            (self.classes if of_class else self.answers)[normalise(answer)] += 1
        self.add_subject(subject)
        self.lengths.append(len(words))
        self._words += words
        while len(self._words) >= WINDOW_WORDS:
            window, self._words = self._words[:WINDOW_WORDS], self._words[WINDOW_WORDS:]
            self.type_tokens.append(len(set(window)) / WINDOW_WORDS)
        self._text += text.encode() + b"\n"
        while len(self._text) >= WINDOW_BYTES:
            self.compressions.append(WINDOW_BYTES / len(zlib.compress(self._text[:WINDOW_BYTES])))
            del self._text[:WINDOW_BYTES]

    def add_subject(self, subject: tuple[str, str, str]) -> None:
        """Count a field, subfield and concept, where they are known."""
        for counter, value in zip(
            (self.fields, self.subfields, self.concepts), nested(subject), strict=True
        ):
            if value:
                counter[value] += 1

    def width(self) -> Width:
        """The figures."""
        low, middle, high = (
            np.quantile(self.lengths, (0.1, 0.5, 0.9)) if self.lengths else (0, 0, 0)
        )
        return Width(
            questions=len(self.lengths),
            openings=spread(self.openings),
            names=spread(self.names),
            numbers=spread(self.numbers),
            answers=spread(self.answers),
            classes=spread(self.classes),
            fields=spread(self.fields),
            subfields=spread(self.subfields),
            concepts=spread(self.concepts),
            words=(round(low), round(middle), round(high)),
            type_token=_mean(self.type_tokens),
            compression=_mean(self.compressions),
        )


def together(readings: Iterable[Reading]) -> Reading:
    """What was read of several sets, as of one; windows stay those of each."""
    whole = Reading()
    for reading in readings:
        for name in (part.name for part in fields(Reading) if not part.name.startswith("_")):
            mine, other = getattr(whole, name), getattr(reading, name)
            mine.update(other) if isinstance(mine, Counter) else mine.extend(other)
    return whole


def spread(counts: Counter[str]) -> Spread:
    """How values are spread, from how often each came."""
    total = counts.total()
    pairs = sum(count * (count - 1) for count in counts.values())
    commonest, most = max(counts.items(), key=lambda one: (one[1], one[0]), default=("", 0))
    return Spread(
        total=total,
        distinct=len(counts),
        agree=pairs / (total * (total - 1)) if total > 1 else 0.0,
        commonest=commonest,
        share=most / total if total else 0.0,
    )


def names_of(text: str) -> Iterator[str]:
    """Words that begin with a capital where no sentence does.

    >>> list(names_of("Does Ann visit Rome? She says: Why not, I like it."))
    ['Ann', 'Rome']
    """
    starts = True
    for word in text.split():
        bare = word.strip(_AROUND).removesuffix("'s").removesuffix("’s")
        if not starts and len(bare) > 1 and bare[0].isupper():
            yield bare
        starts = word.endswith(_ENDS)


def nested(subject: Sequence[str]) -> Sequence[str]:
    """A subject's parts as names that tell equal ones of other fields apart.

    >>> nested(("Biology", "Botany", ""))
    ['biology', 'biology > botany', '']
    """
    whole = [normalise(part) for part in subject]
    return [" > ".join(whole[: depth + 1]) if whole[depth] else "" for depth in range(len(whole))]


def _mean(values: array[float]) -> float | None:
    return float(np.mean(values)) if values else None
