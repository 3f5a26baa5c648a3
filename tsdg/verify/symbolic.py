"""Algebra, schemas and instructions, checked in one child process with limits.

That is math-verify and sympy, jsonschema, and lm-eval's instruction checkers.

They do not run in this process, because sympy and a hostile regular expression can run for hours or
take all memory. math-verify's own timeout is a SIGALRM handler: it works only in the main thread,
cannot stop C code, and would replace a handler of ours. The child limits its own memory, and its
CPU time per call, at which the kernel ends it. It ends when its pipe closes, so none is left behind
after ``kill -9``. CPU time decides, not wall time: a busy machine gives the same verdicts.

One child per process, started at the first call (about a second), shared by all threads; a call is
0.1 to 10 ms. Calls block: 2 CPU seconds at worst, after which the answer is "cannot tell", which
counts as different or unreadable.
"""

from __future__ import annotations

import atexit
import json
import math
import os
import re
import select
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

CPU_SECONDS = 2.0
"""CPU time of one call in the child."""
_WALL_SECONDS = 120.0
"""Patience for a child that neither answers nor dies, start included."""
_LONGEST = 2000
"""Characters of the longest expression that is passed on."""
_MOST_DIGITS = 20_000
"""Digits of the largest power that is worked out."""
_NUMERAL = re.compile(r"\d+")
_TOWER = re.compile(r"\d+(?:[\s)}]*\^[\s({]*\d+)+")
"""Numerals that are raised to one another."""
_WORKER = Path(__file__).with_name("symbolic_worker.py")


def boundless(expression: str) -> bool:
    r"""Whether a power in an expression has more digits than can be worked out. Pure.

    Each such call would cost the child all its time, and all threads wait for it.

    >>> boundless(r"10^{10^{10}} + 1"), boundless("2**100000000"), boundless("x^{2^{3}}")
    (True, True, False)
    """
    for tower in _TOWER.finditer(expression.replace("**", "^").replace(",", "")):
        exponent = 1.0
        for number in reversed([float(digits) for digits in _NUMERAL.findall(tower[0])]):
            digits = exponent * math.log10(max(number, 1.0))
            if digits > _MOST_DIGITS:
                return True
            exponent = number**exponent if digits < 300 else math.inf
    return False


@lru_cache(maxsize=16384)
def same(left: str, right: str) -> bool:
    """Whether math-verify holds two expressions for equal, either one taken as the reference."""
    if max(len(left), len(right)) > _LONGEST or boundless(left) or boundless(right):
        return False
    return _child().call("same", left, right) is True


@lru_cache(maxsize=16384)
def value(expression: str) -> str | None:
    """Return the value of an expression without unknowns (``3/4``, ``2*sqrt(3)``), or None."""
    if not expression or len(expression) > _LONGEST or boundless(expression):
        return None
    found = _child().call("value", expression)
    return found if isinstance(found, str) else None


def valid(document: str, schema: str) -> bool:
    """Whether a JSON document satisfies a JSON Schema; False if the schema is broken."""
    return _child().call("valid", document, schema) is True


def broken_instruction(answer: str, instructions: tuple[str, ...]) -> str | None:
    """Return what is wrong with the first instruction not followed; empty if there is none.

    None where that cannot be told: a checker is not there, fails, or takes too long.
    """
    found = _child().call("broken", answer, *instructions)
    return found if isinstance(found, str) else None


class _Child:
    """The worker process and the lock that makes its calls one after the other."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def call(self, name: str, *arguments: str) -> Any:
        """Return what the worker answered; None where it could not within its limits."""
        line = json.dumps([name, *arguments]).encode() + b"\n"
        with self._lock:
            for _ in range(2):
                answer, over_limit = self._exchange(line)
                if answer is not None or over_limit:
                    break
            # Two deaths that are not the limit's (say, memory): this input kills workers.
        return None if answer is None else json.loads(answer)

    def _exchange(self, line: bytes) -> tuple[bytes | None, bool]:
        if self._process is None:
            # -P: the worker's own folder must not come first on its path.
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(_WORKER), str(CPU_SECONDS)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the parent
            )
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(line)
            process.stdin.flush()
            ready, _, _ = select.select([process.stdout], [], [], _WALL_SECONDS)
            answer = process.stdout.readline() if ready else b""
        except BrokenPipeError:
            answer = b""
        if answer.endswith(b"\n"):
            return answer, False
        return None, self._end() == -signal.SIGPROF

    def _end(self) -> int:
        process, self._process = self._process, None
        assert process is not None
        for pipe in (process.stdout, process.stdin):
            assert pipe is not None
            with suppress(BrokenPipeError):  # closing flushes
                pipe.close()
        try:
            return process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def close(self) -> None:
        """End the worker."""
        with self._lock:
            if self._process is not None and self.pid == os.getpid():
                self._end()


_children: list[_Child] = []
_children_lock = threading.Lock()


def _child() -> _Child:
    # A forked process must not share its parent's pipes.
    with _children_lock:
        if not _children or _children[-1].pid != os.getpid():
            _children[:] = [_Child()]
            atexit.register(_children[0].close)
        return _children[0]
