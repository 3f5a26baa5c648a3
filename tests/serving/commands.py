"""The command of each node of one server, for every model file and kind of node.

``python -m tests.serving.commands`` writes ``commands.txt`` anew.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tests.serving.conftest import server_config
from tsdg.config.compose import compose_recipe, recipes_dir
from tsdg.config.models import ModelConfig
from tsdg.config.parallelism import gpus_per_replica, nodes_per_replica
from tsdg.config.recipe import Recipe
from tsdg.serving.vllm import Member, serve_command

GOLDEN = Path(__file__).with_suffix(".txt")
GPUS = {"h100": 8, "h200": 8, "gb200": 4}
ON_GPUS = sorted(
    path.stem
    for path in (recipes_dir() / "model").glob("*.yaml")
    if "facts:" in path.read_text()  # the others are for endpoints, or for a CPU
)


@cache
def recipe_of(name: str, *overrides: str) -> Recipe:
    """The demo's recipe with a model file; composing one takes a fifth of a second."""
    return compose_recipe(["recipe=demo", f"model={name}", "server=vllm", *overrides])


def model_of(name: str, *overrides: str) -> ModelConfig:
    return recipe_of(name, *overrides).model


def commands(name: str, hardware: str = "h100") -> list[str]:
    """The command of each node of one server, as they are run."""
    model = model_of(name, f"hardware={hardware}")
    nodes = nodes_per_replica(model, GPUS[hardware])
    server = server_config(command=("vllm", "serve"), replicas="auto")
    if nodes == 1:
        return [" ".join(serve_command(server=server, model=model, port=8000))]
    members = [
        Member(nodes=nodes, rank=rank, address="10.0.0.1", port=29500) for rank in range(nodes)
    ]
    return [
        " ".join(
            serve_command(
                server=server, model=model, port=0 if member.rank else 8000, member=member
            )
        )
        for member in members
    ]


def written() -> str:
    """The golden file as it would be written now."""
    lines = []
    for name in ON_GPUS:
        for hardware, count in GPUS.items():
            model = model_of(name, f"hardware={hardware}")
            servers = max(1, count // gpus_per_replica(model))
            nodes = nodes_per_replica(model, count)
            lines.append(f"# {name} on {hardware}: {servers} on {nodes} nodes of {count}")
            lines += [*commands(name, hardware), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    GOLDEN.write_text(written())
