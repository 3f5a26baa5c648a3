"""Which files of a commit are which split of which config: pure, from the hub's listing only.

Two layouts are known for certain. The hub's conversion has ``<config>/<split>/0000.parquet``; a
first part of a data set that was too large for it is in ``<config>/partial-<split>``. A
repository's own files count where the ``configs`` of its README give each split its files by name.
Everything else would be a guess, and a guess can make a test a train.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from tsdg.errors import few
from tsdg.seeds.mirror.hub import HubFile

_CONVERTED = re.compile(r"(?P<config>[^/]+)/(?P<split>[^/]+)/(?P<number>\d+)\.parquet")
_PARTIAL = "partial-"
_SPLIT = re.compile(r"\w+(\.\w+)*")
_UNSAFE = re.compile(r"[/\\\x00-\x1f]|^\.")


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
    numbered: dict[str, dict[str, dict[int, HubFile]]] = {}
    doubts: dict[str, str] = {}
    for file in files:
        match = _CONVERTED.fullmatch(file.path)
        if match is None or _UNSAFE.search(match["config"]):
            continue
        config, split = match["config"], match["split"]
        splits = numbered.setdefault(config, {})
        if split.startswith(_PARTIAL):
            name = f"{config}/{split.removeprefix(_PARTIAL)}"
            doubts[name] = (
                "the hub has converted only the first part of this data set, which is too large "
                "for it"
            )
        elif _SPLIT.fullmatch(split):
            splits.setdefault(split, {})[int(match["number"])] = file
    configs: dict[str, dict[str, tuple[HubFile, ...]]] = {}
    for config, splits in numbered.items():
        whole = configs.setdefault(config, {})
        for split, parts in splits.items():
            if set(parts) == set(range(len(parts))):
                whole[split] = tuple(parts[number] for number in sorted(parts))
            else:
                doubts[f"{config}/{split}"] = (
                    f"files are missing in the conversion: it has numbers {sorted(parts)}"
                )
    return Layout(configs=configs, doubts=doubts, default=_default(configs, ""))


def declared(files: Iterable[HubFile], readme: str) -> Layout:
    """Read the layout that a repository's README declares for its own Parquet files."""
    by_path = {file.path: file for file in files}
    configs: dict[str, dict[str, tuple[HubFile, ...]]] = {}
    doubts: dict[str, str] = {}
    default = ""
    for entry in _entries(readme):
        config, data_files = entry.get("config_name"), entry.get("data_files")
        if not isinstance(config, str) or not config or _UNSAFE.search(config):
            continue
        if entry.get("default") is True:
            default = config
        if entry.get("data_dir") or not isinstance(data_files, list):
            continue
        for part in data_files:
            split = part.get("split") if isinstance(part, dict) else None
            if not isinstance(split, str) or not _SPLIT.fullmatch(split):
                continue
            found = _matching(by_path, part.get("path"))
            if found and all(path.endswith(".parquet") for path in found):
                configs.setdefault(config, {})[split] = tuple(by_path[path] for path in found)
            else:
                configs.setdefault(config, {})
                doubts[f"{config}/{split}"] = (
                    "its files are not Parquet, and the hub has no conversion of it"
                )
    return Layout(configs=configs, doubts=doubts, default=_default(configs, default))


def _default(configs: Mapping[str, object], stated: str) -> str:
    if stated in configs:
        return stated
    if "default" in configs:
        return "default"
    return next(iter(configs)) if len(configs) == 1 else ""


def _entries(readme: str) -> list[dict[str, Any]]:
    """The ``configs`` of a README's front matter."""
    match = re.match(r"\ufeff?---\s*\n(.*?)\n---\s*(\n|$)", readme, re.DOTALL)
    try:
        head = yaml.safe_load(match[1]) if match else None
    except (yaml.YAMLError, ValueError, RecursionError):
        return []
    entries = head.get("configs") if isinstance(head, dict) else None
    return (
        [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    )


def _matching(paths: Iterable[str], patterns: object) -> list[str]:
    """Paths that fit a pattern or a list of them: by pattern, then by name; each once."""
    wanted = (
        [patterns] if isinstance(patterns, str) else patterns if isinstance(patterns, list) else []
    )
    names = sorted(paths)
    found: dict[str, None] = {}
    for pattern in wanted:
        expression = _expression(str(pattern).removeprefix("./"))
        found |= dict.fromkeys(name for name in names if expression.fullmatch(name))
    return list(found)


def _expression(pattern: str) -> re.Pattern[str]:
    """A glob pattern as a regular expression.

    ``*`` and ``?`` stay within a folder, ``**`` does not.
    """
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    special = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(special.get(piece) or re.escape(piece) for piece in pieces))
