r"""Texts as a reader would have them, freed of what their source's making left in them.

One place for all families: marks of a tokeniser (``do n't``, ``-LRB-``, ``@-@``), of HTML
(``&amp;``, ``<br>``) and of a corpus (``[title]``, ``title [SEP] passage``). A text without any of
them is given back as it is. Code, formulas and data never come here: see ``Form.verbatim``.

>>> tidied("It is `` fine '' , they 're told -LRB- twice -RRB- .", "en")
'It is "fine", they\'re told (twice).'
>>> tidied("Tom &amp; Ann [header] left<br>early", "en")
'Tom & Ann left\nearly'
"""

from __future__ import annotations

import re
from html import unescape

_TITLE = re.compile(r"[^\n]{0,200}?\[SEP\]\s*")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_ATTRIBUTES = r"""(?:\s+[\w-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>]+))*\s*"""
_BREAK = re.compile(rf"<(?:br|/p|/div|/li|/tr){_ATTRIBUTES}/?>\n?", re.IGNORECASE)
_RAISED = re.compile(r"<sup>\s*([^<>]{1,20}?)\s*</sup>", re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:p|div|span|b|i|u|em|strong|sub|sup|a|font|ul|ol|li|table|tbody|tr|t[dh]|h[1-6]|small"
    rf"|center){_ATTRIBUTES}/?>",
    re.IGNORECASE,
)
_MARKS = re.compile(
    r" ?\[(?:header|step|steps|substep|substeps|edit|citation needed|CLS|SEP|PAD)\]"
)
_EMPTIED = re.compile(r" ?\((?:\s*[;,])+\s*\)|(?<=\()\s*(?:[;,]\s*)+(?=\w)")
"""What is left of a bracket whose names in other scripts were taken out."""
_INVISIBLE = re.compile("[\u00ad\u200b\ufeff\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_WIDE = re.compile(r"(?<=\S)(?: [ \t]+|\t+|\u00a0)(?=\S)")
_BRACKETS = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}"}
_BRACKET = re.compile("|".join(_BRACKETS))
_JOINED = re.compile(r" ?@([-,.:/])@ ?")
_QUOTES = re.compile(r"``|(?<!')''(?!')")
_QUOTED = re.compile(r'(^|[\s(])" ([^"]+?) "(?!\w)')
_FOLLOWS = r"""(?=$|[\s"'”’»)\].,;:!?])"""
_LOOSE = re.compile(rf"(?<=[^\s(]) +(?:[,;)\]]|(?<!\. )\.(?! ?\.)){_FOLLOWS}")
_LOOSE_SIGN = re.compile(rf"(?<=[^\s(]) +(?:[!?]|(?<!\d ):(?![()])){_FOLLOWS}")
_LOOSE_PERCENT = re.compile(rf"(?<=\d) +%{_FOLLOWS}")
_OPENED = re.compile(r"(?<![\w([])([(\[]) +(?=[^\s)\]])")
_CONTRACTED = re.compile(r" +(['’](?:s|m|d|re|ve|ll)\b|n['’]t\b)", re.IGNORECASE)
_SPACED_SIGNS = ("fr",)
"""Languages that put a space before ``? ! : ;``."""
_TELLTALE = re.compile(
    r"[&<\[`\t\u00a0\u00ad\u200b\ufeff\x00-\x08\x0b-\x1f\x7f]|''|  | [,;.:!?%)\]]|[(\[] "
    r"|@[-,.:/]@|-[LR][RSC]B-| ['’]| n['’]t\b|\([;,]|\" \S",
    re.IGNORECASE,
)
"""What a text has that anything below could change."""
_SENTENCES = re.compile(r"(?:^|[.!?…]['\"”’)]*\s+|\n)([\"'“‘(]*)([^\W\d_])")
_PROPER = re.compile(
    r"\b(?:i(?=$|[\s,.!?;:)]|['’](?:m|d|ll|ve)\b)|(?:mr|mrs|ms|dr)\b"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day|january|february|april|june|july|august"
    r"|september|october|november|december|english|american|british|french|german|chinese"
    r"|japanese|spanish|italian|london|paris|england|america|china|japan|christmas)\b"
)
_LINK = re.compile(r"(?:https?://|\bwww\.)\S+|#URL\b|\bhttp\b(?=\s|$)")
_ADDRESSED = re.compile(r"^(?:\s*(?:RT\s+)?[.]?@\w+\s*:?)+|(?:\s+@\w+)+\s*$")
_HANDLE = re.compile(r"(?<!\w)@(\w+)")


def tidied(value: str, language: str) -> str:
    """Take off a text what its source's making left in it.

    Args:
        value: of a source row, in prose.
        language: of the text; French keeps the spaces before its signs, and only English has
            contractions such as ``do n't``.
    """
    if not _TELLTALE.search(value):
        return value
    return joined(_unmarked(value), language)


def _unmarked(value: str) -> str:
    """Without the marks of HTML, of a corpus, and without what is not seen."""
    if "[SEP]" in value:
        value = _TITLE.sub("", value, count=1)
    if "&" in value:
        value = _ENTITY.sub(lambda match: unescape(match[0]), value)
    if "<" in value:
        value = _RAISED.sub(r"^\1", _BREAK.sub("\n", value))
        value = _TAG.sub("", value)
    if "[" in value:
        value = _MARKS.sub("", value.replace(" [title]", ".").replace("[title]", ""))
    return _WIDE.sub(" ", _INVISIBLE.sub("", _EMPTIED.sub("", value))).strip()


def joined(value: str, language: str) -> str:
    """Put a text together that its source had split into tokens."""
    value = _JOINED.sub(r"\1", _BRACKET.sub(lambda match: _BRACKETS[match[0]], value))
    value = _QUOTED.sub(r'\1"\2"', _QUOTES.sub('"', value))
    value = _LOOSE.sub(_bare, _OPENED.sub(r"\1", value))
    if language not in _SPACED_SIGNS:
        value = _LOOSE_SIGN.sub(_bare, value)
    if language == "en":
        value = _LOOSE_PERCENT.sub(_bare, _CONTRACTED.sub(r"\1", value))
    return value


def _bare(match: re.Match[str]) -> str:
    return match[0].lstrip(" ")


def capitalised(value: str) -> str:
    """Give sentences and the commonest names their capitals, where a source has none at all.

    >>> capitalised("well, i'm off. see you on monday!")
    "Well, I'm off. See you on Monday!"
    """
    if any(character.isupper() for character in value):
        return value
    value = _PROPER.sub(lambda match: match[0][0].upper() + match[0][1:], value)
    return _SENTENCES.sub(lambda match: match[0][:-1] + match[2].upper(), value)


def posted(value: str) -> str:
    """A post of a social network without links and without those whom it is addressed to.

    >>> posted("@ana @ben Bai, @carla-rekin! https://t.co/x #URL")
    'Bai, carla-rekin!'
    """
    value = _LINK.sub(" ", value)
    before = None
    while before != value:
        before, value = value, _ADDRESSED.sub("", value)
    lines = (
        " ".join(line.split()).lstrip(" ,;:.-") for line in _HANDLE.sub(r"\1", value).splitlines()
    )
    return "\n".join(line for line in lines if line)
