from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.package.make_run import FUSED, PHASES, make_run
from tsdg.cli import run_command
from tsdg.errors import VerificationError
from tsdg.layout import CARD
from tsdg.package.card import write_card
from tsdg.package.fsck import verify_run
from tsdg.package.manifest import describe
from tsdg.package.manifest_form import canonical, digest_of
from tsdg.rowform import stable_id

Manifest = dict[str, Any]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("fsck") / "run"
    make_run(run, seed=9, tasks=4, seeds_per_task=9).package()
    return run


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole, tmp_path / "run")
    return tmp_path / "run"


def manifest_of(run: Path) -> Manifest:
    manifest: Manifest = json.loads((run / "manifest.json").read_text())
    return manifest


def save(run: Path, manifest: Manifest) -> None:
    """Write a changed manifest with a digest that fits, as somebody who knows the format would."""
    (run / "manifest.json").write_bytes(canonical({**manifest, "digest": digest_of(manifest)}))


def relist(run: Path) -> None:
    """Enter all files as they are now, so that only counts and rows can tell."""
    manifest = manifest_of(run)
    entries = [manifest["files"], *(task["files"] for task in manifest["tasks"].values())]
    for files in entries:
        files[:] = [describe(run, entry["path"]) for entry in files]
    save(run, manifest)


def listed(run: Path) -> list[str]:
    manifest = manifest_of(run)
    files = [
        *manifest["files"],
        *(file for task in manifest["tasks"].values() for file in task["files"]),
    ]
    return [file["path"] for file in files]


def edit(path: Path, change: Callable[[list[dict[str, Any]]], object]) -> None:
    """Change the rows of a table."""
    table = pq.read_table(path)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)


@pytest.mark.parametrize("phases", PHASES)
@pytest.mark.parametrize("seed", range(3))
def test_whole_runs_have_no_findings(tmp_path: Path, phases: Any, seed: int) -> None:
    make_run(tmp_path, seed=seed, phases=phases, tasks=4, seeds_per_task=9).package()
    assert verify_run(tmp_path) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_flipped_byte_is_found_and_located(whole: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["manifest.json", *listed(whole)]))
    path = whole / name
    raw = path.read_bytes()
    place = data.draw(st.integers(0, len(raw) - 1))
    flip = data.draw(st.integers(1, 255))
    path.write_bytes(raw[:place] + bytes([raw[place] ^ flip]) + raw[place + 1 :])
    try:
        findings = verify_run(whole)
    finally:
        path.write_bytes(raw)
    assert findings
    assert findings[0].path.startswith(name)


@settings(
    max_examples=settings.default.max_examples // 3,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_any_cut_file_is_found_and_located(whole: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["manifest.json", *listed(whole)]))
    path = whole / name
    raw = path.read_bytes()
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw) - 1))])
    try:
        findings = verify_run(whole)
    finally:
        path.write_bytes(raw)
    assert findings
    assert findings[0].path.startswith(name)


def test_any_deleted_file_is_found_and_located(whole: Path, tmp_path: Path) -> None:
    for name in ["manifest.json", *listed(whole)]:
        (whole / name).rename(tmp_path / "away")
        try:
            findings = verify_run(whole)
        finally:
            (tmp_path / "away").rename(whole / name)
        assert findings[0].path == name
        assert findings[0].found in ("no file", "No such file or directory")


@pytest.mark.parametrize(
    "name",
    [
        "dataset/knowledge/task_0/part-99999.parquet",
        "questions/parts/unit-000099.parquet",
        "seeds/other.json",
    ],
)
def test_a_file_too_many_is_found(run: Path, name: str) -> None:
    (run / name).parent.mkdir(exist_ok=True)
    (run / name).write_bytes(b"x")
    assert next((f.path, f.what) for f in verify_run(run)) == (name, "is not in the manifest")


@pytest.mark.parametrize(
    "name",
    [
        "report.html",
        "logs/server.log",
        "questions/journal/unit-000000.jsonl",
        "questions/.x.partial",
        ".lock",
    ],
)
def test_files_of_others_are_let_be(run: Path, name: str) -> None:
    (run / name).parent.mkdir(exist_ok=True)
    (run / name).write_bytes(b"x")
    with (run / "snapshot/launches.jsonl").open("a") as file:
        file.write("{}\n")
    assert verify_run(run) == []


def leaves(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*place, key))
    else:
        yield place, value


def test_any_edited_number_of_the_manifest_is_found_and_located(tmp_path: Path) -> None:
    """Every number in turn; those that the files tell even with a digest that fits."""
    make_run(tmp_path, seed=8, tasks=1, seeds_per_task=9).package()
    manifest = manifest_of(tmp_path)
    edited = 0
    for place, value in list(leaves(manifest)):
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if place == ("schema_version",):  # of another one: the test below
            continue
        owner: Any = manifest
        for key in place[:-1]:
            owner = owner[key]
        owner[place[-1]] = value + 1 if isinstance(value, int) else value / 2 or 0.5
        name = ".".join(map(str, place))
        told = place[-1] == "allowed" or "gpu_hours" in place[-1]
        if place[0] in {"sampling", "package"} or told:
            (tmp_path / "manifest.json").write_bytes(canonical(manifest))
            assert verify_run(tmp_path)[0].path == "manifest.json: digest", name
        else:
            save(tmp_path, manifest)
            paths = {finding.path for finding in verify_run(tmp_path)}
            assert paths & {
                owner.get("path"),
                f"manifest.json: {name}",
                "questions/questions.parquet",
            }, name
        edited += 1
        owner[place[-1]] = value
    assert edited > 100


def test_the_manifest_of_another_version_is_refused_in_one_line(run: Path) -> None:
    save(run, manifest_of(run) | {"schema_version": 1})
    with pytest.raises(VerificationError, match=r"schema_version 1, this one reads 2"):
        verify_run(run)


def test_a_removed_or_added_key_of_the_manifest_is_found(run: Path) -> None:
    manifest = manifest_of(run)
    for change in (
        lambda m: m["rejected"].pop(next(iter(m["rejected"]))),
        lambda m: m["rejected"].update(request_failed=3),
        lambda m: m["tasks"].pop("task_0"),
        lambda m: m["tasks"].update(task_9=m["tasks"]["task_0"]),
        lambda m: m["cost"]["steps"].pop("answers"),
        lambda m: m["files"].pop(),
        lambda m: m["files"].append(m["files"][0]),
        lambda m: m.pop("created"),
        lambda m: m.update(more=1),
        lambda m: m["phases"].pop(),
        lambda m: m["tasks"]["task_0"].update(group="reasoning"),
        lambda m: m["tasks"]["task_0"].update(licence="MIT"),
    ):
        changed = json.loads(canonical(manifest))
        change(changed)
        save(run, changed)
        assert verify_run(run)


def test_another_form_of_the_same_manifest_is_found(run: Path) -> None:
    (run / "manifest.json").write_text(json.dumps(manifest_of(run)))
    assert [finding.what for finding in verify_run(run)] == ["is not in its written form"]


RECORDS = "dataset/*/*/part-00000.parquet"
"""Stands for the first file of records: which tasks have any is a matter of dice."""


def named(run: Path, name: str) -> str:
    """A name as it is, or the first file of records."""
    return min(run.glob(name)).relative_to(run).as_posix()


TABLES = [
    "seeds/seeds.parquet",
    "seeds/rejected.parquet",
    "questions/questions.parquet",
    "questions/rejected.parquet",
    "questions/parts/unit-000001.parquet",
    "answers/samples.parquet",
    "answers/solutions.parquet",
    "answers/rejected.parquet",
    "answers/parts/unit-000001.parquet",
    "filter/rejected.parquet",
    RECORDS,
]


@pytest.mark.parametrize("name", TABLES)
def test_a_removed_row_is_found_and_located(run: Path, name: str) -> None:
    name = named(run, name)
    edit(run / name, lambda rows: rows.pop(len(rows) // 2))
    rows = pq.read_metadata(run / name).num_rows
    found = [(f.path, f.what, f.found, f.expected) for f in verify_run(run)]
    assert (name, "rows", str(rows), str(rows + 1)) in found
    relist(run)
    assert verify_run(run)


@pytest.mark.parametrize("name", TABLES)
def test_a_row_that_stands_twice_is_found(run: Path, name: str) -> None:
    edit(run / named(run, name), lambda rows: rows.append(rows[0]))
    relist(run)
    assert verify_run(run)


def set_first(column: str, value: object) -> Callable[[list[dict[str, Any]]], object]:
    return lambda rows: rows[0].update({column: value})


@pytest.mark.parametrize(
    ("name", "change", "path", "what"),
    [
        ("seeds/seeds.parquet", set_first("task", "task_9"), ".", "the tables do not fit together"),
        (
            "seeds/seeds.parquet",
            lambda rows: rows[0]["source"].update(split="test"),
            "seeds/seeds.parquet",
            "seeds of a source that was not allowed",
        ),
        (
            "seeds/seeds.parquet",
            set_first("seed_id", "0"),
            "questions/questions.parquet",
            "seed_ids refers to",
        ),
        (
            "questions/questions.parquet",
            set_first("seed_ids", []),
            "questions/questions.parquet",
            "rows without a seed",
        ),
        (
            "questions/questions.parquet",
            set_first("licence", "WTFPL"),
            "questions/questions.parquet",
            "licence of its",
        ),
        (
            "questions/rejected.parquet",
            set_first("row_id", "0"),
            "questions/parts",
            "questions, kept or rejected",
        ),
        (
            "answers/solutions.parquet",
            set_first("question_id", stable_id(1)),
            ".",
            "the tables do not fit together",
        ),
        (
            RECORDS,
            set_first("record_id", stable_id(1)),
            RECORDS,
            "record_id is not that of its question and variant",
        ),
        (
            RECORDS,
            set_first("seed_ids", [stable_id(1)]),
            RECORDS,
            "seed_ids refers to",
        ),
        (
            RECORDS,
            set_first("text", ""),
            RECORDS,
            "records without text",
        ),
        (
            RECORDS,
            set_first("task", "task_9"),
            RECORDS,
            "records of another task",
        ),
    ],
)
def test_rows_that_do_not_fit_are_located(
    run: Path, name: str, change: Callable[[list[dict[str, Any]]], object], path: str, what: str
) -> None:
    """Changes a row and enters the file anew, so that no checksum tells."""
    edit(run / named(run, name), change)
    relist(run)
    findings = verify_run(run)
    path = named(run, path) if path == RECORDS else path
    assert any(finding.path == path and what in finding.what for finding in findings), findings


def test_a_table_of_other_columns_is_found(run: Path) -> None:
    path = run / "questions/questions.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["checks"]), path)
    relist(run)
    assert ("questions/questions.parquet", "has other columns") in [
        (f.path, f.what) for f in verify_run(run)
    ]


def test_fused_phases_are_checked_too(tmp_path: Path) -> None:
    make_run(tmp_path, seed=8, phases=FUSED, seeds_per_task=9).package()
    edit(tmp_path / "questions-answers/parts/unit-000000.parquet", lambda rows: rows.pop())
    relist(tmp_path)
    assert "questions-answers/parts" in [finding.path for finding in verify_run(tmp_path)]


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    (finding,) = verify_run(tmp_path)
    assert str(finding) == (
        "manifest.json: cannot be read: found No such file or directory, expected the manifest of "
        "a finished run"
    )


def test_a_run_that_goes_on_is_no_damaged_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "snapshot").mkdir()
    assert run_command(["verify", str(tmp_path)]) == 1
    assert "is not finished: it has no manifest.json yet" in capsys.readouterr().err


def test_a_changed_card_is_found(run: Path) -> None:
    manifest = manifest_of(run)
    manifest["run"] = "other"
    write_card(run, manifest)
    assert verify_run(run)[0].path == CARD


def test_findings_are_one_line_each(run: Path) -> None:
    (run / "answers/samples.parquet").write_bytes(b"PAR1\n\nPAR1")
    (run / "snapshot/catalogue.json").write_text("[\n{}")
    findings = verify_run(run)
    assert len(findings) > 3
    assert all("\n" not in str(finding) for finding in findings)
