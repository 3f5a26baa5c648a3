"""What a caller is told about the servers while they work, and how often they are checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

EventKind = Literal["starting", "ready", "restarting", "lost", "aside", "back", "failed", "stopped"]
_SAID = {"aside": "set aside"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerEvent:
    """One change in the life of one replica."""

    replica: int
    """Number of the replica, from 0."""
    kind: EventKind
    """``starting``, ``ready`` (after how long), ``restarting`` (why), ``lost`` (an endpoint of
    others that no longer answers), ``aside`` (others are asked first: why), ``back``, ``failed``
    (given up: why) or ``stopped``."""
    url: str
    """Base URL of the replica, without credentials."""
    detail: str
    """One line for a person; empty where the kind says it all."""

    def __str__(self) -> str:
        """The event as one line for a person."""
        joint = " " if self.kind == "ready" else ": "
        detail = joint + self.detail if self.detail else ""
        kind = _SAID.get(self.kind, self.kind)
        return f"server {self.replica} at {self.url} {kind}{detail}"


OnEvent = Callable[[ServerEvent], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacing:
    """How often servers are checked and how long tsdg waits for them. All times are seconds."""

    poll_s: float = 5.0
    """Between two checks of /health and /metrics."""
    look_timeout_s: float = 10.0
    """How long an answer of /health or /metrics may take."""
    stall_s: float = 180.0
    """A server hangs if it has work and makes no token for this long, or does not answer for this
    long. It is enough to compile kernels at the first request of a new shape."""
    idle_s: float = 60.0
    """A server that has been idle for this long is sent a one-token request."""
    canary_timeout_s: float = 60.0
    """How long such a request may take; it is sent twice."""
    last_words_s: float = 2.0
    """How long a server that failed its first request is left to end by itself and to say why in
    its log."""
    stagger_s: float = 2.0
    """Between the starts of two replicas, so that they do not all read the weights at once."""
    backoff_s: float = 1.0
    """Before the first restart; doubles with each failure in a row."""
    max_backoff_s: float = 60.0
    """Longest wait before a restart."""
    stable_s: float = 600.0
    """After being ready for this long, a replica's count of failures starts again."""
    start_failures: int = 3
    """Failures in a row that open the circuit of a replica which was never ready."""
    crashes: int = 6
    """Failures in a row that open the circuit of a replica which was ready at some time."""
    grace_s: float = 3.0
    """Between SIGTERM and SIGKILL."""
    rejoin_s: float = 120.0
    """How long the nodes that share a server wait for one of them that was there and is gone."""


PACING = Pacing()
"""What is used outside tests."""
