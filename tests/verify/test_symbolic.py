"""The child behind the maths verifiers: limits, death, threads, event loops, forks."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from tests.processes import command_of
from tsdg.verify import symbolic


@pytest.fixture(autouse=True)
def _fresh() -> None:
    symbolic.same.cache_clear()
    symbolic.value.cache_clear()


def children() -> list[psutil.Process]:
    return [
        process
        for process in psutil.Process().children()
        if any("symbolic_worker" in part for part in command_of(process))
    ]


def test_works_in_an_event_loop_and_in_threads_and_leaves_signals_alone() -> None:
    before = signal.getsignal(signal.SIGALRM)

    async def main() -> bool:
        return symbolic.same("1/2", "0.5")

    assert asyncio.run(main())
    pairs = [(f"{n}/7", f"{2 * n}/14") for n in range(1, 21)]
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda pair: symbolic.same(*pair), pairs))
    assert signal.getsignal(signal.SIGALRM) is before
    assert len(children()) == 1


def test_a_call_that_cannot_end_is_ended_and_the_next_one_works() -> None:
    assert symbolic.value("2+2") == "4"
    first = children()[0].pid
    assert symbolic.same(r"\sum_{n=1}^{10^9} \frac{1}{n^2}", "2") is False
    assert symbolic.value("2+3") == "5"
    assert children()[0].pid != first


def test_a_call_that_eats_memory_is_ended() -> None:
    assert symbolic.value("10**10**10") is None
    assert symbolic.value("3+3") == "6"


def test_a_killed_child_is_replaced_and_the_call_is_repeated() -> None:
    assert symbolic.value("2+2") == "4"
    children()[0].kill()
    assert symbolic.value("4+4") == "8"


def test_a_child_killed_during_a_call_is_replaced() -> None:
    assert symbolic.value("2+2") == "4"
    child = children()[0]
    child.suspend()
    threading.Timer(0.3, child.kill).start()
    assert symbolic.value("5+5") == "10"


def test_the_child_goes_when_its_parent_is_killed() -> None:
    code = (
        "from tsdg.verify import symbolic; print(symbolic.value('1+1'), flush=True); "
        "import time; time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "2\n"
        (child,) = psutil.Process(parent.pid).children()
        parent.kill()
    child.wait(timeout=120)


def test_a_forked_process_gets_its_own_child() -> None:
    assert symbolic.value("2+2") == "4"
    pid = os.fork()
    if pid == 0:
        os._exit(0 if symbolic.value("6+6") == "12" else 1)
    deadline = time.monotonic() + 60
    while (done := os.waitpid(pid, os.WNOHANG))[0] == 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert done[1] == 0
    assert symbolic.value("7+7") == "14"


def test_importing_the_verifiers_imports_no_algebra() -> None:
    code = (
        "import sys\nfrom tsdg.records import ANSWER_KINDS\nfrom tsdg.verify import verifier_for\n"
        "for kind in ANSWER_KINDS: verifier_for(kind)\n"
        "print(sorted({'sympy', 'math_verify', 'jsonschema', 'latex2sympy2_extended'} & "
        "set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout == "[]\n"
