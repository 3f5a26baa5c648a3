"""``tsdg verify``: whether a run directory holds what its manifest says, and its rows fit together.

1. The manifest: written form, digest, schema.
2. Every file that it lists: there, size, checksum, rows; and no data file that it does not list.
3. Every count, taken again from the files; and the sums of every stage, per task.
4. The rows: ids, references, sources (:mod:`tsdg.package.fsck_rows`).

Files are read in pieces; ids are held as digests of 8 bytes. Damaged files are not parsed: 3 and 4
are done only where 1 and 2 found all tables whole, and the findings say so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pyarrow.parquet as pq

from tsdg.errors import VerificationError, few
from tsdg.layout import (
    DATASET,
    MANIFEST,
    QUESTIONS,
    SEED_COUNTS,
    SEEDS,
    SOLUTIONS,
    data_files,
    rejected,
    steps_of,
)
from tsdg.package.counts import SEED_REFUSALS, RunCount, count_run
from tsdg.package.findings import Finding
from tsdg.package.fsck_rows import check_rows
from tsdg.package.manifest import (
    breaches,
    counted_part,
    file_entries,
    inputs_of,
)
from tsdg.package.manifest_form import Manifest, canonical, digest_of, refuse_other_form
from tsdg.package.merged import check_merged
from tsdg.package.report.facts import contamination_of
from tsdg.storage import sha256_of


def verify_run(run: Path) -> list[Finding]:
    """Check a finished run; an empty list means that nothing is wrong.

    The first finding is the one to look at first: the manifest, then files, then counts, then rows.

    Raises:
        VerificationError: the manifest has another version's form, so that nothing can be checked.
    """
    manifest, findings = _read_manifest(run)
    if manifest is None:
        return findings
    damage = [*_listed_files(run, manifest), *_unlisted_files(run, manifest)]
    findings += damage
    if damage:
        unchecked = Finding(
            path=MANIFEST,
            what="counts and rows were not checked",
            found=f"{len(damage)} damaged or unknown files",
            expected="every file as it is listed",
        )
        return [*findings, unchecked]
    if "merged" in manifest:
        return [*findings, *check_merged(run, manifest)]
    try:
        inputs = inputs_of(manifest)
        counts = count_run(run, inputs.phases)
        if set(counts.tasks) == set(manifest["tasks"]):
            findings += _counts(manifest, counted_part(counts, inputs))
        else:
            findings.append(_other_tasks(manifest, counts))
        findings += _sums(counts, steps_of(inputs.phases), inputs.questions_per_seed)
        findings += check_rows(run, manifest)
        contamination_of(run)
    except VerificationError as error:
        findings.append(
            Finding(
                path=".",
                what="the tables do not fit together",
                found=str(error),
                expected="a whole run",
            )
        )
    return findings


def _read_manifest(run: Path) -> tuple[Manifest | None, list[Finding]]:
    """The manifest, unless it is unusable; and what is wrong with it."""
    try:
        raw = (run / MANIFEST).read_bytes()
    except OSError as error:
        return None, [
            Finding(
                path=MANIFEST,
                what="cannot be read",
                found=error.strerror or str(error),
                expected="the manifest of a finished run",
            )
        ]
    try:
        manifest = json.loads(raw)
    except ValueError as error:
        return None, [
            Finding(
                path=MANIFEST,
                what="is not JSON",
                found=str(error),
                expected="the manifest as written",
            )
        ]
    if isinstance(manifest, dict):
        refuse_other_form(run, manifest)
    wrong = [
        Finding(
            path=f"{MANIFEST}: {where or '(top)'}",
            what="breaks the schema",
            found=what,
            expected="its schema",
        )
        for where, what in breaches(manifest)
    ]
    if wrong:
        return None, wrong
    findings = []
    if digest_of(manifest) != manifest["digest"]:
        findings.append(
            Finding(
                path=f"{MANIFEST}: digest",
                what="the manifest was changed after it was written",
                found=f"digest {digest_of(manifest)}",
                expected=manifest["digest"],
            )
        )
    elif raw != canonical(manifest):
        findings.append(
            Finding(
                path=MANIFEST,
                what="is not in its written form",
                found=f"{len(raw)} bytes",
                expected=(
                    f"{len(canonical(manifest))} bytes of JSON with sorted keys, each key once"
                ),
            )
        )
    return manifest, findings


def _listed_files(run: Path, manifest: Manifest) -> Iterator[Finding]:
    """Each listed file against its entry."""
    for entry in file_entries(manifest):
        path = run / entry["path"]
        if not path.is_file():
            yield Finding(
                path=entry["path"],
                what="is missing",
                found="no file",
                expected=f"a file of {entry['bytes']} bytes",
            )
            continue
        now = {"bytes": path.stat().st_size, "sha256": sha256_of(path), "rows": _rows(path)}
        listed = cast("Mapping[str, object]", entry)
        for what, found in now.items():
            if found != listed[what]:
                yield Finding(
                    path=entry["path"], what=what, found=str(found), expected=str(listed[what])
                )


def _rows(path: Path) -> int | str | None:
    """Rows by the footer; None for what is no table, a text for an unreadable footer."""
    if path.suffix != ".parquet":
        return None
    try:
        return int(pq.read_metadata(path).num_rows)
    except (
        Exception
    ):  # a damaged footer makes the reader raise anything, a UnicodeDecodeError for example
        return "no readable footer"


def _unlisted_files(run: Path, manifest: Manifest) -> Iterator[Finding]:
    """Data files that the manifest does not know, and entries that stand twice."""
    names = [entry["path"] for entry in file_entries(manifest)]
    for name in data_files(run):
        if name not in set(names):
            yield Finding(
                path=name,
                what="is not in the manifest",
                found="a file",
                expected="none of this name",
            )
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Finding(
            path=MANIFEST,
            what=f"lists {name} more than once",
            found=str(names.count(name)),
            expected="1",
        )
    for task, entry in manifest["tasks"].items():
        folder = f"{DATASET}/{entry['group']}/{task}/"
        for file in entry["files"]:
            if not file["path"].startswith(folder):
                yield Finding(
                    path=file["path"],
                    what=f"is listed for task {task}",
                    found="it",
                    expected=f"files in {folder}",
                )


def _other_tasks(manifest: Manifest, counts: RunCount) -> Finding:
    named, there = (
        sorted(set(manifest["tasks"]) - set(counts.tasks)),
        sorted(set(counts.tasks) - set(manifest["tasks"])),
    )
    return Finding(
        path=f"{MANIFEST}: tasks",
        what=f"are not those of {SEED_COUNTS}",
        found=f"{few(named) or 'none'} too many, {few(there) or 'none'} missing",
        expected=f"{len(counts.tasks)} tasks",
    )


def _counts(manifest: Mapping[str, Any], counted: Mapping[str, Any]) -> Iterator[Finding]:
    """Every number that follows from the files against the manifest's."""
    for key in ("totals", "groups", "rejected", "lost", "cost"):
        if key == "lost" and key not in manifest:
            continue  # written by a version of tsdg that did not count it
        yield from _differences(manifest[key], counted[key], key)
    for task, funnel in counted["tasks"].items():
        for key, value in funnel.items():
            yield from _differences(manifest["tasks"][task][key], value, f"tasks.{task}.{key}")


def _differences(found: Any, expected: Any, place: str) -> Iterator[Finding]:
    """Each leaf that differs; a reason or step that is not named counts as 0."""
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in sorted({*found, *expected}):
            yield from _differences(found.get(key, 0), expected.get(key, 0), f"{place}.{key}")
    elif found != expected:
        yield Finding(
            path=f"{MANIFEST}: {place}",
            what="is not what the files hold",
            found=str(found),
            expected=str(expected),
        )


def _sums(counts: RunCount, steps: tuple[str, ...], per_seed: int) -> Iterator[Finding]:
    """Per task, everything that goes into a stage comes out of it."""
    for task, count in counts.tasks.items():
        parts = [(name, n) for name, n in count.seeds.items() if name != "available"]
        checks = [
            (SEED_COUNTS, "rows read", sum(n for _, n in parts), count.seeds["available"]),
            (SEEDS, "seeds", count.seed_rows, count.seeds["sampled"]),
            *(
                (
                    rejected("seeds"),
                    f"{reason} rows",
                    count.of("seeds")[reason],
                    count.seeds[reason],
                )
                for reason in SEED_REFUSALS
            ),
        ]
        if "questions" in steps:
            asked = (count.seeds["sampled"] - count.of("study").total()) * per_seed
            checks.append(
                (
                    QUESTIONS,
                    "questions and their rejections",
                    count.generated + count.of("questions").total(),
                    asked,
                )
            )
        if "answers" in steps:
            checks += [
                (
                    SOLUTIONS,
                    "solutions and rejections",
                    count.accepted + count.of("answers").total(),
                    count.generated,
                ),
                (
                    DATASET,
                    "packaged questions and rejections",
                    count.packaged + count.of("filter").total(),
                    count.accepted,
                ),
            ]
        for path, what, found, expected in checks:
            if found != expected:
                yield Finding(
                    path=path, what=f"task {task}: {what}", found=str(found), expected=str(expected)
                )
