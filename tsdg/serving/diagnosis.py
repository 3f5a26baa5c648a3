"""Pure: finds in a server's log the line that says why it ended."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tsdg.serving.reply import one_line

# "(EngineCore_0 pid=12) ", "ERROR 11-21 11:54:54 [core.py:842] ", "[rank0]: " before what was said
_PREFIX = re.compile(
    r"^\s*(?:\x1b\[[\d;]*m|\([\w. -]+? pid=\d+\)\s*|\[rank\d+\]:\s*"
    r"|(?:DEBUG|INFO|WARNING|ERROR|CRITICAL)\b:?\s*(?:[\d-]+ [\d:.,]+\s*)?(?:\[[^\]]+:\d+\]\s*)?)+"
)
_EXCEPTION = re.compile(
    r"^(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Exit|NotFound|Timeout)\b(?::\s*\S|$)"
)
_OTHER_ENDS = re.compile(
    r"^(?:Fatal Python error|Segmentation fault|Bus error|Killed|\S+(?: \S+)?: error: |error: "
    r"|terminate called after)"
    r"|command not found|No such file or directory$|CUDA (?:error|out of memory)"
)
# What a process says because another one has failed, or while it is being ended.
_CONSEQUENCE = re.compile(
    r"root cause|EngineDeadError|Engine core initialization failed|EngineCore "
    r"encountered|WorkerProc initialization"
    r"|died "
    r"unexpectedly|^(?:asyncio\.)?(?:\w+\.)*CancelledError|^(?:KeyboardInterrupt|SystemExit|BrokenPipeError)"
    r"|^Connection(?:Reset|Refused|Aborted)Error|^EOFError|^(?:\w+\.)*ProcessRaisedException|ProcessExitedException"
)
# pydantic says on the next lines what is wrong
_GOES_ON = re.compile(r"Error: \d+ validation errors? for \w+$")
_SIGNALS = {
    "signal 9": "signal 9, SIGKILL (out of memory, or killed by someone)",
    "signal 11": "signal 11, a crash",
}


def _with_more(line: str, following: Sequence[str]) -> str:
    """A line and what the next ones add to it."""
    parts = [part.partition(" [type=")[0] for part in following]
    return " ".join((line, *(part for part in parts if not part.startswith("For further"))))


def _is_error(raw: str, line: str) -> bool:
    """Whether a line is of a level of errors, and no part of a traceback."""
    level = re.search(r"\b(?:ERROR|CRITICAL)\b", raw[: len(raw) - len(line)])
    return bool(level) and not line.startswith(("File ", "^", "~"))


def _lines_of(log: str) -> list[tuple[str, str]]:
    """The lines of a log that say something: whole, and without what a logger puts in front."""
    pairs = [(raw, _PREFIX.sub("", raw).strip()) for raw in log.splitlines()]
    return [(raw, line) for raw, line in pairs if line]


def telling_line(log: str) -> str:
    """Return the line of ``log`` that best says why the server ended; empty for an empty log.

    In this order: the last exception that is a cause, not a consequence, of the failure (a failing
    worker makes the engine fail, which makes the server fail, and each logs its own exception); the
    last line of level ERROR; the last exception of any kind; the last line.
    """
    cause = error = exception = last = ""
    pairs = _lines_of(log)
    for number, (raw, line) in enumerate(pairs):
        last = line
        if _GOES_ON.search(line):
            line = _with_more(line, [following for _, following in pairs[number + 1 : number + 3]])
        if _EXCEPTION.search(line) or _OTHER_ENDS.search(line):
            exception = line
            if not _CONSEQUENCE.search(line):
                cause = line
        elif _is_error(raw, line):
            error = error if _CONSEQUENCE.search(line) else line
    return one_line(cause or error or exception or last)


def describe_end(outcome: str, log: str) -> str:
    """Say in one line how a server ended and why.

    Args:
        outcome: ``exit N`` or ``signal N``.
        log: what it wrote since it was started.
    """
    said = telling_line(log)
    ended = _SIGNALS.get(outcome, outcome)
    return (
        f"it ended with {ended}; its last telling line: {said}"
        if said
        else f"it ended with {ended} and wrote nothing"
    )
