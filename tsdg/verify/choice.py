r"""Answers that pick one of the question's options.

Example (a question of the demo)::

    >>> from tsdg.protocols import Asked
    >>> asked = Asked(question="Which part of a plant takes up water from the soil?", context="",
    ...               options=("the petals", "the roots", "the seeds", "the bark"), checks=())
    >>> read = ChoiceVerifier().read
    >>> right = "B", "(b)", "Answer: Roots.", "B) the roots", "It must be the roots, I think"
    >>> [read(text, asked) for text in right]
    ['the roots', 'the roots', 'the roots', 'the roots', 'the roots']
    >>> unclear = "B) the petals", "the roots or the bark", "not the petals", "E", ""
    >>> [read(text, asked) for text in unclear]
    [None, None, None, None, None]
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from tsdg.protocols import Asked, Part
from tsdg.records import AnswerKind
from tsdg.text import LETTER, SPACED_WORD_CHARACTER, fold, normalise, unspaced
from tsdg.verify.reading import bare, last_lines, marked, negated, tail
from tsdg.wording.marks import split_at_mark

_SHORT = 300
"""Characters up to which a sentence around an option's text is still an answer and not an essay."""
_LABEL = re.compile(r"^[(\[{]?\s*([A-Za-z])\s*(?:[)\]}.:、]+|\s-(?=\s)|$)\s*(?:[:-](?=\s))?\s*")
_LABELLED = re.compile(r"^(?:option|choice)\s+(?=[(\[]?[A-Za-z]\b)", re.IGNORECASE)
# "The answer is B because ...": A and I are also words.
_LONE = re.compile(
    r"^([B-HJ-Z](?=\s+[^\W\d])|[AI](?=\s+(?:because|since|as)\b)|[A-Z](?=[,;]))[\s,;]+"
)
_FURTHER_LABEL = re.compile(r"(?:^|[\s(\[])[A-Z][)\].:](?=\s|$)")
_LONE_LETTER = r"(?<![A-Za-z0-9])[A-Z](?![A-Za-z0-9])"
_LETTER = re.compile(_LONE_LETTER)
# After a letter comes another one, with a sign or a short word of any language between.
_LETTERS = re.compile(
    rf"^(?:(?i:both|either|options?|choices?)\s+)?[(\[]?{_LONE_LETTER}[)\].]*"
    rf"(?:\s*[,;/&+、，|]?\s*(?:{LETTER}{{1,5}}\s*){{0,2}}?[(\[]?{_LONE_LETTER}[)\].]*)+"
)
# "A: B" and "B - D" are two letters; "B: A dog" is one, and an article.
_TWO_LETTERS = re.compile(
    r"^[(\[]?([A-Z])[)\]]?\s*(?:[:-]|[.)](?=\s))\s*"
    r"[(\[]?([B-HJ-Z]|[AI](?!\s+\w))(?![A-Za-z0-9'])"
)
_LETTER_LINES = re.compile(r"(?:[ \t*-]*[(\[]?[A-Za-z][)\].]*[ \t*]*(?:\n+|\Z)){2,}\Z")
_LINES = re.compile(r"[ \t*-]*\n+[ \t*-]*")
_SMALL = re.compile(r"(?<=[(\[])[a-z](?=[)\]])")
_ARTICLE = re.compile(r"^(?:the|an|a)\s+(?=\S)", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:[.,/]\d+)*")
_CONFLICT = frozenset({-1, -2})


class ChoiceVerifier:
    """Reads an option by its text, by its letter, or by being the only one that is mentioned.

    ``asked.options`` must be in the order that this sample was shown: a letter counts in that
    order. The normal form is the option's text as it stands there, so that votes over permuted
    options meet.
    """

    kind: AnswerKind = "choice"
    method: str = "vote"
    quick: tuple[Part, ...] = ("read", "same")

    def read(self, text: str, asked: Asked) -> str | None:
        """Return the text of the option that was picked; None if there is none or several."""
        text = tail(text)
        options = asked.options
        if not text or not options:
            return None
        said = (split_at_mark(text) or ("", text))[1]
        if _LETTER_LINES.match(said) and _lists_letters(_LINES.sub(", ", said), options):
            return None
        if len({_equal(line, options) for line in last_lines(text)} - {frozenset()}) > 1:
            return None  # two options, one below the other
        whole, lines = bare(text), text.splitlines()
        # The first way of reading that finds anything decides, also where what it finds is a
        # contradiction.
        picked = _whole(whole, options)
        for part in marked(text):
            lists = _lists_letters(part, options)
            picked = picked or _part(part if lists else _LONE.sub(r"\1) ", part), options)
        picked = picked or _labelled(bare(lines[0]), options) | _labelled(bare(lines[-1]), options)
        picked = picked or _mentioned(whole, options)
        if len(picked) != 1:
            return None
        option = options[next(iter(picked))]
        return option if len(_equal(option, options)) == 1 else None

    def same(self, left: str, right: str) -> bool:
        """Whether both are the same option."""
        return fold(left) == fold(right)


def _strict(text: str) -> str:
    return fold(bare(text))


def _cased(text: str) -> str:
    return _ARTICLE.sub("", _strict(text).casefold())


def _loose(text: str) -> str:
    return normalise(_cased(text))


_KEYS: tuple[Callable[[str], str], ...] = (_strict, _cased, _loose)


def _equal(text: str, options: tuple[str, ...]) -> frozenset[int]:
    """Indices of the options equal to the text, by the strictest comparison that finds any."""
    for key in _KEYS:
        wanted = key(text)
        found = frozenset(
            i for i, option in enumerate(options) if wanted and _key_of(option, key) == wanted
        )
        if found:
            return found
    return frozenset()


@lru_cache(maxsize=4096)
def _key_of(option: str, key: Callable[[str], str]) -> str:
    """A key of an option, which many samples are compared with."""
    return key(option)


def _label(text: str, options: tuple[str, ...]) -> tuple[frozenset[int], str]:
    """The option that a leading letter names, and what follows it."""
    text = _LABELLED.sub("", text)
    match = _LABEL.match(text)
    if match is None:
        return frozenset(), text
    index = ord(match[1].upper()) - ord("A")
    return (frozenset({index}) if index < len(options) else frozenset()), text[match.end() :]


def _whole(text: str, options: tuple[str, ...]) -> frozenset[int]:
    """The text as a whole is an option's text or a bare letter; both where these differ."""
    label, rest = _label(fold(text), options)
    return _equal(text, options) | (label if not rest else frozenset())


def _part(text: str, options: tuple[str, ...]) -> frozenset[int]:
    """An option's text, a letter with or without more, or the one option mentioned."""
    return _labelled(text, options) or _mentioned(text, options)


def _labelled(text: str, options: tuple[str, ...]) -> frozenset[int]:
    """An option's text, or a letter with or without something after it."""
    if found := _whole(text, options):
        return found
    if len(text) > _SHORT or "\n" in text:
        return frozenset()
    label, rest = _label(fold(text), options)
    own = _equal(rest, options)
    if label and own == label:
        return label
    if _lists_letters(text, options):
        return _CONFLICT
    if not label:
        return frozenset()
    if _FURTHER_LABEL.search(rest):
        return _CONFLICT
    mentioned = own or _mentioned(rest, options)
    own_text = options[next(iter(label))]
    if not mentioned and (negated(rest) or (_NUMBER.search(rest) and _NUMBER.search(own_text))):
        return _CONFLICT
    return label | mentioned


def _lists_letters(text: str, options: tuple[str, ...]) -> bool:
    """Whether a text begins with the letters of two or more options (``A, B and C``, ``A: B``)."""
    text = _SMALL.sub(lambda match: match[0].upper(), fold(text))
    match = _LETTERS.match(text) or _TWO_LETTERS.match(text)
    if match is None:
        return False
    known = {letter for letter in _LETTER.findall(match[0]) if ord(letter) - 65 < len(options)}
    return len(known) > 1


def _mentioned(text: str, options: tuple[str, ...]) -> frozenset[int]:
    """The options mentioned in a short sentence, except those within a longer option."""
    if len(text) > _SHORT:
        return frozenset()
    left = normalise(text)
    found: set[int] = set()
    chance = False
    keys = {index: _key_of(option, _loose) for index, option in enumerate(options)}
    for index, key in sorted(keys.items(), key=lambda item: -len(item[1])):
        if any(keys[other] == key for other in found):
            found.add(index)
        elif key and key in left and (pattern := _pattern(key)).search(left):
            chance = chance or not _long_enough(key, left)
            left = pattern.sub("\n", left)
            found.add(index)
    return frozenset() if chance or negated(left) else frozenset(found)


def _pattern(key: str) -> re.Pattern[str]:
    if unspaced(key):
        return re.compile(re.escape(key))
    # a word may follow one of a script without spaces at once
    inside = SPACED_WORD_CHARACTER
    return re.compile(
        rf"(?<!\^)(?<!{inside})(?<!\d[.,/:])(?<!-){re.escape(key)}(?![%^]|{inside})(?![.,/:]\d)"
    )


def _long_enough(key: str, text: str) -> bool:
    """Whether a mention is hardly by chance, as one of "it", "a" or some number may be."""
    if key[0].isdigit() or key[-1].isdigit():
        return len(_NUMBER.findall(text)) == len(_NUMBER.findall(key))
    return len(key) >= (2 if unspaced(key) else 3)
