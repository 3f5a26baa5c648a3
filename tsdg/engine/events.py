"""What a phase reports about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseEvent:
    """Progress of a phase, as one of its processes sees it."""

    rows_done: int
    """Input rows with an outcome: in committed units of all processes, and in the units this
    process works on."""
    rows_total: int
    requests_done: int
    """Requests that this process got a reply (or a final failure) for."""
    in_flight: int
    """Requests in flight at this moment."""
    prompt_tokens: int
    """Of the requests that this process sent."""
    completion_tokens: int
    resumed_requests: int
    """Requests answered from a journal, without a server."""
    units_committed: int
    """Units whose part this process wrote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseResult:
    """What one process did for a phase that is now complete, or that others will finish."""

    rows_done: int
    """Input rows with an outcome; all of them, unless others still work on the rest."""
    rows_total: int
    units_committed: int
    """Units whose part this process wrote."""
    requests_done: int
    retries: int
    prompt_tokens: int
    completion_tokens: int
    resumed_requests: int
    failures: Mapping[str, int]
    """Requests that failed for good in this process, by reason; each is among ``requests_done``."""
