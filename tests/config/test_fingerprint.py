from typing import Any

import pytest

from tsdg.config.compose import compose_recipe
from tsdg.config.fingerprint import NOT_IDENTITY, digest, fingerprint, identity, verifier_hashes

PROMPTS = {"questions/choice": "aa", "answers/choice": "bb"}


def changed(value: Any) -> Any:
    """Some other value of the same kind."""
    if value is None:
        return {"x": 1}
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, list):
        return [*value, "x"]
    return {**value, "x": 1}


def leaves(values: dict[str, Any]) -> list[str]:
    """Keys of a recipe two levels deep: what the identity table speaks of."""
    out = []
    for key, value in values.items():
        nested = isinstance(value, dict) and key not in NOT_IDENTITY
        out += [f"{key}.{inner}" for inner in value] if nested else [key]
    return out


BASE = compose_recipe(["recipe=demo"])
VALUES = BASE.model_dump(mode="json")
KEYS = leaves(VALUES)


def with_change(key: str) -> dict[str, Any]:
    first, _, second = key.partition(".")
    new = (
        {**VALUES[first], second: changed(VALUES[first][second])}
        if second
        else changed(VALUES[first])
    )
    return {**VALUES, first: new}


@pytest.mark.parametrize("key", KEYS)
def test_each_key_changes_the_identity_exactly_when_the_table_says_so(key: str) -> None:
    same = digest(identity(with_change(key), PROMPTS, {})) == fingerprint(BASE, PROMPTS)
    assert same == (key in NOT_IDENTITY)


def test_the_demos_passages_are_another_run_than_ones_own() -> None:
    recipe = ["recipe=rqa", "model=smollm2-135m-instruct"]
    demo, own, moved = (
        fingerprint(compose_recipe([*recipe, *words]), PROMPTS)
        for words in ([], ["passages.path=/data/a"], ["passages.path=/data/b"])
    )
    assert demo != own
    assert own == moved


def test_the_table_names_only_keys_that_exist() -> None:
    assert set(KEYS) >= NOT_IDENTITY


def test_a_prompts_text_is_part_of_the_identity() -> None:
    assert fingerprint(BASE, {**PROMPTS, "answers/choice": "cc"}) != fingerprint(BASE, PROMPTS)


def test_the_file_of_a_verifier_of_ones_own_is_part_of_the_identity() -> None:
    one, other = (
        fingerprint(BASE, PROMPTS, verifier_hashes({"verifiers/celsius.py": text}))
        for text in ("VERIFIER = 1\n", "VERIFIER = 2\n")
    )
    assert len({one, other, fingerprint(BASE, PROMPTS)}) == 3
    assert verifier_hashes({"families/signs.py": "FORMS = {}\n"}) == {}
    assert fingerprint(BASE, PROMPTS, {}) == fingerprint(BASE, PROMPTS)


def test_it_is_the_same_in_another_process_and_order() -> None:
    backwards = dict(reversed(PROMPTS.items()))
    assert fingerprint(compose_recipe(["recipe=demo"]), backwards) == fingerprint(BASE, PROMPTS)
