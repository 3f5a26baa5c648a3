"""How many nodes one server of a model takes; launch and servers both ask here. Pure."""

from __future__ import annotations

from tsdg.config.models import ModelConfig
from tsdg.errors import RecipeError


def gpus_per_replica(model: ModelConfig) -> int:
    """GPUs of one server."""
    return model.tensor_parallel * model.pipeline_parallel * model.data_parallel


def nodes_per_replica(model: ModelConfig, gpus_per_node: int) -> int:
    """Nodes that one server of a model spans; 1 where it fits in a node, and on nodes without GPUs.

    An element of a job array needs this many nodes, or a multiple of it.

    Args:
        model: with its parallelism.
        gpus_per_node: GPUs of one node; 0 where it has none.

    Raises:
        RecipeError: the GPUs of a server cannot be shared evenly by the nodes that it needs.
    """
    world = gpus_per_replica(model)
    if gpus_per_node == 0 or world <= gpus_per_node:
        return 1
    if model.data_parallel > 1:
        raise RecipeError(
            f"model.data_parallel={model.data_parallel}: a server with copies stays on one node, "
            f"and it takes {world} GPUs where a node has {gpus_per_node}; use tensor and pipeline "
            "parallelism for one that spans nodes"
        )
    nodes = -(-world // gpus_per_node)
    if world % nodes:
        raise RecipeError(
            f"model.tensor_parallel={model.tensor_parallel} × "
            f"model.pipeline_parallel={model.pipeline_parallel}: "
            f"{world} GPUs of one server cannot be shared evenly by {nodes} nodes of "
            f"{gpus_per_node} GPUs; choose a "
            f"multiple of {nodes}"
        )
    return nodes
