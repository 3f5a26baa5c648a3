"""Marks of answers, and backslashes that were not doubled."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsdg.text import storable, unfit
from tsdg.wording.escapes import mended, restored


@pytest.mark.parametrize(
    "meant",
    [
        r"Is $\frac{3}{4} \times \theta \ne \rho$?",
        r"\nabla f and \neg p, \beta \to \tau",
        r"\[ \begin{aligned} a + \nu &\neq c \end{aligned} \]",
        r"\(\underline{x} \subset \{1\}\), \upsilon, \text{ and } \tfrac12",
        r"\tan x + \sqrt{2}",
        r"\nu = 3",
        r"re.findall(r'\d+\s*\w', text)",
        r"$\begin{pmatrix}1 & 2\\3 & b\\c\end{pmatrix}$",
        r"\begin{array}{c}1\\\hline2\end{array}",
        r"$$\sqrt{x}\\ y$$",
    ],
)
def test_commands_that_were_not_doubled_are_read_as_meant(meant: str) -> None:
    for literal in (meant, f"before {meant} after"):
        if literal != meant and meant.startswith((r"\nu", r"\tan")):
            continue  # outside mathematics that may be a line break
        assert json.loads(mended(f'{{"a": "{literal}"}}'))["a"] == literal
        doubled = json.dumps({"a": literal})
        assert json.loads(mended(doubled))["a"] == literal


@pytest.mark.parametrize(
    "text",
    [
        "def f(n):\n\ttext = 'a'\n\treturn text",
        "for i in x:\n\top = 3\nnu = 5",
        "First line.\nNot the second.\n\n\tAn indented one.",
        "def f(a):\n    lo = 0\nmid = (lo + hi) // 2\n",
        "Versi.\ne poi\ni fiori\nu mare",
        "$$\nx = 5\n$$",
        "\\[\n\\frac{a}{b}\n\\]",
        "We have $\\frac{1}{2}$.\nu = 5 and\ne = 3",
        "name\tage\nAnn\t7",
        "a\r\nb",
    ],
)
def test_line_breaks_and_tabs_stay(text: str) -> None:
    assert json.loads(mended(json.dumps({"a": text})))["a"] == text


@pytest.mark.parametrize(
    "literal",
    [
        r"Let a = 3\nu = 5",
        r"$$\nu = 5$$",
        r"x \to 0",
        r"\bfoo",
        r"p^2 \not q",
        r"\u0000",
        r"a\u001bb",
    ],
)
def test_what_may_be_either_is_no_text_of_a_row(literal: str) -> None:
    assert unfit(json.loads(mended(f'{{"a": "{literal}"}}'))["a"])


@given(st.text())
def test_well_formed_json_of_plain_text_is_left_alone(text: str) -> None:
    if "\\" not in text:
        found = json.loads(mended(json.dumps([text])))[0]
        assert found == text or any(sign in text for sign in "\n\t\b\f\r")


@given(st.text())
def test_mending_twice_changes_nothing(text: str) -> None:
    once = mended(text)
    assert mended(once) == once


def test_what_was_decoded_elsewhere_is_restored() -> None:
    assert restored("\x0crac{1}{2} and \theta, \x08eta") == r"\frac{1}{2} and \theta, \beta"
    assert restored("a\n\tif x:\n\ttext") == "a\n\tif x:\n\ttext"


@given(st.text())
def test_what_is_stored_is_unicode_without_control_characters(text: str) -> None:
    made = storable(text)
    made.encode()
    assert not unfit(made)
    assert storable(made) == made
