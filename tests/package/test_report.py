"""The report: its figures are the manifest's, it needs no network, and a browser can read it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.package.make_run import FUSED, NO_PHASE, QUESTIONS_ONLY, make_run
from tsdg.accounting import SCHEMA_VERSION, WorkerOwner, WorkerStatus, write_worker
from tsdg.cli import run_command
from tsdg.errors import VerificationError
from tsdg.package.report.beside import by_task
from tsdg.package.report.browse import fair
from tsdg.package.report.charts import bars, line, short
from tsdg.package.report.facts import facts_of, steps
from tsdg.package.report.page import write_report

HOSTILE = "</script><script>document.title='broken'</script><!-- <script> & \u2028 {{ 7 * 7 }}"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "run"
    made = make_run(folder, seed=5, tasks=8, seeds_per_task=25)
    questions = pq.read_table(folder / "questions/questions.parquet")
    hostile = pa.array([HOSTILE, *questions["question"].to_pylist()[1:]], pa.string())
    place = questions.schema.get_field_index("question")
    pq.write_table(
        questions.set_column(place, "question", hostile), folder / "questions/questions.parquet"
    )
    made.package()
    owner = WorkerOwner(
        host="h",
        pid=1,
        slurm_job_id="",
        slurm_array_job_id="",
        slurm_array_task_id="",
        slurm_node="",
    )
    for token, started in (("a", 1000.0), ("b", 1050.0)):
        status = WorkerStatus(
            schema_version=SCHEMA_VERSION,
            owner=owner,
            started=started,
            updated=started + 100,
            ended=started + 100,
            state="complete",
            reason="",
            rows_done=10,
            rows_total=10,
            units_committed=1,
            requests_done=50,
            resumed_requests=0,
            in_flight=0,
            in_flight_limit=8,
            waiting=0,
            retries={"timeout": 2},
            failures={},
            prompt_tokens=900,
            completion_tokens=6000,
            replicas=(),
            gpu_seconds=800.0,
            idle_gpu_seconds=200.0,
            history=((0.0, 0, 0, 0), (50.0, 2000, 8, 5), (100.0, 6000, 8, 10)),
        )
        write_worker(folder / "questions", token, status)
    write_report(folder)
    return folder


def manifest_of(run: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((run / "manifest.json").read_text())
    return manifest


def rows_in(page: str) -> list[dict[str, Any]]:
    found = re.search(r'<script type="application/json" id="rows">(.*?)</script>', page, re.DOTALL)
    assert found
    rows: list[dict[str, Any]] = json.loads(found[1])
    return rows


def dom(page: Path, tmp_path: Path) -> str:
    """The page as Chromium has it after its scripts ran."""
    command = [
        "chromium",
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--virtual-time-budget=5000",
        "--dump-dom",
        page.as_uri(),
    ]
    environment = {**os.environ, "HOME": str(tmp_path)}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=True, env=environment
    ).stdout


def test_the_figures_are_the_manifests(run: Path) -> None:
    manifest = manifest_of(run)
    facts = facts_of(run, manifest)
    assert facts["totals"]["records"] == manifest["totals"]["records"] > 0
    assert sum(count for _, _, count in facts["tokens"]) == manifest["totals"]["records"]
    assert (
        sum(count for _, _, count in facts["agreement"])
        == manifest["totals"]["answers"]["accepted"]
    )
    assert {task["task"]: task["records"] for task in facts["tasks"]} == {
        name: task["records"] for name, task in manifest["tasks"].items()
    }
    assert sum(records for _, records, _ in facts["languages"]) == manifest["totals"]["records"]
    assert sum(count for _, count in facts["rejected"]) == sum(manifest["rejected"].values())
    assert (
        sum(family[2] for family in facts["families"]) == manifest["totals"]["seeds"]["available"]
    )


def test_contamination_is_added_up_over_questions_and_solutions(run: Path, tmp_path: Path) -> None:
    account = {
        "held_out": {"splits": 3, "rows": 40},
        "tasks": {
            "a": {
                "benchmarks": {"x/test": {"same": 2, "near": 1}, "y/test": {"same": 0, "near": 9}}
            },
            "b": {"benchmarks": {}},
        },
    }
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    (copy / "questions/contamination.json").write_text(json.dumps(account))
    (copy / "filter/contamination.json").write_text(json.dumps(account))
    facts = facts_of(copy, manifest_of(copy))["contamination"]
    assert facts == {
        "splits": 3,
        "rows": 40,
        "found": [["a", "y/test", 0, 18], ["a", "x/test", 4, 2]],
    }
    page = write_report(copy).read_text()
    assert "y/test" in page
    assert "3 held-out files" in page
    (copy / "filter/contamination.json").write_text("[1]")
    with pytest.raises(VerificationError, match="to make both anew"):
        facts_of(copy, manifest_of(copy))


def test_diversity_stands_in_the_report_where_it_was_measured(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    assert facts_of(copy, manifest_of(copy))["diversity"] == []
    assert "<h2>Diversity</h2>" not in write_report(copy).read_text()
    spreads = {name: {"agree": 0.25} for name in ("openings", "names", "numbers", "answers")}
    one = {
        "task": "",
        "growth": [
            {"questions": 9, "near": {"estimate": 0.1, "low": 0.1, "high": 0.1}},
            {"questions": 99_000, "near": {"estimate": 0.312, "low": 0.24, "high": 0.39}},
        ],
        "repeated": [0.1, 0.02],
        "questions": spreads,
        "beside": {name: {"agree": 0.125} for name in spreads},
        "narrower": [{"figure": "names", "said": "two agree <often>"}],
    }
    (copy / "diversity").mkdir()
    path = copy / "diversity/diversity.json"
    path.write_text(json.dumps({"whole": one, "tasks": [{**one, "task": "some_task"}]}))
    page = write_report(copy).read_text()
    for said in ("99,000", "31.2% (24.0% to 39.0%)", "10.0% / 2.0%", "25.0% / 12.5%", "some_task"):
        assert said in page
    assert "names: two agree &lt;often&gt;" in page
    path.write_text("[1]")
    with pytest.raises(VerificationError, match="makes it again"):
        facts_of(copy, manifest_of(copy))


def test_throughput_adds_up_over_workers(run: Path) -> None:
    history = facts_of(run, manifest_of(run))["history"]
    width = history["seconds"] / len(history["tokens_per_s"])
    assert history["seconds"] == 150
    assert sum(history["tokens_per_s"]) * width == pytest.approx(12_000, rel=0.01)
    assert max(history["in_flight"]) == pytest.approx(16, abs=0.1)


def test_every_task_is_there_to_read_with_its_verdicts(run: Path) -> None:
    manifest = manifest_of(run)
    rows = rows_in((run / "report.html").read_text())
    seen = {(row["task"], row["verdict"]) for row in rows}
    for name, task in manifest["tasks"].items():
        assert ((name, "accepted") in seen) == (task["records"] > 0)
        for stage in ("questions", "answers", "filter"):
            assert {(name, reason) for reason in task[stage]["rejected"]} <= seen
    accepted = [row for row in rows if row["verdict"] == "accepted"]
    assert all(
        row["seed"] and row["question"] and row["samples"] and row["records"] for row in accepted
    )
    assert len({row["id"] for row in rows}) == len(rows)


def test_it_samples_says_so_and_stays_small(run: Path, tmp_path: Path) -> None:
    small = rows_in(write_report(run, sample=8).read_text())
    large = rows_in(write_report(run, sample=10_000).read_text())
    write_report(run)
    assert len(small) < len(large)
    assert {row["id"] for row in small} <= {row["id"] for row in large}
    assert (
        f"A sample of {len(rows_in((run / 'report.html').read_text()))} questions"
        in (run / "report.html").read_text()
    )


def test_a_sample_is_full_where_most_tasks_are_empty() -> None:
    counts = {**{f"empty {number}": 0 for number in range(224)}, "few": 3, "many": 500, "more": 400}
    found = fair(counts, 150)
    assert found == {"few": 3, "many": 74, "more": 73}
    assert fair(dict.fromkeys(range(9), 5), 4) == dict.fromkeys(range(9), 1)


def test_it_is_one_file_that_asks_for_nothing(run: Path) -> None:
    page = (run / "report.html").read_text()
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!#)""", page)
    assert "@import" not in page
    assert "url(" not in page
    assert not re.findall(r"fetch\(|XMLHttpRequest|WebSocket", page)


@pytest.mark.parametrize("phases", [NO_PHASE, QUESTIONS_ONLY, FUSED])
def test_runs_of_any_phases_have_a_report(phases: Any, tmp_path: Path) -> None:
    run = tmp_path / "run"
    make_run(run, seed=1, phases=phases).package()
    rows = rows_in(write_report(run).read_text())
    told = {
        (name, reason)
        for name, task in manifest_of(run)["tasks"].items()
        for stage in ("questions", "answers", "filter")
        for reason in task[stage]["rejected"]
    }
    assert {(row["task"], row["verdict"]) for row in rows if row["verdict"] != "accepted"} == told
    assert any(row["verdict"] == "accepted" for row in rows) == (phases == FUSED)


@pytest.fixture(scope="module")
def beside(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of two runs, whose own reports it leaves alone."""
    other = tmp_path_factory.mktemp("beside") / "other"
    make_run(other, seed=9).package()
    for folder in (run, other):
        (folder / "snapshot").mkdir(exist_ok=True)
        recipe = f"phases: [[questions], [answers]]\nseed: {len(folder.name)}\n"
        (folder / "snapshot/recipe.yaml").write_text(recipe)
        for name, text in (("fingerprint", "{}"), ("versions", '{"packages": {}}')):
            (folder / f"snapshot/{name}.json").write_text(text)
        (folder / "snapshot/catalogue.json").write_text("[]")
    before = (run / "report.html").read_bytes()
    assert run_command(["report", str(run), str(other), f"out={other.parent}/two.html"]) == 0
    assert (run / "report.html").read_bytes() == before
    assert not (other / "report.html").exists()
    return other.parent / "two.html"


def test_the_way_from_rows_to_records_adds_up(run: Path) -> None:
    manifest = manifest_of(run)
    found = steps(manifest["totals"])
    _, seeds, asked, written, accepted, packaged, records = found
    lost = [sum(count for _, count in step["lost"]) for step in found]
    assert found[0]["count"] - lost[1] == seeds["count"] == manifest["totals"]["seeds"]["sampled"]
    assert asked["count"] - lost[3] == written["count"]
    assert written["count"] - lost[4] == accepted["count"]
    assert accepted["count"] - lost[5] == packaged["count"]
    assert sum(count for _, count in records["gives"]) == records["count"] > 0
    assert min(lost[3:6]) > 0
    page = (run / "report.html").read_text()
    assert f"<b>{records['count'] / asked['count']:.2f}</b> records per question asked for" in page
    for reason, count in (pair for step in found for pair in step["lost"]):
        assert f"{reason} {count:,}" in page


def test_runs_side_by_side_are_ranked_by_what_differs(run: Path, beside: Path) -> None:
    page = beside.read_text()
    assert '<th scope="row">recipe: seed</th>' in page
    tasks = [{"task": name, "asked": 10, "records": made} for name, made in (("a", 5), ("b", 9))]
    others = [{"task": "a", "asked": 10, "records": 6}, {"task": "b", "asked": 10, "records": 1}]
    found = by_task([{"tasks": tasks}, {"tasks": [*others, {**others[0], "task": "new"}]}])
    assert [name for name, _ in found] == ["new", "b", "a"]
    assert found[0][1] == [{"per": None, "records": None}, {"per": 0.6, "records": 6}]


@pytest.mark.browser
def test_a_browser_filters_and_walks_the_list_by_keyboard(
    run: Path, beside: Path, tmp_path: Path
) -> None:
    page = (run / "report.html").read_text()
    rows = rows_in(page)
    assert any(
        row["question"] and row["question"]["question"].startswith("</script>") for row in rows
    )
    pages = json.dumps([page, beside.read_text()]).replace("<", "\\u003c")
    driver = """
<script>
const all = document.querySelectorAll("#list div").length;
const out = {title: document.title, scrolled: window.scrollY, all};
list.dispatchEvent(new KeyboardEvent("keydown", {key: "End"}));
out.last = document.querySelector('#list [aria-selected="true"]').id;
list.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowUp"}));
out.before = document.querySelector('#list [aria-selected="true"]').id;
at("verdict").value = "accepted";
at("verdict").dispatchEvent(new Event("change"));
out.accepted = document.querySelectorAll("#list div").length;
out.records = document.querySelectorAll("#detail .text").length;
at("words").value = "no row holds these words";
at("words").dispatchEvent(new Event("input"));
out.none = at("count").textContent;
// Each page in windows of all widths, a little narrower for the scroll bar.
const frames = PAGES.flatMap((page) => [360, 768, 1440, 2560].map(async (width) => {
  const frame = document.createElement("iframe");
  frame.style.width = `${width}px`;
  frame.srcdoc = page;
  const ready = new Promise((done) => frame.addEventListener("load", done));
  document.body.append(frame);
  await ready;
  const inside = [...frame.contentDocument.querySelectorAll("main *")]
    .filter((node) => !node.closest(".scroll"));
  const right = Math.max(...inside.map((node) => node.getBoundingClientRect().right));
  return [width, frame.contentDocument.documentElement.scrollWidth, right];
}));
Promise.all(frames).then((widths) => {
  out.widths = widths;
  const told = document.createElement("pre");
  told.id = "told";
  told.textContent = JSON.stringify(out);
  document.body.append(told);
});
</script></body>""".replace("PAGES", pages)
    (tmp_path / "driven.html").write_text(page.replace("</body>", driver))
    found = re.search(
        r'<pre id="told">(.*?)</pre>', dom(tmp_path / "driven.html", tmp_path), re.DOTALL
    )
    assert found
    told = json.loads(unescape(found[1]))
    accepted = sum(row["verdict"] == "accepted" for row in rows)
    assert told["title"] == "made · tsdg report"
    assert told["scrolled"] == 0
    assert (told["all"], told["accepted"]) == (len(rows), accepted)
    assert (told["last"], told["before"]) == (f"row-{len(rows) - 1}", f"row-{len(rows) - 2}")
    assert told["records"] > 0
    assert told["none"] == f"0 of {len(rows)}"
    assert len(told["widths"]) == 8
    assert all(page <= width and right <= width for width, page, right in told["widths"])


def test_charts_scale_and_name_their_values() -> None:
    drawn = bars([(1, 10, 5), (10, 100, 20)], label="a < b", bound=short)
    assert "10 to 100: 20" in drawn
    assert 'aria-label="a &lt; b"' in drawn
    assert "polyline" in line([0.0, 2.0, 1.0], label="x", seconds=60)
    assert bars([], label="nothing", bound=short).startswith("<svg")
    assert [short(n) for n in (0, 950, 12_000, 3_400_000, 2e9)] == ["0", "950", "12k", "3.4M", "2G"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ([], 2, "takes runs"),
        (["{run}", "sample=many"], 2, "sample: found 'many'"),
        (["{run}", "colour=red"], 2, "takes runs"),
        (["{run}", "out=x.html"], 2, "out= names the page of several runs"),
        (["{run}", "{run}"], 2, "a run is named twice"),
        (["{run}", "{run}/../run", "sample=3"], 2, "a run is named twice"),
        (["{run}/nowhere"], 2, "there is no directory"),
        (["{run}/seeds"], 2, "is not a run directory: it has no snapshot"),
        ([""], 2, "takes runs"),
    ],
)
def test_what_has_no_report_is_one_line(
    run: Path, words: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["report", *(word.format(run=run) for word in words)]) == code
    err = capsys.readouterr().err
    assert says in err
    assert len(err.strip().splitlines()) == 1
