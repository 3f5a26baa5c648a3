"""The study as a phase of a run: in one go, killed, stage by stage, and with shares."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tests.e2e.conftest import Cli, Endpoint, records, table
from tests.e2e.test_roles import role
from tests.package.test_fsck import edit, relist, set_first
from tsdg.package.fsck import verify_run

Oracle = Callable[..., Endpoint]
STAGES = ("seeds", "study", "study.gather", "questions", "questions.gather", "answers")


def manifest(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "manifest.json").read_text())
    return found


def test_a_run_with_a_study_and_its_own_model_for_it(tsdg: Cli, oracle: Oracle) -> None:
    endpoint, reader = oracle(), oracle()
    words = ["recipe=demo", "run=r", "study.share=0.8", *endpoint.overrides()]
    done = tsdg("run", *words, *role("study", reader, "the-reader"))
    assert done.code == 0, done.err
    run = tsdg.root / "r"
    assert tsdg("verify", str(run)).code == 0
    studies = table(run / "study/studies.parquet")
    assert 40 < len(studies) < 72
    assert {row["provenance"]["model"] for row in studies} == {"the-reader"}
    assert sum(reader.asked().values()) == len(studies)
    made = manifest(run)
    assert made["phases"] == [["study"], ["questions"], ["answers"]]
    study = made["totals"]["study"]
    assert study["asked"] == len(studies)
    assert sum(study["by_field"].values()) == sum(study["by_difficulty"].values()) == len(studies)
    assert "<h2>Syllabus</h2>" in (run / "report.html").read_text()
    assert made["cost"]["steps"]["study"]["requests"] == len(studies)
    assert "the-reader" in {model["name"] for model in made["models"]}
    asked = sum(endpoint.asked().values()) + sum(reader.asked().values())
    assert made["cost"]["requests"] == asked
    assert tsdg("resume", str(run)).code == 0
    assert sum(endpoint.asked().values()) + sum(reader.asked().values()) == asked


def test_a_study_that_is_killed_goes_on_and_asks_nothing_twice(tsdg: Cli, oracle: Oracle) -> None:
    endpoint, run = oracle(), tsdg.root / "r"
    words = ["recipe=demo", "study.share=1", "engine.max_in_flight=4", "engine.unit_rows=4"]
    whole = tsdg("run", "run=whole", *words, *endpoint.overrides())
    assert whole.code == 0, whole.err
    slow = oracle(delay=0.4)
    process = tsdg.start("run", "run=r", *words, *slow.overrides())
    while not any(run.glob("study/parts/*.parquet")):
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.communicate()
    assert not (run / "study/studies.parquet").exists()
    slow.answer_after(0)
    resumed = tsdg("resume", str(run))
    assert resumed.code == 0, resumed.err
    assert tsdg("verify", str(run)).code == 0
    assert records(run) == records(tsdg.root / "whole")
    sent = slow.asked()
    assert sum(count - 1 for count in sent.values()) <= 4


def test_studies_that_no_server_answered_are_told_and_asked_for_again(
    tsdg: Cli, oracle: Oracle
) -> None:
    endpoint, reader = oracle(), oracle()
    words = ["run", "recipe=demo", "study.share=1", "seeds.cap_per_task=4", "engine.attempts=1"]
    words += ["engine.unit_rows=4", "engine.max_in_flight=16"]
    words += [*endpoint.overrides(), *role("study", reader, "the-reader")]
    assert tsdg(*words, "run=calm").code == 0
    reader.refuse(0.12)  # more would be an outage
    ran = tsdg(*words, "run=sick")
    assert ran.code == 1, ran.err
    run = tsdg.root / "sick"
    lost = manifest(run)["lost"]
    assert lost["rows"] == 0
    assert lost["studies"] > 0
    said = f"{lost['studies']} of {lost['asked']} questions and studies"
    for place in ("README.md", "report.html"):
        assert said in (run / place).read_text()
    for out in (ran.out, tsdg("status", str(run)).out):
        assert said in " ".join(out.split())
    reader.refuse(0)
    asked = sum(endpoint.asked().values())
    assert f"{lost['studies']} of study" in tsdg("retry", str(run)).out
    resumed = tsdg("resume", str(run))
    assert resumed.code == 0, resumed.err
    assert tsdg("verify", str(run)).code == 0
    assert manifest(run)["lost"]["studies"] == 0
    assert records(run) == records(tsdg.root / "calm")
    new = sum(endpoint.asked().values()) - asked
    assert 0 < new < asked / 2  # the questions of studied seeds, and no others


def test_stage_by_stage_as_in_one_go(tsdg: Cli, oracle: Oracle) -> None:
    endpoint = oracle()
    words = ["recipe=demo", "study.share=0.5", *endpoint.overrides()]
    assert tsdg("run", *words, "run=whole").code == 0
    assert tsdg("run", *words, "run=parts", "phases=[]").code == 0
    run = tsdg.root / "parts"
    shutil.rmtree(run / "seeds")
    (run / "manifest.json").unlink()
    recipe = run / "snapshot" / "recipe.yaml"
    phases = "phases: [[questions], [answers]]"
    recipe.write_text(recipe.read_text().replace("phases: []", phases))
    early = tsdg("work", str(run), "questions")
    assert (early.code, early.err.count("\n")) == (1, 1)
    for stage in (*STAGES, "answers.gather", "package"):
        if stage == "study.gather":
            early = tsdg("work", str(run), "questions")
            assert early.code == 1
            assert "the order is seeds, study, study.gather, questions" in early.err
        done = tsdg("work", str(run), stage)
        assert done.code == 0, (stage, done.err)
    assert records(run) == records(tsdg.root / "whole")
    assert tsdg("verify", str(run)).code == 0


def test_seeds_beyond_their_share_are_asked_nothing_more(tsdg: Cli, oracle: Oracle) -> None:
    endpoint = oracle()
    words = ["recipe=demo", "run=r", "study.share=1", "+study.shares.difficulty={1: 0.05, 2: 0.05}"]
    done = tsdg("run", *words, *endpoint.overrides())
    assert done.code == 0, done.err
    run = tsdg.root / "r"
    assert tsdg("verify", str(run)).code == 0
    made = manifest(run)["totals"]
    left = made["study"]["rejected"]["over_share"]
    assert left > 0
    kept = table(run / "study/seeds.parquet")
    assert len(kept) == 72 - left
    assert made["questions"]["asked"] == len(kept)
    levels = [row["study"]["difficulty"] for row in kept]
    assert max(levels.count(1), levels.count(2)) <= 0.05 * len(kept) + 2
    missing = run / "study/rejected.parquet"
    missing.unlink()
    assert tsdg("verify", str(run)).code == 1


def test_damage_to_the_tables_of_a_study_is_found_and_located(tsdg: Cli, oracle: Oracle) -> None:
    words = ["recipe=demo", "run=r", "study.share=1", "+study.shares.difficulty={1: 0.05, 2: 0.05}"]
    done = tsdg("run", *words, "phases=[[study],[questions]]", *oracle().overrides())
    assert done.code == 0, done.err
    run = tsdg.root / "r"
    assert verify_run(run) == []
    whole = (run / "manifest.json").read_bytes()
    for name, change, path, what in (
        ("studies", lambda rows: rows.pop(), "manifest.json: totals.study.asked", "is not what"),
        ("studies", lambda rows: rows.append(rows[0]), "study/studies.parquet", "not unique"),
        ("studies", set_first("seed_id", "0"), "study/studies.parquet", "seed_id refers to"),
        ("seeds", lambda rows: rows.pop(), "study/seeds.parquet", "kept or rejected"),
        ("seeds", lambda rows: rows.append(rows[0]), "study/seeds.parquet", "not unique"),
        ("seeds", set_first("seed_id", "0"), "study/seeds.parquet", "kept or rejected"),
        ("rejected", lambda rows: rows.pop(), "study/seeds.parquet", "kept or rejected"),
        ("rejected", lambda rows: rows.append(rows[0]), "study/rejected.parquet", "not unique"),
    ):
        table_path = run / f"study/{name}.parquet"
        kept = table_path.read_bytes()
        edit(table_path, change)
        relist(run)
        findings = verify_run(run)
        assert any(one.path == path and what in one.what for one in findings), (name, findings)
        table_path.write_bytes(kept)
        (run / "manifest.json").write_bytes(whole)
    for name, column in (("studies", "concepts"), ("seeds", "options"), ("rejected", "detail")):
        table_path = run / f"study/{name}.parquet"
        kept = table_path.read_bytes()
        pq.write_table(pq.read_table(table_path).drop_columns([column]), table_path)
        relist(run)
        found = [(one.path, one.what) for one in verify_run(run)]
        assert (f"study/{name}.parquet", "has other columns") in found
        table_path.write_bytes(kept)
        (run / "manifest.json").write_bytes(whole)
    assert verify_run(run) == []
    for name in ("studies", "seeds", "syllabus", "rejected"):
        (run / f"study/{name}.parquet").unlink()
        assert verify_run(run)[0].path == f"study/{name}.parquet"
        (run / "manifest.json").unlink()
        assert tsdg("resume", str(run)).code == 0
        assert verify_run(run) == [], name


def test_a_run_may_stop_after_its_study(tsdg: Cli, oracle: Oracle) -> None:
    endpoint = oracle()
    words = ["recipe=demo", "run=r", "study.share=1", *endpoint.overrides()]
    assert tsdg("run", *words, "phases=[[study]]").code == 0
    run = tsdg.root / "r"
    assert tsdg("verify", str(run)).code == 0
    assert not (run / "questions").exists()
    done = tsdg("run", *words)
    assert done.code == 0, done.err
    assert manifest(run)["totals"]["records"] > 0
    assert tsdg("verify", str(run)).code == 0


def test_without_a_share_study_is_no_phase(tsdg: Cli) -> None:
    done = tsdg("plan", "recipe=demo", "phases=[[study],[questions]]")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "study.share is above 0" in done.err
    done = tsdg("plan", "recipe=demo", "+study.shares.difficulty={9: 0.1}", "study.share=1")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "allowed: 1, 2, 3, 4, 5" in done.err
    done = tsdg("plan", "recipe=demo", "+study.shares.difficulty={1: 0.1}")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "study.share" in done.err


def test_questions_aim_at_concepts_near_their_seeds(tsdg: Cli, oracle: Oracle) -> None:
    words = ["recipe=demo", "prompt=default", "questions=default", "questions.per_seed=3"]
    words += [
        "study.share=1",
        "phases=[[questions]]",
        "questions.doubtful=keep",
        "seeds.tasks=[demo_science,demo_facts]",
    ]
    endpoint = oracle()
    aimed = tsdg("run", *words, "run=aimed", *endpoint.overrides())
    assert aimed.code == 0, aimed.err
    asked = table(tsdg.root / "aimed/questions/questions.parquet")
    own = {
        row["seed_id"]: set(row["study"]["concepts"])
        for row in table(tsdg.root / "aimed/study/seeds.parquet")
    }
    syllabus = {row["concept"] for row in table(tsdg.root / "aimed/study/syllabus.parquet")}
    aims = []
    for row in asked:
        sampling = json.loads(row["provenance"]["sampling"])
        if sampling["way"].startswith("deeper/"):
            assert "aim" not in sampling
        elif "aim" in sampling:
            aims.append(sampling["aim"])
            assert sampling["aim"] in syllabus - own[row["seed_ids"][0]]
    assert len(set(aims)) > 5
    plain = tsdg("run", *words, "run=plain", "study.aim=false", *endpoint.overrides())
    assert plain.code == 0, plain.err
    unaimed = table(tsdg.root / "plain/questions/questions.parquet")
    assert not any("aim" in json.loads(row["provenance"]["sampling"]) for row in unaimed)
