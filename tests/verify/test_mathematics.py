import pytest

from tsdg.protocols import Asked
from tsdg.verify import verifier_for

ASKED = Asked(question="Solve.", context="", options=(), checks=())


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"First \boxed{a}, then \boxed{\{b\}}.", r"\{b\}"),
        (r"Hence $x = \boxed{\frac{\sqrt{3}}{2}}$.", r"\frac{\sqrt{3}}{2}"),
        (r"\boxed{\text{Evelyn}}", "Evelyn"),
        (r"So $\boxed 2$.", "2"),
        ("$x=3$", "x=3"),
        (r"\[x^2\]", "x^2"),
        (r"\( (1, 2] \)", "(1, 2]"),
        ("The answer is $7$.", "7"),
        ("We find $7$, that is $ 7 $.", "7"),
        ("$3$ and $4$", "3, 4"),
        ("x = 5 or x = 3", "x = 5 or x = 3"),
        (r"(-\infty, 3]", r"(-\infty, 3]"),
        (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}"),
        ("Evelyn", "Evelyn"),
        ("x^2+1", "x^2+1"),
        ("12", "12"),
        ("There are 12 apples in all", "12"),
        ("answer: no solution", "no solution"),
        ("#### 12", "12"),
    ],
)
def test_reads(text: str, formula: str) -> None:
    assert verifier_for("math").read(text, ASKED) == formula


@pytest.mark.parametrize(
    "text",
    [
        "",
        "...",
        "I don't know",
        "So $x=3$ and then $y=4$",
        r"\boxed{}",
        r"Hence \boxed{ }",
        r"\boxed{",
        r"\frac{1}{2",
        "}{",
        "x+" * 400,
        "{" * 100_000,
        "$" * 100_000,
        r"\boxed{" * 10_000,
        "the cat sat on the mat",
    ],
)
def test_abstains(text: str) -> None:
    assert verifier_for("math").read(text, ASKED) is None


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (r"\frac12", "0.5"),
        (r"\dfrac{1}{2}", r"\frac{1}{2}"),
        (r"\sqrt{8}", r"2\sqrt{2}"),
        ("(x+1)^2", "x^2+2x+1"),
        (r"(-\infty,3)", "x<3"),
        ("x=5", "5"),
        ("1,2", "2,1"),
        (r"\{1,2\}", r"\{2,1\}"),
        (r"\left(1,2\right)", "(1, 2)"),
        (r"\text{Evelyn}", "Evelyn"),
        (r"\$65", "65"),
        (r"\$1,\!657", "1657"),
        (r"50\%", "50"),
        (r"120^\circ", "120"),
        ("x+y=3", "y=3-x"),
        (r"\frac{1}{2^{98}}", "2^{-98}"),
        (r"5\text{ dogs}", r"5\text{ dog}"),
        ("2+3i", "3i+2"),
        ("33_4", "33_{4}"),
        (r"\frac{1}{3}", "0.333333"),
        (r"x=1\text{ or }x=2", "2,1"),
    ],
)
def test_same(left: str, right: str) -> None:
    assert verifier_for("math").same(left, right)
    assert verifier_for("math").same(right, left)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("3", "-3"),
        ("(1,2)", "(1,2]"),
        ("(1,2)", "(2,1)"),
        (r"\frac13", "0.33"),
        ("a", "b"),
        ("Evelyn", "Amy"),
        (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{pmatrix} 1 \\ 3 \end{pmatrix}"),
        (r"\pi", "3.14"),
        # what may be below the slash or beside it
        ("1/2x", "x/2"),
        ("1/2x", "1/(2x)"),
        (r"1/2\pi", r"\frac{\pi}{2}"),
        ("a/b c", "ac/b"),
        ("1/2(x+1)", r"\frac{1}{2(x+1)}"),
        # two numbers side by side
        ("5 6", "56"),
        (r"5\, 6", "56"),
        (r"30^\circ", r"30 \text{ radians}"),
        (r"\$5", "5 cents"),
        (r"\vec a \cdot \vec b", r"\vec a \times \vec b"),
        # what math-verify alone would call equal
        ("33_4", "33_5"),
        (r"0.56 = 56\%", r"0.56 = 57\%"),
        (r"5\text{ cm}", r"5\text{ m}"),
        ("9:24", r"\frac38"),
        ("0", "2x - y + 2z - 18 = 0"),
        (r"\frac{1}{2^{98}}", r"\frac{1}{2^{99}}"),
        ("0.0000001", "0.0000002"),
        # what nobody can compute
        ("10^{10^{10}}", "10^{10^{11}}"),
        ("(" * 500, ")" * 500),
        ("\\frac{" * 300, "1"),
    ],
)
def test_not_same(left: str, right: str) -> None:
    assert not verifier_for("math").same(left, right)
