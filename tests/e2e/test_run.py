"""`tsdg run` from the command line to the files, against an instant endpoint."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.e2e.conftest import TSDG, Cli, Endpoint, records, table

Oracle = Callable[..., Endpoint]


def test_a_run_gives_records_counts_that_add_up_and_a_directory_that_verifies(
    tsdg: Cli, oracle: Oracle
) -> None:
    ran = tsdg.afresh("run", "recipe=demo", *oracle().overrides())
    assert ran.code == 0, ran.err
    (run,) = tsdg.runs()
    assert ran.out.splitlines()[-1] == f"run directory: {run}"
    manifest = json.loads((run / "manifest.json").read_text())
    for name, task in manifest["tasks"].items():
        asked = task["seeds"]["sampled"]
        assert asked >= 10, name
        assert asked == task["questions"]["generated"] + sum(task["questions"]["rejected"].values())
        answers = task["answers"]
        assert task["questions"]["generated"] == answers["accepted"] + sum(
            answers["rejected"].values()
        )
    rows = records(run)
    assert len(rows) == manifest["totals"]["records"] > 0
    assert Counter(row["task"] for row in rows.values()) == Counter(
        {name: task["records"] for name, task in manifest["tasks"].items() if task["records"]}
    )
    assert tsdg("verify", str(run)).code == 0


def test_the_same_command_again_asks_nothing_and_says_the_same(tsdg: Cli, oracle: Oracle) -> None:
    endpoint = oracle()
    first = tsdg("run", "recipe=demo", "seeds.cap_per_task=2", *endpoint.overrides())
    asked = endpoint.asked()
    second = tsdg("run", "recipe=demo", "seeds.cap_per_task=2", *endpoint.overrides())
    assert second.code == 0, second.err
    assert endpoint.asked() == asked
    assert second.out.splitlines()[-3:] == first.out.splitlines()[-3:]


def test_fused_and_separate_phases_give_the_same_rows(tsdg: Cli, oracle: Oracle) -> None:
    endpoint = oracle()
    for name, phases in (("apart", "[[questions],[answers]]"), ("fused", "[[questions,answers]]")):
        ran = tsdg("run", "recipe=demo", f"run={name}", f"phases={phases}", *endpoint.overrides())
        assert ran.code == 0, ran.err
    assert records(tsdg.root / "apart") == records(tsdg.root / "fused")
    for step in ("questions", "answers"):
        apart, fused = (
            table(tsdg.root / name / step / "rejected.parquet") for name in ("apart", "fused")
        )
        assert sorted(apart, key=str) == sorted(fused, key=str)
    # The same replies served both: every request of the second run was one of the first.
    assert set(endpoint.asked().values()) == {2}


def test_no_phases_stops_after_the_seeds_with_a_manifest(tsdg: Cli) -> None:
    ran = tsdg("run", "recipe=demo", "phases=[]", "run=seeds")
    assert ran.code == 0, ran.err
    manifest = json.loads((tsdg.root / "seeds/manifest.json").read_text())
    assert (
        manifest["totals"]["seeds"]["sampled"]
        == len(table(tsdg.root / "seeds/seeds/seeds.parquet"))
        >= 60
    )
    assert tsdg("verify", str(tsdg.root / "seeds")).code == 0


def test_two_runs_of_one_recipe_have_the_same_seeds_ids_prompts_and_fingerprint(
    tsdg: Cli, oracle: Oracle
) -> None:
    for name in "ab":
        assert (
            tsdg(
                "run", "recipe=demo", f"run={name}", "seeds.cap_per_task=5", *oracle().overrides()
            ).code
            == 0
        )
    a, b = tsdg.root / "a", tsdg.root / "b"
    assert table(a / "seeds/seeds.parquet") == table(b / "seeds/seeds.parquet")
    assert table(a / "questions/questions.parquet") == table(b / "questions/questions.parquet")
    for path in sorted((a / "snapshot").rglob("*")):
        if path.is_file() and path.name not in {"launches.jsonl", "recipe.yaml", "versions.json"}:
            assert path.read_bytes() == (b / path.relative_to(a)).read_bytes(), path


def test_what_was_lost_of_a_run_is_made_again_without_asking(tsdg: Cli, oracle: Oracle) -> None:
    endpoint = oracle()
    common = ["run", "recipe=demo", "run=one", "seeds.cap_per_task=3", *endpoint.overrides()]
    assert tsdg(*common).code == 0
    run, asked = tsdg.root / "one", endpoint.asked()
    whole = records(run)
    for lost in (
        ["dataset"],
        ["README.md"],
        ["manifest.json"],
        ["manifest.json", "seeds/seeds.parquet"],
        ["manifest.json", "questions/rejected.parquet"],
        ["manifest.json", "answers/samples.parquet"],
    ):
        for name in lost:
            path = run / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        ran = tsdg(*common)
        assert ran.code == 0, (lost, ran.err)
        assert tsdg("verify", str(run)).code == 0, lost
        assert records(run) == whole
    (run / "manifest.json").write_text("{")
    assert tsdg(*common).code == 0
    assert tsdg("verify", str(run)).code == 0
    assert endpoint.asked() == asked


def test_what_cannot_be_made_again_is_named_and_gets_no_manifest(tsdg: Cli, oracle: Oracle) -> None:
    common = ["run", "recipe=demo", "run=one", "seeds.cap_per_task=3", *oracle().overrides()]
    assert tsdg(*common).code == 0
    run = tsdg.root / "one"
    parts = (run / "answers/parts").rename(run / "aside")
    (run / "manifest.json").unlink()
    for damage, mend, says in (
        (None, lambda: parts.rename(run / "answers/parts"), "answers/parts lacks"),
        ("[]", None, "questions/contamination.json is damaged"),
    ):
        if damage is not None:
            (run / "questions/contamination.json").write_text(damage)
        done = tsdg(*common)
        assert done.code == 1, says
        assert says in done.err
        assert len(done.err.strip().splitlines()) == 1
        assert not (run / "manifest.json").exists()
        if mend is not None:
            mend()


def test_the_same_command_mends_or_names_what_was_cut_of_a_finished_run(
    tsdg: Cli, oracle: Oracle
) -> None:
    common = ["run", "recipe=demo", "run=one", "seeds.cap_per_task=3", *oracle().overrides()]
    assert tsdg(*common).code == 0
    run = tsdg.root / "one"
    again = tsdg(*common)
    assert "package: done before; all files have the sizes of manifest.json" in again.out
    samples, records_file = (
        run / "answers/samples.parquet",
        next((run / "dataset").rglob("*.parquet")),
    )
    samples.write_bytes(b"")
    named = tsdg(*common)
    assert (named.code, len(named.err.splitlines())) == (1, 1)
    assert f"{samples} is damaged: found 0 bytes" in named.err
    samples.unlink()
    records_file.write_bytes(records_file.read_bytes()[:-9])
    mended = tsdg(*common)
    assert mended.code == 0, mended.err
    assert "answers.gather: started, " in mended.out
    assert tsdg("verify", str(run)).code == 0


def test_a_finished_run_stays_whole_with_fewer_phases_and_is_not_mixed_with_fused_ones(
    tsdg: Cli, oracle: Oracle
) -> None:
    common = ["run", "recipe=demo", "run=one", "seeds.cap_per_task=2", *oracle().overrides()]
    for phases in ("[]", "[[questions]]", "[[questions],[answers]]", "[[questions]]", "[]"):
        ran = tsdg(*common, f"phases={phases}")
        assert ran.code == 0, ran.err
        assert tsdg("verify", str(tsdg.root / "one")).code == 0, phases
    assert records(tsdg.root / "one")
    ran = tsdg(*common, "phases=[[questions,answers]]")
    assert (ran.code, len(ran.err.splitlines())) == (2, 1)
    assert "begun as [[questions],[answers]]" in ran.err


def test_a_damaged_fingerprint_is_one_line(tsdg: Cli) -> None:
    common = ["run", "recipe=demo", "run=one", "phases=[]"]
    assert tsdg(*common).code == 0
    (tsdg.root / "one/snapshot/fingerprint.json").write_text("{")
    ran = tsdg(*common)
    assert (ran.code, len(ran.err.splitlines())) == (2, 1), ran.err
    assert "fingerprint.json is damaged" in ran.err


@pytest.mark.parametrize("share", [0.2, 0.6])
def test_a_killed_run_continues_and_ends_as_if_it_had_not_been(
    tsdg: Cli, oracle: Oracle, share: float
) -> None:
    whole, killed = oracle(), oracle(delay=0.02)
    common = [
        "recipe=demo",
        "questions.per_seed=4",
        "engine.unit_rows=20",
        "engine.max_in_flight=8",
    ]
    assert tsdg("run", *common, "run=whole", *whole.overrides()).code == 0
    wanted = sum(whole.asked().values())

    process = tsdg.start("run", *common, "run=killed", *killed.overrides())
    while sum(killed.asked().values()) < share * wanted:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)
    process.kill()
    process.communicate()
    ran = tsdg("run", *common, "run=killed", *killed.overrides())
    assert ran.code == 0, ran.err
    assert records(tsdg.root / "killed") == records(tsdg.root / "whole")
    assert tsdg("verify", str(tsdg.root / "killed")).code == 0
    again = sum(count - 1 for count in killed.asked().values())
    assert again <= 8, "requests sent twice: more than were in flight"


def test_ctrl_c_ends_it_and_the_same_command_continues(tsdg: Cli, oracle: Oracle) -> None:
    endpoint = oracle(delay=0.3)
    common = [
        "run",
        "recipe=demo",
        "engine.max_in_flight=4",
        "seeds.cap_per_task=4",
        *endpoint.overrides(),
    ]
    process = tsdg.start(*common)
    while not endpoint.asked():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "same command continues" in err
    assert tsdg(*common).code == 0


def test_a_second_process_on_the_same_run_is_refused(tsdg: Cli, oracle: Oracle) -> None:
    endpoint = oracle(delay=5)
    common = ["run", "recipe=demo", "run=one", *endpoint.overrides()]
    process = tsdg.start(*common)
    while not endpoint.asked():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    ran = tsdg(*common)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert ran.code == 2
    assert "at work" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "parts"),
    [
        (["seeds.cap_per_task=-1"], 2, ["seeds.cap_per_task", "-1"]),
        (["model=nope"], 2, ["model=nope", "allowed", "smollm2"]),
        (["seeds.nope=1"], 2, ["seeds.nope", "unknown", "allowed"]),
        (["seeds.tasks=[gpqa_main_zeroshot]"], 2, ["gpqa_main_zeroshot"]),
        (["seeds.tasks=[no_such_task]"], 2, ["no_such_task"]),
        (["seeds.mirror=/no/such/mirror", "seeds.tasks=[arc_easy]"], 3, ["/no/such/mirror"]),
        (["seeds.mirror=", "seeds.tasks=[arc_easy]"], 3, ["seeds.mirror"]),
        (["server.command=[/no/such/vllm,serve]"], 3, ["/no/such/vllm"]),
        (["server.command=[sh]", "model.path=/no/such/model"], 3, ["/no/such/model"]),
        (["server=openai", "server.base_urls=[http://127.0.0.1:99999/v1]"], 2, ["99999"]),
        (["name=../outside"], 2, ["name", "../outside"]),
        (["prompt.dir=/no/such/prompts"], 2, ["/no/such/prompts"]),
        (
            [
                "server=openai",
                "server.base_urls=[http://127.0.0.1:1/v1]",
                "server.api_key_env=NO_KEY",
            ],
            3,
            ["NO_KEY"],
        ),
    ],
)
def test_what_cannot_work_is_one_line_and_starts_nothing(
    tsdg: Cli, arguments: list[str], code: int, parts: list[str]
) -> None:
    ran = tsdg("run", "recipe=demo", *arguments, timeout=120)
    assert (ran.code, len(ran.err.splitlines())) == (code, 1), ran.err
    assert [part for part in parts if part not in ran.err] == []
    assert tsdg.runs() == []


def test_a_taken_port_is_one_line(tsdg: Cli, oracle: Oracle, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    port = oracle().url.rpartition(":")[2]
    ran = tsdg(
        "run",
        "recipe=demo",
        f"server.port={port}",
        "server.command=[sh]",
        f"model.path={tmp_path}",
    )
    assert (ran.code, len(ran.err.splitlines())) == (3, 1), ran.err
    assert port in ran.err
    assert tsdg.runs() == []


def test_an_unknown_command_and_recipe_say_what_is_allowed(tsdg: Cli) -> None:
    for arguments, part in (
        (["nope"], "plan"),
        (["run", "recipe=nope"], "demo"),
        (["run"], "recipe="),
    ):
        ran = tsdg(*arguments)
        assert ran.code == 2
        assert part in ran.err


def test_an_output_root_that_cannot_be_written_is_one_line(tsdg: Cli, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    ran = tsdg("run", "recipe=demo", "phases=[]", f"output_root={blocked}/x")
    assert (ran.code, len(ran.err.splitlines())) == (3, 1), ran.err
    assert str(blocked) in ran.err


def test_the_plan_changes_nothing_and_counts_what_the_run_asks_for(
    tsdg: Cli, oracle: Oracle
) -> None:
    endpoint = oracle()
    common = ["recipe=demo", "seeds.cap_per_task=3", *endpoint.overrides()]
    ran = tsdg("plan", *common, "--json")
    assert ran.code == 0, ran.err
    plan = json.loads(ran.out)
    assert tsdg.runs() == []
    assert endpoint.asked() == {}
    assert tsdg("run", *common).code == 0
    assert str(tsdg.runs()[0]) == plan["run_directory"]
    manifest = json.loads((tsdg.runs()[0] / "manifest.json").read_text())
    planned = {task["task"]: task["seeds"] for task in plan["tasks"]}
    assert planned == {name: task["seeds"]["sampled"] for name, task in manifest["tasks"].items()}
    assert 0 < sum(endpoint.asked().values()) <= plan["requests"]


def test_output_into_a_closed_pipe_is_no_traceback(tsdg: Cli) -> None:
    process = subprocess.Popen(
        f"{' '.join([*TSDG, *tsdg.words('plan', 'recipe=demo')])} | true",
        shell=True,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    assert "Traceback" not in process.communicate(timeout=60)[1]


def test_a_machine_that_cannot_run_code_is_refused_before_anything_is_written(
    tsdg: Cli, tmp_path: Path
) -> None:
    # no bwrap, no unshare
    bare = replace(tsdg, environment=tsdg.environment | {"PATH": str(tmp_path)})
    where = ["server=openai", "server.base_urls=[http://127.0.0.1:9/v1]"]
    ran = bare("run", "recipe=demo", "seeds.tasks=[demo_python]", *where)
    assert ran.code == 3
    assert "no sandbox to run answers of kind code in (" in ran.err.splitlines()[-1]
    assert bare.runs() == []


def test_votes_that_nobody_can_win_are_one_line_and_ask_nothing(
    tsdg: Cli, oracle: Oracle, tmp_path: Path
) -> None:
    path = tmp_path / "mirror/aps/super_glue/boolq/train.parquet"
    path.parent.mkdir(parents=True)
    rows = [
        {"question": f"does {n} follow {n - 1}", "passage": f"{n} does follow {n - 1}.", "label": 1}
        for n in range(3, 9)
    ]
    pq.write_table(pa.Table.from_pylist([{**row, "idx": 0} for row in rows]), path)
    endpoint = oracle()
    words = ["recipe=demo", "seeds.tasks=[boolq]", f"seeds.mirror={tmp_path / 'mirror'}"]
    words += ["answers.first_round=3", *endpoint.overrides()]
    for command in ("plan", "run"):
        refused = tsdg(command, *words, "answers.samples=3")
        assert (refused.code, refused.out, refused.err.count("\n")) == (2, "", 1)
        assert "guessing among 2 options agrees in all 3 votes with probability 0.25" in refused.err
        assert "(boolq)" in refused.err
        assert "answers.samples=5 would do" in refused.err
    assert tsdg.runs() == []
    assert endpoint.asked() == {}
    assert tsdg("plan", *words, "answers.samples=5").code == 0
