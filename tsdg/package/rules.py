"""What a finished record must look like. Pure functions.

The rules hold whatever model wrote the row and whatever verified it; a row that breaks one is
rejected at stage ``filter`` with reason ``bad_record``.
"""

from __future__ import annotations

import unicodedata

from tsdg.records import AnswerKind, Question, Solution

LETTERS_MEAN_OPTIONS: frozenset[AnswerKind] = frozenset({"choice", "boolean", "short_text", "text"})
"""Kinds whose answer is never one letter: there it would be the label of an option. In mathematics
and code a single letter is a name, and so an answer of its own."""

_WRAPPING = " \t\r\n()[]{}<>.:,;*\"'`"
_NOUNS = ("option", "choice", "answer")


def flaw_of(question: Question, solution: Solution) -> str:
    """Say which rule the record would break; empty where it breaks none."""
    answer = solution.answer.strip()
    options = [option.strip() for option in question.options]
    if not question.question.strip():
        return "the question is empty"
    if not answer:
        return "the answer is empty"
    if question.answer_kind in LETTERS_MEAN_OPTIONS and is_bare_letter(answer):
        return f"the answer is only a letter: {answer!r}"
    return _flaw_of_options(options, answer) or _flaw_of_distractors(options, answer, solution)


def _flaw_of_options(options: list[str], answer: str) -> str:
    if not all(options):
        return f"option {options.index('') + 1} is empty"
    if len(set(options)) != len(options):
        return "two options are equal"
    if options and answer not in options:
        return f"the answer is not among the options: {_short(answer)}"
    return ""


def _flaw_of_distractors(options: list[str], answer: str, solution: Solution) -> str:
    wrong = {option for option in options if option != answer}
    for distractor in solution.distractors:
        if distractor.option.strip() not in wrong:
            named = _short(distractor.option)
            return f"the distractor analysis speaks of what is no wrong option: {named}"
        if not distractor.why_wrong.strip():
            return f"the distractor analysis says nothing of {_short(distractor.option)}"
    return ""


def is_bare_letter(answer: str) -> bool:
    """Whether an answer is a letter without text: ``B``, ``(b)``, ``Option D``, full-width.

    Only letters that have case count: a Chinese or Japanese answer may well be one character.
    """
    letter = unicodedata.normalize("NFKC", answer).casefold().strip(_WRAPPING)
    for noun in _NOUNS:
        letter = letter.removeprefix(f"{noun} ").removeprefix(f"{noun}:").strip(_WRAPPING)
    return len(letter) == 1 and letter.upper() != letter.lower()


def _short(text: str) -> str:
    shown = " ".join(text.split())
    return repr(shown if len(shown) <= 60 else shown[:57] + "...")
