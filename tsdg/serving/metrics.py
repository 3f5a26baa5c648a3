"""Reads what a vLLM server says of its load and its progress, from Prometheus text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from tsdg.protocols import Load

_SAMPLE = re.compile(
    r"(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?:[^\"}]|\"(?:[^\"\\]|\\.)*\")*\})?\s+(?P<value>\S+)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """One look at one server, summed over its engines."""

    running: float
    """Requests in the batch."""
    waiting: float
    """Requests in the queue."""
    generation_tokens: float
    """Tokens generated since the server started."""
    prompt_tokens: float
    """Prompt tokens read since the server started."""
    kv_cache_usage: float
    """Share of the KV cache in use, 0 to 1; that of the fullest engine."""


def _samples(text: str) -> dict[str, list[float]]:
    """The values of each metric that is needed."""
    values: dict[str, list[float]] = {}
    for line in text.splitlines():
        if not line.startswith("vllm:"):
            continue
        sample = _SAMPLE.match(line)
        if sample is not None and sample["name"] in _NAMES:
            values.setdefault(sample["name"], []).append(float(sample["value"]))
    return values


def parse_metrics(text: str) -> Metrics:
    """Read the Prometheus text of a vLLM server.

    Raises:
        ValueError: a counter is missing or is not a number; the message names it.
    """
    values = _samples(text)
    missing = [name for name in _NAMES if name not in values]
    if missing:
        raise ValueError(f"/metrics has no {missing[0]}")
    if not all(math.isfinite(value) for name in _NAMES for value in values[name]):
        raise ValueError("/metrics holds a value that is not finite")
    return Metrics(
        running=sum(values["vllm:num_requests_running"]),
        waiting=sum(values["vllm:num_requests_waiting"]),
        generation_tokens=sum(values["vllm:generation_tokens_total"]),
        prompt_tokens=sum(values["vllm:prompt_tokens_total"]),
        kv_cache_usage=max(values["vllm:kv_cache_usage_perc"]),
    )


def total_load(looks: Iterable[Metrics]) -> Load:
    """Add up the load of several servers."""
    seen = tuple(looks)
    return Load(
        replicas=len(seen),
        running=sum(look.running for look in seen),
        waiting=sum(look.waiting for look in seen),
        kv_cache_usage=max((look.kv_cache_usage for look in seen), default=0.0),
    )


_NAMES = (
    "vllm:num_requests_running",
    "vllm:num_requests_waiting",
    "vllm:generation_tokens_total",
    "vllm:prompt_tokens_total",
    "vllm:kv_cache_usage_perc",
)
