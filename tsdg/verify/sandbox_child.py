"""Runs inside the sandbox: takes a job from stdin, locks itself in, answers in JSON lines.

Run as a script; ``assertions.py`` also imports :func:`canonical` from it. Knows nothing of tsdg, so
that the sandbox need not show it. The job holds only expressions, never the results that are
expected of them: the code under test can report what it likes, but it cannot know what would be
right.

Lines: ``["closed"]`` once nothing can get out, ``["loaded"]`` once the source has run, then per
expression ``["value", text]``, ``["opaque", type]`` (no plain data) or ``["raised", exception]``;
instead of all of them ``["unfit", why]`` where the sandbox could not be closed.
"""

from __future__ import annotations

import ctypes
import io
import json
import os
import random
import resource
import signal
import sys
from types import FrameType
from typing import Any

_LONGEST = 20_000
_DEEPEST = 40


class Overtime(BaseException):
    """An expression's CPU time is up; no ``except Exception`` of the tested code stops it."""


class OpaqueValueError(Exception):
    """A value is no plain data."""


def canonical(value: object, depth: int = 0) -> str:
    """Write plain data so that what ``==`` holds for equal is the same text.

    1, 1.0 and True are equal, so are two sets or dicts in any order; a list and a tuple are not.

    Raises:
        OpaqueValueError: another type somewhere inside, or too deep.
    """
    if depth > _DEEPEST:
        raise OpaqueValueError("too deep")
    if value is None or isinstance(value, str | bytes):
        return repr(value)
    if isinstance(value, int | float | complex):
        return _canonical_number(value)
    if isinstance(value, list | tuple):
        inner = ", ".join(canonical(item, depth + 1) for item in value)
        return f"[{inner}]" if isinstance(value, list) else f"({inner},)"
    if isinstance(value, set | frozenset):
        return "{" + ", ".join(sorted(canonical(item, depth + 1) for item in value)) + "}"
    if isinstance(value, dict):
        pairs = (
            f"{canonical(key, depth + 1)}: {canonical(item, depth + 1)}"
            for key, item in value.items()
        )
        return "{:" + ", ".join(sorted(pairs)) + "}"
    raise OpaqueValueError(type(value).__name__)


def _canonical_number(value: complex) -> str:
    if isinstance(value, int):
        return str(int(value)) if abs(value).bit_length() < 10_000 else hex(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(float(value))
    return _canonical_number(value.real) if not value.imag else repr(complex(value))


def _enclose(root: str, shown: list[str]) -> None:
    """Make a new root that shows only some folders, read-only; needs a mount namespace."""
    libc = ctypes.CDLL(None, use_errno=True)

    def mount(source: str, target: str, kind: str, flags: int, data: str) -> None:
        if libc.mount(source.encode(), target.encode(), kind.encode(), flags, data.encode()):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), target)

    private, bind, recursive, remount, read_only = 1 << 18, 4096, 16384, 32, 1
    mount("none", "/", "", recursive | private, "")
    mount("tmpfs", root, "tmpfs", 6, "size=1m,mode=755")
    for path in shown:
        target = root + path
        if os.path.isdir(path):  # noqa: PTH112  pathlib would have to be imported
            os.makedirs(target, exist_ok=True)  # noqa: PTH103
        else:
            os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY))
        mount(path, target, "", bind, "")
        # A user's own namespace may not drop flags that a mount has: nosuid, nodev, noexec,
        # noatime, nodiratime.
        has = os.statvfs(target).f_flag
        kept = has & (2 | 4 | 8 | 1024 | 2048) | (
            1 << 21 if has & 4096 else 0
        )  # relatime has two numbers
        mount(path, target, "", bind | remount | read_only | kept, "")
    os.chdir(root)
    mount("none", root, "", remount | read_only | 6, "")
    if libc.syscall({"x86_64": 155, "aarch64": 41}[os.uname().machine], b".", b"."):
        raise OSError(ctypes.get_errno(), "pivot_root")
    if libc.umount2(b".", 2):
        raise OSError(ctypes.get_errno(), "umount")
    os.chdir("/")


def _lock(job: dict[str, Any]) -> None:
    """Set the limits of this process and give up, for good, what it must not do."""
    hard = {
        resource.RLIMIT_CPU: job["cpu_seconds"],
        resource.RLIMIT_AS: job["memory_bytes"],
        resource.RLIMIT_FSIZE: job["file_bytes"],
        resource.RLIMIT_NPROC: 1,
        resource.RLIMIT_NOFILE: 32,
        resource.RLIMIT_CORE: 0,
    }
    for name, limit in hard.items():
        resource.setrlimit(name, (limit, limit + (name == resource.RLIMIT_CPU)))
    libc = ctypes.CDLL(None, use_errno=True)
    code = ctypes.create_string_buffer(bytes.fromhex(job["seccomp"]))

    class Program(ctypes.Structure):
        _fields_ = (("size", ctypes.c_ushort), ("code", ctypes.c_void_p))

    program = Program(len(job["seccomp"]) // 16, ctypes.cast(code, ctypes.c_void_p))
    header, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    no_new_privileges, seccomp = 38, 22
    if libc.capset(header, none):
        raise OSError(ctypes.get_errno(), "capset")
    if libc.prctl(no_new_privileges, 1, 0, 0, 0) or libc.prctl(
        seccomp, 2, ctypes.byref(program), 0, 0
    ):
        raise OSError(ctypes.get_errno(), "prctl")


def _overtime(number: int, frame: FrameType | None) -> None:
    raise Overtime


def _run(job: dict[str, Any], report: io.TextIOWrapper) -> None:
    def say(*line: str) -> None:
        report.write(json.dumps(line) + "\n")
        report.flush()

    say("closed")
    signal.signal(signal.SIGPROF, _overtime)
    names: dict[str, Any] = {"__name__": "__solution__"}
    try:
        signal.setitimer(signal.ITIMER_PROF, job["expression_seconds"])
        exec(compile(job["source"], "<solution>", "exec", dont_inherit=True), names)
        signal.setitimer(signal.ITIMER_PROF, 0)
    except BaseException as error:
        signal.setitimer(signal.ITIMER_PROF, 0)
        say("raised", type(error).__name__)
        return
    say("loaded")
    for expression in job["expressions"]:
        random.seed(0)
        try:
            signal.setitimer(signal.ITIMER_PROF, job["expression_seconds"])
            value = eval(compile(expression, "<check>", "eval", dont_inherit=True), names)
            text = canonical(value)
            signal.setitimer(signal.ITIMER_PROF, 0)
        except OpaqueValueError as error:
            signal.setitimer(signal.ITIMER_PROF, 0)
            say("opaque", str(error))
        except BaseException as error:
            signal.setitimer(signal.ITIMER_PROF, 0)
            say("raised", type(error).__name__)
            if isinstance(error, Overtime):
                return  # the next ones would most likely only cost as much
        else:
            say("value", text) if len(text) <= _LONGEST else say("opaque", "too long")


def main() -> None:
    """Do the job of stdin."""
    job = json.load(sys.stdin)
    report = os.fdopen(os.dup(1), "w", encoding="ascii")
    try:
        if job["root"]:
            _enclose(job["root"], job["shown"])
        silent = os.open("/dev/null", os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(silent, number)
        os.close(silent)
        if job["root"] and (
            child := os.fork()
        ):  # the first process of a namespace cannot be killed by its own
            status = os.waitpid(child, 0)[1]
            os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
        _lock(job)
    except OSError as error:
        report.write(json.dumps(["unfit", str(error)]) + "\n")
        report.flush()
        os._exit(1)
    _run(job, report)
    report.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
