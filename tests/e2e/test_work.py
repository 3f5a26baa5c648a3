"""One stage at a time, each by a process of its own, as the jobs of a cluster do it."""

import shutil
from collections.abc import Callable

import pytest

from tests.e2e.conftest import Cli, Endpoint, records

Oracle = Callable[..., Endpoint]


def test_stage_by_stage_gives_the_records_of_a_run(tsdg: Cli, oracle: Oracle) -> None:
    endpoint = oracle()
    assert tsdg("run", "recipe=demo", "run=whole", *endpoint.overrides()).code == 0
    assert tsdg("run", "recipe=demo", "run=parts", "phases=[]", *endpoint.overrides()).code == 0
    shutil.rmtree(
        tsdg.root / "parts" / "seeds"
    )  # what is left is the snapshot, as a launch would leave it
    recipe = tsdg.root / "parts" / "snapshot" / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("phases: []", "phases: [[questions], [answers]]"))
    (tsdg.root / "parts" / "manifest.json").unlink()
    for stage in ("seeds", "questions", "questions.gather", "answers", "answers.gather", "package"):
        done = tsdg("work", str(tsdg.root / "parts"), stage)
        assert done.code == 0, (stage, done.err)
    assert records(tsdg.root / "parts") == records(tsdg.root / "whole")
    assert tsdg("verify", str(tsdg.root / "parts")).code == 0
    asked = sum(endpoint.asked().values())
    for stage in ("answers", "all"):
        assert tsdg("work", str(tsdg.root / "parts"), stage).code == 0
    assert sum(endpoint.asked().values()) == asked


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["{run}", "cook"], 2, "no stage 'cook'; allowed: seeds, questions,"),
        (["{run}"], 2, "takes a run directory and a stage"),
        (["{run}/nowhere", "seeds"], 2, "is not a run directory"),
        (["{run}", "answers"], 1, "stage answers cannot start"),
        (["{run}", "questions.gather"], 1, "work unit"),
        (["{run}", "package"], 1, "stage package cannot start"),
        (["{run}", "questions", "engine.attempts=none"], 2, "recipe key engine.attempts"),
        (["{run}", "questions", "questions.per_seed=7"], 2, "would become another run"),
        (["{run}", "questions", "=7"], 2, "allowed: KEY=VALUE"),
    ],
)
def test_what_cannot_be_done_is_one_line(tsdg: Cli, words: list[str], code: int, says: str) -> None:
    run = tsdg.root / "r"
    assert (
        tsdg(
            "run",
            "recipe=demo",
            "run=r",
            "phases=[]",
            "server=openai",
            "server.base_urls=[http://h/v1]",
        ).code
        == 0
    )
    recipe = run / "snapshot" / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("phases: []", "phases: [[questions], [answers]]"))
    done = tsdg("work", *(word.format(run=run) for word in words))
    assert done.code == code
    assert says in done.err
    assert len(done.err.strip().splitlines()) == 1
