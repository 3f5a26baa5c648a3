"""What a reader asks of an instruction beyond lm-eval's checkers. Pure.

lm-eval searches keywords anywhere, so that *cat* stands in *concatenate*, and forbidden ones only
between spaces, so that it finds none in Chinese. It takes any JSON value for an answer in JSON, and
knows one comma. A text without letters is in every language, a rule of three dashes is a bullet, a
citation is a placeholder, and ``"a" or "b"`` is wrapped in quotation marks. An answer passes where
lm-eval's checker and the one here agree.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from tsdg.text import unspaced
from tsdg.wording.fences import blocks

_Given = Mapping[str, Any]

_COMMA = re.compile(
    "[,\u055d\u060c\u07f8\u1363\u1802\u1808\u3001\ua4fe\ua60d\ua6f5\ufe10\ufe11\ufe50\ufe51\uff0c\uff64]"
)
_BULLET = re.compile(r"^[ \t]*[*-][ \t]+\S", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\[[^\[\]\n]*[^\W\d_][^\[\]\n]*\](?!\()")
_HIGHLIGHT = re.compile(r"(?<!\*)(\*{1,3})(?![\s*])[^*\n]+(?<!\s)\1(?!\*)")


def follows(answer: str, name: str, given: _Given) -> bool:
    """Whether a reader would say so too; True for an instruction that lm-eval's checker decides.

    Args:
        answer: the text, which lm-eval's checker took.
        name: of the instruction, such as ``punctuation:no_comma``.
        given: its arguments.
    """
    check = _CHECKS.get(name)
    return check is None or check(answer, given)


def _count(word: str, text: str) -> int:
    """How often a word stands in a text as a whole word; in Chinese and the like, anywhere."""
    word, text = (unicodedata.normalize("NFKC", part).casefold() for part in (word.strip(), text))
    pattern = re.escape(word)
    if not unspaced(word):
        before = r"(?<!\w)" if word[:1].isalnum() else ""
        after = r"(?!\w)" if word[-1:].isalnum() else ""
        pattern = before + pattern + after
    return len(re.findall(pattern, text)) if word else 0


def _compares(count: int, relation: str, limit: int) -> bool:
    return count < limit if relation == "less than" else count >= limit


def _existence(answer: str, given: _Given) -> bool:
    return all(_count(word, answer) for word in given["keywords"])


def _frequency(answer: str, given: _Given) -> bool:
    return _compares(_count(given["keyword"], answer), given["relation"], given["frequency"])


def _forbidden(answer: str, given: _Given) -> bool:
    return not any(_count(word, answer) for word in given["forbidden_words"])


def _letters(answer: str, given: _Given) -> bool:
    return any(char.isalpha() for char in answer)


def _words(answer: str, given: _Given) -> bool:
    """Count what stands between spaces and holds a letter or digit: *don't* is one word."""
    count = sum(any(map(str.isalnum, part)) for part in answer.split())
    return unspaced(answer) or _compares(count, given["relation"], given["num_words"])


def _json(answer: str, given: _Given) -> bool:
    fenced = blocks(answer.strip())
    text = fenced[0].body if len(fenced) == 1 else answer.strip()
    try:
        found = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict | list)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _no_comma(answer: str, given: _Given) -> bool:
    return _COMMA.search(answer) is None


def _bullets(answer: str, given: _Given) -> bool:
    return len(_BULLET.findall(answer)) == int(given["num_bullets"])


def _placeholders(answer: str, given: _Given) -> bool:
    return len(_PLACEHOLDER.findall(answer)) >= int(given["num_placeholders"])


def _highlights(answer: str, given: _Given) -> bool:
    return len(_HIGHLIGHT.findall(answer)) >= int(given["num_highlights"])


def _one_response(answer: str, given: _Given) -> bool:
    return len(re.findall(r"my answer is (?:yes|no|maybe)\b", answer.casefold())) == 1


def _postscript(answer: str, given: _Given) -> bool:
    """Whether a line begins with the mark, and says something after it."""
    marker = r"\s?".join(map(re.escape, given["postscript_marker"].strip().rstrip(".")))
    return re.search(rf"(?im)^[ \t*_]*{marker}\.?[ \t*_:,-]*\S", answer) is not None


def _ends(answer: str, given: _Given) -> bool:
    phrase = given["end_phrase"].strip()
    before = answer.strip().strip('"')[: -len(phrase)]
    whole = not (before[-1:].isalnum() and phrase[:1].isalnum())
    return whole or unspaced(before[-1:])


def _repeats(answer: str, given: _Given) -> bool:
    """Whether an answer follows the repeated prompt."""
    rest = answer.strip()[len(given["prompt_to_repeat"].strip()) :]
    return any(map(str.isalnum, rest)) and (not rest[0].isalnum() or unspaced(rest[0]))


def _quoted(answer: str, given: _Given) -> bool:
    r"""Whether one pair of marks wraps all: a mark within that closes means there are several."""
    inner = answer.strip()[1:-1]
    at = inner.find('"')
    return bool(inner.strip()) and (at < 0 or inner[at - 1 : at].isspace() or at == 0)


_CHECKS: Mapping[str, Callable[[str, _Given], bool]] = {
    "keywords:existence": _existence,
    "keywords:frequency": _frequency,
    "keywords:forbidden_words": _forbidden,
    "language:response_language": _letters,
    "length_constraints:number_words": _words,
    "detectable_format:json_format": _json,
    "punctuation:no_comma": _no_comma,
    "detectable_format:number_bullet_lists": _bullets,
    "detectable_content:number_placeholders": _placeholders,
    "detectable_format:number_highlighted_sections": _highlights,
    "detectable_format:constrained_response": _one_response,
    "detectable_content:postscript": _postscript,
    "startend:end_checker": _ends,
    "combination:repeat_prompt": _repeats,
    "startend:quotation": _quoted,
}
