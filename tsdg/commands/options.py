"""Options that several commands have."""

from __future__ import annotations

from tsdg.commands.words import Option

JSON = Option(name="--json", help="print JSON")
CONFIG_DIR = Option(
    name="--config-dir",
    metavar="FOLDER",
    help="a folder with recipes, families and verifiers of your own",
)
RECIPE = Option(name="recipe", metavar="R", help="a file of the group recipe", kind="recipe")
CLUSTER = Option(
    name="cluster",
    metavar="C",
    help="a file of cluster_configs without .yaml, or a path",
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
