"""From recipe and cluster to jobs: sizes and what waits for what."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tsdg.config.compose import compose_recipe
from tsdg.config.stages import stages
from tsdg.errors import RecipeError, UsageError
from tsdg.launch.job_plan import JobPlan, ModelAndServer, plan_jobs, split_array
from tsdg.slurm.cluster import ClusterConfig, parse_cluster

MODEL = ["recipe=demo", "server=vllm"]


def cluster(**keys: Any) -> ClusterConfig:
    values = {
        "executor": "slurm",
        "job_dir": "/lustre/jobs",
        "account": "research",
        "partition": "batch",
        "cpu_partition": "cpu",
        "timeouts": {"batch": "04:00:00", "cpu": "01:00:00"},
        "tsdg": keys,
    }
    return parse_cluster(values, path=Path("test.yaml"), environ={})


def plan(
    *overrides: str,
    where: ClusterConfig | None = None,
    units: int = 100,
    skip: Sequence[str] = (),
    limit: int = 1001,
    also: Sequence[ModelAndServer] = (),
) -> dict[str, JobPlan]:
    recipe = compose_recipe([*MODEL, *overrides])
    all_stages = stages(recipe.phases)
    jobs = plan_jobs(
        recipe,
        where or cluster(),
        stages=[stage for stage in all_stages if stage.name not in skip],
        canary_stages=tuple(stage.name for stage in all_stages),
        units={stage.name: units for stage in all_stages if stage.kind == "phase"},
        endpoints={
            stage.name: [(recipe.model, recipe.server), *(also if stage.name == "answers" else ())]
            for stage in all_stages
            if stage.kind == "phase"
        },
        max_array_size=limit,
    )
    assert len({job.name for job in jobs}) == len(jobs)
    for place, job in enumerate(jobs):
        assert {*job.after_ok, *job.after_any} <= {earlier.name for earlier in jobs[:place]}
    return {job.name: job for job in jobs}


def waits(jobs: dict[str, JobPlan]) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    return {name: (job.after_ok, job.after_any) for name, job in jobs.items()}


def test_gather_waits_for_the_end_of_its_arrays_and_all_else_for_success() -> None:
    assert waits(plan()) == {
        "canary": ((), ()),
        "seeds": ((), ()),
        "questions": (("seeds", "canary"), ()),
        "questions-gather": (("seeds", "canary"), ("questions",)),
        "answers": (("questions-gather",), ()),
        "answers-gather": (("questions-gather",), ("answers",)),
        "package": (("answers-gather",), ()),
    }


def test_fused_phases_are_one_array() -> None:
    assert list(plan("phases=[[questions,answers]]", "launch.canary=0")) == [
        "seeds",
        "questions-answers",
        "questions-answers-gather",
        "package",
    ]


def test_without_phases_there_is_no_canary() -> None:
    assert waits(plan("phases=[]")) == {"seeds": ((), ()), "package": (("seeds",), ())}


def test_what_is_done_is_not_waited_for() -> None:
    jobs = plan("launch.canary=0", skip=("seeds", "questions", "questions.gather", "answers"))
    assert waits(jobs) == {"answers-gather": ((), ()), "package": (("answers-gather",), ())}


def test_a_chain_follows_each_array_and_the_gather_job_waits_for_all() -> None:
    jobs = plan("launch.chain=2", "launch.canary=0")
    assert waits(jobs)["questions-chain1"] == (("seeds",), ("questions",))
    assert waits(jobs)["questions-chain2"] == (("seeds",), ("questions-chain1",))
    assert jobs["questions-gather"].after_any == (
        "questions",
        "questions-chain1",
        "questions-chain2",
    )
    assert [jobs[name].link for name in jobs["questions-gather"].after_any] == [0, 1, 2]


def test_a_split_phase_has_its_parts_chained_part_by_part() -> None:
    jobs = plan("launch.elements=5", "launch.max_running=4", "launch.chain=2", limit=3)
    assert [
        (job.array.size, job.array.limit, job.array.first) for job in jobs.values() if job.array
    ][:2] == [
        (3, 2, 0),
        (2, 2, 3),
    ]
    assert jobs["questions-chain2-part1"].after_any == ("questions-chain1-part1",)
    assert jobs["questions-chain1-part0"].after_any == ("questions-part0",)


def test_there_are_no_more_elements_than_units() -> None:
    assert plan(units=3)["questions"].array.size == 3  # type: ignore[union-attr]
    assert plan(units=0)["questions"].array.size == 1  # type: ignore[union-attr]


def test_cpu_jobs_go_to_their_partition_with_its_time() -> None:
    jobs = plan("launch.time_limit=02:00:00")
    assert (jobs["seeds"].partition, jobs["seeds"].time_limit, jobs["seeds"].gpus_per_node) == (
        "cpu",
        "01:00:00",
        0,
    )
    assert (jobs["answers"].partition, jobs["answers"].time_limit) == ("batch", "02:00:00")
    assert jobs["canary"].time_limit == "03:00:00"  # room for two starts of a large model
    assert plan()["answers"].time_limit == "04:00:00"


@pytest.mark.parametrize(
    ("overrides", "nodes", "gpus", "exclusive", "together"),
    [
        (["server.replicas=1"], 1, 1, False, False),
        (["server.replicas=auto"], 1, 8, True, False),
        (["server.replicas=auto", "model.tensor_parallel=2"], 1, 8, True, False),
        (["model.tensor_parallel=8"], 1, 8, True, False),
        (["model.tensor_parallel=8", "model.pipeline_parallel=2"], 2, 8, True, True),
        (["model.tensor_parallel=16"], 2, 8, True, True),
        (["model.tensor_parallel=8", "launch.nodes_per_element=3"], 3, 8, True, False),
        (
            ["model.tensor_parallel=8", "model.pipeline_parallel=2", "launch.nodes_per_element=4"],
            4,
            8,
            True,
            True,
        ),
        (["model.tensor_parallel=3"], 1, 6, False, False),
    ],
)
def test_nodes_and_gpus_follow_the_models_parallelism(
    overrides: list[str], nodes: int, gpus: int, exclusive: bool, together: bool
) -> None:
    job = plan(*overrides)["questions"]
    assert (job.nodes, job.gpus_per_node, job.exclusive, job.together) == (
        nodes,
        gpus,
        exclusive,
        together,
    )


def test_endpoints_of_others_need_no_gpus() -> None:
    job = plan("server=openai", "server.base_urls=[http://h/v1]", "launch.nodes_per_element=2")[
        "questions"
    ]
    assert (job.gpus, job.nodes, job.gpus_per_node, job.partition) == (False, 2, 0, "cpu")


def test_nodes_without_gpus_are_asked_for_none() -> None:
    job = plan(where=cluster(gpus_per_node=0))["questions"]
    assert (job.nodes, job.gpus_per_node) == (1, 0)


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (
            ["model.tensor_parallel=16", "launch.nodes_per_element=3"],
            "2 nodes of 8 GPUs; allowed: a multiple of 2",
        ),
        (
            ["server.replicas=9"],
            "need 9 GPUs a node for their server.replicas, a node of cluster test has 8",
        ),
        (["model.tensor_parallel=9"], "cannot be shared evenly by 2 nodes"),
    ],
)
def test_what_does_not_fit_is_one_line(overrides: list[str], says: str) -> None:
    with pytest.raises((UsageError, RecipeError)) as caught:
        plan(*overrides)
    assert says in str(caught.value)


def test_arrays_are_split_evenly_and_keep_the_limit() -> None:
    arrays = split_array(elements=2500, max_running=100, max_array_size=1001)
    assert [array.size for array in arrays] == [834, 833, 833]
    assert [array.first for array in arrays] == [0, 834, 1667]
    assert sum(array.limit for array in arrays) == 100


def test_a_limit_that_cannot_be_kept_is_refused() -> None:
    with pytest.raises(UsageError, match=r"allowed: 3 or more, or launch.elements up to 2002"):
        split_array(elements=2500, max_running=2, max_array_size=1001)


def test_two_thousand_elements_over_twenty_thousand_units() -> None:
    jobs = plan("launch.elements=2000", "launch.max_running=500", units=20_000)
    sizes = [job.array.size for job in jobs.values() if job.array]
    assert sizes == [1000, 1000, 1000, 1000]


def test_a_phase_with_two_models_has_room_for_both() -> None:
    judge = compose_recipe(
        [*MODEL, "server.replicas=1", "model.tensor_parallel=8", "model.pipeline_parallel=2"]
    )
    jobs = plan("server.replicas=auto", also=[(judge.model, judge.server)])
    assert [
        (jobs[name].nodes, jobs[name].gpus_per_node) for name in ("questions", "answers", "canary")
    ] == [
        (1, 8),
        (2, 8),
        (2, 8),
    ]
    # On one node one process does the canary, and phases share its servers.
    assert jobs["canary"].stages[0] == "seeds"
    assert plan()["canary"].stages == ("all",)
    small = compose_recipe([*MODEL, "server.replicas=2", "model.tensor_parallel=2"])
    assert (
        plan("server.replicas=3", also=[(small.model, small.server)])["answers"].gpus_per_node == 7
    )
    with pytest.raises(UsageError, match="need 9 GPUs a node"):
        plan("server.replicas=5", also=[(small.model, small.server)])
