"""What sources leave in their texts, and what has to stay as it is."""

from pathlib import Path

import pytest

from tests.seeds.rows import unit_of
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.families.renderers import renderer_for
from tsdg.seeds.rows.lettered_options import lettered_options, without_letters
from tsdg.seeds.rows.phrases import ask
from tsdg.seeds.rows.residue import capitalised, posted, tidied


@pytest.mark.parametrize(
    ("text", "tidy"),
    [
        ("It 's `` fine '' , they 'll see .", "It's \"fine\", they'll see."),
        ("He did n't go ( 7-6 , 6-4 ) .", "He didn't go (7-6, 6-4)."),
        ("-LRB- see -LSB- 1 -RSB- -RRB-", "(see [1])"),
        ("a well @-@ known 1 @,@ 200 m", "a well-known 1,200 m"),
        ("Tom &amp; Ann, 5 &lt; 6&#39;s", "Tom & Ann, 5 < 6's"),
        ("one<br />two <b>three</b> <a href='x'>four</a>", "one\ntwo three four"),
        ("H<sub>2</sub>O is 10<sup>3</sup>", "H2O is 10^3"),
        ("How to boil [title] Take a pot. [step] Fill it.", "How to boil. Take a pot. Fill it."),
        ("Basel [SEP] Basel lies on the Rhine.", "Basel lies on the Rhine."),
        ("Basel [SEP] A city.Mr.Bo lives there.", "Basel\nA city. Mr. Bo lives there."),
        ("Madagascar (; ), an island (; born 1977)", "Madagascar, an island (born 1977)"),
        ("zero\u200bwidth\u00a0and  runs", "zerowidth and runs"),
        ("because _ 's lid , _ .", "because _'s lid, _."),
        ("50 % of them", "50% of them"),
        ("-lrb- it cost $ 5 -rrb- in 1975 -- 76", "(it cost $5) in 1975–76"),
        ("too hard to ` lick , ' he said", "too hard to 'lick,' he said"),
        ('"He sang ""Night"" here."', 'He sang "Night" here.'),
        ("@0007@ 0079 7 Owls hunt.", "Owls hunt."),
        ("[[Module:{{{1}}}|{{{1}}}]] Owls hunt.", "Owls hunt."),
        ("It doesn 't , and he didn ' t", "It doesn't, and he didn't"),
        ('" It is so , he said .', "It is so, he said."),
        ("ï»¿Title: Owls", "Title: Owls"),
        (
            "Ann has two sons,one of them is 9 .How old is Bo?[:Zxxk.Com]",
            "Ann has two sons, one of them is 9. How old is Bo?",
        ),
        ("Owls hunt.\n@0007@ 0079 7 Owls sleep.", "Owls hunt.\nOwls sleep."),
        ("Ann: {vocalsound}\nBo: Yes {pause} .", "Bo: Yes."),
    ],
)
def test_residue_is_taken_off(text: str, tidy: str) -> None:
    assert tidied(text, "en") == tidy
    assert tidied(tidy, "en") == tidy


@pytest.mark.parametrize(
    "text",
    [
        "It is .5 of 3 : 4, or ( ) of them ...",
        "if a <b and c> d",
        "and then . . . nothing",
        "AT&T, R&D; [sic] and [1]",
        "a\n  b\n\nc",
        ":) or :(",
        "他说：（ ）。",
        "f(x,y) and a,b or sub,net; use .Net",
        "Booking.Com, the U.S.A. and p.Me stay",
        "the sky is (). call main () first; x[1] and x -- 1",
    ],
)
def test_what_belongs_to_a_text_stays(text: str) -> None:
    assert tidied(text, "en") == text


def test_languages_keep_their_own_spaces() -> None:
    assert tidied("Est-ce vrai ? Oui : 5 % , non", "fr") == "Est-ce vrai ? Oui : 5 %, non"
    assert tidied("« Oui », dit-il", "fr") == "« Oui », dit-il"
    assert tidied("Låten « Bright Lights » er « god » .", "nb") == "Låten «Bright Lights» er «god»."
    assert tidied("C' est l' été , n' est-ce pas ?", "fr") == "C'est l'été, n'est-ce pas ?"
    assert tidied("¿ Es así ? ¡ No !", "es") == "¿Es así? ¡No!"
    assert tidied("वह यहाँ है ।", "hi") == "वह यहाँ है।"
    assert tidied("东京 大阪 都 很 大 , 对 吗 ?", "zh") == "东京大阪都很大，对吗？"
    assert tidied("他生于 1990 年，在 Rome 。", "zh") == "他生于 1990 年，在 Rome 。"
    assert tidied("'s avonds is 't 's laat , hoor .", "nl") == "'s avonds is 't 's laat, hoor."


def test_posts() -> None:
    assert posted("@ana @ben_c Bai, @carla-rekin! https://t.co/x #URL") == "Bai, carla-rekin!"
    assert posted("RT @ana: kaixo www.a.eus\n@ben") == "kaixo"
    assert posted("#birusahttps://t.co/x @ana") == "#birusa"
    assert posted("@ana") == ""
    assert posted("Bai @user ???? ?????♂ hala da'") == "Bai hala da"
    assert posted("Benetan??  Ana 'k") == "Benetan?? Ana 'k"


@pytest.mark.parametrize(
    ("solution", "left"),
    [
        ("5 x 4 = 20\nAnswer D", "5 x 4 = 20"),
        ("=> 8 x 7/2 = 28\nANSWER:C", "=> 8 x 7/2 = 28"),
        ("It is 16*17=272\nCorrect answer is A.", "It is 16*17=272"),
        ("30 min., hence the answer is option (b)", "30 min."),
        ("total 16 : 1 . answer : b", "total 16 : 1 ."),
        ("Ans. is 'c' i.e., Aspirin. It thins.", "Aspirin. It thins."),
        ("Ans: D. Liver", "Liver"),
        ("The answer is a small apple.", "The answer is a small apple."),
        ("The answer is 4.", "The answer is 4."),
        ("Take vitamin C", "Take vitamin C"),
        ("Answers depend on B", "Answers depend on B"),
        ("Answer a letter first.", "Answer a letter first."),
    ],
)
def test_a_solution_names_no_letter(solution: str, left: str) -> None:
    assert without_letters(solution) == left


def test_capitals() -> None:
    assert (
        capitalised("so? i'm off. see mr smith on monday") == "So? I'm off. See Mr smith on Monday"
    )
    assert capitalised("Ann and i") == "Ann and i"


@pytest.mark.parametrize(
    ("question", "text", "asked"),
    [
        ('Is it so? "{}"', 'He said "no".', "Is it so? \"He said 'no'.\""),
        ("¿Es así? «{}»", "Dijo «no».", "¿Es así? «Dijo “no”.»"),
        (
            "Stimmt das? „{}“",
            "„Ja“, sagte er, “nein” sie.",
            "Stimmt das? „‚Ja‘, sagte er, ‚nein‘ sie.“",
        ),
        ("Vrai ? « {} »", "Eve dit « oui ».", "Vrai ? « Eve dit “oui”. »"),
        ("そうですか。「{}」", "「はい」と言った", "そうですか。「『はい』と言った」"),
        ("{}", 'Why "so"?', 'Why "so"?'),
    ],
)
def test_a_quoted_text_has_other_quotation_marks(question: str, text: str, asked: str) -> None:
    assert ask(question, text) == asked


@pytest.mark.parametrize(
    ("text", "question", "options"),
    [
        ("Which?\n(A) one\n(B) two\n(C) three", "Which?", ["one", "two", "three"]),
        ("Which?\nA. one\nB. two\nC. three\nSay why.", "Which?\nSay why.", ["one", "two", "three"]),
        (
            r"So?$\textbf{(A) } 2\qquad\textbf{(B) } 4 \qquad\textbf{(C) } 6$",
            "So?",
            ["2", "4", "6"],
        ),
        (
            r"So?\n\[\textbf{(A)} \ \frac12 \qquad \textbf{(B)} \ 2 \qquad \textbf{(C)} \ 3\]",
            r"So?\n",
            [r"$\frac12$", "2", "3"],
        ),
        (
            r"It is $\bullet$ A. even $\bullet$ B. divisible by $3$ $\bullet$ C. prime",
            "It is",
            ["even", "divisible by $3$", "prime"],
        ),
    ],
)
def test_lettered_options(text: str, question: str, options: list[str]) -> None:
    assert lettered_options(text) == (question, tuple(options))


@pytest.mark.parametrize(
    "text",
    [
        "What is $f(A)$ of (B)?",
        "Points (A) a (B) b (C) c",
        "(A) one (B) one (C) two",
        "(A) one (B)",
    ],
)
def test_what_are_no_options_for_sure(text: str) -> None:
    assert lettered_options(text) == (text, ())


def test_every_renderer_but_of_code_formulas_and_data_takes_residue_off() -> None:
    """A family that nobody looked at has the same residue as others."""
    verbatim = set()
    for unit in load().units:
        family = load().family(unit.family)
        if family.adapter == "lm_eval" or family.tier == "demo":
            continue
        if type(renderer_for(family, unit, frozenset())).__name__ != "Tidied":
            verbatim.add(family.family)
    assert verbatim == {
        "acp_bench",
        "code_x_glue_code2text",
        "hendrycks_math",
        "jsonschema_bench",
        "mastermind",
        "mbpp",
        "slr_bench",
    }


def test_options_stay_the_same_ones_when_they_are_tidied() -> None:
    unit = unit_of("swag")
    row = {"startphrase": "A man lifts a cup . He", "label": 1}
    row |= {f"ending{n}": f"does n't , {n} ." for n in range(4)}
    renderer = renderer_for(load().family("swag"), unit, frozenset(row))
    item = renderer.item(row)
    assert item.question == "How does this go on? A man lifts a cup. He ..."
    assert item.options[1] == renderer.gold(row, item).answer == "doesn't, 1."
    assert item.written[1] == "does n't , 1 ."


def test_the_words_are_in_the_package() -> None:
    folder = Path(tidied.__code__.co_filename).parent / "data"
    assert {"words.yaml", "phrases.yaml"} <= {path.name for path in folder.iterdir()}
