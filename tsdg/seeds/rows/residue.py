r"""Texts as a reader would have them, freed of what their source's making left in them.

One place for all families: marks of a tokeniser (``do n't``, ``-LRB-``, ``@-@``), of HTML
(``&amp;``, ``<br>``) and of a corpus (``[title]``, ``title [SEP] passage``). A text without any of
them is given back as it is. Code, formulas and data never come here: see ``Form.verbatim``.

>>> tidied("It is `` fine '' , they 're told -LRB- twice -RRB- .", "en")
'It is "fine", they\'re told (twice).'
>>> tidied("Tom &amp; Ann [header] left<br>early", "en")
'Tom & Ann left\nearly'
>>> tidied("Gutenberg [SEP] He printed books.", "en")
'Gutenberg\nHe printed books.'
>>> tidied("Ice melts.The sea rises.", "en")
'Ice melts. The sea rises.'
>>> tidied("所有 的 灯 都 关 了 .", "zh")
'所有的灯都关了。'
>>> tidied("as in BIBREF3 (see Table TABREF2)", "en")
'as in [3] (see Table 2)'
"""

from __future__ import annotations

import re
from html import unescape
from unicodedata import category, combining

_TITLE = re.compile(r"([^\n]{0,200}?)\s*\[SEP\]\s*")
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
    r" ?\[(?:(?:header|step|steps|substep|substeps|edit|citation needed|CLS|SEP|PAD)"
    r"|(?:来源)?[:：][^\[\]\n]{1,30})\]"
)
_WIKI = re.compile(
    r"\[\[(?:Module|File|Image|Category|Template)[^\[\]]*\]\]\s*|^(?:jmpl|thumb|mini)\|"
)
_PLACE = re.compile(r"(?:^|(?<=\n))@\d+@ (?:\d+ )*|^\* (?![\s\S]*\n\* )")
"""Where a sentence stood in its corpus, or in a list of which it is all that is left."""
_CSV = re.compile(r'"(?=.*"").*"', re.DOTALL)
"""A text as CSV writes it: in quotation marks, with each of its own twice."""
_SPAN_OF_LIFE = re.compile(
    r"(?<=\b[12]\d{3})(?=\d{1,2} (?:January|February|March|April|May|June|July|August|September"
    r"|October|November|December) [12]\d{3})"
)
"""Between two dates whose dash was lost."""
_NAMELESS = re.compile(r"(?<!\w)([A-Z]\w+\"?) \(\)(?=[\s,.;])")
"""A name whose form in another script was taken out; other brackets may be blanks, or code."""
_NOISES = re.compile(
    r" ?\{ ?(?:disfmarker|(?:non)?vocalsound|pause|gap|comment|nonvocalsound)(?:marker)? ?\}"
)
"""What a transcript of a meeting says of sounds."""
_SPEAKER = re.compile(r"(?:[^:\n]{1,60}:)?\s*")
_SPELT = re.compile(r"(?<![A-Za-z_])(?:[A-Z]_){2,}")
"""A name that is spelt in a transcript: ``L_C_D_``."""
_REFERENCE = re.compile(r"\b(?:(BIB|TAB|FIG|SEC|EQ)REF|(INLINE|DISPLAY)FORM)(\d+)\b")
"""What a paper's text refers to, as S2ORC marks it."""
_NAMED_BEFORE = re.compile(r"\b(?:Tab|Fig|Sec|Eq|Appendi)\w*[.~]?\W{0,2}$", re.IGNORECASE)
_REFERRED = {"TAB": "Table ", "FIG": "Figure ", "SEC": "Section ", "EQ": "Equation "}
_EMPTIED = re.compile(r" ?\((?:\s*[;,])+\s*\)|(?<=\()\s*(?:[;,]\s*)+(?=\w)")
"""What is left of a bracket whose names in other scripts were taken out."""
_INVISIBLE = re.compile("[\u00ad\u200b\ufeff\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_GLUED = re.compile(
    r"(?<!www\.)(?<=[A-Za-z\d%)][a-z\d%)][.!?])(?=[A-Z](?:[a-z:]| [a-z]))(?!(?:Com|Net|Org)\b)"
)
"""Between two sentences without a space, but not in ``p.M``, ``U.S.A`` and ``Booking.Com``."""
_GLUED_COMMA = re.compile(r"(?<=\b[a-z]{3}),(?=[a-z]{2,} )|(?<=[a-z]{4}),(?=[a-z]{2,} )")
_GLUED_STOP = re.compile(r" +([.!?])(?=[A-Z][a-z]+ )")
_WIDE = re.compile(r"(?<=\S)(?: [ \t]+|\t+|\u00a0)(?=\S)")
_BRACKETS = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}"}
_BRACKET = re.compile("|".join(_BRACKETS), re.IGNORECASE)
_JOINED = re.compile(r" ?@([-,.:/])@ ?")
_QUOTES = re.compile(r"``|(?<!')''(?!')")
_SINGLE_QUOTED = re.compile(r"(^|[\s(])` ([^`']+?)(?: '(?=[\s.,;:!?)]|$)|$)")
_QUOTED = re.compile(r'(^|[\s(])" ([^"]+?) "(?!\w)')
_LONE_QUOTE = re.compile(r'^" (?=\S)|(?<=\S) "$')
"""A quotation mark with a space inside, whose other one is in another sentence."""
_LOW_QUOTED = re.compile(r"„ ([^„“”]+?) ([“”])")
_ANGLED = re.compile(r"«[ \u00a0]+([^«»]+?)[ \u00a0]+»")
_FOLLOWS = r"""(?=$|[\s"'”’»)\].,;:!?])"""
_LOOSE = re.compile(rf"(?<=[^\s(]) +(?:[,;)\]।۔،؛؟]|(?<!\. )\.(?! ?\.)){_FOLLOWS}")
_LOOSE_SIGN = re.compile(rf"(?<=[^\s(=]) +(?:[!?]|(?<!\d ):(?![()])){_FOLLOWS}")
_LOOSE_PERCENT = re.compile(rf"(?<=\d) +%{_FOLLOWS}")
_OPENED = re.compile(r"(?<![\w([])([(\[¿¡]) +(?=[^\s)\]])")
_PRICED = re.compile(r"(?<=[$£€]) +(?=\d)")
_DASHED = re.compile(r"(?<=\d) ?-- ?(?=\d)")
"""Between two years or numbers."""
_ELIDED = re.compile(
    r"(?<![\w'’])((?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|quoiqu|dell|nell|all|dall|sull|un)['’])"
    r" +(?=\w)",
    re.IGNORECASE,
)
_ELIDING = ("ca", "fr", "it")
_DOTTED = ("bn", "gu", "hi", "mr")
"""Languages of scripts whose vowel signs are marks of their letters."""
_UNSPACED = ("ja", "zh")
"""Languages that have no spaces between words."""
_HAN = "\u3001-\u303f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uff01-\uff60"
_BETWEEN_HAN = re.compile(rf"(?<=[{_HAN}]) +(?=[{_HAN}])")
_BESIDE_HAN = re.compile(rf"(?<=[{_HAN}]) +|[ ]+(?=[{_HAN}])")
_BEFORE_SIGN = re.compile(r" +(?=[,.?!:;])")
_BETWEEN_THAI = re.compile(r"(?<=[\u0e00-\u0e7f]) (?=[\u0e00-\u0e7f])")
_INDIC = [chr(code) for code in range(0x0900, 0x0E00)]
_MARKS_OF_INDIC = "".join(sign for sign in _INDIC if category(sign) in ("Mn", "Mc"))
_MARK = re.compile(rf"(?<=[\u0900-\u0dff]) +(?=[{_MARKS_OF_INDIC}])")
_VIRAMA = re.compile(
    rf" +([{''.join(sign for sign in _INDIC if combining(sign) == 9)}]) *(?=[\u0900-\u0dff])"
)
_FIRST_DOTTED = re.compile(r"(?<![\u0900-\u097f])([\u0915-\u0939]) (\u093c) ")
"""A word's first letter, from which its dot was parted."""
_HALF_WIDTH = re.compile(rf"(?<=[{_HAN}A-Za-z])([,.?!:;])(?=$|[\s\"”’)）{_HAN}])\s*")
_FULL_WIDTH = str.maketrans(",.?!:;", "，。？！：；")
_FEWEST_SPACES = 6
"""A text with a space to so many signs or fewer was split into words."""
_CONTRACTED = re.compile(r" +(['’](?:s|m|d|re|ve|ll)\b|n['’]t\b)|(?<=n) +(['’]t\b)", re.IGNORECASE)
_TORN = re.compile(r"(?<=\w) ['’] (?=(?:s|m|d|re|ve|ll|t)\b)")
_SPACED_SIGNS = ("fr",)
"""Languages that put a space before ``? ! : ;`` and within guillemets."""
_TELLTALE = re.compile(
    r"[&<\[`\t\u00a0\u00ad\u200b\ufeff\x00-\x08\x0b-\x1f\x7f]|''|  | [,;.:!?%)\]।۔،؛؟]|[(\[¿¡] "
    r'|""|^" |ï»¿|(?:^|\n)@\d|^\* |^jmpl|\w \(\)|\d{5} [A-Z]'
    r"|@[-,.:/]@|-[LR][RSC]B-|[a-z\d%)]{2}[.!?][A-Z]| ['’]| n['’]t\b|\([;,]|\" \S|[«„$£€] "
    rf"| [{_MARKS_OF_INDIC}]|[a-z]{{3}},[a-z]{{2}}| [.!?][A-Z]"
    rf"|['’] \w|[A-Z]REF\d|[A-Z]FORM\d|\{{ ?[a-z]|[A-Z]_[A-Z]_|--"
    rf"|[{_HAN}] +[{_HAN}]",
    re.IGNORECASE,
)
"""What a text has that anything below could change."""
_SENTENCES = re.compile(r"(?:^|[.!?…]['\"”’)]*\s+|\n)([\"'“‘(]*)([^\W\d_])")
_SHORT = re.compile(
    r"\b(?:rs|sq|ft|hrs?|mins?|secs?|kms?|cms?|approx|vs|i\.e|e\.g|p\. ?a|p|mr|mrs|dr|st)\.\s*$"
)
"""A short form at the end of a text, after which a sentence goes on."""
_PROPER = re.compile(
    r"\b(?:i(?=$|[\s,.!?;:)]|['’](?:m|d|ll|ve)\b)|(?:mr|mrs|ms|dr)\b"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day|january|february|april|june|july|august"
    r"|september|october|november|december|english|american|british|french|german|chinese"
    r"|japanese|spanish|italian|london|paris|england|america|china|japan|christmas)\b"
)
_LINK = re.compile(r"(?:https?://|\bwww\.)\S+|#URL\b|\bhttp\b(?=\s|$)")
_ADDRESSED = re.compile(r"^(?:\s*(?:RT\s+)?[.]?@\w+\s*:?)+|(?:\s+@\w+)+\s*$")
_ANONYMOUS = re.compile(r"(?<!\w)@user\b", re.IGNORECASE)
_LOST = re.compile(r"(?:^|(?<=\s))\?{2,}[^\w\s?]*(?=\s|$)")
"""Signs that nobody could decode, such as emojis: a question mark for each byte."""
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
    value = value.removeprefix("ï»¿")  # how Windows reads the mark of UTF-8
    if "[SEP]" in value:
        value = _headed(value)
    if "&" in value:
        value = _ENTITY.sub(lambda match: unescape(match[0]), value)
    if "<" in value:
        value = _RAISED.sub(r"^\1", _BREAK.sub("\n", value))
        value = _TAG.sub("", value)
    if "[" in value:
        value = _MARKS.sub("", value.replace(" [title]", ".").replace("[title]", ""))
        value = _WIKI.sub("", value)
    if "{" in value:
        value = _heard(value)
    if '""' in value:
        value = unquoted(value)
    if value[:1] in "@*j" or "\n@" in value:
        value = _WIKI.sub("", _PLACE.sub("", value))
    if "_" in value:
        value = _SPELT.sub(lambda match: match[0].replace("_", ""), value)
    if "REF" in value or "FORM" in value:
        value = _REFERENCE.sub(_referred, value)
    value = _WIDE.sub(" ", _INVISIBLE.sub("", _EMPTIED.sub("", value)))
    value = _SPAN_OF_LIFE.sub("–", _NAMELESS.sub(r"\1", value))
    return _GLUED.sub(" ", value).strip()


def unquoted(value: str) -> str:
    """A text without what CSV did to it."""
    return value[1:-1].replace('""', '"') if _CSV.fullmatch(value) else value


def _heard(value: str) -> str:
    """A transcript without sounds, and without the turns that are nothing else."""
    lines = []
    for line in value.split("\n"):
        words = _NOISES.sub("", line)
        if words == line or not _SPEAKER.fullmatch(words):
            lines.append(words)
    return "\n".join(lines)


def _referred(match: re.Match[str]) -> str:
    """A citation as ``[3]``, a table as ``Table 2`` where it is not called so already."""
    kind, formula, number = match.groups()
    if formula:
        return "[formula]"
    if kind == "BIB":
        return f"[{number}]"
    named = _NAMED_BEFORE.search(match.string, max(0, match.start() - 16), match.start())
    return number if named else _REFERRED[kind] + number


def _headed(value: str) -> str:
    """Without the mark after its title, which stays where the passage does not name it."""
    title = _TITLE.match(value)
    if not title:
        return value
    passage = value[title.end() :]
    return passage if title[1] in passage else f"{title[1]}\n{passage}"


def joined(value: str, language: str) -> str:
    """Put a text together that its source had split into tokens."""
    value = _JOINED.sub(r"\1", _BRACKET.sub(lambda match: _BRACKETS[match[0].upper()], value))
    value = _QUOTED.sub(r'\1"\2"', _QUOTES.sub('"', value))
    value = _SINGLE_QUOTED.sub(r"\1'\2'", value)
    value = _LOOSE.sub(_bare, _OPENED.sub(r"\1", _LOW_QUOTED.sub(r"„\1\2", value)))
    value = _DASHED.sub("–", _PRICED.sub("", value))
    if language in _ELIDING:
        value = _ELIDED.sub(r"\1", value)
    if language in _UNSPACED:
        value = unspaced(value)
    if language in _DOTTED:
        value = unparted_marks(value)
    if language not in _SPACED_SIGNS:
        value = _ANGLED.sub(r"«\1»", _LOOSE_SIGN.sub(_bare, value))
    if value.count('"') == 1:
        value = _LONE_QUOTE.sub("", value)
    if language == "en":
        value = _GLUED_STOP.sub(r"\1 ", _GLUED_COMMA.sub(", ", value))
        value = _LOOSE_PERCENT.sub(_bare, _CONTRACTED.sub(r"\1\2", _TORN.sub("'", value)))
    return value


def unspaced(value: str) -> str:
    """A text of a language without spaces, where somebody parted its words by them."""
    if len(_BETWEEN_HAN.findall(value)) * _FEWEST_SPACES < len(value):
        return value
    value = _BESIDE_HAN.sub("", _BEFORE_SIGN.sub("", value))
    return _HALF_WIDTH.sub(lambda match: match[1].translate(_FULL_WIDTH), value)


def unparted_name(value: str) -> str:
    """A name in signs of Chinese or Japanese, whose words somebody parted."""
    return _BETWEEN_HAN.sub("", value)


def unparted_thai(value: str) -> str:
    """A Thai text whose words somebody parted by a space, and its own spaces by three."""
    if len(_BETWEEN_THAI.findall(value)) * _FEWEST_SPACES * 2 < len(value):
        return value
    phrases = (_BETWEEN_THAI.sub("", phrase) for phrase in re.split(r" {2,}", value))
    return " ".join(phrases)


def unparted_marks(value: str) -> str:
    """A text in an Indic script, whose vowel signs somebody parted from their letters.

    >>> unparted_marks("क ् रीम चीज ़ ें ज ़ रूर")
    'क्रीम चीज़ें ज़रूर'
    """
    value = _VIRAMA.sub(r"\1", _FIRST_DOTTED.sub(r"\1\2", value))
    return _MARK.sub("", value)


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
    return _SENTENCES.sub(_begun, value)


def _begun(match: re.Match[str]) -> str:
    """The beginning of a sentence with its capital; none after a short form."""
    if _SHORT.search(match.string[max(0, match.start() - 8) : match.start() + 1]):
        return match[0]
    return match[0][:-1] + match[2].upper()


def posted(value: str) -> str:
    """A post of a social network without links and without those whom it is addressed to.

    >>> posted("@ana @ben Bai, @carla-rekin! https://t.co/x #URL")
    'Bai, carla-rekin!'
    """
    value = _LOST.sub(" ", _LINK.sub(" ", value))
    before = None
    while before != value:
        before, value = value, _ADDRESSED.sub("", value)
    value = _ANONYMOUS.sub(" ", value)
    if value.rstrip().endswith("'") and value.count("'") == 1:
        value = value.rstrip()[:-1]
    lines = (
        " ".join(line.split()).lstrip(" ,;:.-") for line in _HANDLE.sub(r"\1", value).splitlines()
    )
    return "\n".join(line for line in lines if line)
