"""The text of squeue and sacct: as Slurm 22.05 printed it, and as later releases vary it."""

from __future__ import annotations

import pytest

from tsdg.slurm.jobs import ArrayRecord, JobRecord
from tsdg.slurm.queue import (
    elements_of,
    merge,
    names_of,
    parse_sacct,
    parse_squeue,
    tally,
    why_pending,
)

NAMES = {"1": "arr", "2": "after"}

SQUEUE_22 = """\
1|1|FAILED|node1|NonZeroExitCode|arr
1|3|PENDING||JobArrayTaskLimit|arr
2|N/A|PENDING||Dependency|after
1|2|RUNNING|node1|None|arr
1|0|RUNNING|node1|None|arr
"""
SACCT_22 = """\
2|PENDING|0:0|Unknown|None assigned|after
1_0|RUNNING|0:0|2026-11-21T16:15:04|node1|arr
1_1|FAILED|3:0|2026-11-21T16:15:04|node1|arr
1_2|RUNNING|0:0|2026-11-21T16:15:05|node1|arr
1_3|PENDING|0:0|Unknown|None assigned|arr
"""
SACCT_22_CANCELLED = """\
2|CANCELLED by 0|0:0|None|None assigned|after
1_0|CANCELLED by 0|0:0|2026-11-21T16:15:04|node1|arr
1_1|FAILED|3:0|2026-11-21T16:15:04|node1|arr
1_2|CANCELLED by 0|0:0|2026-11-21T16:15:05|node1|arr
1_3|CANCELLED by 0|0:0|None|None assigned|arr
"""
# As 24.11 may have it: no word for a node that is not there, a part of an array in one line, a
# requeue of each start.
SACCT_24 = """\
1_0|NODE_FAIL|0:0|2026-11-21T16:15:04|node1|arr
1_0|COMPLETED|0:0|2026-11-21T16:16:04|node2|arr
1_1|REQUEUED|0:0|2026-11-21T16:15:04|node1|arr
1_1|PENDING|0:0|Unknown||arr
1_[2-3%2]|PENDING|0:0|Unknown||arr
2|PENDING|0:0|Unknown||after

"""


def job(number: str, name: str, size: int = 0, **keys: object) -> JobRecord:
    values: dict[str, object] = {
        "name": name,
        "stage": name,
        "stages": (name,),
        "job_id": number,
        "slurm_name": name,
        "array": ArrayRecord(size=size, limit=2, first=0) if size else None,
        "link": 0,
        "gpus": False,
        "nodes": 1,
        "gpus_per_node": 0,
        "partition": "",
        "qos": "",
        "time_limit": "",
        "retries": 1,
        "after_ok": (),
        "after_any": (),
        "script": "",
        "logs": f"logs/{name}",
    }
    return JobRecord.model_validate(values | keys)


ARR, AFTER = job("1", "arr", 4), job("2", "after", after_any=("arr",))
KEYS = (*elements_of(ARR), *elements_of(AFTER))


def states(queue: str | None, accounting: str | None) -> dict[str, str]:
    merged = merge(
        KEYS,
        None if queue is None else parse_squeue(queue, NAMES),
        None if accounting is None else parse_sacct(accounting, NAMES),
    )
    return {element.key: element.state for element in merged}


LIVE = {"1_0": "running", "1_1": "failed", "1_2": "running", "1_3": "pending", "2": "pending"}


@pytest.mark.parametrize(
    ("queue", "accounting", "expected"),
    [
        (SQUEUE_22, SACCT_22, LIVE),
        (SQUEUE_22, None, LIVE),  # slurmdbd is down, or there is none
        (SQUEUE_22, "", LIVE),  # accounting has heard of nothing yet
        (None, SACCT_22, LIVE),  # slurmctld is down
        ("", SACCT_22_CANCELLED, dict.fromkeys(KEYS, "stopped") | {"1_1": "failed"}),
        # All forgotten by the controller, and accounting is late: they have ended, who knows how.
        ("", SACCT_22, dict.fromkeys(KEYS, "unknown") | {"1_1": "failed"}),
        (None, None, dict.fromkeys(KEYS, "unknown")),
        (
            None,
            SACCT_24,
            {"1_0": "done", "1_1": "pending", "1_2": "pending", "1_3": "pending", "2": "pending"},
        ),
    ],
    ids=["both", "no-dbd", "lags", "no-ctld", "cancelled", "late", "none", "24.11"],
)
def test_both_are_put_together(
    queue: str | None, accounting: str | None, expected: dict[str, str]
) -> None:
    assert states(queue, accounting) == expected


def test_a_job_of_another_name_has_only_the_same_number() -> None:
    assert parse_squeue(SQUEUE_22.replace("|after", "|someone-elses"), NAMES).keys() == {
        "1_0",
        "1_1",
        "1_2",
        "1_3",
    }
    assert parse_sacct(SACCT_22.replace("|arr", "|other"), NAMES).keys() == {"2"}


def test_names_and_reasons_may_hold_anything_but_lines() -> None:
    assert (
        parse_squeue("7|N/A|PENDING||Nodes: down, drained|a|b c", {"7": "a|b c"})["7"].slurm_state
        == "PENDING"
    )
    assert parse_squeue("garbage\n\n7|x", {"7": "a"}) == {}
    assert parse_sacct("garbage\n\n7|x", {"7": "a"}) == {}


def test_each_start_of_a_requeued_job_counts() -> None:
    first, second, *_ = merge(KEYS, {}, parse_sacct(SACCT_24, NAMES))
    assert (first.starts, first.nodes, second.starts) == (2, "node2", 1)


def test_who_was_asked_to_stop_has_not_failed() -> None:
    text = "2|FAILED|130:0|2026-11-21T16:15:04|n|after"
    assert merge(["2"], {}, parse_sacct(text, NAMES))[0].state == "stopped"
    queue = parse_squeue("2|N/A|FAILED|n|NonZeroExitCode|after", NAMES)
    assert merge(["2"], queue, parse_sacct(text, NAMES))[0].state == "stopped"
    # The exit code of an earlier start says nothing of one that runs.
    running = parse_squeue("2|N/A|RUNNING|n|None|after", NAMES)
    merged = merge(["2"], running, parse_sacct(text, NAMES))[0]
    assert (merged.state, merged.exit_code) == ("running", "")


def test_what_waits_for_what_never_comes_has_stopped() -> None:
    queue = parse_squeue("2|N/A|PENDING||DependencyNeverSatisfied|after", NAMES)
    assert merge(["2"], queue, None)[0].state == "stopped"


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("COMPLETING", "running"),
        ("CONFIGURING", "running"),
        ("REQUEUE_HOLD", "pending"),
        ("PREEMPTED", "stopped"),
        ("OUT_OF_MEMORY", "failed"),
        ("TIMEOUT", "failed"),
        ("NODE_FAIL", "failed"),
        ("COMPLETED", "done"),
        ("A_NEW_WORD", "unknown"),
        ("CANCELLED+", "stopped"),
        ("", "unknown"),
    ],
)
def test_words_of_slurm(word: str, state: str) -> None:
    assert merge(["2"], parse_squeue(f"2|N/A|{word}|||after", NAMES), None)[0].state == state


def test_elements_are_counted_and_reasons_said() -> None:
    merged = merge(KEYS, parse_squeue(SQUEUE_22, NAMES), None)
    assert tally(merged) == {"running": 2, "failed": 1, "pending": 2}
    assert names_of([ARR, AFTER]) == NAMES
    assert why_pending(AFTER, merged[-1].reason) == "waits for the end of arr"
    assert why_pending(ARR, "Dependency") == "waits for another job"
    assert why_pending(ARR, merged[3].reason) == "as many elements run as launch.max_running allows"
    assert why_pending(ARR, "Resources") == "waits for nodes (Resources)"
    assert why_pending(ARR, "None") == "waits for nodes"
    assert why_pending(ARR, "BeginTime") == "was requeued and starts again soon"
    assert why_pending(ARR, "QOSMaxJobsPerUserLimit") == "Slurm says QOSMaxJobsPerUserLimit"
