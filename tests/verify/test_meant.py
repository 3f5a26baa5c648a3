"""What only looks like another answer, and what only looks like the same."""

from __future__ import annotations

import pytest

from tsdg.protocols import Asked
from tsdg.verify import verifier_for
from tsdg.wording.escapes import mended
from tsdg.wording.fences import blocks
from tsdg.wording.refusals import refuses

ASKED = Asked(question="How many?", context="", options=(), checks=())


@pytest.mark.parametrize("value", [5, 12, 340])
@pytest.mark.parametrize(
    "form",
    [
        r"\boxed{{{n} \text{{ and }} 6}}",
        r"\boxed{{{n} \text{{ hours }} 20 \text{{ minutes}}}}",
        "({n},6)", "{n}!", "{n}i", "{n}t", "v = {n}x", "{n}k", "{n}M", "${n} m", "{n} mil", "{n}B",
        "x = {n} or x = 6", r"\boxed{{{n}}}, \boxed{{6}}", "{n} thirds", "{n} and a half", ">{n}",
        "at least {n}", "±{n}", "{n}/6/2024", r"\boxed{{{n}:30}}", "{n} pm", "square root of {n}",
        "not {n}", "{n} or more", "elfu {n}", "{n}分之3", "{n}割", "mindestens {n}", "twice {n}",
    ],
)  # fmt: skip
def test_a_number_that_is_changed_is_not_read(form: str, value: int) -> None:
    assert verifier_for("number").read(form.format(n=value), ASKED) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("√(16)", "4"),
        ("√2", "sqrt(2)"),
        ("-(5)", "-5"),
        ("|-5|", "5"),
        ("2π", "2*pi"),
        ("5千克", "5"),
        ("5千人", "5000"),
        ("5 cent", "5"),
        ("minus 5", "-5"),
        ("2 crore", "20000000"),
        ("5만", "50000"),
        ("5 juta", "5000000"),
        ("答：42个", "42"),
        ("1½ cups", "1.5"),
    ],
)
def test_a_number_is_read_with_what_stands_around_it(text: str, number: str) -> None:
    assert verifier_for("number").read(text, ASKED) == number


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("6t", "6", False), ("v=6t", "v=6", False), ("n", "N", False), ("5 cm", "5 m", False),
        ("3 hours", "3 minutes", False), ("f'(2)", "f(2)", False), ("y''=2x", "y'=2x", False),
        (r"\frac{dy}{dx}", "0", False), ("2 2/3", "4/3", False), ("10:30", "20:60", False),
        (r"\alpha", r"\beta", False), ("x=5", "y=5", False), ("2 2/3", "8/3", True),
        ("√2", r"\sqrt2", True), ("x²", "x^2", True), ("½", r"\frac12", True),
        ("5 cm", r"5\text{ cm}", True), ("x = √3/2", r"\frac{\sqrt{3}}{2}", True),
    ],
)  # fmt: skip
def test_formulas_differ_in_variables_units_primes_and_no_notation(
    left: str, right: str, same: bool
) -> None:
    assert verifier_for("math").same(left, right) is same


def test_several_formulas_are_read_whole() -> None:
    read = verifier_for("math").read
    assert read("Answer: $x=2$ or $x=3$", ASKED) == "x=2, x=3"
    assert read(r"Answer: \(x=2\) or \(x=3\)", ASKED) == "x=2, x=3"
    assert read("Answer: $5$ cm", ASKED) == r"5 \text{cm}"


@pytest.mark.parametrize(
    "text", ["Answer: A, C", "Answer: A, B and C", "A和C", "A/C", "Both A and C", "B y C", "B; C"]
)
def test_a_list_of_letters_picks_nothing(text: str) -> None:
    asked = Asked(question="", context="", options=("red", "green", "blue"), checks=())
    assert verifier_for("choice").read(text, asked) is None


@pytest.mark.parametrize("text", [r"\boxed{\text{C}}", r"\boxed{\textbf{C}}", "<answer>C</answer>"])
def test_wrappers_are_taken_off(text: str) -> None:
    asked = Asked(question="", context="", options=("red", "green", "blue"), checks=())
    assert verifier_for("choice").read(text, asked) == "blue"
    paris = text.replace("C}", "Paris}").replace(">C<", ">Paris<")
    assert verifier_for("short_text").read(paris, ASKED) == "Paris"


@pytest.mark.parametrize(
    "text",
    ["I don't know", "N/A", "Cannot be determined from the information given", "不明です",
     "As an AI language model, I cannot answer that", "No lo sé.",
     "Je ne sais pas", "неизвестно", "لا أعرف"],
)  # fmt: skip
def test_refusals_answer_nothing(text: str) -> None:
    for kind in ("short_text", "text", "number", "math"):
        assert verifier_for(kind).read(text, ASKED) is None
    assert refuses(text)


def test_unknown_is_an_answer_where_the_passage_says_so() -> None:
    asked = Asked(question="", context="It is of unknown origin.", options=(), checks=())
    assert verifier_for("short_text").read("unknown", asked) == "unknown"
    assert verifier_for("short_text").read("unknown", ASKED) is None


@pytest.mark.timeout(60)  # quadratic would be minutes
@pytest.mark.parametrize("text", ["`" * 100_000, "~" * 100_000, '"\\' * 50_000, "\\nu " * 20_000])
def test_rubbish_costs_no_quadratic_time(text: str) -> None:
    assert len(blocks(text)) <= 1
    assert mended(f'{{"a": "{text}"}}').startswith('{"a": ')


OPTIONS = ("a trout", "a camel", "an eagle", "a beetle")
PICK = Asked(question="Which one swims?", context="", options=OPTIONS, checks=())


@pytest.mark.parametrize("between", [
    ", ", " and ", "/", " & ", " y ", " und ", " или ", "、", "和", " 또는 ", " hoặc ", ": ", " - ",
])  # fmt: skip
@pytest.mark.parametrize("form", ["{}", "Answer: {}", r"\boxed{{{}}}", "答案：{}", "**{}**"])
def test_letters_in_any_layout_pick_nothing(form: str, between: str) -> None:
    for left, right in (("A", "C"), ("D", "B"), ("(c)", "(a)")):
        text = form.format(left + between + right)
        assert verifier_for("choice").read(text, PICK) is None, text


@pytest.mark.parametrize("text", ["A\nC", "Answer: A\nC", "答案：\nB\nD", "- (a)\n- (b)"])
def test_letters_on_lines_pick_nothing(text: str) -> None:
    assert verifier_for("choice").read(text, PICK) is None


@pytest.mark.parametrize("text", ["A: a trout", "A - a trout", "A: it swims", "(A) A trout.", "a)"])
def test_a_letter_and_what_it_stands_for(text: str) -> None:
    assert verifier_for("choice").read(text, PICK) == "a trout"


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("√13", r"\sqrt{13}", True), ("√13", r"\sqrt{1}3", False), ("3√5", r"3\sqrt5", True),
        ("∛5", r"\sqrt[3]{5}", True), ("∛5", r"\sqrt{5}", False), ("y⁴", "y^4", True),
        ("y⁴", "y4", False), ("x₂", "x_2", True), ("x₂", "x^2", False), ("⅝", r"\frac58", True),
        ("1⅝", r"\frac{13}{8}", True), ("a₁²", "a_1^2", True), ("a⁻¹", "a^{-1}", True),
    ],
)  # fmt: skip
def test_signs_of_plain_text_and_latex(left: str, right: str, same: bool) -> None:
    verifier = verifier_for("math")
    one, other = verifier.read(left, ASKED), verifier.read(right, ASKED)
    assert one is not None
    assert other is not None
    assert verifier.same(one, other) is same


@pytest.mark.parametrize("unit", ["", " apples", " km", "元", "%", "."])
@pytest.mark.parametrize("form", ["**{}**", "`{}`", "__{}__", "<answer>{}</answer>", "<b>{}</b>"])
def test_a_numeral_alone_may_be_set_off(form: str, unit: str) -> None:
    text = f"So many.\n\nAnswer: {form.format('1,240')}{unit}"
    assert verifier_for("number").read(text, ASKED) == "1240"


@pytest.mark.parametrize(
    "text", ["**5** or **6**", "2**3**4", "`5`, `6`", "x**2**", "**5** thousandths"]
)
def test_what_is_set_off_is_not_all(text: str) -> None:
    assert verifier_for("number").read(text, ASKED) is None


@pytest.mark.parametrize(
    "text",
    [
        "I have no idea.", "I am really unsure", "No answer was provided", "It cannot be inferred.",
        "Not stated in the article", "The article doesn't mention that",
        "The data are not available",
        "Unfortunately, that is unclear.", "Based on the story, it is not known", "None.",
        "Unclear",
        "I need further details", "Could you give more context?", "There is no clear answer here",
        "No se especifica", "Désolée, je ne sais pas", "Keine Informationen", "Non ne ho idea",
        "Ei mainita", "Neuvedeno", "Belirtilmemiş", "抱歉，我无法确定。", "記載されていません。",
        "명시되지 않음", "ไม่ได้ระบุ", "không có thông tin", "tidak disebutkan", "不得而知", "لم يذكر",
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["{}", "Answer: {}", "**{}**"])
def test_more_refusals(form: str, text: str) -> None:
    assert verifier_for("short_text").read(form.format(text), ASKED) is None


@pytest.mark.parametrize(
    "text",
    ["None But the Brave", "No Doubt", "Sorry, Wrong Number", "I Don't Know How She Does It",
     "Not Guilty", "unknown pleasures", "the data of the census", "sodium (Na)"],
)  # fmt: skip
def test_what_begins_like_a_refusal_and_is_none(text: str) -> None:
    assert verifier_for("short_text").read(text, ASKED) == text


@pytest.mark.parametrize(
    "form",
    [
        r"\boxed{{\mathrm{{{}}}}}", "<final>{}</final>", "<ANSWER>{}</ANSWER>", "{}<|eot_id|>",
        "{}<eos>", "```\n{}\n```", "> {}", "### {}", "→ {}", '{{"answer": "{}"}}', "「{}」", "*{}*",
        "答えは{}です。", "정답은 {}입니다.", "คำตอบคือ {}", "Jawabannya adalah {}.", "Ans: {}",
        "Jibu ni {}.", "الإجابة هي {}", "{}</s></s>", "<em>{}</em>", "[[{}]]",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["Oslo", "Lake Ladoga"])
def test_every_wrapper_is_taken_off(form: str, name: str) -> None:
    assert verifier_for("short_text").read(form.format(name), ASKED) == name


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("x**3", "x^3", True), ("2**7", "128", True), ("a**(n-1)", "a^{n-1}", True),
        ("x**3", "3x", False), ("x ** 3", "3x", False), ("2^12", "4096", True),
        ("y^-2", r"\frac{1}{y^2}", True),
        ("∞", r"\infty", True), ("+∞", r"\infty", True), ("-∞", r"\infty", False),
        ("(-inf, 5)", r"(-\infty,5)", True), ("pi/6", r"\frac{\pi}{6}", True),
        ("sqrt 7", "√7", True), ("(20,100)", "(20, 100)", True), ("(20,100)", "20100", False),
        (r"7 \mbox{ cm}^2", r"7 \text{ cm}^3", False), (r"7\text{ m}^2", r"7 \mbox{ m}^{2}", True),
        ("x != 4", r"x \neq 4", True), (r"f^{(3)}(x)", "f^3(x)", False),
        (r"\{2,9\}", "(2,9)", False), (r"\{2,9\}", r"\{9,2\}", True),
    ],
)  # fmt: skip
def test_formulas_of_plain_text(left: str, right: str, same: bool) -> None:
    verifier = verifier_for("math")
    one, other = verifier.read(left, ASKED), verifier.read(right, ASKED)
    assert one is not None
    assert other is not None
    assert verifier.same(one, other) is same
