from __future__ import annotations

from tsdg.crew import in_order


def test_jobs_and_results_larger_than_a_pipe_come_in_order() -> None:
    jobs = [bytes([97 + number % 26]) * 2_000_000 for number in range(9)]
    done = list(in_order(bytes.upper, jobs, processes=2, what="a process"))
    assert done == [(job, job.upper()) for job in jobs]
