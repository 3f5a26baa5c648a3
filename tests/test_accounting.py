from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsdg.accounting import (
    WorkerOwner,
    WorkerStatus,
    covered,
    prometheus,
    read_run,
    read_workers,
    spent,
    sweep_unfinished,
    worker_path,
    write_worker,
)
from tsdg.errors import StorageError, VerificationError
from tsdg.protocols import ReplicaFacts

STATUS = WorkerStatus(
    schema_version=1,
    owner=WorkerOwner(
        host="node1",
        pid=7,
        slurm_job_id="12",
        slurm_array_job_id="10",
        slurm_array_task_id="2",
        slurm_node="node1",
    ),
    started=1000.0,
    updated=1060.0,
    ended=None,
    state="running",
    reason="",
    rows_done=5,
    rows_total=9,
    units_committed=1,
    requests_done=20,
    resumed_requests=3,
    in_flight=4,
    in_flight_limit=64,
    waiting=2,
    retries={"timeout": 2, "http_429": 1},
    failures={"too_long": 1},
    prompt_tokens=200,
    completion_tokens=100,
    replicas=(
        ReplicaFacts(
            name="server-0",
            url="http://h:1/v1",
            gpus=2,
            held_s=60.0,
            ready_s=50.0,
            busy_s=40.0,
            idle_s=10.0,
            requests=20,
            prompt_tokens=200,
            completion_tokens=100,
            restarts=1,
        ),
    ),
    gpu_seconds=120.0,
    idle_gpu_seconds=40.0,
    history=((0.0, 0, 0, 0), (60.0, 100, 4, 5)),
)


def test_what_is_written_is_read_back_in_the_order_of_the_starts(tmp_path: Path) -> None:
    later, ended = (
        replace(STATUS, started=2000.0, updated=2010.0),
        replace(STATUS, ended=1060.0, state="complete"),
    )
    write_worker(tmp_path / "answers", "aa", later)
    write_worker(tmp_path / "answers", "bb", ended)
    write_worker(tmp_path / "questions", "aa", STATUS)
    assert read_workers(tmp_path / "answers") == (ended, later)
    assert sorted(read_run(tmp_path), key=lambda w: (w.started, w.state)) == [ended, STATUS, later]
    assert read_workers(tmp_path / "package") == ()
    assert read_run(tmp_path / "nowhere") == ()
    keys = set(json.loads(worker_path(tmp_path / "answers", "aa").read_text()))
    assert keys == {
        "schema_version",
        "owner",
        "started",
        "updated",
        "ended",
        "state",
        "reason",
        "rows_done",
        "rows_total",
        "units_committed",
        "requests_done",
        "resumed_requests",
        "in_flight",
        "in_flight_limit",
        "waiting",
        "retries",
        "failures",
        "prompt_tokens",
        "completion_tokens",
        "replicas",
        "gpu_seconds",
        "idle_gpu_seconds",
        "history",
    }


def test_a_file_is_replaced_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    for rows in range(3):
        write_worker(tmp_path, "aa", replace(STATUS, rows_done=rows))
    assert [worker.rows_done for worker in read_workers(tmp_path)] == [2]
    assert sorted(path.name for path in (tmp_path / "workers").iterdir()) == ["aa.json", "aa.prom"]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b'{"schema_version": 2}', b"\xff", b"null"],
)
def test_a_damaged_file_is_one_line_that_names_it(tmp_path: Path, content: bytes) -> None:
    path = worker_path(tmp_path, "aa")
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(VerificationError, match="delete it") as caught:
        read_workers(tmp_path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{", "it is not a JSON object"),
        (b"null", "it is not a JSON object"),
        (b'{"schema_version": 1}', "owner is missing or wrong"),
    ],
)
def test_what_is_wrong_in_a_damaged_file_is_said_plainly(
    tmp_path: Path, content: bytes, says: str
) -> None:
    path = worker_path(tmp_path, "aa")
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(VerificationError) as caught:
        read_workers(tmp_path)
    assert str(caught.value) == (
        f"the accounting file {path} is damaged: {says}: delete it (its figures are then missing "
        "in the sums)"
    )


def test_what_killed_workers_left_unfinished_is_swept(tmp_path: Path) -> None:
    write_worker(tmp_path, "aa", STATUS)
    for name in (".bb.json.partial", ".bb.prom.partial"):
        (tmp_path / "workers" / name).write_text("{")
    sweep_unfinished(tmp_path)
    assert sorted(path.name for path in (tmp_path / "workers").iterdir()) == ["aa.json", "aa.prom"]
    sweep_unfinished(tmp_path / "nowhere")


def test_another_version_is_refused(tmp_path: Path) -> None:
    write_worker(tmp_path, "aa", replace(STATUS, schema_version=2))
    with pytest.raises(VerificationError, match="schema_version is 2, this tsdg reads 1"):
        read_workers(tmp_path)


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot create the directory"):
        write_worker(tmp_path / "file", "aa", STATUS)


def test_sums_are_over_all_workers_and_wall_time_counts_once() -> None:
    second = replace(STATUS, started=1030.0, updated=1090.0, retries={"timeout": 5})
    apart = replace(STATUS, started=5000.0, updated=5001.0, retries={})
    used = spent([STATUS, second, apart])
    assert used.wall_seconds == pytest.approx(91.0)
    assert used.retries == {"timeout": 7, "http_429": 1}
    assert used.failures == {"too_long": 3}
    assert (used.workers, used.prompt_tokens, used.completion_tokens, used.gpu_seconds) == (
        3,
        600,
        300,
        360.0,
    )
    assert spent([]).wall_seconds == 0


spans = st.tuples(st.integers(0, 60), st.integers(0, 20)).map(
    lambda pair: (pair[0], pair[0] + pair[1])
)


@given(st.lists(spans, max_size=12))
def test_the_length_of_a_union_is_that_of_its_seconds(each: list[tuple[int, int]]) -> None:
    assert covered(each) == len({second for start, end in each for second in range(start, end)})


def test_prometheus_text_has_each_family_once_and_escapes_what_it_must() -> None:
    status = replace(STATUS, owner=replace(STATUS.owner, host='a"b\\c'))
    text = prometheus(status, phase="answers", worker="aa")
    sample = re.compile(
        r'tsdg_[a-z_]+\{[a-z_]+="(?:[^"\\\n]|\\["\\n])*"(?:,[a-z_]+="(?:[^"\\\n]|\\["\\n])*")*\} '
        r"\S+"
    )
    families = []
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            families.append(line.split()[2])
        elif not line.startswith("# HELP "):
            assert sample.fullmatch(line), line
            assert line.split("{")[0] == families[-1]
            float(line.rpartition(" ")[2])
    assert len(families) == len(set(families))
    assert (
        'tsdg_retries_total{phase="answers",worker="aa",host="a\\"b\\\\c",reason="timeout"} 2'
        in text
    )
    labels = 'phase="answers",worker="aa",host="a\\"b\\\\c",replica="server-0"'
    assert f"tsdg_replica_busy_seconds_total{{{labels}}} 40.0" in text
    assert text.endswith("\n")
