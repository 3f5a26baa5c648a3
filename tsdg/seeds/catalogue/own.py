"""A user's own family: ``families/NAME.yaml`` in a folder that ``--config-dir`` names.

::

    group: knowledge
    output_type: multiple_choice
    answer_kind: choice
    domain: driving
    languages: [en]
    licence: CC-BY-4.0
    commercial: "yes"
    suggested_cap: 5000
    units:
      - dataset_path: me/street-signs
        split: train
        proof: "our own release: train is trained on and test is scored"
        rows: 40
        tasks: [street_signs]
    examples:                 # rows of the source, and what they give
      - row: {sign: a red octagon, meanings: [stop, give way, no entry], right: 0}
        question: What does a red octagon tell a driver?
        answer: stop

The other columns of :class:`~tsdg.seeds.catalogue.model.Family` and
:class:`~tsdg.seeds.catalogue.model.Unit` may be given, and have a default here. Each example is a
row in the columns of the source, with what a person expects of it. The family is tested with them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from tsdg.config.base import Config
from tsdg.config.mistakes import explain, unknown_key
from tsdg.errors import CatalogueError
from tsdg.seeds.catalogue.model import CatalogueRow, Family, Unit

_FAMILY = {
    "id": "own",
    "tier": "extra",
    "contamination": "",
    "remarks": "",
}
_UNIT = {
    "config": "",
    "rows_certainty": "?",
    "yaml": "",
    "licence": "",
    "commercial": "",
    "remarks": "",
    "answer_kind": "",
    "part_of": "",
}


_KEYS = {*Family.model_fields, "units", "examples"}


class RowExample(CatalogueRow):
    """A row of the source, and what it gives: an answer, or the column that makes it malformed."""

    row: dict[str, Any]
    task: str = ""
    """Empty: the family's first."""
    question: str | None = None
    context: str | None = None
    options: tuple[str, ...] | None = None
    answer: str | None = None
    malformed: str | None = None


class OwnFamily(Config):
    """What the YAML file of a family holds."""

    family: Family
    units: tuple[Unit, ...] = Field(min_length=1)
    examples: tuple[RowExample, ...] = Field(min_length=1)


def own_family(path: Path) -> OwnFamily:
    """Read a family's YAML file.

    Raises:
        CatalogueError: it cannot be read, or lacks or holds what it should not.
    """
    import yaml

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        why = " ".join(str(error).split())[:200]
        raise CatalogueError(f"{path}: cannot be read ({why}); correct it") from error
    if not isinstance(values, dict):
        raise CatalogueError(f"{path}: found no mapping of columns to values; start from the docs")
    if not values.get("examples"):
        raise CatalogueError(
            f"{path}: family {path.stem} has no examples; give at least one row of its source, "
            "with the answer that is expected of it"
        )
    odd = next((name for name in values if name not in _KEYS), None)
    if odd is not None:
        raise CatalogueError(f"{path}: {unknown_key([str(odd)], Family, noun='column')}")
    units = values.pop("units", None)
    if not isinstance(units, list) or not all(isinstance(unit, dict) for unit in units):
        raise CatalogueError(f"{path}: units: found {units!r}, allowed: a list of mappings")
    examples = values.pop("examples")
    whole = {
        "family": {**_derived(path.stem, values), **values},
        "units": [
            {**_UNIT, "family": path.stem, "language": _first(values), **unit} for unit in units
        ],
        "examples": examples,
    }
    try:
        made = OwnFamily.model_validate(whole)
    except ValidationError as error:
        why = explain(error, OwnFamily, noun="", settable=False).removeprefix("family.")
        raise CatalogueError(f"{path}: {why}") from error
    if made.family.family != path.stem:
        raise CatalogueError(
            f"{path}: family: found {made.family.family!r}, allowed: {path.stem}, as the file is "
            "called"
        )
    if all(example.answer is None for example in made.examples):
        raise CatalogueError(f"{path}: examples: none has an answer; at least one needs it")
    return made


def _derived(name: str, values: dict[str, Any]) -> dict[str, Any]:
    """Columns that follow from the others where they are not given."""
    return {**_FAMILY, "family": name, "adapter": name, "verifier": values.get("answer_kind", "")}


def _first(values: dict[str, Any]) -> str:
    languages = values.get("languages")
    return str(languages[0]) if isinstance(languages, list) and languages else ""
