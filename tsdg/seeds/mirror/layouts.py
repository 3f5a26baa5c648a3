"""Which files of a commit are which split of which config: pure, from the hub's listing only.

Two layouts are known for certain. The hub's conversion has ``<config>/<split>/0000.parquet``; a
first part of a data set that was too large for it is in ``<config>/partial-<split>``. A
repository's own files count where the ``configs`` of its README give each split its files by name.
Everything else would be a guess, and a guess can make a test a train.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from tsdg.errors import few, shown
from tsdg.seeds.mirror.globs import matching
from tsdg.seeds.mirror.hub_form import HubFile

_CONVERTED = re.compile(r"(?P<config>[^/]+)/(?P<split>[^/]+)/(?P<number>[0-9]{1,6})\.parquet")
_PARTIAL = "partial-"
_SPLIT = re.compile(r"\w[\w.]{0,99}")
_HEAD = 2 << 20
"""Characters of a README's front matter that are read."""


def _is_name(config: str) -> bool:
    """Whether a config's name can be the name of a folder, and be shown."""
    return (
        0 < len(config) <= 200
        and not set(config) & set("/\\\n\t")
        and config[0] != "."
        and shown(config) == config
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The splits of a commit."""

    configs: Mapping[str, Mapping[str, tuple[HubFile, ...]]]
    """Files in the order of their rows, by split, by the hub's name of the config."""
    doubts: Mapping[str, str] = field(default_factory=dict)
    """Why a split that is there cannot be had, by ``<config>/<split>``."""
    default: str = ""
    """The hub's name of the config that is used where none is named; empty where that is not
    certain."""

    def with_default(self, name: str) -> Layout:
        """Return the layout with another default config, where it has one of that name."""
        return replace(self, default=name) if name in self.configs else self

    def config(self, name: str) -> str:
        """Return the hub's name of a config of the catalogue ("" is the default one).

        "" where there is none.
        """
        return name if name in self.configs else "" if name else self.default

    def files(self, config: str, split: str) -> tuple[HubFile, ...]:
        """Return the files of a split of the catalogue; none where there is no such split."""
        return self.configs.get(self.config(config), {}).get(split, ())

    def lack(self, config: str, split: str) -> str:
        """Say why a split has no files."""
        if not config and not self.default:
            names = few(sorted(self.configs), 8) or "none"
            return f"none of the configs is the default one for certain: {names}"
        name = self.config(config)
        if not name:
            return f"no config {config!r} among {few(sorted(self.configs), 8) or 'none'}"
        known = self.configs[name]
        return (
            self.doubts.get(f"{name}/{split}")
            or f"no split {split!r} in config {name!r}, only {few(sorted(known), 8) or 'none'}"
        )


def converted(files: Iterable[HubFile]) -> Layout:
    """Read the layout of the hub's own conversion."""
    numbered: dict[str, dict[str, list[tuple[int, HubFile]]]] = {}
    doubts: dict[str, str] = {}
    for file in files:
        match = _CONVERTED.fullmatch(file.path)
        if match is None or not _is_name(match["config"]):
            continue
        config, split = match["config"], match["split"]
        splits = numbered.setdefault(config, {})
        if split.startswith(_PARTIAL):
            doubts[f"{config}/{split.removeprefix(_PARTIAL)}"] = (
                "the hub has converted only the first part of this data set, which is too large "
                "for it"
            )
        elif _SPLIT.fullmatch(split):
            splits.setdefault(split, []).append((int(match["number"]), file))
    configs: dict[str, dict[str, tuple[HubFile, ...]]] = {}
    for config, splits in numbered.items():
        whole = configs.setdefault(config, {})
        for split, parts in splits.items():
            if lack := _numbering(sorted(number for number, _ in parts)):
                doubts[f"{config}/{split}"] = lack
            else:
                whole[split] = tuple(file for _, file in sorted(parts, key=lambda part: part[0]))
    return Layout(configs=configs, doubts=doubts, default=_default(configs, ""))


def _numbering(numbers: Sequence[int]) -> str:
    """What is wrong with the numbers of a split's files; empty for nothing."""
    if list(numbers) == list(range(len(numbers))):
        return ""
    twice = len(set(numbers)) < len(numbers)
    what = "a number stands twice among" if twice else "numbers are missing among"
    return f"the conversion is not whole: {what} those of its files: {few(numbers, 8)}"


def declared(files: Iterable[HubFile], readme: str) -> Layout:
    """Read the layout that a repository's README declares for its own Parquet files."""
    by_path = {file.path: file for file in files}
    configs: dict[str, dict[str, tuple[HubFile, ...]]] = {}
    doubts: dict[str, str] = {}
    default = ""
    for entry in _entries(readme):
        config = entry.get("config_name")
        if not isinstance(config, str) or not _is_name(config):
            continue
        if entry.get("default") is True:
            default = config
        for split, path in _splits(entry):
            splits = configs.setdefault(config, {})
            found = matching(by_path, path)
            if found and all(name.endswith(".parquet") for name in found):
                splits[split] = tuple(by_path[name] for name in found)
            else:
                doubts[f"{config}/{split}"] = (
                    "its README names no Parquet files for it, and the hub has no conversion of it"
                )
    return Layout(configs=configs, doubts=doubts, default=_default(configs, default))


def _splits(entry: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """The splits of a README's config, each with the pattern of its files."""
    data_files = entry.get("data_files")
    if entry.get("data_dir") or not isinstance(data_files, list):
        return
    for part in data_files:
        split = part.get("split") if isinstance(part, dict) else None
        if isinstance(split, str) and _SPLIT.fullmatch(split):
            yield split, part.get("path")


def _default(configs: Mapping[str, object], stated: str) -> str:
    if stated in configs:
        return stated
    if "default" in configs:
        return "default"
    return next(iter(configs)) if len(configs) == 1 else ""


def _entries(readme: str) -> list[dict[str, Any]]:
    """The ``configs`` of a README's front matter."""
    head = front_matter(readme)
    entries = head.get("configs")
    return (
        [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    )


def front_matter(readme: str) -> dict[str, Any]:
    """The YAML between the two lines of dashes that a README begins with; empty for none."""
    lines = readme[:_HEAD].removeprefix("\ufeff").split("\n")
    if lines[0].rstrip() != "---":
        return {}
    end = next((at for at, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), 0)
    try:
        head = yaml.load("\n".join(lines[1:end]), Loader=_LOADER) if end else None
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return head if isinstance(head, dict) else {}


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The fast one, where this machine has it: the two read the same."""
