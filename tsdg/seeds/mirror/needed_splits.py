"""What a mirror should hold for a request.

Pure, from the catalogue and the index, without a look at the hub.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from tsdg.seeds.catalogue.index import Index
from tsdg.seeds.catalogue.model import Catalogue
from tsdg.seeds.catalogue.tables import table

HeldOut = Literal["same", "all"]
Role = Literal["train", "held_out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """One split that should be there."""

    dataset_path: str
    config: str
    """"" for the default config."""
    split: str
    role: Role
    rows: int
    """As counted or documented in the catalogue; 0 where nobody knows."""

    @property
    def name(self) -> str:
        """The split as it is shown."""
        return f"{self.dataset_path}/{self.config or 'default'}/{self.split}"


def wants(
    tasks: Iterable[str], held_out: HeldOut, catalogue: Catalogue, index: Index
) -> list[Want]:
    """List the training units of tasks, and held-out splits to compare their rows with.

    Args:
        tasks: allowed task names; tsdg's own demo tasks need nothing.
        held_out: ``same``: the splits of the same data sets that lm-eval scores or shows as
            few-shot examples, in every config; ``all``: those of all data sets that lm-eval names.
        catalogue: says which units the tasks read, and what is proven training data.
        index: says what lm-eval scores.

    Returns:
        Training units in the order of the tasks, then held-out splits by name; each once. A split
        that is a proven training unit is never held out.
    """
    units = [unit for task in tasks if (unit := catalogue.unit_of_task(task)) is not None]
    units = [unit for unit in dict.fromkeys(units) if catalogue.family(unit.family).tier != "demo"]
    wanted = [
        Want(
            dataset_path=unit.dataset_path,
            config=plain(unit.config),
            split=unit.split,
            role="train",
            rows=unit.rows if unit.rows_certainty in ("C", "D") else 0,
        )
        for unit in units
    ]
    datasets = list(index.datasets) if held_out == "all" else [one.dataset_path for one in wanted]
    scored = _scored(datasets if wanted else [], index) - proven(catalogue)
    return wanted + [
        Want(dataset_path=path, config=config, split=split, role="held_out", rows=0)
        for path, config, split in sorted(scored)
    ]


def _scored(datasets: Iterable[str], index: Index) -> set[tuple[str, str, str]]:
    """Splits of data sets that lm-eval scores, or shows as few-shot examples."""
    return {
        (entry.dataset_path, plain(entry.config), split)
        for path in datasets
        for entry in index.datasets.get(path, ())
        for split in (entry.scored, entry.fewshot)
        if split
    }


@cache
def not_on_hub() -> Mapping[str, str]:
    """Why some data sets cannot be fetched, by dataset path."""
    return {row["dataset_path"]: row["why"] for row in table("not_on_hub.csv")}


def default_config(dataset_path: str) -> str:
    """Return the hub's name of the config that lm-eval reads without naming it; mostly empty."""
    return _default_configs().get(dataset_path, "")


@cache
def _default_configs() -> Mapping[str, str]:
    return {row["dataset_path"]: row["hub_config"] for row in table("default_configs.csv")}


def proven(catalogue: Catalogue) -> set[tuple[str, str, str]]:
    """Return (dataset path, config, split) of all proven training units."""
    return {(unit.dataset_path, plain(unit.config), unit.split) for unit in catalogue.units}


def plain(config: str) -> str:
    """Return a config as a mirror names it inside: the one called ``default`` is ""."""
    return "" if config == "default" else config
