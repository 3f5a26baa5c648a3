"""Reads a model's facts from the folder of its weights: ``config.json`` and the files' sizes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tsdg.config.model_shape_config import ModelShape
from tsdg.config.models import ModelConfig

_WEIGHTS = (".safetensors", ".bin", ".pt")


def facts_of(model: ModelConfig) -> ModelShape | None:
    """A model's facts: those of its folder, else of its file; None where neither has any."""
    folder = Path(model.path).expanduser()
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        size = sum(file.stat().st_size for file in folder.iterdir() if file.suffix in _WEIGHTS)
        config = json.loads((folder / "config.json").read_bytes())
        if size and (read := read_shape(config, size / 1e9)):
            return read
    return model.facts


def read_shape(config: Mapping[str, Any], weights_gb: float) -> ModelShape | None:
    """Facts from a ``config.json``; None for one whose layers are not understood.

    Args:
        config: as parsed.
        weights_gb: of the files of weights, in 10^9 bytes.
    """
    text: Mapping[str, Any] = config.get("text_config") or config
    heads = text.get("num_attention_heads", 0)
    layers = _layers(text)
    if not heads or not layers:
        return None
    full, window, state = layers
    return ModelShape(
        weights_gb=weights_gb,
        vocabulary=text["vocab_size"],
        hidden=text["hidden_size"],
        query_heads=heads,
        attention_layers=full,
        window_layers=window,
        window=(text.get("sliding_window") or 0) if window else 0,
        kv_heads=text.get("num_key_value_heads") or heads,
        head_dim=text.get("head_dim") or text["hidden_size"] // heads,
        latent=_latent(text),
        state_layers=state,
        **_state(text) if state else {},
        expert_width=text.get("moe_intermediate_size") or 0,
        quant_block=_quant_block(config),
    )


def _latent(text: Mapping[str, Any]) -> int:
    """Width of what latent attention keeps of a token; 0 for other kinds of attention."""
    rank: int = text.get("kv_lora_rank") or 0
    return rank + text.get("qk_rope_head_dim", 0) if rank else 0


def _quant_block(config: Mapping[str, Any]) -> int:
    """Weights that share a scale in one dimension; 0 where they are not quantised in blocks."""
    quantised = config.get("quantization_config") or {}
    block: int = (quantised.get("weight_block_size") or [0])[0]
    return block


def _layers(text: Mapping[str, Any]) -> tuple[int, int, int] | None:
    """Layers that keep all tokens, those of a window, and a state; None where nobody knows."""
    count: int = text.get("num_hidden_layers", 0)
    if pattern := text.get("hybrid_override_pattern"):
        return pattern.count("*"), 0, pattern.count("M")
    if types := text.get("layer_types") or text.get("layers_block_type"):
        full = sum(one in ("full_attention", "attention") for one in types)
        window = sum(one == "sliding_attention" for one in types)
        return full, window, sum(one in ("linear_attention", "mamba") for one in types)
    if interval := text.get("full_attention_interval"):
        return count // interval, 0, count - count // interval
    return (count, 0, 0) if count else None


def _state(text: Mapping[str, Any]) -> dict[str, int]:
    """Numbers of one layer's state: of Mamba-2, or of a gated delta rule."""
    if "mamba_num_heads" in text:
        inner = text["mamba_num_heads"] * text["mamba_head_dim"]
        channels = inner + 2 * text["n_groups"] * text["ssm_state_size"]
        state, kernel = inner * text["ssm_state_size"], text["conv_kernel"]
    else:
        keys = text["linear_num_key_heads"] * text["linear_key_head_dim"]
        values = text["linear_num_value_heads"] * text["linear_value_head_dim"]
        channels, kernel = 2 * keys + values, text["linear_conv_kernel_dim"]
        state = values * text["linear_key_head_dim"]
    return {"state_numbers": state, "conv_numbers": channels * (kernel - 1)}
