from __future__ import annotations

import copy
import json
import re
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.package.make_run import (
    FUSED,
    NO_PHASE,
    PHASES,
    QUESTIONS_ONLY,
    TWO_PHASES,
    Made,
    make_run,
)
from tsdg.errors import VerificationError
from tsdg.package import counts
from tsdg.package.card import card_text, columns, header_of
from tsdg.package.counts import SEED_FIELDS
from tsdg.package.fsck import verify_run
from tsdg.package.manifest import (
    SCHEMA_FILE,
    breaches,
    build_manifest,
    inputs_of,
    write_manifest,
)
from tsdg.package.manifest_form import canonical, digest_of
from tsdg.package.report.facts import facts_of
from tsdg.records import RECORD_SCHEMA, Reason, Record
from tsdg.storage import sha256_of
from tsdg.tables import read_rows

ROOT = Path(__file__).parents[2]


def expected_of(made: Made, task: str) -> dict[str, Any]:
    """The funnel that the factory counted."""
    expected, steps = made.expected[task], [step for phase in made.inputs.phases for step in phase]
    return {
        "seeds": {name: expected.seeds[name] for name in SEED_FIELDS},
        "questions": {
            "asked": expected.seeds["sampled"] * made.inputs.questions_per_seed
            if "questions" in steps
            else 0,
            "generated": expected.generated,
            "rejected": dict(expected.questions_rejected),
        },
        "answers": {
            "questions": expected.generated if "answers" in steps else 0,
            "sampled": expected.sampled,
            "saved_by_early_stop": expected.saved,
            "accepted": expected.accepted,
            "unenriched": {"truncated": expected.unenriched} if expected.unenriched else {},
            "rejected": dict(expected.answers_rejected),
        },
        "filter": {
            "questions": expected.accepted,
            "packaged": expected.accepted - expected.filtered,
            "rejected": {"bad_record": expected.filtered} if expected.filtered else {},
        },
        "records": expected.by_variant.total(),
        "records_by_variant": {
            name: expected.by_variant[name] for name in ("answer", "reasoning", "enriched")
        },
        "records_by_field": dict(expected.by_field),
        "records_by_difficulty": dict(expected.by_difficulty),
        "records_by_way": dict(expected.by_way),
    }


def numbers(entry: dict[str, Any]) -> Counter[str]:
    """All counts of a funnel, by place, that add up over tasks."""
    flat: Counter[str] = Counter()

    def walk(value: Any, place: str) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(inner, f"{place}.{key}")
        elif isinstance(value, int):
            flat[place] += value

    for key in (
        "seeds",
        "questions",
        "answers",
        "filter",
        "records",
        "records_by_variant",
        "records_by_field",
        "records_by_difficulty",
        "records_by_way",
        "tokens",
    ):
        walk(entry[key], key)
    return flat


@settings(max_examples=settings.default.max_examples // 4)
@given(
    seed=st.integers(0, 10**6),
    phases=st.sampled_from(PHASES),
    tasks=st.integers(1, 5),
    seeds_per_task=st.integers(0, 9),
    per_seed=st.integers(1, 3),
    rows_per_file=st.integers(1, 9),
)
def test_counts_in_manifest_files_and_card_agree(
    seed: int, phases: Any, tasks: int, seeds_per_task: int, per_seed: int, rows_per_file: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder)
        made = make_run(
            run,
            seed=seed,
            phases=phases,
            tasks=tasks,
            seeds_per_task=seeds_per_task,
            per_seed=per_seed,
        )
        manifest = made.package(rows_per_file=rows_per_file)
        assert json.loads((run / "manifest.json").read_text()) == manifest
        assert verify_run(run) == []
        summed: Counter[str] = Counter()
        for task, entry in manifest["tasks"].items():
            records = [
                record
                for file in entry["files"]
                for record in read_rows(run / file["path"], Record)
            ]
            wanted = expected_of(made, task)
            assert {key: entry[key] for key in wanted} == wanted
            assert entry["records"] == len(records) == sum(file["rows"] for file in entry["files"])
            assert all(file["rows"] <= rows_per_file for file in entry["files"])
            assert entry["tokens"] == sum(record.tokens for record in records)
            assert {record.task for record in records} <= {task}
            summed += numbers(entry)
        assert numbers(manifest["totals"]) + Counter() == summed
        assert sum((numbers(group) for group in manifest["groups"].values()), Counter()) == summed
        cost = {
            name: manifest["cost"][name]
            for name in ("requests", "prompt_tokens", "completion_tokens")
        }
        assert cost == {name: made.usage[name] for name in cost}
        check_card((run / "README.md").read_text(), manifest)


def check_card(card: str, manifest: dict[str, Any]) -> None:
    """The numbers that a person reads are the manifest's."""
    full = {task: entry for task, entry in manifest["tasks"].items() if entry["files"]}
    told = [*full.items(), ("all", manifest["totals"])] if full else []
    assert all(f"| `{task}` |" not in card for task in set(manifest["tasks"]) - set(full))
    for task, entry in told:
        (row,) = re.findall(rf"^\| [`*]+{task}[`*]+ \|.*(?:–|\d\.\d\d) \|$", card, re.MULTILINE)
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert [int(cell) for cell in cells[3:8]] == [
            entry["seeds"]["sampled"],
            entry["questions"]["generated"],
            entry["answers"]["accepted"],
            entry["records"],
            entry["tokens"],
        ]
    header = yaml.safe_load(card.split("---\n")[1])
    names = {config["config_name"] for config in header.get("configs", [])}
    assert names - {"all", "knowledge", "reasoning"} == {
        t for t, e in manifest["tasks"].items() if e["files"]
    }


@pytest.mark.parametrize("phases", PHASES)
def test_every_data_file_is_listed_with_its_checksum(tmp_path: Path, phases: Any) -> None:
    manifest = make_run(tmp_path, seed=2, phases=phases).package()
    entries = [
        *manifest["files"],
        *(file for task in manifest["tasks"].values() for file in task["files"]),
    ]
    on_disk = {
        path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()
    }
    assert {entry["path"] for entry in entries} == on_disk - {
        "manifest.json",
        "snapshot/launches.jsonl",
    }
    for entry in entries:
        path = tmp_path / entry["path"]
        assert entry["bytes"] == path.stat().st_size
        assert entry["sha256"] == sha256_of(path)
        assert entry["rows"] == (
            pq.read_metadata(path).num_rows if path.suffix == ".parquet" else None
        )


def test_stages_that_did_not_run_are_zero(tmp_path: Path) -> None:
    for name, phases, missing in (
        ("a", NO_PHASE, ("questions", "answers")),
        ("b", QUESTIONS_ONLY, ("answers",)),
    ):
        manifest = make_run(tmp_path / name, seed=3, phases=phases).package()
        for stage in missing:
            assert sum(n for n in manifest["totals"][stage].values() if isinstance(n, int)) == 0
        assert manifest["totals"]["records"] == 0
        assert manifest["totals"]["agreement_mean"] is None
        assert not (tmp_path / name / "dataset").exists()


def test_both_forms_of_phases_are_counted(tmp_path: Path) -> None:
    for name, phases in (("a", TWO_PHASES), ("b", FUSED)):
        manifest = make_run(tmp_path / name, seed=4, phases=phases, seeds_per_task=9).package()
        assert manifest["totals"]["answers"]["saved_by_early_stop"] > 0
        assert set(manifest["cost"]["steps"]) == {"questions", "answers"}


def test_rare_fields_are_counted_together_and_the_sums_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = make_run(tmp_path / "whole", tasks=3, seeds_per_task=6).package()["totals"]
    monkeypatch.setattr(counts, "NAMED_FIELDS", 1)
    folded = make_run(tmp_path / "folded", tasks=3, seeds_per_task=6)
    manifest = folded.package()
    assert verify_run(tmp_path / "folded") == []
    named = {name: n for name, n in whole["records_by_field"].items() if name}
    assert len(named) > 1
    for entry in (manifest["totals"], *manifest["tasks"].values()):
        assert sum(entry["records_by_field"].values()) == entry["records"]
    found = manifest["totals"]["records_by_field"]
    (kept,) = found.keys() - {"", counts.OTHER_FIELDS}
    assert found[kept] == named[kept]
    assert found[counts.OTHER_FIELDS] == sum(named.values()) - named[kept]
    assert counts.OTHER_FIELDS not in str(facts_of(tmp_path / "folded", manifest))


def test_the_form_is_canonical_and_sealed(tmp_path: Path) -> None:
    manifest = make_run(tmp_path).package()
    raw = (tmp_path / "manifest.json").read_bytes()
    assert (
        raw
        == canonical(manifest)
        == (json.dumps(manifest, indent=2, sort_keys=True) + "\n").encode()
    )
    assert manifest["digest"] == digest_of(manifest)
    assert inputs_of(manifest) == inputs_of(json.loads(raw))


def test_a_manifest_that_breaks_the_schema_is_not_written(tmp_path: Path) -> None:
    manifest = make_run(tmp_path).package()
    before = (tmp_path / "manifest.json").read_bytes()
    wrong = copy.deepcopy(manifest)
    wrong["tasks"]["task_0"]["records"] = -1
    with pytest.raises(
        VerificationError, match=r"breaks its schema at tasks\.task_0\.records: -1 is less than"
    ):
        write_manifest(tmp_path, wrong)
    assert (tmp_path / "manifest.json").read_bytes() == before


def test_the_schema_is_closed_and_knows_every_reason() -> None:
    schema = json.loads(SCHEMA_FILE.read_text())
    assert set(schema["$defs"]["reasons"]["propertyNames"]["enum"]) == set(get_args(Reason))
    assert breaches({})

    def objects(node: Any) -> list[dict[str, Any]]:
        inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
        found = [one for value in inner for one in objects(value)]
        return [*found, node] if isinstance(node, dict) and "properties" in node else found

    for node in objects(schema):
        assert node["additionalProperties"] is False
        assert set(node["required"]) == set(node["properties"]) - {
            "merged",  # which an ordinary run has not
            "lost",  # which a merged one and one of an earlier version have not
            "studies",  # which one of an earlier version has not
        }


def test_the_published_schema_is_the_packaged_one() -> None:
    assert (ROOT / "docs" / "manifest.schema.json").read_bytes() == SCHEMA_FILE.read_bytes()


def test_the_documented_task_has_the_form_and_the_sums_that_it_is_an_example_of() -> None:
    text = (ROOT / "docs" / "manifest.md").read_text()
    example = re.search(r"```json\n(.*?)```", text, re.DOTALL)
    assert example is not None
    tasks = json.loads(f"{{{example[1]}}}")["tasks"]
    schema = json.loads(SCHEMA_FILE.read_text())
    validator = jsonschema.Draft202012Validator({"$ref": "#/$defs/task", "$defs": schema["$defs"]})
    for one in tasks.values():
        one["files"][0]["sha256"] = "0" * 64
        assert [error.message for error in validator.iter_errors(one)] == []
        seeds, questions, answers, kept = (
            one[name] for name in ("seeds", "questions", "answers", "filter")
        )
        assert seeds["available"] == sum(seeds.values()) - seeds["available"]
        assert questions["asked"] == seeds["sampled"]
        assert questions["asked"] == questions["generated"] + sum(questions["rejected"].values())
        assert answers["questions"] == questions["generated"]
        assert answers["questions"] == answers["accepted"] + sum(answers["rejected"].values())
        assert kept["questions"] == answers["accepted"]
        assert kept["questions"] == kept["packaged"] + sum(kept["rejected"].values())
        assert (
            one["records"]
            == sum(one["records_by_variant"].values())
            == sum(file["rows"] for file in one["files"])
        )


def test_a_table_that_must_be_there_is_missed(tmp_path: Path) -> None:
    made = make_run(tmp_path)
    (tmp_path / "questions/rejected.parquet").unlink()
    with pytest.raises(VerificationError, match=r"questions/rejected\.parquet cannot be read"):
        build_manifest(tmp_path, made.inputs)


def test_a_task_without_facts_is_refused(tmp_path: Path) -> None:
    made = make_run(tmp_path, phases=NO_PHASE)
    counts = json.loads((tmp_path / "seeds/counts.json").read_text())
    (tmp_path / "seeds/counts.json").write_text(
        json.dumps({**counts, "stranger": counts["task_0"]})
    )
    with pytest.raises(VerificationError, match="task stranger, which the run does not name"):
        build_manifest(tmp_path, made.inputs)


def test_licences_of_the_card(tmp_path: Path) -> None:
    manifest = make_run(tmp_path, seed=6, tasks=6, seeds_per_task=20).package()
    full = [task for task in manifest["tasks"].values() if task["files"]]
    given = ["MIT", "CC-BY-4.0", "mixed: a; b", "MIT", ""]
    for task, licence in zip(full, given, strict=True):
        task["licence"] = licence
    header = header_of(manifest)
    assert header["license"] == ["cc-by-4.0", "mit", "other"]
    assert header["license_details"] == "mixed: a; b; not stated"
    # The hub takes an id there, and no prose.
    assert re.fullmatch(r"[a-z0-9.-]+", header["license_name"])


def test_a_card_speaks_of_what_is_in_the_data_alone(tmp_path: Path) -> None:
    """Languages and licences of tasks without a record would have it found as what it is not."""
    manifest = make_run(tmp_path, seed=6, tasks=6, seeds_per_task=20).package()
    for place, entry in enumerate(manifest["tasks"].values()):
        entry |= {"language": "en", "licence": "MIT|CC-BY-SA-4.0"}
        if place == 1:
            entry |= {"language": "am", "licence": "CC-BY-NC-4.0", "files": [], "records": 0}
    header = header_of(manifest)
    assert header["language"] == ["en"]
    assert header["license"] == ["cc-by-sa-4.0", "mit"]
    manifest["totals"]["records_by_variant"] |= {"enriched": 0}
    for entry in manifest["tasks"].values():
        entry["group"] = "reasoning"
    card = card_text(manifest, "{}", held_out=0)
    assert "NC-4.0" not in card
    assert "| MIT/CC-BY-SA-4.0 | yes | yes |" in card
    assert "more task" in card
    assert "per group (`reasoning`)" in card
    assert "`reasoning`, " in card
    assert "`enriched`, " not in card  # no record is
    assert "were not compared with held-out splits" in card
    assert "with 1,234 rows of known" in card_text(manifest, "{}", held_out=1234)
    for entry in manifest["tasks"].values():
        entry["family"] = "passages"
    assert re.search(r"\d passages were read", card_text(manifest, "{}", held_out=None))


def test_the_card_names_every_column_and_shows_a_record(tmp_path: Path) -> None:
    make_run(tmp_path, seed=6, tasks=3, seeds_per_task=20).package()
    card = (tmp_path / "README.md").read_text()
    assert list(columns()) == RECORD_SCHEMA.names
    assert all(f"| `{name}` |" in card for name in RECORD_SCHEMA.names)
    shown = json.loads(card.split("```json\n")[1].split("\n```")[0])
    assert list(shown) == RECORD_SCHEMA.names
    seeds = pq.read_table(tmp_path / "seeds/seeds.parquet").to_pylist()
    assert set(shown["seed_ids"]) <= {row["seed_id"] for row in seeds}
