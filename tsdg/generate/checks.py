"""Checks what a model wrote: the format rules of each answer kind, and copies. Pure.

Every rule returns None or a :class:`Flaw`; the first flaw decides. A
question may break a rule that its seed breaks too: if a seed whose text carries its own passage
says "according to the passage", its questions may say so as well.
"""

from __future__ import annotations

import ast
import builtins
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

import yaml

from tsdg.generate.fields import count_blanks
from tsdg.generate.instructions import unsaid
from tsdg.generate.language import other_language
from tsdg.generate.replies import strip_fence
from tsdg.generate.schemas import Flaw, Shape
from tsdg.records import Seed
from tsdg.text import normalise, overlap, tokens

MAX_QUESTION = 6_000  # characters; more is a model that lost its way
MAX_OPTION = 1_000
MAX_CONTEXT = 24_000
_LETTER = re.compile(r"^\W*[A-Ea-e]\W*$")
_LABEL = re.compile(r"\s*\(?([A-Za-z]|\d{1,2})[).:]\s+(\S.*)", re.DOTALL)
_QUESTION_MARKS = ("?", "？", "؟", ";", "՞", "፧")  # the Greek one is a semicolon
_BEGINNING, _LONGEST_WORDING = 160, 64
"""Characters of the beginning of a text, and of the longest wording of an answer."""
_ENOUGH_LETTERS = 8  # fewer do not show a script
# Scripts that are mixed in one language count as one.
_SCRIPTS = {"HIRAGANA": "CJK", "KATAKANA": "CJK", "FULLWIDTH": "CJK", "IDEOGRAPHIC": "CJK"}


@cache
def _wordings() -> Mapping[str, re.Pattern[str]]:
    data = yaml.safe_load(
        files("tsdg.generate").joinpath("data/wordings.yaml").read_text(encoding="utf-8")
    )
    return {
        key: re.compile("|".join(f"(?:{line})" for line in lines), re.IGNORECASE)
        for key, lines in data.items()
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An item that a prompt showed beside the seed, or the seed itself."""

    question: str
    context: str
    options: tuple[str, ...]


def _bad(detail: str) -> Flaw:
    return Flaw(reason="bad_format", detail=detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """What a model wrote, and what it was made from."""

    seed: Seed
    shape: Shape
    question: str
    context: str


def check_texts(seed: Seed, shape: Shape, *, question: str, context: str) -> Flaw | None:
    """Check what all kinds share: words, length, language, blanks, nothing invisible."""
    written = _Written(seed=seed, shape=shape, question=question, context=context)
    details = (rule(written) for rule in _RULES_OF_TEXTS)
    return next((_bad(detail) for detail in details if detail), None)


def _has_words(it: _Written) -> str:
    if not normalise(it.question):
        return "the question has no words"
    if len(it.question) > max(MAX_QUESTION, 2 * len(it.seed.question)):
        return f"the question has {len(it.question)} characters"
    return ""


def _asks(it: _Written) -> str:
    if not it.seed.question.rstrip().endswith(_QUESTION_MARKS):
        return ""
    asks = any(mark in it.question for mark in _QUESTION_MARKS)
    return "" if asks else "no question mark, where the seed ends with one"


def _has_its_passage(it: _Written) -> str:
    if it.shape.context and len(normalise(it.context)) <= len(normalise(it.question)) / 2:
        return "the passage is missing or shorter than half the question"
    if len(it.context) > max(MAX_CONTEXT, 2 * len(it.seed.context)):
        return f"the passage has {len(it.context)} characters"
    return ""


def _is_in_the_seeds_language(it: _Written) -> str:
    seed = it.seed
    wanted, found = main_script(seed.question + seed.context), main_script(it.question + it.context)
    if wanted and found and wanted != found:
        return f"written in {found.lower()} script, the seed in {wanted.lower()}"
    drifted = other_language(f"{it.question}\n{it.context}", seed.language)
    if drifted and other_language(f"{seed.question}\n{seed.context}", seed.language) != drifted:
        return f"written in the language {drifted!r}, the seed in {seed.language!r}"
    return ""


def _has_the_seeds_blanks(it: _Written) -> str:
    found, wanted = count_blanks(it.question), it.shape.blanks
    if wanted and found != wanted:
        return f"{found} blanks in the sentence; the seed has {wanted}"
    return ""


def _shows_what_it_speaks_of(it: _Written) -> str:
    keys = ("always",) if it.shape.context else ("always", "passage")
    if any(_says(it.question, it.seed.question, key) for key in keys):
        return "refers to a passage or figure that is not there"
    return ""


def _fits_yes_and_no(it: _Written) -> str:
    yes_or_no = {"yes", "no"} <= set(map(normalise, it.shape.labels))
    if yes_or_no and _says(it.question, it.seed.question, "open"):
        return "cannot be answered with yes or no"
    return ""


_RULES_OF_TEXTS = (
    _has_words,
    _asks,
    _has_its_passage,
    _is_in_the_seeds_language,
    _has_the_seeds_blanks,
    _shows_what_it_speaks_of,
    _fits_yes_and_no,
)
"""Each returns what is wrong, or an empty text; in the order in which they are tried."""


def _says(text: str, seed_text: str, key: str) -> bool:
    """Whether a text uses a wording of ``wordings.yaml`` that its seed does not use."""
    wording = _wordings()[key]
    return bool(wording.search(text)) and not wording.search(seed_text)


def main_script(text: str) -> str:
    """Return the script of most letters, by its Unicode name; empty for too few letters."""
    merged: Counter[str] = Counter()
    for char, count in Counter(filter(str.isalpha, text)).items():
        merged[_script(char)] += count
    if sum(merged.values()) < _ENOUGH_LETTERS:
        return ""
    return merged.most_common(1)[0][0]


@lru_cache(maxsize=4096)
def _script(char: str) -> str:
    script = unicodedata.name(char, "?").split()[0]
    return _SCRIPTS.get(script, script)


def unlabel(options: Sequence[str]) -> tuple[str, ...]:
    """Strip the labels from options if every option has one of its own (letter or number).

    >>> unlabel(["B) iron", "A) gold"])
    ('iron', 'gold')
    """
    matches = [_LABEL.match(option) for option in options]
    if len({match.group(1) for match in matches if match}) < len(options):
        return tuple(option.strip() for option in options)
    return tuple(match.group(2).strip() for match in matches if match)


def check_options(seed: Seed, question: str, options: Sequence[str]) -> Flaw | None:
    """Check written options: words, all different, no mere letters, apart from the question."""
    detail = (
        _options_differ(options)
        or _options_stand_alone(seed, options)
        or _options_stand_where_the_seeds_do(seed, question, options)
    )
    return _bad(detail) if detail else None


def _options_differ(options: Sequence[str]) -> str:
    plain = [normalise(option) for option in options]
    if not all(plain):
        return "an option has no words"
    return "two options are the same" if len(set(plain)) < len(plain) else ""


def _options_stand_alone(seed: Seed, options: Sequence[str]) -> str:
    """Whether options are texts of a fair length that name no other option, as the seed's are."""
    if max(map(len, options)) > max(MAX_OPTION, 2 * max(map(len, seed.options))):
        return f"an option has more than {MAX_OPTION} characters"
    if any(map(_LETTER.match, options)) and not any(map(_LETTER.match, seed.options)):
        return "an option is a letter, not a text"
    naming = _wordings()["options"].search
    named = next(filter(None, map(naming, options)), None)
    if named and not any(map(naming, seed.options)):
        return f"an option names other options by letter: {named.group()!r}"
    if any(map(is_closing, options)) and not any(map(is_closing, seed.options)):
        return "an option speaks of those above it"
    return ""


def _options_stand_where_the_seeds_do(seed: Seed, question: str, options: Sequence[str]) -> str:
    inside, seed_inside = _all_inside(options, question), _all_inside(seed.options, seed.question)
    if seed_inside and not inside:
        return "the options do not stand in the sentence, as those of the seed do"
    return "the question repeats its options" if inside and not seed_inside else ""


@lru_cache(maxsize=4096)
def is_closing(option: str) -> bool:
    """Whether an option speaks of those above it, and so has to stand last.

    >>> is_closing("None of the above."), is_closing("以上都不对"), is_closing("all of the water")
    (True, True, False)
    """
    return bool(_wordings()["closing"].search(option))


def _all_inside(options: Sequence[str], question: str) -> bool:
    text = f" {' '.join(tokens(question))} "
    return all(f" {' '.join(tokens(option))} " in text for option in options)


def check_copy(
    seed: Seed,
    *,
    question: str,
    context: str,
    options: Sequence[str],
    answer: str,
    shown: Sequence[Shown],
    limit: float,
) -> Flaw | None:
    """Check that a question is not its seed, its kin or a few-shot example over again.

    A question on a passage may ask what its seed asks, if the passage is another; there the
    passages are compared. Likewise where the options say more than the question, as all of a family
    ask "which of these is more pleasant?": there question and options are compared.
    Where the free answer is the seed's too, half as much overlap makes a copy ("chemical symbol for
    gold", "of gold").

    Args:
        seed: what the question was made from.
        question: the new question.
        context: its passage; empty where it has none.
        options: those that it came with; empty where the task fixes them.
        answer: its claimed answer; empty where the task fixes the options, so that answers say
            nothing.
        shown: everything else that the prompt showed.
        limit: largest share of word trigrams that may be shared.
    """
    mine = Shown(question=question, context=context, options=tuple(options))
    seeds_own = Shown(question=seed.question, context=seed.context, options=seed.options)
    reworded = bool(answer) and normalise(answer) == normalise(seed.answer)
    for other in (seeds_own, *shown):
        of_seed = other is seeds_own
        share = overlap(*_compared(mine, other))
        if share > (limit / 2 if of_seed and reworded else limit):
            of = "its seed" if of_seed else "an example of the prompt"
            return Flaw(
                reason="copy_of_seed", detail=f"shares {share:.0%} of its word trigrams with {of}"
            )
    return None


def _compared(mine: Shown, other: Shown) -> tuple[str, str]:
    """The texts of two items that tell whether one is the other over again."""
    if mine.context:
        return mine.context, other.context
    told, other_told = (_with_options(item.question, item.options) for item in (mine, other))
    if _by_options(told, mine.question) and _by_options(other_told, other.question):
        return told, other_told
    return mine.question, other.question


def _by_options(told: str, question: str) -> bool:
    """Whether the options of a question say more than the question itself."""
    return len(told) > 2 * len(question)


def _with_options(question: str, options: Sequence[str]) -> str:
    """A question and its options, in an order that does not depend on the one shown."""
    return " ".join([question, *sorted(map(normalise, options))])


def check_code(question: str, checks: Sequence[str], answer: str) -> Flaw | None:
    """Check that the assertions parse and test one function, named in the question.

    The answer must define that function.
    """
    called: frozenset[str] | None = None
    for check in checks:
        names = called_names(check)
        if not names:
            return _bad(f"not an assertion that calls a function: {' '.join(check.split())[:80]!r}")
        called = names if called is None else called & names
    named = [
        name
        for name in sorted(called or ())
        if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", question)
    ]
    if not named:
        return _bad("the question does not name the function that its checks call")
    if not set(named) & defined_names(answer):
        return _bad(f"the answer does not define {' or '.join(named)}")
    return None


def called_names(check: str) -> frozenset[str]:
    """Return the functions, builtins left out, that one assertion calls; empty where it is none."""
    try:
        body = ast.parse(check.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    if len(body) != 1 or not isinstance(body[0], ast.Assert):
        return frozenset()
    calls = [node.func for node in ast.walk(body[0]) if isinstance(node, ast.Call)]
    return frozenset(
        call.id for call in calls if isinstance(call, ast.Name) and not hasattr(builtins, call.id)
    )


def defined_names(code: str) -> frozenset[str]:
    """Return the functions and classes that Python code defines; None if it does not parse."""
    try:
        body = ast.parse(strip_fence(code)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    return frozenset(
        n.name for n in body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    )


def check_json(schema: Mapping[str, object], answer: object) -> Flaw | None:
    """Check a ``json`` question's schema: valid, demanding, and met by the claimed answer.

    References and regular expressions are refused: a schema that a model wrote must not reach the
    network, nor keep the matcher busy for ever.
    """
    import jsonschema  # slow to import

    banned = sorted(_keys(schema) & {"$ref", "$dynamicRef", "pattern", "patternProperties"})
    if banned:
        return _bad(f"the schema uses {', '.join(banned)}")
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.Draft202012Validator(schema).validate(answer)
    except jsonschema.SchemaError as error:
        return _bad(f"not a JSON schema: {error.message[:120]}")
    except jsonschema.ValidationError as error:
        return _bad(f"the answer breaks its own schema: {error.message[:120]}")
    if not schema.get("properties"):
        return _bad(f"the schema names no properties: {json.dumps(schema)[:80]}")
    return None


def check_instructions(question: str, checks: Sequence[str]) -> Flaw | None:
    """Check that the task states what the answer will be checked for."""
    detail = unsaid(checks, question)
    return _bad(detail) if detail else None


def _keys(value: object) -> set[str]:
    """Return all keys of all objects in a JSON value."""
    if isinstance(value, Mapping):
        return set(value) | {key for inner in value.values() for key in _keys(inner)}
    return {key for inner in value for key in _keys(inner)} if isinstance(value, list) else set()


def says_nothing(text: str, answer: str) -> bool:
    """Whether a text that should explain an answer only names it, or ends where it should begin.

    >>> [says_nothing(text, "iron") for text in ("The answer is", "The answer is iron.", "N/A")]
    [True, True, True]
    >>> says_nothing("Iron rusts in moist air.", "iron")
    False
    """
    named = set(tokens(answer))
    if len(text) > _BEGINNING:
        # What stands in the beginning mostly decides. Its last words may belong to a wording that
        # goes on: they are left out.
        begins = _unsaid(text[:_BEGINNING].rpartition(" ")[0])[:-_LONGEST_WORDING]
        if set(tokens(begins.rpartition(" ")[0])) - named:
            return False
    return not set(tokens(_unsaid(text))) - named


def _unsaid(text: str) -> str:
    """What a text says beside the wordings that only announce an answer."""
    return _wordings()["answer"].sub(" ", normalise(text))
