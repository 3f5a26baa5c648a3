"""Where a process stands among the nodes of its element, and what that node has to serve.

An *element* is one task of a job array. It may have several nodes, with one process of tsdg on
each. Where a server fits in a node, these processes are independent: each starts the servers of its
own node and works. Where one server spans nodes, the nodes form groups of
as many as it needs: the first node of a group, its *head*, runs rank 0 of the server and works;
each other node, a *multinode worker*, runs one further rank and nothing else.

Read from the environment, an explicit variable before Slurm's own:

===================== ======================= ==================================================
explicit              Slurm's                 says
===================== ======================= ==================================================
``TSDG_NODES``        SLURM_STEP_NUM_NODES    nodes of this element; 1 where neither is set
``TSDG_NODE``         SLURM_NODEID            number of this node among them, from 0
``TSDG_ELEMENT``      SLURM_JOB_ID, _STEP_ID, a name that all nodes of one start of an element
                      _RESTART_COUNT          share, and no other start has; needed if a server
                                              spans nodes
``TSDG_NODE_ADDRESS`` none                    address by which the other nodes reach this one;
                                              found out if not set
none                  CUDA_VISIBLE_DEVICES,   the GPUs that this process may use, by number or
                      SLURM_STEP_GPUS         UUID; all of ``/dev`` if neither is set
``TSDG_SLOTS``        none                    servers' ranks that fit on a node; the number of
                                              its GPUs if not set. For tests of models that span
                                              nodes without GPUs
===================== ======================= ==================================================

``srun`` sets Slurm's own variables for each of its tasks, so a launch need only start one task per
node. Without ``srun`` a process is alone, however many nodes its job has.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tsdg.config.models import ModelConfig, ServerConfig
from tsdg.config.parallelism import gpus_per_replica, nodes_per_replica
from tsdg.errors import MachineError, RecipeError, ServerError

DEVICES = Path("/dev")
GPUS = "CUDA_VISIBLE_DEVICES"
_NO_GPU = {"", "-1", "NoDevFiles", "void", "none"}
"""What schedulers and container runtimes set CUDA_VISIBLE_DEVICES to for "no GPUs"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a process stands. Any process that is not told otherwise is alone on one node."""

    node: int
    """Number of this node among those of its element, from 0."""
    nodes: int
    element: str
    """The same on all nodes of one start of an element, and on no others; empty where the process
    is alone."""
    address: str
    """By which the other nodes reach this one; empty to find it out."""
    gpus: tuple[str, ...]
    """What this process may use, as CUDA_VISIBLE_DEVICES names them."""
    slots: int
    """Ranks of servers that fit on a node: its GPUs; 0 without GPUs, where nothing is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeShare:
    """What one node has to do."""

    role: Literal["alone", "head", "worker"]
    """``alone``: its servers are its own."""
    replicas: int
    """Servers that this node starts, or takes part in."""
    group: int
    """Number of the group of nodes that share a server, from 0."""
    rank: int
    """Of this node in its group, from 0."""
    nodes: int
    """Nodes of its group."""
    ranks: int
    """Ranks (GPUs) of one server on this node."""


def read_placement(environ: Mapping[str, str], devices: Path) -> Placement:
    """Read where this process stands.

    Args:
        environ: its environment.
        devices: folder of the device files, ``/dev``.

    Raises:
        MachineError: a variable that cannot be meant.
    """
    nodes = _number(environ, "TSDG_NODES", "SLURM_STEP_NUM_NODES", default=1, least=1)
    node = _number(environ, "TSDG_NODE", "SLURM_NODEID", default=0, least=0) if nodes > 1 else 0
    if node >= nodes:
        raise MachineError(
            f"TSDG_NODE or SLURM_NODEID is {node}, of {nodes} nodes; they count from 0"
        )
    gpus = visible_gpus(environ, devices)
    return Placement(
        node=node,
        nodes=nodes,
        element=_element(environ) if nodes > 1 else "",
        address=environ.get("TSDG_NODE_ADDRESS", "").strip(),
        gpus=gpus,
        slots=_number(environ, "TSDG_SLOTS", "TSDG_SLOTS", default=len(gpus), least=0),
    )


def placement_for(server: ServerConfig) -> Placement:
    """Read where this process stands, as far as the servers of ``server`` are concerned.

    ``server.env.CUDA_VISIBLE_DEVICES`` gives them some of the node's GPUs, beside the servers of
    another model.

    Raises:
        MachineError: a variable that cannot be meant.
    """
    pinned = {
        name: value
        for name, value in server.env.items()
        if name == GPUS and "{replica}" not in value
    }
    return read_placement(os.environ | pinned, DEVICES)


def visible_gpus(environ: Mapping[str, str], devices: Path) -> tuple[str, ...]:
    """List the GPUs that this process may use; the variables as in the module's table.

    Args:
        environ: environment of this process.
        devices: folder of the device files, ``/dev``.
    """
    for name in (GPUS, "SLURM_STEP_GPUS"):
        if name in environ:
            parts = tuple(part.strip() for part in environ[name].split(","))
            return () if parts[0] in _NO_GPU else tuple(part for part in parts if part)
    numbers = (path.name.removeprefix("nvidia") for path in devices.glob("nvidia*"))
    return tuple(sorted((number for number in numbers if number.isdigit()), key=int))


def share_of(placement: Placement, server: ServerConfig, model: ModelConfig) -> NodeShare:
    """Say what the node of ``placement`` has to do.

    Raises:
        ServerError: too few GPUs or nodes, or nodes that would be left over.
        RecipeError: a parallelism that no grouping of nodes can carry.
    """
    world = gpus_per_replica(model)
    each = nodes_per_replica(model, placement.slots)
    if each == 1:
        fit = placement.slots // world if placement.slots else 1
        count = max(fit, 1) if server.replicas == "auto" else server.replicas
        if placement.slots and count * world > placement.slots:
            raise ServerError(
                f"server.replicas={count} of model.tensor_parallel={model.tensor_parallel} × "
                f"model.pipeline_parallel={model.pipeline_parallel} need {count * world} GPUs, "
                f"{placement.slots} are "
                "visible here; lower them or ask for more GPUs"
            )
        return NodeShare(
            role="alone", replicas=count, group=placement.node, rank=0, nodes=1, ranks=world
        )
    if server.replicas not in ("auto", 1):
        raise RecipeError(
            f"server.replicas={server.replicas}: a server of {world} GPUs spans {each} nodes of "
            f"{placement.slots}, and "
            "each group of nodes has one; use server.replicas=auto"
        )
    if placement.nodes % each:
        raise ServerError(
            f"model.tensor_parallel={model.tensor_parallel} × "
            f"model.pipeline_parallel={model.pipeline_parallel}: a "
            f"server of {world} GPUs spans {each} nodes of {placement.slots}, and this process is "
            "one of "
            f"{placement.nodes}; give each element {each} nodes, or a multiple, and start tsdg on "
            "each with srun"
        )
    if not placement.element:
        raise ServerError(
            "TSDG_ELEMENT is not set, and there is no SLURM_JOB_ID: nodes that share a server need "
            "a name in common "
            "to find one another; set it to the same on all of them, and to another at each start"
        )
    rank = placement.node % each
    return NodeShare(
        role="worker" if rank else "head",
        replicas=1,
        group=placement.node // each,
        rank=rank,
        nodes=each,
        ranks=world // each,
    )


def gpus_of(placement: Placement, share: NodeShare, replica: int) -> tuple[str, ...]:
    """The GPUs on this node of replica number ``replica``; none where the node has none.

    Raises:
        ServerError: a node that shares a server has fewer than the others were counted to have.
    """
    if not placement.gpus:
        return ()
    found = placement.gpus[replica * share.ranks : (replica + 1) * share.ranks]
    if len(found) < share.ranks:
        raise ServerError(
            f"TSDG_SLOTS={placement.slots}: {share.ranks} GPUs of this node are needed for a "
            "server, "
            f"{len(placement.gpus)} are visible; ask for nodes of one kind"
        )
    return found


def cores_of(cores: tuple[int, ...], share: NodeShare, replica: int) -> tuple[tuple[int, ...], ...]:
    """The cores of a replica on a node without GPUs, one tuple per rank on this node.

    Nothing where a node has one server, which takes what it finds, or fewer cores than ranks.

    Args:
        cores: that this process may use.
        share: what the node has to do.
        replica: number of the replica, from 0.
    """
    ranks = share.replicas * share.ranks
    each = math.floor(len(cores) / ranks)
    if share.replicas == 1 or each == 0:
        return ()
    first = replica * share.ranks
    return tuple(
        cores[rank * each : (rank + 1) * each] for rank in range(first, first + share.ranks)
    )


def _number(environ: Mapping[str, str], ours: str, slurms: str, *, default: int, least: int) -> int:
    name = ours if ours in environ else slurms
    text = environ.get(name, str(default))
    if not text.strip().isdecimal() or int(text) < least:
        raise MachineError(f"{name}={text}: must be a whole number from {least} on")
    return int(text)


def _element(environ: Mapping[str, str]) -> str:
    """The element's name, fit for a file's name; empty where the environment has none."""
    given = environ.get("TSDG_ELEMENT", "")
    if not given and environ.get("SLURM_JOB_ID"):
        given = "-".join(
            environ.get(f"SLURM_{name}", "0") for name in ("JOB_ID", "STEP_ID", "RESTART_COUNT")
        )
    return re.sub(r"[^A-Za-z0-9._-]", "_", given)[:100]
