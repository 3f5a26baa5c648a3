"""A model that is named on its own keeps nothing that was stated of the recipe's model."""

from __future__ import annotations

import pytest

from tsdg.config.compose import compose_recipe
from tsdg.config.models import ModelConfig


def model(*words: str) -> ModelConfig:
    return compose_recipe(["recipe=knowledge", *words]).model


def stated(one: ModelConfig) -> tuple[str, str, bool]:
    return one.licence, one.revision, bool(one.throughput)


def test_another_name_has_no_licence_unless_it_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    own = model()
    assert own.licence == "Apache-2.0"
    assert own.throughput
    assert stated(model(f"model.name={own.name}")) == stated(own)
    assert capsys.readouterr().err == ""
    assert stated(model("model.name=mine")) == ("unclear", "", False)
    (line,) = capsys.readouterr().err.splitlines()
    assert "model.name=mine is not the model of qwen3-" in line
    assert "licence, revision, throughput; model.licence=... gives its licence" in line
    said = model("model.name=mine", "model.licence=MIT", "model.revision=r")
    assert stated(said) == ("MIT", "r", False)


def test_a_model_that_is_chosen_under_another_name_stays_that_model(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["model=gpt-oss-120b", "model.name=mine"]
    roles = ["+model@roles.answers.model=gpt-oss-20b", "roles.answers.model.name=mine-too"]
    recipe = compose_recipe(["recipe=knowledge", *words, *roles])
    solver = recipe.roles["answers"].model
    assert solver is not None
    assert recipe.model.licence == solver.licence == "Apache-2.0"
    assert capsys.readouterr().err == ""
