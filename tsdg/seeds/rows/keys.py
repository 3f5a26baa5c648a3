"""Normal form of texts and the hashes by which items are compared: for duplicates and for leaks.

Two texts are the same item where they differ only in Unicode form, case, white space, punctuation
and spelling (:mod:`tsdg.seeds.rows.spellings`: digits of any script, optional vowel marks, HTML
entities, simplified Chinese, LaTeX commands that mean the same). What carries meaning stays:
letters, marks and digits of every script (dropping the vowel signs of Devanagari or folding Chinese
to nothing would invent matches), mathematical signs, and punctuation that makes a number: ``-5``,
``1.5``, ``3/4``.

:func:`tsdg.text.normalise` is made for words and keeps the spaces between them; this one runs over
every text of every row, and has no use for spaces, which Chinese and Thai have none of.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import NamedTuple

from tsdg.protocols import Posed
from tsdg.seeds.rows.item import Item
from tsdg.seeds.rows.spellings import Spelling, parted, spelled
from tsdg.text import fold

SPECIFIC = 40
"""Weight (see :func:`weight`) from which a question alone identifies its item, whatever its
options."""

TELLING = 20
"""Weight of all options together from which they say what a question is about; *yes* and *no* do
not."""

# Begins with the signs, so that the search runs from one to the next: twice as fast as looking
# behind every character.
_NUMERIC = re.compile(r"[-./:*](?=\w)(?:(?<=\d.)(?=\d)|(?<=-)(?<!\w-))")
_SIGNS = {"-": "−", ".": "⋅", "/": "∕", ":": "∶", "*": "∗"}
_WIDE = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003ffff]"
)


# The end of a sentence that another follows. A number's point has no space after it; an ideographic
# stop needs none. As above, it begins with the signs: the search leaps from one to the next.
_SENTENCE = re.compile(
    r"[.!?؟।።\n。！？](?:(?<=[.!?؟।።])['\"”’)\]]*\s+(?=\S)|(?<=[。！？\n])(?=.))"
)


class _Kept(dict[int, int | None]):
    """Per code point: itself where it is kept, else a space or nothing.

    Filled as characters are met.
    """

    def __missing__(self, code: int) -> int | None:
        character = chr(code)
        category = unicodedata.category(character)
        keep = category[0] in "LMN" or category in ("Sm", "So") or character == "^"
        self[code] = code if keep else None if character in _WITHIN else _SPACE
        return self[code]


_SPACE = ord(" ")
_WITHIN = frozenset("'’‘ʼ`´")
"""Signs that part no words: *don't* is *dont*."""
_KEPT = _Kept()
_SPELLING = Spelling()

# Texts of ASCII are done many at once, as bytes. A mark parts them, and others stand for the signs
# of numbers, which come last, as they are not ASCII. Texts that have such marks themselves are done
# one by one.
_PARTED = b"\x1f"
_MARKS = {sign.encode(): bytes([place]) for place, sign in enumerate(_SIGNS, 1)}
_RESERVED = b"".join(_MARKS.values()) + _PARTED
_NUMERIC_BYTES = re.compile(_NUMERIC.pattern.encode())
_LOWER = [_KEPT[ord(chr(code).lower())] for code in range(128)]
_DROPPED = bytes(code for code, kept in enumerate(_LOWER) if kept is None)
_TABLE = bytearray(range(256))
_TABLE[:128] = bytes(kept or _SPACE for kept in _LOWER)
for _code in _RESERVED:
    _TABLE[_code] = _code
_IDLE = bytes(code for code in range(128) if _TABLE[code] == _SPACE) + _DROPPED


def plain(text: str) -> str:
    """Reduce a text to its words.

    NFKC, case folded, and spaces, one or more, in place of all idle punctuation.
    """
    return _plain(spelled(text))


def _plain(text: str) -> str:
    if text.isascii():
        return _bare(text.lower())
    return unicodedata.normalize("NFKC", _bare(fold(text).casefold().translate(_SPELLING)))


def _plain_and_normal(texts: Sequence[str]) -> tuple[list[str], list[str]]:
    """Give the texts as :func:`plain` and as :func:`normalise` do."""
    texts = [spelled(text) for text in texts]
    encoded = [text.encode() for text in texts if text.isascii()]
    joined = _PARTED.join(encoded)
    if len(joined) - len(joined.translate(None, _RESERVED)) >= max(len(encoded), 1):
        plains = [_plain(text) for text in texts]
        return plains, [text.replace(" ", "") for text in plains]
    marked = _NUMERIC_BYTES.sub(_mark, joined)
    words, letters = _parts(marked, _DROPPED), _parts(marked, _IDLE)
    plains, normals = [], []
    for text in texts:
        if text.isascii():
            plains.append(next(words))
            normals.append(next(letters))
        else:
            plains.append(_plain(text))
            normals.append(plains[-1].replace(" ", ""))
    return plains, normals


def _mark(sign: re.Match[bytes]) -> bytes:
    return _MARKS[sign.group()]


def _parts(marked: bytes, dropped: bytes) -> Iterator[str]:
    kept = marked.translate(_TABLE, dropped)
    for sign, mark in _MARKS.items():
        kept = kept.replace(mark, _SIGNS[sign.decode()].encode())
    return map(bytes.decode, kept.split(_PARTED))


def normalise(text: str) -> str:
    """Reduce a text to what is compared: as :func:`plain`, and without the spaces."""
    return plain(text).replace(" ", "")


def _bare(folded: str) -> str:
    return _NUMERIC.sub(lambda match: _SIGNS[match.group()], folded).translate(_KEPT)


def weight(normal: str) -> int:
    """How much a normalised text says, in Latin letters.

    A character of a script without spaces counts three.
    """
    return len(normal) if normal.isascii() else len(normal) + 2 * len(_WIDE.findall(normal))


def digest(*parts: str) -> int:
    """Hash texts to 64 bits."""
    return int.from_bytes(blake2b("\x1f".join(parts).encode(), digest_size=8).digest(), "little")


class ItemKeys(NamedTuple):
    """By what an item is compared with others."""

    whole: int
    """Hash of context, question and options, the options in any order."""
    stem: int
    """Hash of context and question; ``whole`` where only the options tell the item from others."""
    specific: bool
    """Whether context and question alone identify the item; a stem such as "Which of these is a
    solid?" does not."""
    choices: int
    """Hash of the options in any order; 0 where there are none, or where they say too little (yes
    and no)."""
    ask: str
    """The words (see :func:`plain`) of the question's last sentence, which is what it asks; of the
    options where only they tell the item from others."""
    story: str
    """The words of all that stands before: the context, and the other sentences of the question."""


def keys(items: Sequence[Posed]) -> list[ItemKeys]:
    """Say by what each item is compared."""
    texts: list[str] = []
    counts: list[int] = []
    for item in items:
        question, options = parted(item.question, item.options)
        before, ask = _split(question)
        texts += (item.context, before, ask, *options)
        counts.append(len(options))
    plains, normals = _plain_and_normal(texts)
    out: list[ItemKeys] = []
    start = 0
    for item, count in zip(items, counts, strict=True):
        stop = start + 3 + count
        out.append(
            _keys(
                isinstance(item, Item) and item.by_options, plains[start:stop], normals[start:stop]
            )
        )
        start = stop
    return out


def _keys(by_options: bool, plains: Sequence[str], normals: Sequence[str]) -> ItemKeys:
    """Make the keys of an item from its context, the two parts of its question, and its options."""
    context, earlier, last, *option_words = plains
    passage, before, ask, *options = normals
    options.sort()
    question = before + ask
    whole = digest("whole", passage, question, *options)
    return ItemKeys(
        whole=whole,
        stem=whole if by_options else digest("stem", passage, question),
        specific=weight(passage) + weight(question) >= SPECIFIC,
        choices=digest("options", *options) if sum(map(weight, options)) >= TELLING else 0,
        ask=" ".join(sorted(option_words)) if by_options else last,
        story=context if by_options else f"{context} {earlier}",
    )


def _split(question: str) -> tuple[str, str]:
    """Part a question's last sentence from what stands before it."""
    ends = [match.end() for match in _SENTENCE.finditer(question.rstrip())]
    at = ends[-1] if ends else 0
    return question[:at], question[at:]
