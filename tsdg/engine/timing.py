"""All waiting times of the engine, in one place, so that tests can shorten them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds between, before and after; the defaults suit a shared file system with many nodes."""

    heartbeat_s: float = 10.0
    """Between two touches of a held lease."""
    lease_timeout_s: float = 60.0
    """After this long without a touch, a lease is stale."""
    poll_s: float = 1.0
    """Between two looks at the leases of others while there is nothing left to claim."""
    sync_s: float = 1.0
    """Between two fsyncs of a journal: what a power failure can cost, or some times as much where
    a process has many units open. A killed process costs nothing."""
    progress_s: float = 0.2
    """Between two progress events."""
    backoff_s: float = 0.5
    """Before the first retry of a request; doubles with each one."""
    backoff_cap_s: float = 30.0
    """Longest back-off after a failure that counts."""
    waiting_cap_s: float = 5.0
    """Longest back-off while no server takes requests: short, so that a restarted server is found
    at once."""
    retry_after_cap_s: float = 600.0
    """Longest wait that a server may ask for with ``retry_after``."""
    report_s: float = 5.0
    """Between two writings of the accounting file."""
    steer_s: float = 2.0
    """Between two looks at the replicas' load, which move the limit of requests in flight."""
    budget_s: float = 0.5
    """Between two looks at the budgets."""
    hand_over_s: float = 60.0
    """Work that lasts longer than this is handed over where others have nothing to do."""
    ask_slurm_s: float = 30.0
    """Between two questions to Slurm about one job."""
    stop_grace_s: float = 3.0
    """How long cancelled requests may take to end."""

    @property
    def confirm_s(self) -> float:
        """How long a lease must be seen to stand still before its age by the clock is believed.

        Longer than two heartbeats, so that a live owner whose clock is wrong is never robbed.
        """
        return 2.5 * self.heartbeat_s
