"""Where a run is and which cluster it goes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tsdg import cache
from tsdg.config.recipe import Recipe
from tsdg.errors import UsageError
from tsdg.launch import ship
from tsdg.slurm.cluster import ClusterConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A run and its cluster."""

    recipe: Recipe
    cluster: ClusterConfig
    here: Path
    """The run directory on this machine; over ssh, a local copy of what a launch needs."""
    run: str
    """The run directory on the cluster."""
    environment: ship.Environment

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.here.name


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlace:
    """Where a run is, as its jobs see it."""

    run: str
    """The run directory."""
    python: str
    """Of bare jobs."""
    mounts: tuple[str, ...]
    """Of jobs in containers."""
    launch: str
    """Id of the launch, ``<title>_<number>``: NeMo-Run's experiment."""


def find_target(
    recipe: Recipe, cluster: ClusterConfig, directory: Path, environ: Mapping[str, str]
) -> Target:
    """Check what a launch needs beside the recipe, and say where the run will be.

    Args:
        recipe: the recipe.
        cluster: its cluster.
        directory: the run directory, as the recipe has it.
        environ: environment of this process.

    Raises:
        UsageError: a place that no job can use, or a variable that is not set.
    """
    if cluster.ssh_tunnel:
        if not directory.is_absolute():
            raise UsageError(
                f"output_root={recipe.output_root}: over ssh it must be an absolute path on "
                f"cluster {cluster.name}"
            )
        if not cluster.tsdg.python:
            raise UsageError(
                f"cluster {cluster.name}: over ssh tsdg.python must name the Python of its nodes"
            )
        here, run = cache.root(environ) / "launched" / cluster.name / directory.name, str(directory)
    else:
        here = directory.expanduser().absolute()
        run = str(here)
    ship.check_path("output_root and run", run)
    ship.check_path(f"cluster {cluster.name}: job_dir", cluster.shared_dir)
    return Target(
        recipe=recipe,
        cluster=cluster,
        here=here,
        run=run,
        environment=ship.job_environment(recipe, cluster, environ),
    )
