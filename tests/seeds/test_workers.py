import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.seeds.rows import WriteSplit, arc_rows, collected
from tsdg.errors import MachineError, MirrorError
from tsdg.records import Rejection
from tsdg.seeds.draw.collect import SeedCollector
from tsdg.seeds.draw.selection import by_name
from tsdg.seeds.draw.workers import ROWS_OF_A_WORKER, worker_count


@pytest.fixture
def mirror_folder(tmp_path: Path, write_split: WriteSplit) -> Path:
    """Three tasks with flaws of every kind, one of them in several row groups."""
    held_out = "Which is held out, and quite long enough to be told from any other question?"
    rows = arc_rows(4_000)
    for number in range(0, 4_000, 7):
        flaw = (
            {"answerKey": None},
            {"question": held_out},
            {"question": rows[number // 2]["question"]},
        )[number % 3]
        rows[number] = rows[number] | flaw
    write_split("allenai/ai2_arc", "ARC-Easy", "train", rows)
    write_split(
        "allenai/ai2_arc", "ARC-Easy", "test", [arc_rows(1, "sea")[0] | {"question": held_out}]
    )
    write_split("allenai/ai2_arc", "ARC-Challenge", "train", rows[1000:1200])
    write_split(
        "openai/gsm8k",
        "main",
        "train",
        [{"question": f"{n} + 1?", "answer": f"#### {n + 1}"} for n in range(99)],
    )
    return tmp_path / "mirror"


def test_several_processes_give_what_one_gives(
    mirror_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tsdg.seeds.draw.collect.SPAN_ROWS", 100)
    one = by_name(str(mirror_folder), ("arc_easy", "gsm8k", "arc_challenge"), 1000).model_copy(
        update={"workers": 1, "total": 1050, "mix": "uniform"}
    )
    seeds, rejections, counts = collected(one)
    assert len(seeds) == 1050
    assert {rejection.reason for rejection in rejections} == {"malformed", "leaked", "duplicate"}
    assert counts["arc_challenge"].sampled == 0
    assert collected(one.model_copy(update={"workers": 3})) == (seeds, rejections, counts)


def test_a_fault_in_a_worker_is_the_same_one_line(
    mirror_folder: Path, write_split: WriteSplit
) -> None:
    path = write_split("allenai/ai2_arc", "ARC-Easy", "train", arc_rows(5000))
    data = bytearray(path.read_bytes())
    data[200:9000] = os.urandom(8800)
    path.write_bytes(data)
    request = by_name(str(mirror_folder), ("gsm8k", "arc_easy"), 10).model_copy(
        update={"workers": 2}
    )
    with pytest.raises(MirrorError, match="not a readable Parquet file"):
        list(SeedCollector(request, 0))


def children(parent: int) -> list[int]:
    """Processes that a process started and that live."""
    out = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, father = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if int(father) == parent and state != "Z" and b"spawn_main" in command:
            out.append(int(folder.name))
    return out


def test_a_killed_worker_is_one_line_and_leaves_nothing(
    mirror_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tsdg.seeds.draw.collect.SPAN_ROWS", 100)
    request = by_name(str(mirror_folder), ("arc_easy",), 10).model_copy(update={"workers": 2})
    items = iter(SeedCollector(request, 0))
    assert isinstance(next(items), Rejection)
    for worker in children(os.getpid()):
        os.kill(worker, signal.SIGKILL)
    with pytest.raises(MachineError, match=r"seeds.workers: a process .* exit code -9"):
        list(items)
    assert children(os.getpid()) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_no_worker_outlives_its_parent(mirror_folder: Path, number: int) -> None:
    code = f"""
import sys, time
from tsdg.seeds.draw.collect import SeedCollector
from tsdg.seeds.draw.selection import by_name
request = by_name({str(mirror_folder)!r}, ("arc_easy",), 10).model_copy(update={{"workers": 2}})
for item in SeedCollector(request, 0):
    print("going", flush=True)
    time.sleep(600)
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"going\n"
    workers = children(parent.pid)
    assert len(workers) == 2
    parent.send_signal(number)
    parent.wait(timeout=120)
    deadline = time.monotonic() + 120
    while (
        any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < deadline
    ):
        time.sleep(0.05)
    assert [worker for worker in workers if Path(f"/proc/{worker}").exists()] == []
    parent.stdout.close()


def test_few_rows_start_no_process() -> None:
    cores = len(os.sched_getaffinity(0))
    assert worker_count("auto", 0) == worker_count("auto", 2 * ROWS_OF_A_WORKER - 1) == 1
    assert worker_count("auto", 10**9) == cores
    assert worker_count(7, 0) == 7
