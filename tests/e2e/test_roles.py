"""Different models for questions, answers and judge in one run, all in the manifest."""

import json
from collections.abc import Callable

import pytest

from tests.e2e.conftest import Cli, Endpoint, records, table

Oracle = Callable[..., Endpoint]


def role(name: str, endpoint: Endpoint, model: str) -> list[str]:
    return [
        f"+model@roles.{name}.model=smollm2-135m-instruct",
        f"roles.{name}.model.name={model}",
        f"+server@roles.{name}.server=openai",
        f"roles.{name}.server.base_urls=[{endpoint.url}/v1]",
    ]


@pytest.mark.parametrize("phases", ["[[questions],[answers]]", "[[questions,answers]]"])
def test_each_role_asks_its_own_model(tsdg: Cli, oracle: Oracle, phases: str) -> None:
    writer, solver, judge = oracle(), oracle(), oracle()
    words = [
        "recipe=demo",
        "run=roles",
        f"phases={phases}",
        "judge=rubric",
        "judge.min_score=1",
        "judge.question_min_score=2",
        *writer.overrides(),
        *role("answers", solver, "the-solver"),
        *role("judge", judge, "the-judge"),
    ]
    done = tsdg("run", *words)
    assert done.code == 0, done.err
    run = tsdg.root / "roles"
    assert tsdg("verify", str(run)).code == 0
    assert all(sum(endpoint.asked().values()) > 0 for endpoint in (writer, solver, judge))
    assert {row["provenance"]["model"] for row in table(run / "questions/questions.parquet")} == {
        "SmolLM2-135M-Instruct"
    }
    made = records(run)
    assert {row["provenance"]["model"] for row in made.values()} == {"the-solver"}
    assert all(row["verification"]["method"].endswith("then judge") for row in made.values())
    assert all(1 <= row["verification"]["score"] <= 5 for row in made.values())
    manifest = json.loads((run / "manifest.json").read_text())
    assert {model["name"] for model in manifest["models"]} == {
        "SmolLM2-135M-Instruct",
        "the-solver",
        "the-judge",
    }
    assert manifest["totals"]["questions"]["rejected"]["judged"] > 0
    asked = {
        name: sum(e.asked().values()) for name, e in (("w", writer), ("s", solver), ("j", judge))
    }
    assert sum(asked.values()) == manifest["cost"]["requests"]


def test_one_name_for_two_endpoints_is_one_line(tsdg: Cli, oracle: Oracle) -> None:
    endpoint, other = oracle(), oracle()
    name = "SmolLM2-135M-Instruct"
    words = [
        "recipe=demo",
        "phases=[[questions,answers]]",
        *endpoint.overrides(),
        *role("answers", other, name),
    ]
    done = tsdg("run", *words)
    assert done.code == 2
    assert f"model {name} is served in two ways" in done.err


def test_an_unknown_role_is_one_line(tsdg: Cli) -> None:
    done = tsdg("run", "recipe=demo", "+model@roles.cook.model=smollm2-135m-instruct")
    assert done.code == 2
    assert "roles.cook" in done.err
    assert len(done.err.strip().splitlines()) == 1
