"""How long a run's own servers hold their GPUs, and that everything that tells it says the same."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, Cli
from tests.package.words import save_tokenizer
from tsdg.accounting import read_run, read_workers, spent
from tsdg.config.compose import compose_recipe
from tsdg.config.recipe import BudgetConfig
from tsdg.engine.budget import check_budget
from tsdg.errors import BudgetReachedError
from tsdg.package.report.facts import facts_of
from tsdg.pipeline import run_stages as pipeline
from tsdg.progress import Reporter
from tsdg.run.prepare import Prepared, prepare, take_snapshot


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Overrides for servers of one's own: a stand-in with the oracle's replies."""
    calm = {"model": "stand-in", "seed": "0", "wrong": 0, "hangs": 0, "crashes": 0, "delay": 0.0}
    monkeypatch.setenv(
        "CHAOS_ENDPOINT", json.dumps({**calm, "ledger": str(tmp_path / "ledger"), "who": "own"})
    )
    save_tokenizer(tmp_path / "model")
    (tmp_path / "model/config.json").write_text("{}")
    command = f"server.command=[{sys.executable},{ROOT}/tests/chaos/endpoint.py,serve]"
    return [command, "model.name=stand-in", f"model.path={tmp_path}/model", "seeds.cap_per_task=2"]


def test_status_manifest_report_and_budget_agree_on_the_gpu_hours_of_a_run(
    own: list[str], tsdg: Cli
) -> None:
    on_gpus = replace(tsdg, environment={**tsdg.environment, "CUDA_VISIBLE_DEVICES": "0,1,2,3"})
    ran = on_gpus(
        "run", "recipe=demo", "run=gpus", *own, "model.tensor_parallel=2", "server.replicas=auto"
    )
    assert ran.code == 0, ran.err
    run = tsdg.root / "gpus"
    questions, answers = (read_workers(run / phase) for phase in ("questions", "answers"))
    assert [facts.gpus for worker in (*questions, *answers) for facts in worker.replicas] == [2] * 4
    at_work, all_along = (
        answers[0].updated - start for start in (answers[0].started, questions[0].updated)
    )
    assert 4 * at_work < answers[0].gpu_seconds <= 4 * all_along + 0.001, (
        "they are held between the phases, too"
    )
    used = spent(read_run(run))
    manifest = json.loads((run / "manifest.json").read_text())
    status = json.loads(tsdg("status", str(run), "--json").out)
    told = [manifest["cost"], facts_of(run, manifest)["spent"], status["totals"]]
    assert {(each["gpu_hours"], each["idle_gpu_hours"]) for each in told} == {
        (used.gpu_hours, used.idle_gpu_hours)
    }
    assert 0 < used.idle_gpu_seconds < used.gpu_seconds
    with pytest.raises(BudgetReachedError, match=f"this run has used {used.gpu_hours};"):
        check_budget(BudgetConfig(retries=0, wall_hours=0, tokens=0, gpu_hours=used.gpu_hours), run)


class Heard:
    """A reporter that only remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, line: str) -> None:
        self.said.append(line)

    def stage(self, name: str, *, total: int) -> None:
        self.said.append(f"begin {name}")

    def doing(self, what: str) -> None:
        pass

    def update(self, *, done: int, total: int, detail: str) -> None:
        pass

    def end(self, summary: str) -> None:
        pass


def test_the_servers_of_the_last_phase_are_down_before_its_rows_are_gathered(
    own: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gather = pipeline.gather_phase

    def gather_and_tell(prepared: Prepared, steps: tuple[str, ...], reporter: Reporter) -> None:
        reporter.note(f"gather {steps[0]}")
        gather(prepared, steps, reporter)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline, "gather_phase", gather_and_tell)
    heard = Heard()
    recipe = compose_recipe(["recipe=demo", f"output_root={tmp_path}", "run=ends", *own])
    prepared = prepare(recipe)
    take_snapshot(prepared, [])
    pipeline.run_all(prepared, heard)  # as a canary does
    words = [line.split()[-1] if line.startswith("server 0 at ") else line for line in heard.said]
    told = ("begin questions", "gather questions", "begin answers", "stopped", "gather answers")
    assert [word for word in words if word in told] == list(told)
    assert words.count("starting") == 1, "one start serves both phases"
