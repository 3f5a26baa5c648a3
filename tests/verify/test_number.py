import pytest

from tsdg.protocols import Asked
from tsdg.verify import verifier_for

ASKED = Asked(question="How many?", context="", options=(), checks=())


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", "12"),
        ("-5", "-5"),
        ("−5", "-5"),
        ("- 5", "-5"),
        ("+7", "7"),
        ("007", "7"),
        ("0.000", "0"),
        ("5.", "5"),
        ("12.50", "12.5"),
        (".5", "0.5"),
        ("-0.25", "-0.25"),
        # separators
        ("1,234", "1234"),
        ("1,000,000.50", "1000000.5"),
        ("1.234,56", "1234.56"),
        ("12,5", "12.5"),
        ("1.234", "1.234"),
        ("1 234 567", "1234567"),
        ("1'234", "1234"),
        ("1.234.567", "1234567"),
        # fractions and powers
        ("3/4", "0.75"),
        ("1/3", "1/3"),
        ("2 1/2", "2.5"),
        ("2½", "2.5"),
        ("½", "0.5"),
        ("1.5e3", "1500"),
        ("1.5 x 10^3", "1500"),
        ("3.0 \\times 10^8", "300000000"),
        ("10^6", "1000000"),
        ("2^{10}", "1024"),
        ("3*4", "12"),
        # units and scale words
        ("12 apples", "12"),
        ("18 dollars.", "18"),
        ("$5.00", "5"),
        ("€12", "12"),
        ("12€", "12"),
        ("-$3", "-3"),
        ("USD 12", "12"),
        ("50%", "50"),
        ("12 m^2", "12"),
        ("12 cm²", "12"),
        ("12th", "12"),
        ("12 (twelve)", "12"),
        ("3 million", "3000000"),
        ("3万人", "30000"),
        ("2 Millionen", "2000000"),
        # digits of other scripts
        ("９８", "98"),
        ("1２,３４５", "12345"),
        ("३५", "35"),
        ("٣٥", "35"),
        ("１２．５", "12.5"),
        ("共１２個", "12"),
        # marked
        ("#### 12", "12"),
        ("9 * 16 = 144 pears\n#### 144", "144"),
        ("#### -1,200", "-1200"),
        ("5 + 7 = 12", "12"),
        ("x = 5", "5"),
        (r"\boxed{12}", "12"),
        ("The answer is 12 apples because 3 + 9 = 12.", "12"),
        ("答案是 42。", "42"),
        ("First 3, then 4.\nThe total is 7", "7"),
        ("Antwort: 12,5 kg", "12.5"),
        # LaTeX
        (r"\frac{3}{4}", "0.75"),
        (r"$\dfrac{1}{3}$", "1/3"),
        (r"$1{,}234$", "1234"),
        (r"\$5.00", "5"),
        (r"50\%", "50"),
        (r"12\text{ cm}", "12"),
        (r"90^\circ", "90"),
        (r"2\sqrt{3}", "2*sqrt(3)"),
        (r"\sqrt{16}", "4"),
    ],
)
def test_reads(text: str, number: str) -> None:
    assert verifier_for("number").read(text, ASKED) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "many",
        "twelve",
        "?",
        "12 or 15",
        "between 12 and 15",
        "12-15",
        "2020-01-05",
        "10:30",
        "5ft 3in",
        "12 out of 20",
        "answer: 12 apples cost $5",
        "H2O",
        "A4 paper",
        "1/0",
        "2 1/0",
        "inf",
        "nan",
        "∞",
        "1e999999",
        "9" * 5000,
        "9^9^9^9",
        "10**10**10",
        "{" * 100_000,
        "9," * 50_000,
        "\\frac{" * 10_000,
        "0" * 100_000 + "x1",
        "__import__('os').system('true')",
        "\x00",
        "12 \ud800 13",
        # what is taken away or bounded, and what stands beside a letter
        "al menos 12",
        "Respuesta: pelo menos 12",
        "cinco menos 12",
        "x minus 12",
        "x - 12",
        "12 + y",
        "12 times x",
        "apples — 12",
        # two values, one below the other
        "Answer:\nx = 12\ny = 13",
        "Answer: **12\n13**",
        "Answer: 12\nor 13",
        r"Answer: 12 \\ 13",
        "So.\nThe answer is **x = 12\n- x = 13**",
        "#### 12\nor 13.",
        "### Final Answer\n(132,49)",
    ],
)
def test_abstains(text: str) -> None:
    assert verifier_for("number").read(text, ASKED) is None


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("12", "12", True),
        ("0.75", "3/4", True),
        ("1/3", "0.333333", True),
        ("1/3", "0.33", False),
        ("1860000", "1860001", False),
        ("0", "0.0", True),
        ("0", "0.0000001", False),
        ("5", "-5", False),
        ("2*sqrt(3)", "3.464102", True),
        ("2*sqrt(3)", "3.46", False),
        ("pi", "3", False),
    ],
)
def test_same(left: str, right: str, same: bool) -> None:
    assert verifier_for("number").same(left, right) is same
    assert verifier_for("number").same(right, left) is same
