"""What stands around a numeral, in the languages of the catalogue and some more."""

from __future__ import annotations

import pytest

from tsdg.protocols import Asked
from tsdg.verify import verifier_for

ASKED = Asked(question="How many?", context="", options=(), checks=())
FORMS = ("{}", "Answer: {}", "**{}**", r"\boxed{{{}}}", "So it is:\n\n答案：{}")


def read(text: str) -> str | None:
    return verifier_for("number").read(text, ASKED)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "said",
    [
        "under 17", "over 17", "max. 17", "17 or above", "über 17", "unter 17", "plus de 17",
        "17 ou moins", "oltre 17", "superior a 17", "acima de 17", "свыше 17", "понад 17",
        "ponad 17", "cel puțin 17", "vähintään 17", "legalább 17", "τουλάχιστον 17", "לפחות 17",
        "حداقل 17", "17 से अधिक", "কমপক্ষে 17", "17 ขึ้นไป", "dưới 17", "17'den fazla", "en az 17",
        "zaidi ya 17", "lebih dari 17", "17未満", "不超过17", "17명 이상", "17 이하",
    ],
)  # fmt: skip
def test_a_bound_is_no_number(form: str, said: str) -> None:
    assert read(form.format(said)) is None


@pytest.mark.parametrize(
    "said",
    [
        "17 October", "October 17", "May 17", "17 de octubre", "17. Oktober", "17 octobre",
        "17 ottobre", "17 октября", "17 października", "17 Ekim", "17 अक्टूबर",
        "17 أكتوبر", "17 ตุลาคม",
        "17.10.2031", "17:10", "17時", "17시", "17点钟", "10月17日", "the 17th of October",
    ],
)  # fmt: skip
def test_a_date_or_a_time_is_no_number(said: str) -> None:
    assert read(said) is None


@pytest.mark.parametrize("said", ["17 books in October", "17時間", "17시간", "17.", "17th"])
def test_what_only_looks_like_a_date(said: str) -> None:
    assert read(said) == "17"


@pytest.mark.parametrize(
    ("said", "factor"),
    [
        ("{} लाख", 10**5), ("{} करोड़", 10**7), ("{} হাজার", 10**3), ("{} ล้าน", 10**6),
        ("{}พันบาท", 10**3), ("{} jt", 10**6), ("{} rb", 10**3), ("{} tys.", 10**3),
        ("{} tisíc", 10**3), ("{} millones", 10**6), ("{} milhões", 10**6),
        ("{} Milliarden", 10**9),
        ("{} млрд", 10**9), ("{} тысяч", 10**3), ("{} milyon", 10**6), ("{} triệu", 10**6),
        ("{} مليون", 10**6), ("{} miljoonaa", 10**6), ("{} εκατομμύρια", 10**6), ("{}만 명", 10**4),
        ("{}億円", 10**8), ("{} mila", 10**3), ("{} tusinde", 10**3), ("{} lacs", 10**5),
    ],
)  # fmt: skip
@pytest.mark.parametrize("count", [4, 23])
def test_scale_words(said: str, factor: int, count: int) -> None:
    assert read(said.format(count)) == str(count * factor)


@pytest.mark.parametrize(
    "said", ["5 mil", "5 bin", "5M", "5bn", "R$ 5 mi", "$5 m", "5 mill", "elfu 5", "5 mds", "5 K"]
)
def test_what_may_be_a_scale_or_a_unit_is_not_read(said: str) -> None:
    assert read(said) is None


@pytest.mark.parametrize(
    "sign",
    ["minus", "negative", "moins", "menos", "минус", "eksi", "âm", "ลบ", "سالب",
     "负", "負の", "マイナス", "음수", "ऋणात्मक", "μείον", "מינוס", "mínus", "miinus"],
)  # fmt: skip
def test_a_sign_in_words(sign: str) -> None:
    assert read(f"{sign} 31") == "-31"
    assert read(f"Answer: {sign} 31") == "-31"


@pytest.mark.parametrize("said", ["31 with a minus sign", "31 (negative)", "31 rưỡi", "31個半"])
def test_a_word_after_the_numeral_that_changes_it(said: str) -> None:
    assert read(said) is None


@pytest.mark.parametrize(
    "said",
    [
        "x = 3 또는 x = 8", "x = 3 veya x = 8", "x = 3 hoặc y = 8", "x=3 अथवा x=8",
        "a = 3 dan b = 8",
        r"\boxed{3 \quad 8}", "Answer: \\boxed{3}\n\\boxed{8}", r"\boxed{3\ 8}",
        "3 ou 8", "3 lub 8", '"x = 3 / x = 8"', "### Answer\n“x = 3 / x = 8”",
    ],
)  # fmt: skip
def test_two_values_are_none(said: str) -> None:
    assert read(said) is None


@pytest.mark.parametrize("said", ["a = b = 8", "total = 3 * 4 = 12 - 4 = 8", "x = 2 + 6 = 8 km"])
def test_a_chain_of_equations_has_one_value(said: str) -> None:
    assert read(said) == "8"


@pytest.mark.parametrize(
    "said", ["C(7,2)", "1101₂", "f(5)", "192.168.1.1", "9.9.9", "P(5)", "5 in base 5"]
)
def test_what_is_written_with_a_numeral_and_is_none(said: str) -> None:
    assert read(said) is None
