"""The verifiers of boolean, short and free texts, JSON and code."""

import csv
import json
from importlib.resources import files

import pytest

from tsdg.protocols import Asked
from tsdg.records import ANSWER_KINDS
from tsdg.verify import verifier_for

RUBBISH = ["", " \n", "...", "\x00", "\u200b", "(" * 100_000, "\\" * 100_000, "```" * 30_000]


def read(
    kind, text: str, *, options: tuple[str, ...] = (), checks: tuple[str, ...] = ()
) -> str | None:
    return verifier_for(kind).read(
        text, Asked(question="", context="", options=options, checks=checks)
    )


@pytest.mark.parametrize("kind", ANSWER_KINDS)
def test_there_is_one_verifier_of_each_kind_and_it_abstains_from_rubbish(kind) -> None:
    assert verifier_for(kind).kind == kind
    assert verifier_for(kind) is verifier_for(kind)
    for text in RUBBISH:
        assert read(kind, text, options=("yes", "no")) is None, text[:20]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("yes", "yes"),
        ("Yes.", "yes"),
        ("NO!", "no"),
        ("No, because ice floats.", "no"),
        ("**True**", "true"),
        ("Answer: no", "no"),
        ("The answer is yes.", "yes"),
        ("The statement is false.", "false"),
        ("I'd say yes", "yes"),
        ("是", "是"),
        ("是的，因为冰会浮。", "是的"),
        ("不是", "不是"),
        ("答案：否", "否"),
        ("はい、そうです", "はい"),
        ("Нет.", "нет"),
        ("نعم، بالتأكيد", "نعم"),
        ("नहीं।", "नहीं"),
        ("Sí, claro", "sí"),
        ("Não.", "não"),
        ("ｙｅｓ", "yes"),
        ("Let me think.\nAnswer: false", "false"),
    ],
)
def test_boolean_reads(text: str, word: str) -> None:
    assert read("boolean", text) == word


@pytest.mark.parametrize(
    "text",
    [
        "yes and no",
        "True or false: true",
        "It is not true",
        "no doubt it is true",
        "maybe",
        "y",
        "1",
        "是一种水果",
        "no sé",
    ],
)
def test_boolean_abstains(text: str) -> None:
    assert read("boolean", text) is None


def test_boolean_words_of_one_truth_are_the_same_in_all_languages() -> None:
    table = csv.DictReader(
        (files("tsdg.wording") / "words.csv").read_text(encoding="utf-8").splitlines()
    )
    truth = [(row["word"], row["role"]) for row in table if row["role"] in ("yes", "no")]
    assert len({word for word, _ in truth}) == len({*truth}), "a word is both yes and no"
    for word, role in truth:
        answer = read("boolean", f"{word}.")
        assert answer is not None, word
        assert verifier_for("boolean").same(answer, role), word
        assert not verifier_for("boolean").same(answer, "no" if role == "yes" else "yes"), word


def test_boolean_of_a_question_with_options_is_the_text_of_the_option() -> None:
    assert read("boolean", "yes", options=("True", "False")) == "True"
    assert read("boolean", "B", options=("True", "False")) == "False"
    assert read("boolean", "plausible", options=("plausible", "implausible")) == "plausible"
    assert read("boolean", "yes", options=("plausible", "implausible")) is None
    assert not verifier_for("boolean").same("plausible", "implausible")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Paris", "Paris"),
        ("**Paris**.", "Paris"),
        ("The answer is Paris.", "Paris"),
        ("“東京”。", "東京"),
        ("Dr. No", "Dr. No"),
        ("Answer: the U.S.A.", "the U.S.A."),
        ("I looked it up.\nFinal answer: Gone with the Wind", "Gone with the Wind"),
        ("\u202eabc\u202c", "abc"),
    ],
)
def test_short_text_reads(text: str, answer: str) -> None:
    assert read("short_text", text) == answer


@pytest.mark.parametrize("text", ["first\nsecond", "x" * 301, "?!"])
def test_short_text_abstains(text: str) -> None:
    assert read("short_text", text) is None


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("the Adriatic Sea", "Adriatic sea", True),
        ("Alexander the Great", "Alexander Great", True),
        ("U.S.A.", "USA", True),
        ("Tokyo", "ＴＯＫＹＯ", True),
        ("Straße", "STRASSE", True),
        ("1,000", "1000", True),
        ("Zoe\u0308", "Zoë", True),
        ("vitamin A", "vitamin", False),
        ("Zoë", "Zoe", False),
        ("-5", "5", False),
        ("C#", "C", False),
        ("C++", "C", False),
        ("3.5", "35", False),
        ("東京", "京都", False),
        ("la casa", "casa", False),
        ("The", "the", True),
        ("The", "A", False),
    ],
)
def test_short_text_same(left: str, right: str, same: bool) -> None:
    assert verifier_for("short_text").same(left, right) is same


def test_free_text() -> None:
    assert read("text", "  Because air\nscatters blue. ") == "Because air\nscatters blue."
    assert read("text", "x " * 10_001) is None
    assert read("text", "so it goes on and " * 30) is None
    assert read("text", "水" * 100) is None
    assert read("text", " ".join(f"word{n}" for n in range(500))) is not None
    assert verifier_for("text").same("Blue light, scattered.", "blue light scattered")
    assert not verifier_for("text").same("Blue light is scattered.", "Air scatters blue light.")
    assert not verifier_for("text").same("!", "?")


SCHEMA = '{"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}}'


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ('{"b": 1, "a": [1.0, 2.5, null]}', '{"a":[1,2.5,null],"b":1}'),
        ('Sure:\n```json\n{"a": 1}\n```\nDone.', '{"a":1}'),
        ('The result is {"a": "}"} as asked', '{"a":"}"}'),
        ('{"ключ": "значение"}', '{"ключ":"значение"}'),
        ("5", "5"),
        ("[]", "[]"),
    ],
)
def test_json_reads(text: str, canonical: str) -> None:
    assert read("json", text) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "text",
        "{'a': 1}",
        '{"a": 1',
        '{"a": 1} or {"a": 2}',
        '{"a": 1, "a": 2}',
        "NaN",
        "[1e999]",
        "[" * 100_000,
        '{"a":' * 5000 + "1" + "}" * 5000,
        "9" * 5000,
        "```json\n1\n```\n```json\n2\n```",
        '"' + "x" * 100_001 + '"',
    ],
)
def test_json_abstains(text: str) -> None:
    assert read("json", text) is None


def test_json_is_held_to_the_schema() -> None:
    assert read("json", '{"city": "Lima"}', checks=(SCHEMA,)) == '{"city":"Lima"}'
    assert read("json", '{"city": 3}', checks=(SCHEMA,)) is None
    assert read("json", '{"town": "Lima"}', checks=(SCHEMA,)) is None
    for broken in ("not json", '{"type": "nonsense"}', '{"$ref": "http://127.0.0.1:9/schema"}'):
        assert read("json", '{"city": "Lima"}', checks=(broken,)) is None


def test_json_with_a_hostile_pattern_ends() -> None:
    assert read("json", json.dumps("a" * 40 + "!"), checks=('{"pattern": "^(a+)+$"}',)) is None
    assert read("json", '{"city": "Lima"}', checks=(SCHEMA,)) == '{"city":"Lima"}'


CODE = 'def double(n):\n    """Twice n."""\n    # fast\n    return 2*n\n'


def test_code_reads_the_block_in_normal_form() -> None:
    normal = "def double(n):\n    return 2 * n"
    assert read("code", CODE) == normal
    assert (
        read("code", f"Sure:\n```python\n{CODE}```\nTry it:\n```python\nprint(double(2))\n```")
        == normal
    )
    assert read("code", CODE, checks=("assert double(2) == 4",)) == normal
    assert read("code", "def f():\n  '\\d'\n") == "def f():\n    pass"


@pytest.mark.parametrize(
    "text",
    [
        "print(1)",
        "def f(:",
        "x = lambda: 0",
        "def f(): pass\x00",
        "-" * 40_000 + "1",
        "(" * 40_000,
        "x" * 50_001,
        "```python\ndef f(): return 1\n```\n```python\ndef f(): return 2\n```",
        "I cannot do that.",
    ],
)
def test_code_abstains(text: str) -> None:
    assert read("code", text) is None


def test_code_must_define_what_the_checks_call() -> None:
    assert read("code", CODE, checks=("assert triple(2) == 6",)) is None
    assert read("code", CODE, checks=("assert len(str(double(2))) == 1",)) is not None


@pytest.mark.parametrize(
    "text",
    [
        "```PYTHON\n{}\n```",
        "```py3\n{}\n```",
        "```python title=solution.py\n{}\n```",
        "~~~\n{}\n~~~",
        "1. So:\n   ```python\n   {}\n   ```",
        "```python\n{}",
        "Here: ```python\n{}```",
        "```python {}\n```",
        "```{}\n```",
        "> ```python\n> {}\n> ```",
        "* ```python\n  {}\n  ```",
        "'''python\n{}\n'''",
        "[PYTHON]\n{}\n[/PYTHON]",
        "<code>\n{}\n</code>",
        "\\begin{{lstlisting}}[language=Python]\n{}\n\\end{{lstlisting}}",
        "````markdown\n```python\n{}\n```\n````",
        "python\n{}",
    ],
)
def test_code_is_read_from_any_fence(text: str) -> None:
    source = "def f(n):\n    return n"
    indent = {"1": "\n   ", ">": "\n> ", "*": "\n  "}.get(text[0], "\n")
    reply = text.format(source.replace("\n", indent))
    assert (
        verifier_for("code_text").read(
            reply, Asked(question="", context="", options=(), checks=("assert f(1) == 1",))
        )
        == source
    )


def test_blocks_that_are_parts_of_one_program_are_joined() -> None:
    helper, main = "def g(n):\n    return n", "def f(n):\n    return g(n)"
    reply = f"```python\n{helper}\n```\nand\n```python\n{main}\n```\n```python\nprint(f(1))\n```"
    read = verifier_for("code_text").read
    assert (
        read(reply, Asked(question="", context="", options=(), checks=("assert f(1) == 1",)))
        == f"{helper}\n\n{main}"
    )
    two = f"```python\n{main}\n```\nor\n```python\n{main} + 1\n```"
    assert (
        read(two, Asked(question="", context="", options=(), checks=("assert f(1) == 1",))) is None
    )
