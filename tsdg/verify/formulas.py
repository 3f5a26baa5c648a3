r"""Formulas in one notation, and the differences between two that math-verify does not see.

>>> plain("x² + ½√3"), look(plain(r"\dfrac{1}{2}\left(x\right)"))
('x^{2} + \\frac{1}{2}\\sqrt{3}', '\\frac{1}{2}(x)')
>>> differ("6t", "6"), differ("5 cm", "5 m"), differ("f'(2)", "f(2)"), differ("x = 5", "5")
(True, True, True, False)
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

_NOISE = re.compile(r",\s*\\!\s*(?=\d{3})|\\\$|\\!|\\?%")
# Not the two numbers of a pair or an interval: (20,100).
_GROUPED = re.compile(r"(?<![\d,.])(?!(?<=[(\[])\d{1,3},\d{3}[)\]])\d{1,3}(?:,\d{3})+(?![\d,])")
_MIXED = re.compile(r"(?<![\d.}])(\d+)\s+(\d+)\s*/\s*(\d+)(?![\d.])")
_ROOT = re.compile(r"([√∛∜])\s*(?:\(([^()]*)\)|\{([^{}]*)\}|(\d+(?:\.\d+)?|[A-Za-z]))")
_PLAIN_ROOT = re.compile(
    r"(?<![A-Za-z\\])sqrt\s*\(([^()]*)\)|\\sqrt\s*(\d)(?!\d)|(?<![A-Za-z\\])sqrt\s+(\w+)"
)
# Powers as programs and plain texts write them: x**2, x**(n+1), 2^10, x^-1.
_POWER = re.compile(r"\*\*\s*(?:\(([^()]*)\)|(-?(?:[\d.]+|[A-Za-z])))|\^\s*(-\s*\w|-?\s*\d{2,})")
# Greek letters and infinity in words, as plain texts write them.
_SPELLED = re.compile(
    r"(?<![A-Za-z\\{])(pi|theta|alpha|beta|gamma|delta|lambda|sigma|omega|phi|inf(?:ty|inity)?)"
    r"(?![A-Za-z}])"
)
_INFINITE = re.compile(r"(?<![\w)}\]])\s*\+\s*(?=\\infty)")
_UNEQUAL = re.compile(r"\s!=\s?|/=(?=\s)")
_SPACE = r"(?:\s|\\[,;: ]|~)+"
_SAME_LOOK = (
    (re.compile(r"\\[dtc]frac"), r"\\frac"),
    (re.compile(r"\\frac\s*(\d)\s*(\d)"), r"\\frac{\1}{\2}"),
    (re.compile(r"\\frac\s*(\d)\s*\{"), r"\\frac{\1}{"),
    (re.compile(r"(\\frac\{[^{}]*\})\s*(\d)"), r"\1{\2}"),
    # two numbers side by side are not one, but for groups of three digits
    (re.compile(rf"(?<=\d){_SPACE}(?=\d)(?!(?<=\d)\d{{3}}(?!\d))"), ";"),
    (re.compile(r"\\(?:left|right|displaystyle|quad|qquad)(?![A-Za-z])|\\[,;:! ]|(?<!\\)\$|~"), ""),
    (re.compile(r"\\(?:text|mathrm|textbf|mathbf|textit|mbox|operatorname)\{([^{}]*)\}"), r"\1"),
    (re.compile(r"\\([lgn])eq?(?![A-Za-z])"), r"\\\1e "),
    (re.compile(r"([_^])\{(\w)\}"), r"\1\2"),
    (re.compile(r"\\sqrt\{(\w)\}"), r"\\sqrt\1"),
    (re.compile(r"\s+"), ""),
)
_TEXT = re.compile(r"\\(?:text|mathrm|textbf|mathbf|textit|mbox)\s*\{([^{}]*)\}")
_TEXT_POWER = re.compile(
    r"\\(?:text|mathrm|textbf|mathbf|textit|mbox)\s*\{[^{}]*\}\s*\^\s*\{?\s*(\d)"
)
_BASE = re.compile(r"[0-9A-Za-z]\s*_\s*\{?\s*(?:\\text\{)?(\d+|[a-z]{3,})")
_EXPRESSION = re.compile(r"[\d+*/^-]")
_SUBSCRIPT = re.compile(r"_\s*(?:\{[^{}]*\}|\w)")
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\s*\{\w+\*?\}(?:\{[lcr|]*\})?")
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_NAMED = re.compile(
    r"\\(alpha|beta|gamma|delta|epsilon|varepsilon|zeta|eta|theta|vartheta|iota|kappa|lambda|mu|nu|xi"
    r"|pi|rho|sigma|tau|upsilon|phi|varphi|chi|psi|omega|Gamma|Delta|Theta|Lambda|Xi|Pi|Sigma|Phi|Psi"
    r"|Omega|ell|hbar)(?![A-Za-z])"
)
_LETTER = re.compile(r"[A-Za-z]+")
_ASSIGNED = re.compile(
    r"(?<![A-Za-z\\])(?:[A-Za-z]|\\[a-z]+)\s*(?:_\s*(?:\{\w+\}|\w)|\([A-Za-z]\))?\s*(?:=|\\in(?![a-z]))"
)
_RELATION = re.compile(r"[<>]|\\[lg]eq?(?![A-Za-z])|\\[lg]eqslant")
_PRIME = re.compile(r"'|\\prime(?![A-Za-z])")
# What math-verify computes or drops, so that two of them must look the same.
_OPERATOR = re.compile(
    r"\\(?:partial|int|iint|oint|lim|sum|prod|nabla|mathcal|vec|hat|bar|overline)(?![A-Za-z])"
    r"|\\(?:mathbf|boldsymbol|bm)\{[A-Za-z]\}"
    r"|\d\s*:\s*\d|\\frac\s*\{\s*d[^{}]*\}\s*\{\s*d\s*[A-Za-z]|(?<![A-Za-z\\])d[a-z]\s*/\s*d[a-z]"
)
# What stands after the slash may be below it or beside the fraction: 1/2x, a/b c, 1/2(x+1).
_SLASH = re.compile(
    rf"/\s*(?:\d+|[A-Za-z])(?:{_SPACE})?(?:[A-Za-z](?![A-Za-z])|(?:\\left)?\("
    r"|\\(?:sqrt|pi|theta|alpha|beta|gamma|lambda|omega|sin|cos|tan|log|ln)(?![A-Za-z]))"
)
_GAP = re.compile(rf"\d{_SPACE}\d(?!\d\d(?!\d))")
_DEGREE = re.compile(r"\\circ|\\degree")
_CENTS = re.compile(r"¢|\bcents?\b", re.IGNORECASE)
_SIGNS = (
    ("not", re.compile(r"\\ne(?:q|g)?(?![A-Za-z])|\\not(?![a-z])")),
    ("both", re.compile(r"\\pm(?![A-Za-z])|\\mp(?![A-Za-z])")),
    ("more", re.compile(r"[<>]|\\[lg]eq?(?![A-Za-z])|\\(?:leqslant|geqslant)(?![A-Za-z])")),
    ("congruent", re.compile(r"\\equiv(?![A-Za-z])|\\pmod|\\bmod|\\mod")),
    ("factorial", re.compile(r"(?<=[\w)}])\s*!")),
    ("degree", _DEGREE),
    ("size", re.compile(r"\\[lr]?vert|\|")),
    ("colon", re.compile(r":")),
    ("order", re.compile(r"\^\s*\{\s*\(")),
)
_SET = re.compile(r"\s*(?:\\left\s*)?\\\{(?!.*(?:\\mid|[:|<>]))[^,]*,")
_PAIR = re.compile(r"\s*(?:\\left\s*)?[(\[][^,]*,")
"""The numbers of a set have no order, those of a pair or an interval have one."""
_ONE_SIDED = frozenset(("degree", "size", "factorial", "more"))
"""Signs that only one of two equal answers may have: ``120^\\circ``, ``x > 3`` for an interval."""


@cache
def _table() -> dict[str, Any]:
    text = (files("tsdg.verify") / "formulas.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def units() -> frozenset[str]:
    """Words that are units."""
    return frozenset(_table()["units"])


@cache
def _functions() -> frozenset[str]:
    return frozenset(_table()["functions"])


@cache
def _translation() -> dict[int, str]:
    return {ord(sign): latex for sign, latex in _table()["signs"].items()}


def plain(formula: str) -> str:
    """Write a formula as LaTeX: signs of plain text, roots, powers, mixed numbers, no decoration.

    Signs of money and per cent, thin spaces and a full stop go, as math-verify cannot parse them.
    """
    text = unicodedata.normalize("NFC", formula)
    if not text.isascii():
        text = _ROOT.sub(_root, _raised(text))
        text = unicodedata.normalize("NFKC", text.translate(_translation()))
        text = text.translate(_translation())
    text = _NOISE.sub("", text.replace("{,}", ","))
    text = _PLAIN_ROOT.sub(lambda m: rf"\sqrt{{{m[1] or m[2] or m[3]}}}", text)
    text = _POWER.sub(lambda m: f"^{{{m[1] or m[2] or m[3]}}}", _UNEQUAL.sub(r"\\ne ", text))
    text = _INFINITE.sub("", _SPELLED.sub(_spelled, text))
    text = _GROUPED.sub(lambda match: match[0].replace(",", ""), text)
    return _MIXED.sub(r"(\1+\\frac{\2}{\3})", text).strip(" .,;")


def _spelled(match: re.Match[str]) -> str:
    return r"\infty " if match[0].startswith("inf") else f"\\{match[0]} "


def _root(match: re.Match[str]) -> str:
    degree = {"√": "", "∛": "[3]", "∜": "[4]"}[match[1]]
    return rf"\sqrt{degree}{{{match[2] or match[3] or match[4]}}}"


def _raised(text: str) -> str:
    """Superscripts as powers, subscripts as LaTeX's, and vulgar fractions as fractions."""
    out, power, sign = [], "", ""
    for char in f"{text}\0":
        form = unicodedata.decomposition(char)
        level = {"<super>": "^", "<sub>": "_"}.get(form.partition(" ")[0], "")
        if power and level != sign:
            out.append(f"{sign}{{{power.replace(chr(0x2212), '-')}}}")
            power = ""
        sign = level
        if level:
            power += unicodedata.normalize("NFKC", char)
            continue
        if form.startswith("<fraction>"):
            top, _, bottom = unicodedata.normalize("NFKC", char).partition("\u2044")
            whole = bool(out) and out[-1][-1:].isdigit()
            out.append(f"+\\frac{{{top}}}{{{bottom}}}" if whole else f"\\frac{{{top}}}{{{bottom}}}")
        else:
            out.append(char)
    return "".join(out)[:-1]


def look(formula: str) -> str:
    """Reduce a formula to what it says: two with the same look are the same."""
    for pattern, same in _SAME_LOOK:
        formula = pattern.sub(same, formula)
    return formula.strip()


def differ(left: str, right: str) -> bool:
    """Whether two formulas differ in what math-verify does not look at.

    It drops letters after a number and units (``6t``, ``5 cm``), the base of a numeral (``33_4``)
    and primes, computes derivatives, reads a time as a ratio (``9:24``) and takes any equation for
    its right side (``2x - y = 0`` for ``0``).
    """
    sides = (left, right)
    bases = [_BASE.findall(side) for side in sides]
    primes = [len(_PRIME.findall(side)) for side in sides]
    powers = [_TEXT_POWER.findall(side) for side in sides]
    return (
        (all(bases) and bases[0] != bases[1])
        or primes[0] != primes[1]
        or (all(map(_TEXT.search, sides)) and powers[0] != powers[1])
        or any(pattern.search(side) for pattern in (_OPERATOR, _SLASH, _GAP) for side in sides)
        or _signs_differ(left, right)
        or _names_differ(left, right)
        or _is_equation_of(left, right)
        or _is_equation_of(right, left)
    )


def is_other_money(left: str, right: str) -> bool:
    """Whether one side is in dollars by its sign, which ``plain`` drops, and the other in cents."""
    return any(r"\$" in one and _CENTS.search(two) for one, two in ((left, right), (right, left)))


def _is_equation_of(side: str, other: str) -> bool:
    """Whether only one side is an equation, and more than a name stands before its sign."""
    if "=" not in side or "=" in other:
        return False
    return _EXPRESSION.search(_SUBSCRIPT.sub("", side.partition("=")[0])) is not None


def _signs_differ(left: str, right: str) -> bool:
    if any(_SET.match(one) and _PAIR.match(two) for one, two in ((left, right), (right, left))):
        return True
    for name, pattern in _SIGNS:
        found = bool(pattern.search(left)), bool(pattern.search(right))
        if found[0] != found[1] and name not in _ONE_SIDED:
            # 5 and -5 are the two values of a double sign
            return name != "both" or "," not in (left if found[1] else right)
    return False


def _names_differ(left: str, right: str) -> bool:
    """Whether the variables differ, or both have words and these differ: units among them."""
    (names, words), (others, other_words) = _names(left, right), _names(right, left)
    if names != others and not _solves(names, others, (left, right)):
        return True
    return bool(words and other_words and words != other_words) or any(
        word not in _singular(units()) for word in words ^ other_words
    )


def _solves(names: frozenset[str], others: frozenset[str], sides: tuple[str, str]) -> bool:
    """Whether one side is an inequality in one variable, and the other the interval it means."""
    related = [bool(_RELATION.search(side)) for side in sides]
    more = names ^ others
    return related[0] != related[1] and len(more) == 1 and more <= (names if related[0] else others)


def _names(formula: str, other: str) -> tuple[frozenset[str], frozenset[str]]:
    """The variables of a formula and its words, ``x =`` left out where the other has no such."""
    if not re.search(r"=|\\in(?![a-z])", other):
        formula = _ASSIGNED.sub(" ", formula)
    formula = _ENVIRONMENT.sub(" ", formula)
    names, words = set(_NAMED.findall(formula)), set()
    rest = _COMMAND.sub(" ", _NAMED.sub(" ", _TEXT.sub(" ", formula)))
    for text in _TEXT.findall(formula):
        words.update(re.findall(r"[^\W\d_]+(?:/[^\W\d_]+)?", text.casefold()))
    if _DEGREE.search(formula):
        words.add("degree")
    for run in _LETTER.findall(rest):
        if len(run) > 1 and run.casefold() in units():
            words.add(run.casefold())
        elif run not in _functions():
            names |= {run} if run[1:].islower() and len(run) > 3 else set(run)
    return frozenset(names), _singular(words - {"and", "or"})


def _singular(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word.removesuffix("s") if len(word) > 3 else word for word in words)
