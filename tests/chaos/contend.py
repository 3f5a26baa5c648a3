"""One of several processes that contend for units by a script, and report what they saw.

The property tests start them.

A script is a list of operations on the unit held: ``claim``, ``append``, ``beat``, ``release``,
``commit``, ``wait`` and ``die``; those that need a unit do nothing without one. What was done is
told in lines of JSON, each written before the next operation starts, so that a death loses none.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pyarrow as pa

from tests.engine.lab import reply
from tsdg.engine.commit import commit_part, committed_units
from tsdg.engine.journal import Journal
from tsdg.engine.leases import Lease, LeaseBoard
from tsdg.engine.owner import Owner
from tsdg.engine.timing import Timing


class Contender:
    """Owns at most one unit at a time."""

    def __init__(self, directory: Path, name: str, units: int) -> None:
        self.leases, self.journals, self.parts = (
            directory / part for part in ("leases", "journal", "parts")
        )
        self.name = name
        self.units = units
        self.owner = Owner.current()
        self.board = LeaseBoard(directory=self.leases, owner=self.owner, timing=Timing())
        self.lease: Lease | None = None
        self.journal: Journal | None = None
        self.count = 0
        self.report = os.open(
            directory / f"{name}.report", os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o644
        )

    def tell(self, **facts: Any) -> None:
        os.write(self.report, (json.dumps(facts) + "\n").encode())

    def claim(self) -> None:
        if self.lease is None:
            committed = committed_units(self.parts)
            self.lease = self.board.claim(
                index for index in range(self.units) if index not in committed
            )
            if self.lease is not None:
                index, generation = self.lease.index, self.lease.generation
                self.tell(did="claim", index=index, generation=generation)
                if index in committed_units(
                    self.parts
                ):  # as the engine does: it may have been committed meanwhile
                    self.lease.discard()
                    self.lease = None
                    return
                self.journal = Journal(directory=self.journals, index=index, generation=generation)

    def append(self) -> None:
        if self.lease is not None and self.journal is not None:
            key = f"{self.name}/{self.count}"
            self.count += 1
            self.journal.append(key, reply(key))
            self.tell(did="append", index=self.lease.index, key=key)

    def beat(self) -> None:
        if self.lease is not None:
            self.tell(did="beat", index=self.lease.index, held=self.lease.beat())

    def release(self) -> None:
        if self.lease is not None:
            self.lease.release()
            self.let_go()

    def commit(self) -> None:
        if self.lease is not None:
            table = pa.table({"by": [self.name]})
            outcome = commit_part(
                parts=self.parts,
                lease=self.lease,
                token=self.owner.token,
                table=table,
                layout="layout",
            )
            self.tell(
                did="commit",
                index=self.lease.index,
                generation=self.lease.generation,
                outcome=outcome,
            )
            self.let_go()

    def wait(self) -> None:
        time.sleep(0.001)

    def die(self) -> None:
        os._exit(9)

    def let_go(self) -> None:
        assert self.lease is not None
        assert self.journal is not None
        self.lease.close()
        self.journal.close()
        self.lease = self.journal = None


def contend(directory: str, name: str, units: int, script: list[str]) -> int:
    """Wait for the file ``go``, then act out the script."""
    root = Path(directory)
    contender = Contender(root, name, units)
    contender.tell(did="ready")
    while not (root / "go").exists():
        time.sleep(0.0002)
    for operation in script:
        getattr(contender, operation)()
    contender.tell(did="end")
    return 0
