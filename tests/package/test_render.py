from __future__ import annotations

import dataclasses
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.package.make_run import PROVENANCE
from tsdg.package.render import HERE, Wording, labels_of, render, variants_of
from tsdg.records import (
    ANSWER_KINDS,
    NO_PLAN,
    VARIANTS,
    Distractor,
    Question,
    Solution,
    Verification,
)

LABELLED = Wording(style="labelled", knowledge="after", think=False)
PLAIN = dataclasses.replace(LABELLED, style="plain")
BACKGROUND = "A root is the part of a plant below the ground."
WRONG = "- the petals: They draw insects.\n- the bark: It protects the stem."


def question_of(**changes: Any) -> Question:
    question = Question(
        classes=False,
        plan=NO_PLAN,
        question_id="q",
        seed_ids=("s",),
        group="knowledge",
        family="family",
        task="task",
        domain="science",
        language="en",
        licence="MIT",
        answer_kind="choice",
        question="Which part of a plant takes up water from the soil?",
        context="",
        options=("the petals", "the roots", "the bark"),
        claimed_answer="the roots",
        checks=(),
        provenance=PROVENANCE,
    )
    return dataclasses.replace(question, **changes)


def solution_of(**changes: Any) -> Solution:
    solution = Solution(
        trace="",
        unenriched="",
        question_id="q",
        answer="the roots",
        reasoning="Roots stand in the soil.\nSo they reach its water.",
        knowledge="A root is the part of a plant below the ground.",
        distractors=(
            Distractor(option="the petals", why_wrong="They draw insects."),
            Distractor(option="the bark", why_wrong="It protects the stem."),
        ),
        verification=Verification(
            claim_agrees=None,
            method="vote",
            votes=4,
            agreement=0.8,
            samples=5,
            chance=0.01,
            score=0.0,
        ),
        provenance=PROVENANCE,
    )
    return dataclasses.replace(solution, **changes)


def test_answer_variant() -> None:
    rendered = render(question_of(), solution_of(), "answer", LABELLED)
    assert rendered.text == (
        "Question: Which part of a plant takes up water from the soil?\n"
        "Options:\n- the petals\n- the roots\n- the bark\n\n"
        "Answer: the roots"
    )
    user, assistant = rendered.messages
    assert (user.role, assistant.role) == ("user", "assistant")
    assert user.content == (
        "Which part of a plant takes up water from the soil?\n\nOptions:\n- the petals\n- the "
        "roots\n- the bark"
    )
    assert assistant.content == "the roots"


def test_enriched_variant_has_its_parts_in_order() -> None:
    rendered = render(question_of(), solution_of(), "enriched", LABELLED)
    assert rendered.text == (
        "Question: Which part of a plant takes up water from the soil?\n"
        "Options:\n- the petals\n- the roots\n- the bark\n\n"
        f"Background: {BACKGROUND}\n\n"
        "Reasoning:\nRoots stand in the soil.\nSo they reach its water.\n\n"
        f"Why the other options are wrong:\n{WRONG}\n\n"
        "Answer: the roots"
    )
    assert rendered.messages[1].content == (
        f"Background: {BACKGROUND}\n\n"
        "Reasoning:\nRoots stand in the soil.\nSo they reach its water.\n\n"
        f"Why the other options are wrong:\n{WRONG}\n\n"
        "Answer: the roots"
    )


def test_knowledge_may_stand_before_the_question() -> None:
    before = dataclasses.replace(LABELLED, knowledge="before")
    rendered = render(question_of(), solution_of(), "enriched", before)
    assert rendered.text.startswith(f"Background: {BACKGROUND}\n\nQuestion: Which")
    user, assistant = rendered.messages
    assert user.content.startswith(f"Background: {BACKGROUND}\n\nWhich")
    assert BACKGROUND not in assistant.content
    assert rendered.text.endswith("\n\nAnswer: the roots")
    assert assistant.content.endswith("\n\nAnswer: the roots")
    for variant in ("answer", "reasoning"):
        plain = render(question_of(), solution_of(), variant, LABELLED)
        assert render(question_of(), solution_of(), variant, before) == plain


def test_both_places_share_the_records_the_same_way_each_time() -> None:
    both, places = dataclasses.replace(LABELLED, knowledge="both"), []
    for number in range(200):
        rendered = render(question_of(question_id=str(number)), solution_of(), "enriched", both)
        places.append(rendered.text.startswith("Background"))
        again = render(question_of(question_id=str(number)), solution_of(), "enriched", both)
        assert again == rendered
    assert 60 < sum(places) < 140


def test_what_was_thought_is_apart_from_the_content() -> None:
    think = dataclasses.replace(LABELLED, think=True)
    user, assistant = render(question_of(), solution_of(), "reasoning", think).messages
    assert user.reasoning_content is None
    assert assistant.reasoning_content == "Roots stand in the soil.\nSo they reach its water."
    assert assistant.content == "the roots"
    traced = render(question_of(), solution_of(trace="hm, roots?"), "reasoning", think).messages[1]
    assert traced.reasoning_content == "hm, roots?"
    assert traced.content == (
        "Roots stand in the soil.\nSo they reach its water.\n\nAnswer: the roots"
    )
    knowing = render(question_of(), solution_of(), "enriched", think).messages[1]
    assert knowing.content.startswith(f"Background: {BACKGROUND}")
    assert "stand in the soil" not in knowing.content
    alone = render(question_of(), solution_of(), "answer", think).messages[1]
    assert (alone.content, alone.reasoning_content) == ("the roots", None)
    for variant in VARIANTS:  # the training text is the same
        shown = render(question_of(), solution_of(), variant, LABELLED)
        assert render(question_of(), solution_of(), variant, think).text == shown.text
        assert all(turn.reasoning_content is None for turn in shown.messages)


def test_enriched_variant_without_reasoning_and_options() -> None:
    solution = solution_of(answer="42", reasoning="", distractors=())
    rendered = render(question_of(answer_kind="number", options=()), solution, "enriched", LABELLED)
    assert rendered.text == (
        "Question: Which part of a plant takes up water from the soil?\n\n"
        f"Background: {BACKGROUND}\n\n"
        "Answer: 42"
    )


def test_reasoning_variant_shows_no_background() -> None:
    rendered = render(question_of(), solution_of(), "reasoning", LABELLED)
    assert rendered.text.endswith(
        "Reasoning:\nRoots stand in the soil.\nSo they reach its water.\n\nAnswer: the roots"
    )
    assert "below the ground" not in rendered.text
    assert rendered.messages[1].content == (
        "Roots stand in the soil.\nSo they reach its water.\n\nAnswer: the roots"
    )


def test_passage_stands_before_the_question() -> None:
    rendered = render(
        question_of(context="First line.\nSecond line."), solution_of(), "answer", LABELLED
    )
    assert rendered.text.startswith("Passage:\nFirst line.\nSecond line.\n\nQuestion: Which")
    assert rendered.messages[0].content.startswith("First line.\nSecond line.\n\nWhich")


def test_code_stands_in_a_fence_that_it_cannot_close() -> None:
    code = 'def f():\n    """\n    ```\n    f()\n    ```\n    """\n    return 1\n'
    question = question_of(answer_kind="code", options=())
    rendered = render(question, solution_of(answer=code, distractors=()), "answer", LABELLED)
    assert rendered.text.endswith(f"Answer:\n````python\n{code.rstrip()}\n````")
    plain = render(question, solution_of(answer="    x = 1", distractors=()), "answer", LABELLED)
    assert plain.messages[1].content == "```python\n    x = 1\n```"


def test_labels_follow_the_language() -> None:
    assert render(question_of(language="zh_Hans"), solution_of(), "answer", LABELLED).text.endswith(
        "答案：the roots"
    )
    assert render(question_of(language="fra"), solution_of(), "answer", LABELLED).text.endswith(
        "Réponse : the roots"
    )
    assert labels_of("pt-BR") == labels_of("por") != labels_of("en")
    assert labels_of("xx") == labels_of("") == labels_of("eng") == labels_of("en")


def test_every_language_has_every_label() -> None:
    table = yaml.safe_load((HERE / "data" / "labels.yaml").read_text(encoding="utf-8"))
    for language, labels in table["labels"].items():
        assert set(labels) == set(table["labels"]["en"]), language
        assert all(isinstance(value, str) and value.strip() for value in labels.values()), language
    assert set(table["aliases"].values()) <= set(table["labels"])
    assert all(isinstance(name, str) for name in (*table["aliases"], *table["labels"]))


def test_variants_need_what_they_show() -> None:
    assert variants_of(solution_of(), ("enriched", "answer", "reasoning")) == VARIANTS
    assert variants_of(solution_of(reasoning=" \n"), VARIANTS) == ("answer", "enriched")
    assert variants_of(solution_of(knowledge=""), VARIANTS) == ("answer", "reasoning")
    assert variants_of(solution_of(knowledge="", reasoning=""), VARIANTS) == ("answer",)
    assert variants_of(solution_of(knowledge=""), ("enriched",)) == ()


TEXT = st.text(min_size=1, max_size=40).filter(str.strip)


@given(
    kind=st.sampled_from(ANSWER_KINDS),
    variant=st.sampled_from(VARIANTS),
    language=st.sampled_from(["en", "ja", "fr", "qq"]),
    texts=st.tuples(TEXT, TEXT, TEXT, TEXT, TEXT),
    options=st.lists(
        st.text(alphabet="ab{}%# é水", min_size=1, max_size=9).filter(str.strip),
        max_size=4,
        unique=True,
    ),
)
def test_values_stand_in_the_text_as_they_are(
    kind: Any, variant: Any, language: str, texts: tuple[str, ...], options: list[str]
) -> None:
    asked, passage, answer, reasoning, knowledge = texts
    question = question_of(
        answer_kind=kind, language=language, question=asked, context=passage, options=tuple(options)
    )
    solution = solution_of(answer=answer, reasoning=reasoning, knowledge=knowledge, distractors=())
    rendered = render(question, solution, variant, LABELLED)
    user, assistant = (message.content for message in rendered.messages)
    for part in (asked, passage, *options):
        assert part.strip() in rendered.text
        assert part.strip() in user
    shown = [answer]
    shown += [reasoning] if variant != "answer" else []
    shown += [knowledge] if variant == "enriched" else []
    for part in shown:
        assert part.strip() in rendered.text
        assert part.strip() in assistant
    if kind == "code":
        body, fence = rendered.text.rsplit("\n", 1)
        assert set(fence) == {"`"}
        assert fence not in answer
        assert body.endswith(answer.strip("\n"))
    else:
        assert rendered.text.endswith(answer.strip())


def test_the_plain_style_is_the_parts_alone() -> None:
    question, solution = question_of(), solution_of()
    answer, reasoning, enriched = (
        render(question, solution, variant, PLAIN) for variant in VARIANTS
    )
    user = answer.messages[0].content
    assert answer.text == f"{user}\n\n{solution.answer}"
    assert reasoning.text == f"{user}\n\n{solution.reasoning}\n\n{solution.answer}"
    assert (
        enriched.text
        == f"{user}\n\n{solution.knowledge}\n\n{solution.reasoning}\n\n{solution.answer}"
    )
    assert reasoning.messages == render(question, solution, "reasoning", LABELLED).messages
