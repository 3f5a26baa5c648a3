"""The kernel's filter (seccomp) of sandboxed code: no process, thread, socket or signal.

A call of ``syscalls.csv`` ends the process with SIGSYS, which nothing inside can catch or forge;
every other call goes through. The numbers are those of the kernel's headers, one column per
architecture; an empty cell is a call that the architecture does not have.
"""

from __future__ import annotations

import csv
import os
import struct
from functools import cache
from importlib.resources import files

from tsdg.errors import MachineError

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # AUDIT_ARCH_*
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # ld [k]; jeq; jge; ret
_ALLOW, _KILL_PROCESS = 0x7FFF0000, 0x80000000
_NUMBER, _ARCHITECTURE = 0, 4  # offsets in struct seccomp_data
_X32 = 0x40000000  # from here on: x86_64's second set of numbers for the same calls


@cache
def program() -> bytes:
    """Return the filter for this machine: an array of ``struct sock_filter``.

    Raises:
        MachineError: there are no numbers for this machine's architecture.
    """
    machine = os.uname().machine
    if machine not in _ARCHITECTURES:
        raise MachineError(
            f"sandbox: no list of system calls for the architecture {machine}, only for "
            f"{', '.join(_ARCHITECTURES)}; "
            "run there, or let the verifier code_text compare code without running it "
            "(filter.verifiers)"
        )
    table = (files("tsdg.verify") / "syscalls.csv").read_text(encoding="utf-8").splitlines()
    banned = [int(row[machine]) for row in csv.DictReader(table) if row[machine]]
    size = len(banned)
    lines = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 0, size + 3, _ARCHITECTURES[machine]),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, size + 1, 0, _X32),
        *((_EQUAL, size - place, 0, number) for place, number in enumerate(banned)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _KILL_PROCESS),
    ]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)
