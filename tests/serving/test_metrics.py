"""Prometheus text of vLLM."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsdg.serving.metrics import Load, Metrics, parse_metrics, total_load

TEXT = """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="a \\"quoted\\" } name"} 3.0
vllm:num_requests_running{engine="1",model_name="m"} 2.0
vllm:num_requests_waiting{engine="0"} 1.0 1700000000
vllm:num_requests_waiting_by_reason{engine="0",reason="capacity"} 9.0
vllm:generation_tokens_total{engine="0"} 1.5e+06
vllm:generation_tokens_created{engine="0"} 1.7e+09
vllm:prompt_tokens_total 7.0
vllm:kv_cache_usage_perc{engine="0"} 0.25
vllm:kv_cache_usage_perc{engine="1"} 0.5
python_gc_objects_collected_total{generation="0"} 400.0
"""


def test_counters_add_up_over_engines_and_the_fullest_cache_counts() -> None:
    expected = Metrics(
        running=5, waiting=1, generation_tokens=1.5e6, prompt_tokens=7, kv_cache_usage=0.5
    )
    assert parse_metrics(TEXT) == expected


@pytest.mark.parametrize(
    "name",
    [
        "num_requests_running",
        "num_requests_waiting",
        "generation_tokens_total",
        "prompt_tokens_total",
        "kv_cache_usage_perc",
    ],
)
def test_a_missing_counter_is_named(name: str) -> None:
    text = "\n".join(
        line
        for line in TEXT.splitlines()
        if not line.startswith((f"vllm:{name}{{", f"vllm:{name} "))
    )
    with pytest.raises(ValueError, match=f"no vllm:{name}"):
        parse_metrics(text)


@pytest.mark.parametrize("value", ["NaN", "+Inf", "rubbish"])
def test_values_that_are_no_numbers_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"finite|could not convert"):
        parse_metrics(TEXT.replace("7.0", value))


@given(st.text())
def test_rubbish_never_passes_for_metrics(text: str) -> None:
    with pytest.raises(ValueError, match="/metrics has no"):
        parse_metrics(text)


def test_load_adds_up_and_is_nothing_without_replicas() -> None:
    look = parse_metrics(TEXT)
    assert total_load([look, look]) == Load(replicas=2, running=10, waiting=2, kv_cache_usage=0.5)
    assert total_load([]) == Load(replicas=0, running=0, waiting=0, kv_cache_usage=0)
    assert math.isfinite(total_load([]).kv_cache_usage)
