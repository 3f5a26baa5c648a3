"""Where a process stands among its nodes, and what its node has to serve."""

from pathlib import Path
from typing import Any

import pytest

from tests.serving.conftest import model_config, server_config
from tsdg.config.parallelism import nodes_per_replica
from tsdg.errors import MachineError, RecipeError, ServerError
from tsdg.serving.placement import (
    NodeShare,
    Placement,
    cores_of,
    gpus_of,
    read_placement,
    share_of,
    visible_gpus,
)

EIGHT = tuple(str(number) for number in range(8))


def placement(**values: Any) -> Placement:
    given = {"node": 0, "nodes": 1, "element": "e", "address": "", "gpus": EIGHT, "slots": 8}
    return Placement(**given | values)


def share(
    place: Placement, *, tensor: int = 1, pipeline: int = 1, replicas: Any = "auto"
) -> NodeShare:
    return share_of(
        place,
        server_config(replicas=replicas),
        model_config(tensor_parallel=tensor, pipeline_parallel=pipeline),
    )


def test_gpus_are_those_that_slurm_gave_else_all_in_order(tmp_path: Path) -> None:
    for name in ("nvidia10", "nvidia2", "nvidia0", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    assert visible_gpus({}, tmp_path) == ("0", "2", "10")
    assert visible_gpus(
        {"CUDA_VISIBLE_DEVICES": "3, GPU-ab", "SLURM_STEP_GPUS": "0"}, tmp_path
    ) == ("3", "GPU-ab")
    assert visible_gpus({"SLURM_STEP_GPUS": "4,5"}, tmp_path) == ("4", "5")
    for nothing in ("", "-1", "NoDevFiles", "void"):
        assert visible_gpus({"CUDA_VISIBLE_DEVICES": nothing}, tmp_path) == ()


def test_a_process_that_is_told_nothing_is_alone(tmp_path: Path) -> None:
    assert read_placement({}, tmp_path) == placement(element="", gpus=(), slots=0)
    batch = {"SLURM_JOB_ID": "7", "SLURM_NNODES": "4", "SLURM_NODEID": "0"}
    assert read_placement(batch, tmp_path).nodes == 1, (
        "a batch script runs on one node of the job only"
    )


def test_slurms_tasks_know_their_node_and_share_a_name_that_no_other_start_has(
    tmp_path: Path,
) -> None:
    step = {
        "SLURM_JOB_ID": "7",
        "SLURM_STEP_ID": "0",
        "SLURM_STEP_NUM_NODES": "2",
        "SLURM_NODEID": "1",
    }
    found = read_placement(step | {"CUDA_VISIBLE_DEVICES": "0,1"}, tmp_path)
    assert found == placement(node=1, nodes=2, element="7-0-0", gpus=("0", "1"), slots=2)
    again = [
        read_placement(step | other, tmp_path).element
        for other in ({"SLURM_RESTART_COUNT": "1"}, {"SLURM_STEP_ID": "1"}, {"SLURM_JOB_ID": "8"})
    ]
    assert len({found.element, *again}) == 4


def test_explicit_variables_win_over_slurms(tmp_path: Path) -> None:
    slurm = {"SLURM_JOB_ID": "7", "SLURM_STEP_NUM_NODES": "2", "SLURM_NODEID": "1"}
    own = {
        "TSDG_NODES": "4",
        "TSDG_NODE": "3",
        "TSDG_ELEMENT": "a/b c",
        "TSDG_NODE_ADDRESS": "10.0.0.9",
        "TSDG_SLOTS": "1",
    }
    found = read_placement(slurm | own, tmp_path)
    assert found == placement(
        node=3, nodes=4, element="a_b_c", address="10.0.0.9", gpus=(), slots=1
    )


@pytest.mark.parametrize(
    "environ",
    [
        {"TSDG_NODES": "two"},
        {"TSDG_NODES": "0"},
        {"TSDG_NODES": "2", "TSDG_NODE": "2"},
        {"TSDG_SLOTS": "-1"},
    ],
)
def test_a_variable_that_cannot_be_meant_is_named(environ: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=list(environ)[-1]):
        read_placement(environ, tmp_path)


@pytest.mark.parametrize(
    ("tensor", "pipeline", "replicas", "servers"),
    [
        (1, 1, "auto", 8),
        (2, 1, "auto", 4),
        (8, 1, "auto", 1),
        (3, 1, "auto", 2),
        (2, 2, "auto", 2),
        (2, 1, 3, 3),
    ],
)
def test_auto_takes_as_many_servers_as_the_gpus_have_room_for(
    tensor: int, pipeline: int, replicas: Any, servers: int
) -> None:
    place = placement()
    found = share(place, tensor=tensor, pipeline=pipeline, replicas=replicas)
    assert (found.role, found.replicas) == ("alone", servers)
    given = [gpus_of(place, found, number) for number in range(servers)]
    assert all(len(gpus) == tensor * pipeline for gpus in given)
    assert len({gpu for gpus in given for gpu in gpus}) == servers * tensor * pipeline, "disjoint"


def test_auto_is_one_server_without_gpus_and_a_number_is_taken_as_it_is() -> None:
    cpu = placement(gpus=(), slots=0)
    assert share(cpu).replicas == 1
    assert share(cpu, tensor=16).role == "alone"
    assert share(cpu, replicas=3).replicas == 3
    assert gpus_of(cpu, share(cpu, replicas=3), 2) == ()


def test_too_many_servers_for_the_gpus_are_refused() -> None:
    with pytest.raises(ServerError, match=r"server\.replicas=2 .* need 4 GPUs, 3 are visible"):
        share(placement(gpus=EIGHT[:3], slots=3), tensor=2, replicas=2)


def test_servers_that_fit_in_a_node_leave_its_neighbours_alone() -> None:
    roles = [share(placement(node=node, nodes=3), tensor=8) for node in range(3)]
    assert [(found.role, found.replicas) for found in roles] == [("alone", 1)] * 3


def test_a_server_that_does_not_fit_groups_the_nodes() -> None:
    found = [share(placement(node=node, nodes=4), tensor=8, pipeline=2) for node in range(4)]
    assert [(each.role, each.group, each.rank) for each in found] == [
        ("head", 0, 0),
        ("worker", 0, 1),
        ("head", 1, 0),
        ("worker", 1, 1),
    ]
    assert {(each.nodes, each.ranks, each.replicas) for each in found} == {(2, 8, 1)}
    uneven = share(placement(nodes=2), tensor=6, pipeline=2)
    assert (uneven.nodes, uneven.ranks) == (2, 6)
    assert gpus_of(placement(nodes=2), uneven, 0) == EIGHT[:6]


def test_nodes_that_cannot_share_a_server_are_refused_with_what_to_ask_for() -> None:
    with pytest.raises(
        ServerError, match="16 GPUs spans 2 nodes of 8, and this process is one of 3"
    ):
        share(placement(nodes=3), tensor=16)
    with pytest.raises(
        RecipeError, match="17 GPUs of one server cannot be shared evenly by 3 nodes"
    ):
        share(placement(nodes=3), tensor=17)
    with pytest.raises(RecipeError, match=r"server\.replicas=2: a server of 16 GPUs spans 2 nodes"):
        share(placement(nodes=2), tensor=16, replicas=2)
    with pytest.raises(ServerError, match="TSDG_ELEMENT is not set"):
        share(placement(nodes=2, element=""), tensor=16)
    lean = placement(nodes=2, gpus=EIGHT[:4])
    with pytest.raises(
        ServerError, match="8 GPUs of this node are needed for a server, 4 are visible"
    ):
        gpus_of(lean, share(lean, tensor=16), 0)


def test_the_launch_counts_nodes_as_the_servers_do() -> None:
    shapes = [(8, 1, 8), (8, 2, 8), (8, 1, 4), (1, 1, 8), (8, 2, 0)]
    counted = [
        nodes_per_replica(model_config(tensor_parallel=t, pipeline_parallel=p), n)
        for t, p, n in shapes
    ]
    assert counted == [1, 2, 2, 1, 1]


def test_servers_on_a_cpu_get_cores_of_their_own() -> None:
    two = share(placement(gpus=(), slots=0), replicas=2)
    assert [cores_of((0, 1, 4, 5, 6), two, number) for number in range(2)] == [((0, 1),), ((4, 5),)]
    wide = share(placement(gpus=(), slots=0), replicas=2, tensor=2)
    assert [cores_of((0, 1, 2, 3), wide, number) for number in range(2)] == [
        ((0,), (1,)),
        ((2,), (3,)),
    ]
    assert cores_of((0, 1), share(placement(gpus=(), slots=0)), 0) == (), (
        "one server takes what it finds"
    )
    assert cores_of((0,), two, 0) == (), "there are none to divide"
