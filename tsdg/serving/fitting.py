"""Refuses a model that does not fit the GPUs it is meant for, and says what would do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from tsdg.config.model_shape_config import ModelShape
from tsdg.config.models import Flag, ModelConfig, ServerConfig
from tsdg.errors import RecipeError
from tsdg.serving.memory import GIB, TOKENS, Arrangement, Fit, Gpu, arrangement_of, fit, gpus
from tsdg.serving.model_shape import facts_of
from tsdg.serving.vllm import flag_name

_CPU = "VLLM_CPU_KVCACHE_SPACE"


def check_fits(server: ServerConfig, model: ModelConfig, hardware: str) -> str:
    """Say what a server of a model has room for on a kind of GPU.

    Args:
        server: where it is served.
        model: what is served.
        hardware: kind of GPU node.

    Returns:
        One line of figures; empty where the servers are external or on CPUs.

    Raises:
        RecipeError: it would not start, or hold too few requests at once.
    """
    if server.type != "vllm" or _CPU in server.env:
        return ""
    gpu, facts = gpus().get(hardware), facts_of(model)
    if gpu is None or facts is None:
        what = f"the memory of {hardware}" if gpu is None else f"the facts of {model.name}"
        return f"{model.name} on {hardware}: nobody knows whether it fits, without {what}"
    how = arrangement_of(model, _flags(server, model), gpu)
    found = fit(facts, how, gpu)
    least = server.least_requests
    few = found.best.requests is not None and found.best.requests < least
    if found.verdict == "fails" or few:
        why = found.why or f"room for {found.best.requests} requests, server.least_requests={least}"
        raise RecipeError(
            f"model {model.name} does not fit {hardware} as {_told(how)}: {why}; "
            f"{_what_would(facts, how, gpu, least)}"
        )
    return f"{model.name} on {hardware} as {_told(how)}: {_figures(found, how)}"


def _flags(server: ServerConfig, model: ModelConfig) -> Mapping[str, Flag]:
    return {flag_name(key): value for key, value in (model.flags | server.flags).items()}


def _figures(found: Fit, how: Arrangement) -> str:
    room, best = found.room, found.best
    said = (
        f"{found.weights / GIB:.0f} GiB of weights a GPU, "
        f"{max(room.free, 0) / GIB:.0f} to {best.free / GIB:.0f} GiB for requests"
    )
    if room.requests is not None and best.requests is not None:
        said += f", room for {room.requests:,} to {best.requests:,} of {TOKENS:,} tokens at once"
    if room.blocks is not None and best.blocks is not None:
        said += f", {room.blocks:,} to {best.blocks:,} blocks for max-num-seqs={how.seqs:,}"
    return f"{said}; perhaps too little: {found.why}" if found.verdict == "open" else said


def _told(how: Arrangement) -> str:
    parts = {"tensor": how.tensor, "pipeline": how.pipeline, "data": how.data}
    return " x ".join(f"{name} {count}" for name, count in parts.items() if count > 1) or "one GPU"


def _what_would(facts: ModelShape, how: Arrangement, gpu: Gpu, least: int) -> str:
    """The least change that fits: fewer requests at once, then more GPUs, then whole experts."""
    for other in _others(facts, how, gpu):
        found = fit(facts, other, gpu)
        enough = found.room.requests is None or found.room.requests >= least
        if found.verdict == "fits" and enough:
            return f"{_changes(how, other)} would do"
    return "no arrangement on up to 32 of these GPUs would do; take a form with fewer bits"


def _others(facts: ModelShape, how: Arrangement, gpu: Gpu) -> Iterator[Arrangement]:
    for seqs in (512, 256, 128, 64):
        if seqs < how.seqs:
            yield replace(how, seqs=seqs)
    for pipeline in (1, 2, 4):
        for tensor in (1, 2, 4, 8):
            if tensor <= gpu.per_node and (pipeline == 1 or tensor == gpu.per_node):
                other = replace(how, tensor=tensor, pipeline=pipeline, data=1, context=1)
                yield from (replace(other, seqs=min(how.seqs, 256)), other)
    if facts.expert_width and not how.experts:
        yield replace(how, experts=True)


def _changes(how: Arrangement, other: Arrangement) -> str:
    named = {
        "model.tensor_parallel": (how.tensor, other.tensor),
        "model.pipeline_parallel": (how.pipeline, other.pipeline),
        "model.data_parallel": (how.data, other.data),
        "model.max_num_seqs": (how.seqs, other.seqs),
        "+model.flags.enable-expert-parallel": (how.experts, other.experts),
    }
    return " ".join(f"{key}={str(new).lower()}" for key, (old, new) in named.items() if old != new)
