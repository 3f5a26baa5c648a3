"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Collection

from tsdg.commands.words import Option

RUN = Option(name="RUN", help="a run: its directory, or its name in `tsdg list`", kind="run")
KEPT = "keys of the recipe that change no row, as engine.max_in_flight"
JSON = Option(name="--json", help="print JSON")
DRY_RUN = Option(name="--dry-run", help="show what would be done, and do nothing")
SCRIPTS = Option(name="--scripts", help="the same, and each job's sbatch script before it")
CONFIG_DIR = Option(
    name="--config-dir",
    metavar="FOLDER",
    help="where recipes, families, verifiers of your own are",
)
RECIPE = Option(
    name="recipe", metavar="R", help="the name of a recipe, as demo or knowledge", kind="recipe"
)
CLUSTER = Option(
    name="cluster",
    metavar="C",
    help="NAME of cluster_configs/NAME.yaml, or a path",
    kind="cluster",
)
CONFIG = Option(name="config", metavar="FILE", help="a YAML file with values of these keys")
OF_HYDRA = (
    CONFIG_DIR,
    Option(name="--cfg", metavar="job", help="print the composed recipe, and do nothing"),
    Option(name="--resolve", help="with --cfg: values in place of ${...}"),
    Option(name="--package", metavar="GROUP", help="with --cfg: one group alone"),
    Option(name="--multirun", help="or -m: once for each value of KEY=A,B"),
    Option(name="--info", metavar="TOPIC", help="what Hydra composed, e.g. defaults-tree"),
)
"""Flags that Hydra reads."""


def is_dry(flags: Collection[str]) -> bool:
    """Whether a command is to show what it would do, and do nothing."""
    return DRY_RUN.name in flags or SCRIPTS.name in flags
