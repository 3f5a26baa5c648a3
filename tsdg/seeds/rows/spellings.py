r"""Ways of writing one item: entities, LaTeX commands, scripts, and options within the question.

What is compared (:mod:`tsdg.seeds.rows.keys`) knows one spelling of each::

    >>> spelled(r"5 &lt; \dfrac34 \leq x")
    '5 <  frac  3 4   le  x'
    >>> "١٢ 萬".translate(Spelling())
    '12 万'
    >>> parted("Which one is a gas? (A) iron (B) argon (C) salt", ())
    ('Which one is a gas?', ('iron', 'argon', 'salt'))
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

import yaml

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_SMALL_FRACTION = re.compile(r"\\[dtc]?frac[ {]{0,2}(\d)[ {}]{0,3}(\d)(?!\d)\}?")
_COMMAND = re.compile(r"\\([A-Za-z]+)")

# Arabic tatweel, vowel marks and Quranic signs; Hebrew accents and points; Syriac vowels. Texts are
# the same with them and without.
_OPTIONAL = frozenset(
    code
    for first, last in (
        (0x0591, 0x05BD),
        (0x05BF, 0x05BF),
        (0x05C1, 0x05C2),
        (0x05C4, 0x05C5),
        (0x05C7, 0x05C7),
        (0x0610, 0x061A),
        (0x0640, 0x0640),
        (0x064B, 0x0652),
        (0x0656, 0x065F),
        (0x0670, 0x0670),
        (0x06D6, 0x06DC),
        (0x06DF, 0x06E4),
        (0x06E7, 0x06E8),
        (0x06EA, 0x06ED),
        (0x0730, 0x074A),
    )
    for code in range(first, last + 1)
)
_SAME_LETTER = {
    **{"ی": "ي", "ک": "ك", "ё": "е"},
    **dict.fromkeys("أإآٱ", "ا"),
    "ى": "ي",
}
_TAG = re.compile(
    r"</?(?:p|b|i|u|em|strong|span|div|font|li|ul|ol)(?:\s[^<>]*)?>|<br\s*/?>", re.IGNORECASE
)
_ASKS = re.compile(r"\s*(?:Q|Question|Frage|Pregunta|Pergunta|Вопрос|问题|問題|질문)\s*[:：]\s*")
_ANSWERS = re.compile(
    r"(?:\n|(?<=[.?!？。]))\s*(?:A|Answer|Antwort|Respuesta|Réponse|Ответ|答案|정답)\s*[:：]\s*$"
)

# A letter or number that begins an option: (A), [A], A., a), (1), ①.
_LABELS = re.compile(
    r"(?:(?<=\s)|^)(?:\(([A-Ja-j1-9])\)|[\[{]([A-Ja-j1-9])[\]}]|([A-J])[.:]|([A-Ja-j1-9])\)|([①-⑨]))(?=\s)"
)
_SEQUENCES = ("ABCDEFGHIJ", "abcdefghij", "123456789", "①②③④⑤⑥⑦⑧⑨")
_BULLETS = re.compile(r"(?:\n[ \t]*[-*•][ \t]+[^\n]{1,200}){2,9}\s*$")
_SLASHED = re.compile(r"[:?]\s+([^/\n?]{1,80}(?:\s/\s[^/\n?]{1,80}){1,8})[.?]?\s*$")
_LABELLED = re.compile(r"\s*\(?([A-Ja-j1-9])[).:]\s+(?=\S)")
_HEADER = re.compile(r"\s*(?:answer )?(?:options|choices)\s*:\s*", re.IGNORECASE)
_OR = re.compile(r"[:?]\s+([^.!?:\n]{3,200}?),?\s+(?:or|oder|ou|или)\s+([^.!?:,\n]{1,80})[.?]?\s*$")


class Spelling(dict[int, str | int | None]):
    """Code point → the one it is compared as; None for a mark that may be left out.

    Digits of every script are 0 to 9, and traditional Chinese characters simplified ones. Filled as
    characters are met.
    """

    def __missing__(self, code: int) -> str | int | None:
        character = chr(code)
        if code in _OPTIONAL:
            spelled: str | int | None = None
        elif unicodedata.category(character) == "Nd":
            spelled = str(unicodedata.digit(character))
        else:
            spelled = _SAME_LETTER.get(character) or _simplified().get(character, code)
        self[code] = spelled
        return spelled


@cache
def _table() -> dict[str, Any]:
    table = resources.files("tsdg.seeds.rows") / "data/spellings.yaml"
    return dict(yaml.safe_load(table.read_text(encoding="utf-8")))


@cache
def _simplified() -> dict[str, str]:
    return {pair[0]: pair[1] for pair in _table()["simplified"].split()}


@cache
def _commands() -> dict[str, str]:
    return {**dict.fromkeys(_table()["looks"].split(), ""), **_table()["commands"]}


def spelled(text: str) -> str:
    """Resolve HTML entities, drop tags of layout, and write LaTeX of one meaning in one way."""
    if "&" in text:
        text = _ENTITY.sub(lambda match: html.unescape(match[0]), text)
    if "<" in text:
        text = _TAG.sub(" ", text)
    if "\\" in text:
        text = _SMALL_FRACTION.sub(r"\\frac \1 \2 ", text)
        text = _COMMAND.sub(lambda match: _command(match[1]), text)
    return text


def _command(name: str) -> str:
    return f" {_commands().get(name, name)} "


def parted(question: str, options: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Part a question from options that stand within it, and options from their letters.

    Args:
        question: the question, perhaps with ``(A) … (B) …``, ``Options: …``, or ``…, … or …`` at
            its end.
        options: the options that are given beside it. Those within the question count only where
            these are none, bare letters, or the same.
    """
    question = _ANSWERS.sub(
        "", _ASKS.sub("", question, count=1) if _ASKS.match(question) else question
    )
    options = _unlabelled(options)
    bare = all(len(option.strip(" ().:")) <= 1 for option in options)
    stem, within = _within(question) if bare or _LABELS.search(question) else (question, ())
    if len(within) < 2 or not stem.strip() or not all(within):
        return question, options
    if bare or sorted(map(str.casefold, within)) == sorted(map(str.casefold, options)):
        return stem.rstrip(), within
    return question, options


def _unlabelled(options: Sequence[str]) -> tuple[str, ...]:
    found = [_LABELLED.match(option) for option in options]
    labels = sorted(match[1].casefold() for match in found if match)
    if len(options) < 2 or labels not in (
        list("abcdefghij"[: len(options)]),
        list("123456789"[: len(options)]),
    ):
        return tuple(options)
    return tuple(
        option[match.end() :] for option, match in zip(options, found, strict=True) if match
    )


def _within(question: str) -> tuple[str, tuple[str, ...]]:
    labels = list(_LABELS.finditer(question))
    letters = "".join(next(filter(None, match.groups())) for match in labels)
    if len(labels) > 1 and any(sequence.startswith(letters) for sequence in _SEQUENCES):
        return _lettered(question, labels)
    if bullets := _BULLETS.search(question):
        pieces = [line.strip(" \t-*•") for line in bullets[0].strip().splitlines()]
        return _HEADER.sub(" ", question[: bullets.start()]), tuple(pieces)
    if header := _HEADER.search(question):
        pieces = re.split(r"[\n;|,]", question[header.end() :].strip())
        return question[: header.start()], tuple(piece.strip(" -*.") for piece in pieces)
    if slashed := _SLASHED.search(question):
        pieces = [piece.strip() for piece in slashed[1].split(" / ")]
        return question[: slashed.start() + 1], tuple(pieces)
    if listed := _OR.search(question):
        pieces = [*listed[1].split(","), listed[2]]
        return question[: listed.start()] + "?", tuple(piece.strip() for piece in pieces)
    return question, ()


def _lettered(question: str, labels: Sequence[re.Match[str]]) -> tuple[str, tuple[str, ...]]:
    ends = [match.start() for match in labels[1:]] + [len(question)]
    pieces = [
        question[match.end() : end].strip(" \n\t,;")
        for match, end in zip(labels, ends, strict=True)
    ]
    return _HEADER.sub(" ", question[: labels[0].start()]), tuple(pieces)
