"""Whether a model fits a kind of GPU, and how many requests it holds at once there. Pure.

vLLM takes ``gpu-memory-utilization`` of a GPU. What weights and overhead leave is for requests:

* attention keeps each token of a request (its *KV cache*), by head or as one latent vector. The
  heads are shared by the tensor group, a latent vector is not, unless context parallelism shares
  its tokens;
* a state-space layer keeps one state a request. vLLM cuts the memory into blocks that hold either
  a state or some tokens, of as many layers as the rarer kind has, and refuses to start with fewer
  blocks than ``max-num-seqs``.

The overhead (graphs, activations, sampling, communication) is known only once a server runs. It is
reckoned twice: as little as was ever seen, and as much as it should be. What does not fit with the
first never starts; what fits with the second is taken to. Between them nobody knows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

import yaml

from tsdg.config.model_shape_config import ModelShape
from tsdg.config.models import Flag, ModelConfig

GIB = 2**30
TOKENS = 4096
"""Of a request that counts as one: prompt, thinking and reply."""
_UTILISATION = 0.92
"""vLLM's default (``config/cache.py``)."""
_BLOCK = 16
"""Tokens of a block where no layer has a state."""
_LEAST_OVERHEAD = 0.5 * GIB
_MOST_OVERHEAD = 6.5 * GIB
_LOADED = 1.06
"""Weights in memory against their files at most: padding, scales, repacking."""

Verdict = Literal["fits", "open", "fails"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One kind of GPU."""

    memory: int
    """Bytes."""
    per_node: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """How one server of a model is laid out, as far as memory is concerned."""

    tensor: int
    pipeline: int
    data: int
    context: int
    """GPUs of a tensor group that share the tokens of a request."""
    experts: bool
    """Whether experts are shared whole by all GPUs of the server."""
    utilisation: float
    seqs: int
    """``max-num-seqs`` of each data-parallel copy."""
    batched: int
    kv_bytes: int
    """Of one number of the KV cache."""
    state_bytes: int
    """Of one number of a state."""
    length: int
    """Longest request, in tokens."""

    @property
    def gpus(self) -> int:
        """GPUs of one server."""
        return self.tensor * self.pipeline * self.data


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What is left for requests on one GPU, with one reckoning of the overhead."""

    free: float
    """Bytes; negative where not even the weights have room."""
    blocks: int | None
    """Blocks of states, where the model has any."""
    requests: int | None
    """Of :data:`TOKENS` tokens at once, of the whole server; None where it is not known."""
    longest: float | None
    """Requests of the greatest length that fit at once, on one copy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Whether a model fits."""

    verdict: Verdict
    why: str
    """Empty where it fits."""
    weights: float
    """Bytes on one GPU."""
    room: Room
    """With the overhead as it should be at most."""
    best: Room
    """With the least."""


@cache
def gpus() -> Mapping[str, Gpu]:
    """Kinds of GPU by name of ``hardware``."""
    text = (resources.files("tsdg.serving") / "data/gpus.yaml").read_text(encoding="utf-8")
    return {
        name: Gpu(memory=one["memory_mib"] * 2**20, per_node=one["per_node"])
        for name, one in yaml.safe_load(text).items()
    }


def arrangement_of(model: ModelConfig, flags: Mapping[str, Flag], gpu: Gpu) -> Arrangement:
    """How a model is laid out.

    Args:
        model: with its parallelism and length.
        flags: of model and server together, without dashes.
        gpu: what it runs on; vLLM's defaults depend on its memory.
    """
    large = gpu.memory >= 70 * GIB  # vLLM's own bound (engine/arg_utils.py)
    kv = str(flags.get("kv-cache-dtype", "auto"))
    state = str(flags.get("mamba-ssm-cache-dtype", "float32"))
    return Arrangement(
        tensor=model.tensor_parallel,
        pipeline=model.pipeline_parallel,
        data=model.data_parallel,
        context=model.context_parallel,
        experts=bool(flags.get("enable-expert-parallel", model.data_parallel > 1)),
        utilisation=float(flags.get("gpu-memory-utilization", _UTILISATION)),
        seqs=int(flags.get("max-num-seqs", model.max_num_seqs or (1024 if large else 256))),
        batched=int(flags.get("max-num-batched-tokens", 8192 if large else 2048)),
        kv_bytes=1 if kv.startswith("fp8") else 2,
        state_bytes=2 if "16" in state else 4,
        length=int(flags.get("max-model-len", model.max_model_len)),
    )


def fit(facts: ModelShape, how: Arrangement, gpu: Gpu) -> Fit:
    """Reckon whether a model fits."""
    weights = _weights(facts, how)
    budget = how.utilisation * gpu.memory
    best = _room(facts, how, budget - weights - _LEAST_OVERHEAD)
    room = _room(facts, how, budget - weights * _LOADED - _overhead(facts, how))
    why = _uneven(facts, how) or _fails(how, best)
    if why:
        return Fit(verdict="fails", why=why, weights=weights, room=room, best=best)
    doubt = _fails(how, room)
    verdict: Verdict = "open" if doubt else "fits"
    return Fit(verdict=verdict, why=doubt, weights=weights, room=room, best=best)


def _uneven(facts: ModelShape, how: Arrangement) -> str:
    """Why its layers cannot be cut like this; empty where they can."""
    if facts.query_heads and facts.query_heads % how.tensor:
        return f"{facts.query_heads} attention heads cannot be shared by {how.tensor} GPUs"
    part = facts.expert_width / how.tensor
    if facts.quant_block and facts.expert_width and not how.experts and part % facts.quant_block:
        return (
            f"an expert's width {facts.expert_width} / {how.tensor} is no multiple of its "
            f"8-bit blocks' {facts.quant_block}"
        )
    return ""


def _fails(how: Arrangement, room: Room) -> str:
    """Why a server does not start with such room; empty where it does."""
    if room.free <= 0:
        return f"its weights exceed the memory by {-room.free / GIB:,.1f} GiB a GPU"
    if room.blocks is not None and room.blocks < how.seqs:
        return f"{room.blocks:,} blocks for states, and max-num-seqs is {how.seqs:,}"
    if room.longest is not None and room.longest < 1:
        return f"no room for one request of {how.length:,} tokens"
    return ""


def _weights(facts: ModelShape, how: Arrangement) -> float:
    """Bytes of weights on one GPU."""
    group = how.tensor * how.pipeline
    if how.data == 1:
        return facts.weights_gb * 1e9 / group
    if not how.experts:
        return facts.weights_gb * 1e9 / group
    routed = facts.weights_gb - facts.shared_gb
    return (routed / how.gpus + facts.shared_gb / group) * 1e9


def _overhead(facts: ModelShape, how: Arrangement) -> float:
    """Bytes beside weights and requests at most: graphs, sampling and activations of a batch."""
    sampling = 4 * how.seqs * facts.vocabulary * 4  # logits in 32 bits, and copies of them
    activations = 16 * how.batched * facts.hidden * 2
    return _MOST_OVERHEAD + sampling + activations


def _room(facts: ModelShape, how: Arrangement, free: float) -> Room:
    if not facts.attention_layers:
        return Room(free=free, blocks=None, requests=None, longest=None)
    if facts.state_layers:
        return _in_blocks(facts, how, free)
    longest = free / _request(facts, how, how.length)
    many = max(0, math.floor(free / _request(facts, how, min(TOKENS, how.length))))
    requests = how.data * min(many, how.seqs)
    return Room(free=free, blocks=None, requests=requests, longest=longest)


def token_bytes(facts: ModelShape, how: Arrangement) -> float:
    """Bytes that one GPU keeps of one token of a request in one layer."""
    if facts.latent:
        return facts.latent * how.kv_bytes / how.context
    heads = max(1.0, facts.kv_heads / how.tensor)
    return 2 * heads * facts.head_dim * how.kv_bytes / how.context


def _request(facts: ModelShape, how: Arrangement, tokens: int) -> float:
    """Bytes that one GPU keeps of one request without states."""
    whole = math.ceil(facts.attention_layers / how.pipeline) * tokens
    windows = math.ceil(facts.window_layers / how.pipeline) * min(tokens, facts.window + _BLOCK)
    return (whole + windows) * token_bytes(facts, how)


def _in_blocks(facts: ModelShape, how: Arrangement, free: float) -> Room:
    """Room of a model with states, whose blocks hold a state or some tokens."""
    state = facts.state_numbers * how.state_bytes + facts.conv_numbers * 2
    page = state / how.tensor
    tokens = page / token_bytes(facts, how)
    layers = [
        math.ceil(count / how.pipeline) for count in (facts.attention_layers, facts.state_layers)
    ]
    group = max(layers) if max(layers) < 1.5 * min(layers) else min(layers)
    attention, states = (math.ceil(count / group) for count in layers)
    blocks = max(0, math.floor(free / (page * group)))

    def taken(length: int) -> int:
        return attention * math.ceil(length / tokens) + states

    requests = how.data * min(blocks // taken(min(TOKENS, how.length)), how.seqs)
    return Room(free=free, blocks=blocks, requests=requests, longest=blocks / taken(how.length))
