"""Who plays a role, and how it is asked."""

import pytest

from tsdg.config.compose import compose_recipe
from tsdg.config.recipe import Recipe
from tsdg.config.roles import Role, asked_model, base_model
from tsdg.run.roles import served_models

HYBRID = ["recipe=rqa", "passages.path=/x", "model=qwen3-235b-a22b", "answers.variants=[enriched]"]


def hybrid(*more: str) -> Recipe:
    return compose_recipe([*HYBRID, *more])


def thinks(recipe: Recipe, role: Role) -> bool:
    asked = asked_model(recipe, role)
    told = asked.request["chat_template_kwargs"]["enable_thinking"]  # type: ignore[index,call-overload]
    assert told == bool(asked.reasoning_parser)
    return bool(told)


def test_a_model_that_can_choose_thinks_where_a_result_is_right_or_wrong() -> None:
    recipe = hybrid()
    roles: list[Role] = ["study", "questions", "answers", "escalate", "enrich", "judge"]
    assert [role for role in roles if thinks(recipe, role)] == ["answers", "escalate", "judge"]


@pytest.mark.parametrize(("word", "expected"), [("on", True), ("off", False), ("true", True)])
def test_the_user_decides_with_one_word(word: str, expected: bool) -> None:
    for role in ("questions", "answers"):
        recipe = hybrid(f"roles.{role}.thinking={word}")
        assert thinks(recipe, role) == expected
        sampling = {"questions": recipe.questions, "answers": recipe.answers}[role].sampling  # type: ignore[attr-defined]
        assert sampling.temperature == (0.6 if expected else 0.7)


def test_one_server_takes_the_requests_of_roles_that_think_and_of_those_that_do_not() -> None:
    (served,) = served_models(hybrid(), ("questions", "answers"))
    assert served.model.reasoning_parser == "qwen3"


def test_request_keys_of_a_role_go_before_those_of_its_mode_and_its_model() -> None:
    recipe = hybrid(
        "+model.request.min_p=0.1",
        "+roles.answers.request={top_k: 5, chat_template_kwargs: {style: short}}",
    )
    asked = asked_model(recipe, "answers").request
    assert asked == {
        "min_p": asked_model(recipe, "answers").modes["thinking"].request["min_p"],
        "top_k": 5,
        "chat_template_kwargs": {"enable_thinking": True, "style": "short"},
    }
    assert asked_model(recipe, "questions").request["top_k"] == 20


def test_who_answers_also_enriches_unless_another_is_named() -> None:
    words = ["+model@roles.answers.model=gpt-oss-120b", "answers.sampling.max_tokens=4000"]
    assert base_model(hybrid(*words), "enrich").name == "openai/gpt-oss-120b"
    other = hybrid(*words, "+model@roles.enrich.model=qwen3-30b-a3b-instruct-2507")
    assert base_model(other, "enrich").name == "Qwen/Qwen3-30B-A3B-Instruct-2507"
    assert len(served_models(other, ("answers",))) == 2
    assert len(served_models(hybrid(*words), ("answers",))) == 1


def test_an_effort_is_one_key_of_the_request() -> None:
    recipe = hybrid("model=gpt-oss-120b", "+roles.answers.request={reasoning_effort: high}")
    assert asked_model(recipe, "answers").request["reasoning_effort"] == "high"
    assert asked_model(recipe, "questions").request["reasoning_effort"] == "medium"


def test_a_solution_has_the_tokens_of_its_kind() -> None:
    answers = hybrid().answers
    assert answers.sampling_of("choice").max_tokens == 12288
    assert answers.sampling_of("math").max_tokens == answers.sampling.max_tokens == 32768
    assert hybrid("answers.sampling.max_tokens=900").answers.sampling_of("choice").max_tokens == 900
