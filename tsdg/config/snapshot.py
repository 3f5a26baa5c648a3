"""The snapshot: everything that is needed to repeat a run, written before its first seed.

It never holds a secret.

::

    snapshot/recipe.yaml        the resolved recipe (keys to endpoints are named in it, not held)
    snapshot/fingerprint.json   {"version", "fingerprint", "identity"}
    snapshot/prompts/<step>/<answer kind>.yaml
    snapshot/catalogue.json     the catalogue's rows for the units of source used, each with the
                                revision of its split and a hash of what reads it
    snapshot/families/<name>.yaml|py   the user's own families; verifiers/ likewise
    snapshot/versions.json      {"created", "tsdg", "python", "commit", "dirty",
                                "packages": {name: version} of those that can change a row,
                                "environment": of all, "weights": of the model}
    snapshot/code.diff          what the working tree changed in that commit; absent if nothing
    snapshot/code.tar.gz        the code that its jobs run (`tsdg launch`)
    snapshot/clusters/<name>.yaml   the clusters it was launched on
    snapshot/launches.jsonl     one line per start of this run: when, where, which overrides
"""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

import tsdg
from tsdg.config import extensions
from tsdg.config.compose import validate
from tsdg.config.facts import all_packages, weights_facts
from tsdg.config.fingerprint import VERSION, digest, fingerprint, identity, verifier_hashes
from tsdg.config.overrides import merge_words
from tsdg.config.recipe import Recipe
from tsdg.config.secrets import HIDDEN, is_kept, override_without_secrets, without_user_info
from tsdg.errors import RecipeError, RunConflictError, UsageError, few
from tsdg.layout import ALLOWED_UNITS, FINGERPRINT, RECIPE, SNAPSHOT
from tsdg.storage import make_directory, storage, write_whole
from tsdg.version import version

if TYPE_CHECKING:
    from omegaconf import DictConfig

PACKAGES = (
    "lm-eval",
    "datasets",
    "hydra-core",
    "pydantic",
    "pyarrow",
    "aiohttp",
    "math-verify",
    "tokenizers",
)
"""Distributions whose version can change a row or a file."""


def run_name(
    recipe: Recipe, prompt_hashes: Mapping[str, str], verifiers: Mapping[str, str] | None = None
) -> str:
    """Name of the run directory: ``run``, or recipe and fingerprint where it is ``auto``."""
    return (
        recipe.run
        if recipe.run != "auto"
        else f"{recipe.name}-{fingerprint(recipe, prompt_hashes, verifiers)[:10]}"
    )


def write_snapshot(
    directory: Path,
    *,
    recipe: Recipe,
    overrides: Sequence[str],
    prompt_texts: Mapping[str, str],
    prompt_hashes: Mapping[str, str],
    catalogue: Sequence[Mapping[str, Any]],
    own_files: Mapping[str, str],
) -> None:
    """Write the snapshot of a new run, or check a resumed run against it; note this start.

    Args:
        directory: ``<run>/snapshot``.
        recipe: the validated recipe.
        overrides: the command line's, as typed.
        prompt_texts: prompt name (``questions/choice``) → its YAML text.
        prompt_hashes: prompt name → hash of its content.
        catalogue: one mapping per unit of source used.
        own_files: file in the snapshot (``families/NAME.py``, ``verifiers/NAME.py``) → its text.

    Raises:
        RunConflictError: the directory holds another run; the message names the first keys that
            differ, or which data, row of the catalogue or family changed.
    """
    mine = identity(recipe.model_dump(mode="json"), prompt_hashes, verifier_hashes(own_files))
    marker = directory / "fingerprint.json"
    if marker.exists():
        theirs = _identity_in(marker)
        differences = _differences(theirs, mine)
        if differences:
            raise RunConflictError(
                f"run directory {directory.parent} holds another run: "
                f"{few(differences, separator='; ')}; "
                "choose another name with run=NAME"
            )
        _check_sources(directory, catalogue)
    else:
        _write(directory / "recipe.yaml", recipe_text(recipe))
        for name, text in prompt_texts.items():
            _write(directory / "prompts" / f"{name}.yaml", text)
        for name, text in own_files.items():
            _write(directory / name, text)
        _write(directory / "catalogue.json", _json(list(catalogue)))
        commit, diff = _code()
        versions = {
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "tsdg": version(),
            "python": platform.python_version(),
            "packages": {name: metadata.version(name) for name in PACKAGES},
            "environment": all_packages(),
            "weights": weights_facts(recipe.model.path),
            "commit": commit,
            "dirty": bool(diff),
        }
        _write(directory / "versions.json", _json(versions))
        if diff:
            _write(directory / "code.diff", diff)
        # Last, so that its presence says that the snapshot is whole.
        _write(marker, _json({"version": VERSION, "fingerprint": digest(mine), "identity": mine}))
    started = {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": platform.node(),
        "overrides": [override_without_secrets(override) for override in overrides],
        "phases": recipe.phases,
        "engine": recipe.engine.model_dump(),
        "server": {"type": recipe.server.type, "replicas": recipe.server.replicas},
    }
    launches = directory / "launches.jsonl"
    with storage("write", launches), launches.open("a") as file:
        file.write(json.dumps(started) + "\n")


def read_recipe(run: Path, overrides: Sequence[str], *, file: str = RECIPE) -> Recipe:
    """Read the recipe of a run from its snapshot.

    Variables of ``server.env`` that may be secrets are not in it: servers inherit them from this
    process.

    Args:
        run: the run directory.
        overrides: ``KEY=VALUE`` of keys that no row depends on.
        file: in the run directory; another than the snapshot's may differ in keys that no row
            depends on.

    Raises:
        UsageError: the directory holds no snapshot.
        RecipeError: the snapshot or an override is wrong.
        RunConflictError: an override would make it another run.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    path = run / file
    if not (run / FINGERPRINT).is_file():
        raise UsageError(
            f"{run} is not a run directory: it has no whole snapshot; `tsdg run` and `tsdg launch` "
            "make one"
        )
    try:
        values = _literal(yaml.load(path.read_text(), Loader=yaml.CSafeLoader))
        for server in _servers(values):
            server["env"] = {
                name: value for name, value in server["env"].items() if value != HIDDEN
            }
        kept = OmegaConf.create(
            {**values, "output_root": str(run.absolute().parent), "run": run.absolute().name}
        )
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        yaml.YAMLError,
        OmegaConfBaseException,
    ) as error:
        why = (
            " ".join(str(error).split())[:200]
            if isinstance(error, OSError | yaml.YAMLError)
            else "it is not a recipe"
        )
        raise RecipeError(f"{path}: cannot be read ({why}); restore it") from error
    with extensions.using(run / SNAPSHOT):  # whose verifiers the recipe may name
        try:
            validate(kept)
        except RecipeError as error:
            what = str(error).partition(";")[0]
            raise RecipeError(
                f"{path} is of another version of tsdg, or was changed: {what}; go on with the "
                "version in snapshot/versions.json, or start a new run"
            ) from error
        words = merge_words(kept, overrides, Recipe, noun="recipe key")
        recipe = validate(cast("DictConfig", words))
    theirs = _identity_in(run / FINGERPRINT)
    mine = identity(recipe.model_dump(mode="json"), theirs["prompts"], theirs.get("verifiers", {}))
    if differences := _differences(theirs, mine):
        raise RunConflictError(
            f"{run} would become another run: {few(differences, separator='; ')}; start one with "
            "`tsdg run`"
        )
    return recipe


def recipe_text(recipe: Recipe) -> str:
    """Write a recipe for :func:`read_recipe`: resolved, and without likely secrets."""
    return yaml.safe_dump(_to_keep(recipe), sort_keys=False)


def _servers(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All servers of a recipe as plain values: the run's own and those of roles."""
    return [values["server"], *(own["server"] for own in values["roles"].values() if own["server"])]


def _literal(value: Any) -> Any:
    """A resolved value as OmegaConf takes it literally: ``${`` in it is text."""
    if isinstance(value, dict):
        return {key: _literal(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_literal(inner) for inner in value]
    return value.replace("${", "\\${") if isinstance(value, str) else value


def _to_keep(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain values, readable from any folder and without what may be a secret.

    Of ``server.env`` only what is known to be harmless is kept; in all URLs the user's name and
    password are hidden.
    """
    values: dict[str, Any] = recipe.model_dump(mode="json")
    values["seeds"]["mirror"] = _from_anywhere(values["seeds"]["mirror"])
    for model in (values["model"], *(own["model"] for own in values["roles"].values())):
        if model:
            model["path"] = _from_anywhere(model["path"])
    for server in _servers(values):
        server["api_key_file"] = _from_anywhere(server["api_key_file"])
        program, *words = server["command"] or [""]
        if "/" in program:  # else it is a name, which PATH finds
            server["command"] = [_from_anywhere(program), *words]
        server["env"] = {
            name: value if is_kept(name, value) else HIDDEN for name, value in server["env"].items()
        }
    hidden: dict[str, Any] = without_user_info(values)
    return hidden


def _from_anywhere(path: str) -> str:
    """A path as it is found from any folder; unchanged where nothing is there, as for a hub id."""
    place = Path(path).expanduser()
    return str(place.absolute()) if path and place.exists() else path


def _differences(theirs: Any, mine: Any, key: str = "") -> list[str]:
    """Each leaf that differs, as ``key: theirs there, mine here``."""
    if isinstance(theirs, dict) and isinstance(mine, dict):
        return [
            difference
            for name in sorted({*theirs, *mine})
            for difference in _differences(
                theirs.get(name), mine.get(name), f"{key}.{name}".removeprefix(".")
            )
        ]
    return [] if theirs == mine else [_difference(theirs, mine, key)]


def _difference(theirs: Any, mine: Any, key: str) -> str:
    part, _, name = key.partition(".")
    if part == "verifiers" and theirs and mine:
        return f"the file of verifier {name} differs"
    if part == "verifiers":
        own = name or ", ".join(theirs or mine)
        return f"verifier {own} of your own is used only {'there' if theirs else 'here'}"
    if part == "prompts":
        return f"the text of prompt {name} differs"
    name = key.removeprefix("recipe.")
    return f"{name} is {json.dumps(theirs)} there and {json.dumps(mine)} here"


_SAID_OF_SOURCES = frozenset({"remarks", "proof", "rows", "rows_certainty"})
"""Columns of the catalogue that no row of a run depends on."""


def read_revisions(run: Path) -> dict[str, str]:
    """Return the revisions of the splits that a run reads, by name; none before it is begun.

    A name is ``<dataset path>/<config or default>/<split>``.

    Raises:
        RunConflictError: the snapshot is damaged.
    """
    if not (run / FINGERPRINT).exists():
        return {}
    return {
        f"{row['dataset_path']}/{row['config'] or 'default'}/{row['split']}": row["revision"]
        for row in _read_sources(run / ALLOWED_UNITS).values()
        if row.get("revision")
    }


def _read_sources(path: Path) -> dict[str, Any]:
    """The catalogue's rows of a snapshot, by task."""
    try:
        rows = json.loads(path.read_text())
        needed = ("dataset_path", "config", "split")
        return {
            row["task"]: row for row in rows if all(isinstance(row[key], str) for key in needed)
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunConflictError(
            f"{path} is damaged, so nobody knows what the run reads; restore it, or choose another "
            "run=NAME"
        ) from error


def _check_sources(directory: Path, catalogue: Sequence[Mapping[str, Any]]) -> None:
    """Compare what a run reads now with what it read when it was begun.

    Nothing is compared that one side does not know: the revision of a split that this machine
    lacks, or what another version of tsdg did not write.
    """
    begun = _read_sources(directory / "catalogue.json")
    changes: dict[str, None] = {}
    for now in json.loads(_json(list(catalogue))):
        then = begun.get(now["task"], {})
        for key in sorted({*then} & {*now} - _SAID_OF_SOURCES):
            if then[key] != now[key] and "" not in (then[key], now[key]):
                changes[_source_change(now, key, then[key])] = None
    if changes:
        raise RunConflictError(
            f"run directory {directory.parent}: since it was begun, "
            f"{few(list(changes), separator='; ')}; put it back as it was, or choose another name "
            "with run=NAME"
        )


def _source_change(now: Mapping[str, Any], key: str, then: object) -> str:
    name = f"{now['dataset_path']}/{now['config'] or 'default'}/{now['split']}"
    if key == "revision":
        return f"the data of {name} changed ({then} then, {now[key]} now)"
    if key == "reader":
        return f"how family {now['family']} reads its rows changed"
    if key == "doubts":
        return "what `tsdg difficulty` found in the runs of seeds.exclude changed"
    told = f"{json.dumps(then)} then, {json.dumps(now[key])} now"
    return f"the catalogue's column {key} of {name} changed ({told})"


def _code() -> tuple[str, str]:
    """Return the commit that tsdg runs from and the changes to it; empty without a checkout."""
    root = Path(tsdg.__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return "", ""

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False
        )
        return done.stdout if done.returncode == 0 else ""

    return git("rev-parse", "HEAD").strip(), git("diff", "HEAD", "--", "tsdg", "recipes")


def _json(value: object) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _identity_in(marker: Path) -> Any:
    try:
        return json.loads(marker.read_text())["identity"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunConflictError(
            f"{marker} is damaged, so nobody knows whose run it is; restore it, or choose another "
            "run=NAME"
        ) from error


def _write(path: Path, text: str) -> None:
    make_directory(path.parent)
    write_whole(path, text.encode())
