"""What makes two runs the same run.

The fingerprint is a SHA-256 over the canonical JSON of everything in a recipe that can change a
row, and of nothing else. Moving a run to another cluster, folder or number of servers keeps its
identity; changing one letter of a prompt does not.

Part of the identity:
  * which seeds: ``seed``, and all of ``seeds`` and ``passages`` but what is named below;
  * who writes: ``model.name``, ``model.revision``, ``model.max_model_len`` (what is too long),
    ``model.reasoning_parser``, ``model.request``, ``model.modes`` and
    ``model.flags`` (a quantised model is another model), and the same of each model in ``roles``;
    of each role also ``thinking`` and ``request``;
  * how: all of ``study``, ``questions``, ``answers``, ``judge`` and ``filter``, and the *text* of
    every prompt and of a user's own verifier, wherever it lies.

Not part of it, because no row depends on it (``NOT_IDENTITY``, one table, a test holds it against
the recipe):
  * names and places: ``name``, ``output_root``, ``run``, ``seeds.mirror``, ``passages.path``,
    ``prompt``, ``model.path``;
  * what only describes seeds and models: ``passages.licence``, ``passages.commercial``,
    ``model.licence``, ``model.note``;
  * what other keys take their values from: ``hardware``, ``model.parallelism``, ``model.sampling``;
  * what only ``tsdg plan`` and ``tsdg doctor`` read: ``model.facts``, ``model.throughput``;
  * how the work is cut, carried and packed: ``seeds.workers``, ``phases``, ``server`` and those of
    ``roles``, ``engine``, ``budget``, ``package``, ``model.tensor_parallel``,
    ``model.pipeline_parallel``, ``model.data_parallel``, ``model.context_parallel``,
    ``model.max_num_seqs``;
  * what only stops a run before it costs anything: ``questions.max_duplicates``,
    ``seeds.accept``;
  * where and in which jobs: ``cluster``, ``launch``.

``passages.path=demo`` is part of it all the same: it names a set of passages, not a place.

Not in the fingerprint either: the content of the mirror, the catalogue rows and the modules that
read them. The snapshot records these, and each start compares them (``snapshot.py``). Each seed's
``source.revision`` says which revision it comes from.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from tsdg.config.passages import DEMO
from tsdg.config.recipe import Recipe

VERSION = 1
"""Of this scheme; stored beside every fingerprint, so that a later scheme is told from another
identity."""

NOT_IDENTITY = frozenset(
    {
        "name",
        "output_root",
        "run",
        "phases",
        "prompt",
        "server",
        "engine",
        "questions.max_duplicates",
        "budget",
        "package",
        "passages.path",
        "passages.licence",
        "passages.commercial",
        "seeds.mirror",
        "seeds.accept",
        "seeds.workers",
        "model.path",
        "model.licence",
        "model.note",
        "model.tensor_parallel",
        "model.pipeline_parallel",
        "model.data_parallel",
        "model.context_parallel",
        "model.max_num_seqs",
        "model.parallelism",
        "model.facts",
        "model.sampling",
        "model.throughput",
        "hardware",
        "launch",
        "cluster",
        "targets",
    }
)


def fingerprint(
    recipe: Recipe, prompts: Mapping[str, str], verifiers: Mapping[str, str] | None = None
) -> str:
    """Return the fingerprint of a run, 64 hexadecimal digits.

    Args:
        recipe: the validated recipe.
        prompts: prompt name → hash of its content, for every prompt that the recipe can use.
        verifiers: a user's own verifier → hash of its file, for those that the run uses.
    """
    return digest(identity(recipe.model_dump(mode="json"), prompts, verifiers or {}))


def verifier_hashes(own_files: Mapping[str, str]) -> dict[str, str]:
    """Hash the verifiers among a user's own files.

    Args:
        own_files: ``verifiers/NAME.py`` or ``families/NAME.py`` → its text.

    Returns:
        Verifier → hash of its file.
    """
    return {
        PurePosixPath(file).stem: hashlib.sha256(text.encode()).hexdigest()[:16]
        for file, text in own_files.items()
        if file.startswith("verifiers/")
    }


def identity(
    values: Mapping[str, Any], prompts: Mapping[str, str], verifiers: Mapping[str, str]
) -> dict[str, Any]:
    """Return what the fingerprint hashes.

    That is the version, the prompts, a user's own verifiers where there are any, and the
    recipe's values without ``NOT_IDENTITY``.
    """
    kept: dict[str, Any] = {}
    for key, value in values.items():
        if key in NOT_IDENTITY:
            continue
        if isinstance(value, dict):
            value = {inner: v for inner, v in value.items() if f"{key}.{inner}" not in NOT_IDENTITY}
        kept[key] = value
    if (
        values["passages"]["path"] == DEMO
    ):  # else one's own passages would go on where a trial of these ended
        kept["passages"]["path"] = DEMO
    kept["roles"] = {role: _role(own) for role, own in values["roles"].items()}
    own = {"verifiers": dict(verifiers)} if verifiers else {}
    return {"version": VERSION, "recipe": kept, "prompts": dict(prompts), **own}


def _role(own: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: v for key, v in own.items() if key not in ("model", "server")}
    return kept | ({"model": _model(own["model"])} if own["model"] else {})


def _model(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: v for key, v in values.items() if f"model.{key}" not in NOT_IDENTITY}


def digest(identity: Mapping[str, Any]) -> str:
    """Hash an identity."""
    canonical = json.dumps(identity, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
