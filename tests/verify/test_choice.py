import pytest

from tsdg.protocols import Asked
from tsdg.verify import verifier_for

PLANT = ("the petals", "the roots", "the seeds", "the bark")
DIGITS = ("5", "15", "25", "-5")
BASES = ("A", "C", "G", "T")
CITIES = ("New York", "New York City", "Albany", "None of the above")
GASES = ("氧气", "水", "二氧化碳", "氮气")
HEBREW = ("תל אביב", "ירושלים", "חיפה")
HEAT = ("90°C", "20°C", "120°C", "-10°C")
LONG = "The petals draw in bees. " * 40


def read(text: str, options: tuple[str, ...]) -> str | None:
    return verifier_for("choice").read(
        text, Asked(question="", context="", options=options, checks=())
    )


@pytest.mark.parametrize(
    ("text", "options", "option"),
    [
        # its text
        ("the roots", PLANT, "the roots"),
        ("The ROOTS.", PLANT, "the roots"),
        ("  roots\n", PLANT, "the roots"),
        ('**"the roots"**', PLANT, "the roots"),
        ("15", DIGITS, "15"),
        ("-5", DIGITS, "-5"),
        ("５", DIGITS, "5"),
        ("None of the above.", CITIES, "None of the above"),
        ("New York", CITIES, "New York"),
        ("水。", GASES, "水"),
        ("\u202bירושלים\u202c", HEBREW, "ירושלים"),
        ("T", BASES, "T"),
        # its letter
        ("B", PLANT, "the roots"),
        ("(b)", PLANT, "the roots"),
        ("[B]", PLANT, "the roots"),
        ("b.", PLANT, "the roots"),
        ("Ｂ", PLANT, "the roots"),
        ("（Ｂ）", PLANT, "the roots"),
        ("**B**", PLANT, "the roots"),
        ("Option B", PLANT, "the roots"),
        ("B) roots", PLANT, "the roots"),
        ("B: the roots", PLANT, "the roots"),
        ("B - the roots", PLANT, "the roots"),
        ("B. They take up water.", PLANT, "the roots"),
        ("C) G", BASES, "G"),
        ("A", DIGITS, "5"),
        ("D) -10°C", HEAT, "-10°C"),
        # marked
        ("Answer: roots", PLANT, "the roots"),
        ("**Answer:** B", PLANT, "the roots"),
        ("Answer (choose one): B", PLANT, "the roots"),
        ("The correct answer is (B) the roots.", PLANT, "the roots"),
        ("The answer is B because of osmosis.", PLANT, "the roots"),
        (r"\boxed{B}", PLANT, "the roots"),
        ("#### B", PLANT, "the roots"),
        (LONG + "\nFinal answer: B", PLANT, "the roots"),
        ("A) petals: wrong\nB) roots: right\nAnswer: B", PLANT, "the roots"),
        ("Answer: A? No.\nFinal answer: B", PLANT, "the roots"),
        ("答案是B。", PLANT, "the roots"),
        ("选B", PLANT, "the roots"),
        ("答案：氧气", GASES, "氧气"),
        ("正解は B です", PLANT, "the roots"),
        ("Réponse : B", PLANT, "the roots"),
        ("Ответ: B", PLANT, "the roots"),
        # at the start or the end of several lines
        ("the roots\n\nThe petals only draw bees.", PLANT, "the roots"),
        ("Petals draw bees, bark protects.\nB) the roots", PLANT, "the roots"),
        # the only one mentioned
        ("It must be the roots, I think", PLANT, "the roots"),
        ("It is New York City", CITIES, "New York City"),
        ("It is 15 kg", DIGITS, "15"),
        ("התשובה היא ירושלים", HEBREW, "ירושלים"),
        ("我认为是二氧化碳", GASES, "二氧化碳"),
    ],
)
def test_reads(text: str, options: tuple[str, ...], option: str) -> None:
    assert read(text, options) == option


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("", PLANT),
        ("   \n ", PLANT),
        ("...", PLANT),
        ("E", PLANT),
        ("the leaves", PLANT),
        ("I don't know", PLANT),
        ("A and B", PLANT),
        ("B or C", PLANT),
        ("the roots or the bark", PLANT),
        ("Answer: the roots\nor the bark", PLANT),
        ("So.\nThe answer is the roots\n- the bark", PLANT),
        ("not the petals", PLANT),
        ("不是氧气", GASES),
        ("氧气和水", GASES),
        ("B) the petals", PLANT),
        ("B) is wrong", PLANT),
        ("C) -10°C", HEAT),
        ("C) 55°C", HEAT),
        ("The answer is B, the petals", PLANT),
        ("The answer is B because the petals smell", PLANT),
        ("C", BASES),  # the option C, or the option at letter C?
        ("5.5", DIGITS),
        ("It takes 5 minutes for 3 plants", DIGITS),
        ("B", ("5", "5", "6")),
        ("5", ("5", "5 ", "6")),
        ("B", ()),
        (LONG, PLANT),
        ("x" * 100_000, PLANT),
        ("{" * 100_000, PLANT),
        ("((((" * 25_000, PLANT),
        ("answer " * 20_000, PLANT),
        ("\\boxed{" * 20_000, PLANT),
    ],
)
def test_abstains(text: str, options: tuple[str, ...]) -> None:
    assert read(text, options) is None


def test_the_letter_counts_in_the_order_shown_and_the_text_meets_over_orders() -> None:
    turned = tuple(reversed(PLANT))
    first, second = read("B", PLANT), read("C", turned)
    assert first == second == "the roots"
    assert verifier_for("choice").same(str(first), str(second))
    assert not verifier_for("choice").same("the roots", "the bark")


def test_every_option_is_read_by_its_text_even_where_options_contain_each_other() -> None:
    for options in (
        PLANT,
        DIGITS,
        CITIES,
        GASES,
        HEBREW,
        HEAT,
        ("mg", "Mg", "MG"),
        ("x^2", "x2", "x_2"),
        ("+", "-"),
    ):
        assert [read(option, options) for option in options] == list(options)
