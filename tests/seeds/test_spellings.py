"""One item in two spellings is one item; two items are not made one."""

from __future__ import annotations

import pytest

from tsdg.seeds.rows.item import Item
from tsdg.seeds.rows.keys import keys, normalise
from tsdg.seeds.rows.spellings import parted


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("দোকানে ৪৫টি ফল আছে", "দোকানে 45টি ফল আছে"),
        ("ราคา ๓๗ บาท", "ราคา 37 บาท"),
        ("۲۵ کتاب", "25 كتاب"),
        ("مـــدرســـة", "مدرسة"),
        ("قَرَأَ التِّلْمِيذُ", "قرأ التلميذ"),
        ("בַּיִת גָּדוֹל", "בית גדול"),
        ("самолёт", "самолет"),
        ("أحمد إلى المستشفى", "احمد الي المستشفي"),
        ("<p>Which is <b>not</b> a metal?</p>", "Which is not a metal?"),
        ("if 7 &gt; n &amp;&amp; n&#x2260;2", "if 7 > n && n≠2"),
        ("Z&uuml;rich&nbsp;West", "Zürich West"),
        ("這個國家的經濟發展", "这个国家的经济发展"),
        ("頭髮與發現", "头发与发现"),
        (r"\dfrac{7}{9} of them", r"\frac79 of them"),
        (r"\tfrac25", r"\cfrac{2}{5}"),
        (r"\left[ 0, 3 \right) \text{ for } x \geq 0", r"[0, 3) for x \ge 0"),
        (r"1, 2, \ldots, n", r"1, 2, \dots, n"),
    ],
)
def test_two_spellings_are_the_same(left: str, right: str) -> None:
    assert normalise(left) == normalise(right)
    one, other = keys([Item(question=left), Item(question=right)])
    assert one.ask.split() == other.ask.split()


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("৪৫", "৫৪"),
        ("cafe", "café"),
        ("किताब", "कतब"),
        ("這個", "那个"),
        (r"\frac{7}{9}", r"\binom{7}{9}"),
        (r"x \le 3", r"x \ge 3"),
        (r"\rightarrow x", r"\leftarrow x"),
        ("7 &lt; n", "7 &gt; n"),
    ],
)
def test_two_texts_are_not_made_one(left: str, right: str) -> None:
    assert normalise(left) != normalise(right)


@pytest.mark.parametrize(
    ("question", "options"),
    [
        ("Which one swims? (A) an eagle (B) a trout (C) a camel", ()),
        ("Which one swims?\nA. an eagle\nB. a trout\nC. a camel", ()),
        ("Which one swims?\nA) an eagle\nB) a trout\nC) a camel", ("A", "B", "C")),
        ("Which one swims? Choices: a camel; an eagle; a trout", ()),
        ("Which one swims: an eagle, a trout, or a camel?", ()),
        ("Which one swims? An eagle, a camel or a trout?", ()),
        ("Which one swims? a) an eagle b) a trout c) a camel", ()),
        ("Which one swims? (1) a camel (2) a trout (3) an eagle", ()),
        ("Which one swims? [A] an eagle [B] a trout [C] a camel", ()),
        ("Which one swims? ① an eagle ② a trout ③ a camel", ()),
        ("Which one swims?\n- an eagle\n- a trout\n- a camel", ()),
        ("Which one swims? an eagle / a trout / a camel", ()),
        ("Question: Which one swims?\nOptions:\nA: an eagle\nB: a trout\nC: a camel\nAnswer:", ()),
        ("Which one swims?", ("(A) a camel", "(B) an eagle", "(C) a trout")),
        ("Which one swims?", ("1. a trout", "2. a camel", "3. an eagle")),
        ("Which one swims? (A) an eagle (B) a trout (C) a camel",
         ("an eagle", "a trout", "a camel")),
    ],
)  # fmt: skip
def test_a_short_stem_with_its_options_within(question: str, options: tuple[str, ...]) -> None:
    plain = Item(question="Which one swims?", options=("a trout", "an eagle", "a camel"))
    one, other = keys([Item(question=question, options=options), plain])
    assert (one.whole, one.choices, one.ask) == (other.whole, other.choices, other.ask)


@pytest.mark.parametrize(
    "question",
    [
        "Let f(A) = 3. What is f(B)?",
        "Vitamin A and vitamin C: why are they needed?",
        "What is 3:4 of 12?",
        "First 1. peel it, then 2. cut it. What is left?",
        "Is km / h a unit of speed?",
        "I. Newton or G. Leibniz?",
        "(B) comes before (A) here.",
    ],
)
def test_a_question_without_options_stays_whole(question: str) -> None:
    assert parted(question, ()) == (question, ())
    assert parted(question, ("yes it is", "no")) == (question, ("yes it is", "no"))
