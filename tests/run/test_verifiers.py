"""Which verifier reads an answer, and what is refused before anything starts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

from tsdg.config.compose import compose_recipe
from tsdg.config.recipe import Recipe
from tsdg.errors import MachineError, RecipeError
from tsdg.records import NO_PLAN, AnswerKind, Provenance, Question
from tsdg.run.prepare import Prepared, check_servers, prepare
from tsdg.run.verifiers import check_verifiers_ready, choose_verifier
from tsdg.verify import sandbox, verifier_for

PROVENANCE = Provenance(model="m", prompt="p", prompt_hash="h", sampling="{}", request_id="r")


@cache
def recipe(*overrides: str) -> Recipe:
    tasks = "seeds.tasks=[demo_python,demo_instructions,demo_arithmetic]"
    return compose_recipe(["recipe=demo", "seeds.mirror=", tasks, *overrides])


def prepared(*overrides: str) -> Prepared:
    return prepare(recipe(*overrides), mirror_here=False)


def chosen(family: str, kind: AnswerKind, *overrides: str) -> object:
    question = Question(
        classes=False,
        plan=NO_PLAN,
        question_id="q",
        seed_ids=("s",),
        group="reasoning",
        family=family,
        task="t",
        domain="d",
        language="en",
        licence="l",
        answer_kind=kind,
        question="",
        context="",
        options=(),
        claimed_answer="",
        checks=(),
        provenance=PROVENANCE,
    )
    return choose_verifier(recipe(*overrides))(question)


@pytest.mark.parametrize(
    ("family", "kind", "name"),
    [
        ("demo_python", "code", "code"),
        ("demo_arithmetic", "number", "number"),
        ("demo_instructions", "text", "ifeval"),  # the catalogue's choice for the family
        ("hendrycks_math", "math", "math"),
        ("hendrycks_math", "choice", "choice"),  # a row of another kind than its family's
        ("no_such_family", "text", "text"),  # passages of one's own
    ],
)
def test_the_catalogue_chooses(family: str, kind: AnswerKind, name: str) -> None:
    assert chosen(family, kind) is verifier_for(name)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("family", "kind", "named", "name"),
    [
        ("demo_python", "code", "code_text", "code_text"),
        ("demo_instructions", "text", "text", "text"),
        ("demo_instructions", "text", "ifeval", "ifeval"),
        ("hendrycks_math", "math", "number", "number"),
        ("hendrycks_math", "choice", "number", "choice"),  # which cannot read an option
    ],
)
def test_the_recipe_overrides_where_its_choice_can_read(
    family: str, kind: AnswerKind, named: str, name: str
) -> None:
    assert chosen(family, kind, f"+filter.verifiers.{family}={named}") is verifier_for(name)  # type: ignore[arg-type]
    assert chosen(
        "demo_arithmetic", "number", f"+filter.verifiers.{family}={named}"
    ) is verifier_for("number")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "gsm8k=math",
            "filter.verifiers: gsm8k is not a family of this run; its families are "
            "demo_arithmetic, demo_instructions, demo_python",
        ),
        (
            "demo_arithmetic=ifeval",
            "filter.verifiers.demo_arithmetic: ifeval cannot read its answers, which are of kind "
            "number; allowed: "
            "number, math, short_text",
        ),
        (
            "demo_instructions=choice",
            "filter.verifiers.demo_instructions: choice cannot read its answers, which are of kind "
            "text; allowed: "
            "ifeval, text, short_text",
        ),
    ],
)
def test_what_cannot_be_is_one_clear_line(override: str, message: str) -> None:
    with pytest.raises(RecipeError) as error:
        prepared(f"+filter.verifiers.{override}")
    assert str(error.value) == message


def test_ifeval_is_for_families_with_instructions() -> None:
    tasks = "seeds.tasks=[mediqa_qa2019]"  # of kind text, without any
    with pytest.raises(
        RecipeError, match=r"ifeval cannot read its answers, .* allowed: text, short_text$"
    ):
        prepared(tasks, "+filter.verifiers.mediqa_qa2019=ifeval")


def test_a_family_of_several_kinds_may_name_what_reads_one_of_them() -> None:
    tasks = "seeds.tasks=[hendrycks_math_algebra]"  # problems, some of them with options
    assert prepared(tasks, "+filter.verifiers.hendrycks_math=number").sources
    with pytest.raises(
        RecipeError, match=r"of kind math and choice; allowed: math, number, short_text, choice$"
    ):
        prepared(tasks, "+filter.verifiers.hendrycks_math=json")


@pytest.fixture
def no_sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine with neither bubblewrap nor unshare."""
    monkeypatch.setenv("PATH", "/nowhere")
    sandbox.find_sandbox.cache_clear()
    yield
    sandbox.find_sandbox.cache_clear()


@pytest.mark.usefixtures("no_sandbox")
def test_a_sandbox_is_needed_where_code_is_run_and_only_there() -> None:
    with_code = prepared()
    with pytest.raises(MachineError, match="no sandbox to run answers of kind code in"):
        check_verifiers_ready(with_code.recipe, with_code.sources)
    for other in (
        prepared("+filter.verifiers.demo_python=code_text"),
        prepared("seeds.tasks=[demo_instructions]"),
    ):
        check_verifiers_ready(other.recipe, other.sources)


@pytest.mark.usefixtures("no_sandbox")
def test_without_answers_nothing_is_run() -> None:
    check_servers(
        prepared(
            "phases=[[questions]]", "server=openai", "server.base_urls=[http://127.0.0.1:9/v1]"
        )
    )
