"""The telling line of a server's log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.serving.fault_server import OUT_OF_MEMORY
from tsdg.serving.diagnosis import describe_end, telling_line

WORKER = """\
INFO 11-21 12:00:00 [api_server.py:1] vLLM API server version 0.32.0
(Worker_TP0 pid=9) ERROR 11-21 12:00:01 [multiproc.py:7] WorkerProc failed to start.
(Worker_TP0 pid=9) ERROR 11-21 12:00:01 [multiproc.py:7] Traceback (most recent call last):
(Worker_TP0 pid=9) ERROR 11-21 12:00:01 [multiproc.py:7] \
torch.OutOfMemoryError: CUDA out of memory. Tried 2 GiB.
(EngineCore_DP0 pid=8) ERROR 11-21 12:00:02 [core.py:1] Exception: WorkerProc \
initialization failed due to an exception in a background process. See stack trace for root cause.
(APIServer pid=7) RuntimeError: Engine core initialization failed. See root cause above. \
Failed core proc(s): {}
[rank0]: ConnectionResetError: [Errno 104] Connection reset by peer
/usr/lib/python3.11/multiprocessing/resource_tracker.py:254: UserWarning: \
There appear to be 1 leaked shared_memory
  warnings.warn('resource_tracker: There appear to be %d '
"""


@pytest.mark.parametrize(
    ("log", "line"),
    [
        (OUT_OF_MEMORY, "ValueError: No available memory for the cache blocks."),
        (WORKER, "torch.OutOfMemoryError: CUDA out of memory. Tried 2 GiB."),
        (
            "usage: x\nvllm serve: error: unrecognized arguments: -x",
            "vllm serve: error: unrecognized arguments: -x",
        ),
        (
            "usage: vllm [-h]\nvllm: error: invalid choice: 'x'\n",
            "vllm: error: invalid choice: 'x'",
        ),
        (
            "OSError: cannot start /x: Permission denied\n",
            "OSError: cannot start /x: Permission denied",
        ),
        (
            (
                "INFO 11-21 12:00:00 [a.py:1] fine\nERROR 11-21 12:00:00 [a.py:1] disk full\nINFO "
                "[a.py:2] bye"
            ),
            "disk full",
        ),
        ("Fatal Python error: Aborted\n\nThread 0x01:\n  File x\n", "Fatal Python error: Aborted"),
        (
            "importlib.metadata.PackageNotFoundError: No package metadata was found for vllm\n",
            "importlib.metadata.PackageNotFoundError: No package metadata was found for vllm",
        ),
        (
            "RuntimeError: Engine core initialization failed. See root cause above.\nbye\n",
            "RuntimeError: Engine core initialization failed. See root cause above.",
        ),
        ("ValidationError: old\nKeyError: 'new'\n", "KeyError: 'new'"),
        (
            "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig\n"
            "  Value error, too large [type=value_error, input_value=Args(())]\n    For further "
            "information visit x\n",
            (
                "pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig "
                "Value error, too large"
            ),
        ),
        ("loading\nloading more\n\n", "loading more"),
        ("", ""),
    ],
)
def test_the_cause_is_found_and_not_its_consequences(log: str, line: str) -> None:
    assert telling_line(log) == line


def test_an_end_is_described_with_its_cause_and_a_signal_by_its_name() -> None:
    assert describe_end("exit 1", OUT_OF_MEMORY) == (
        "it ended with exit 1; its last telling line: ValueError: No available memory for the "
        "cache blocks."
    )
    assert describe_end("signal 9", "") == (
        "it ended with signal 9, SIGKILL (out of memory, or killed by someone) and wrote nothing"
    )


@given(st.text())
def test_any_log_gives_one_short_line(log: str) -> None:
    line = telling_line(log)
    assert len(line) <= 300
    assert len(line.splitlines()) <= 1
