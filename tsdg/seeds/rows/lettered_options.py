r"""Options that a source has written into the question, one after the other, each with its letter.

>>> lettered_options("What shape is it?\n(A) Line\n(B) Circle\n(C) Cone")
('What shape is it?', ('Line', 'Circle', 'Cone'))
>>> lettered_options(r"What is $n$? $\textbf{(A) } 2\qquad\textbf{(B) } 4\qquad\textbf{(C) } 6$")
('What is $n$?', ('2', '4', '6'))
"""

from __future__ import annotations

import re

_FEWEST = 3
_STYLED = r"(?:\\(?:text|textbf|textrm|mathrm|mathbf|bf|rm)\s*\{?\s*|\{\s*)"
_MARK = re.compile(
    r"(?:(?<=[\s$}\]\[])|(?<=quad)|^)(?P<open>\$?)(?:\\bullet\s*\$?\s*)?"
    rf"(?:{_STYLED})?(?:\((?P<a>[A-Ha-h])\)|(?P<b>[A-H])[.)])"
    r"(?:\\?[ ~]|[\s.:,])*\}?(?P<close>\$?)(?=\s|[^\w\s]|\w)"
)
_SPACES = re.compile(r"(?:\\(?:qquad|quad|hspace\{[^{}]*\}|[ ,;!])|\\\\|~|\s)+")


def lettered_options(value: str) -> tuple[str, tuple[str, ...]]:
    """Part a question from its lettered options.

    Args:
        value: the question, with formulas in LaTeX.

    Returns:
        The question with what follows the options, and the options; the text as it is and none
        where fewer than three stand in it, or where they cannot be told apart for sure.
    """
    marks = _run_of_letters(list(_MARK.finditer(value)))
    if len(marks) < _FEWEST:
        return value, ()
    ends = [mark.start() for mark in marks[1:]]
    last, rest = _last(value[marks[-1].end() :])
    pieces = [value[mark.end() : end] for mark, end in zip(marks, ends, strict=False)]
    before = value[: marks[0].start()].rstrip().removesuffix(r"\[")
    open_formula = before.count("$") % 2 == 1
    within = open_formula or (bool(marks[0]["open"]) and not marks[0]["close"])
    before = before.removesuffix("$") if open_formula else before
    options = tuple(_option(piece, within=within) for piece in (*pieces, last))
    if before.count("$") % 2 or not _told_apart(options):
        return value, ()
    return f"{_trimmed(before)}{rest}".strip(), options


def _told_apart(options: tuple[str, ...]) -> bool:
    """Whether these are options: all there, all different, and not letters again."""
    letters = [option.strip("$") for option in options]
    bare = all(len(letter) == 1 and letter.isalpha() for letter in letters)
    return all(options) and len(set(options)) == len(options) and not bare


def _run_of_letters(marks: list[re.Match[str]]) -> list[re.Match[str]]:
    """The last run of marks A, B, C ... in this order."""
    runs: list[list[re.Match[str]]] = [[]]
    for mark in marks:
        letter = (mark["a"] or mark["b"]).upper()
        if letter == "A":
            runs.append([mark])
        elif letter == "ABCDEFGH"[len(runs[-1]) : len(runs[-1]) + 1] and runs[-1]:
            runs[-1].append(mark)
    return next((run for run in reversed(runs) if len(run) >= _FEWEST), [])


def _last(value: str) -> tuple[str, str]:
    """Part the last option, which ends with its line, from what follows."""
    option, mark, rest = value.partition("\n")
    return option, mark + rest


def _option(piece: str, *, within: bool) -> str:
    """One option, as a text with its own formulas; ``within`` says that all stood in one."""
    piece = _trimmed(piece).removesuffix(r"\]").strip("$" if within else "").strip()
    piece = _trimmed(piece.removesuffix("$\\bullet$").removesuffix("\\bullet"))
    if piece.count("$") % 2 == 1:
        piece = piece.removesuffix("$") if piece.endswith("$") else piece + "$"
    if piece.count("{") != piece.count("}"):
        return ""
    bare = re.fullmatch(r"\\(?:text|textbf|textrm|mbox)\{([^{}]*)\}", piece)
    piece = bare[1].strip() if bare else piece
    return f"${piece}$" if "\\" in piece and "$" not in piece else piece


def _trimmed(value: str) -> str:
    """Without the spaces of LaTeX and of text at both ends."""
    start = _SPACES.match(value)
    value = value[start.end() :] if start else value
    while value:
        ends = [match for match in _SPACES.finditer(value) if match.end() == len(value)]
        if not ends:
            break
        value = value[: ends[0].start()]
    return value.rstrip()


_LETTER = r"""[(\['"‘“]*[A-Ea-e][)\]'"’”]*"""
_SAID = r"(?:correct\s+)?(?:answer|ans|option|choice)s?"
_LAST = re.compile(
    rf"(?:^|(?<=[\s.,;]))(?:(?:so|hence|thus|therefore),?\s+)?(?:the\s+)?{_SAID}\s*(?:is|[:=.-])*\s*"
    rf"(?:(?:option|choice)\s+)?{_LETTER}[\s.!]*$",
    re.IGNORECASE,
)
_FIRST = re.compile(
    rf"^\s*(?:the\s+)?{_SAID}(?:\s*(?:is\b|[:=.-]))+\s*"
    r"""(?:[(\['"‘“][A-E][)\]'"’”]|[A-E](?=\s*(?:[.:)]|i\.?\s?e\b)))"""
    r"(?:\s*(?:i\.?\s?e\b\.?|[:,.)-]))*\s*",
    re.IGNORECASE,
)


def without_letters(solution: str) -> str:
    r"""Take off a worked solution the sentence that only says the right option's letter.

    Options are shown without letters, and may stand in another order.

    >>> without_letters("2 + 2 = 4.\nSo the answer is (B).")
    '2 + 2 = 4.'
    >>> without_letters("Ans. is 'c' i.e., Aspirin. It thins the blood.")
    'Aspirin. It thins the blood.'
    """
    return _FIRST.sub("", _LAST.sub("", solution)).strip(" \n,;")
