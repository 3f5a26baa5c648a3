"""How long a server may take until it is ready."""

from __future__ import annotations

from collections.abc import Mapping

from tsdg.config.models import ModelConfig, ServerConfig
from tsdg.serving.model_shape import facts_of

_ANY_S = 1800
"""Where nobody knows the size of the weights, or the servers are external."""
_COMPILING_S = 900
"""Without loading: imports, compiling, graphs."""
_GB_PER_S = 0.4
"""What one server loads, at worst: a shared file system on which many nodes start at once. NVIDIA
gives the 1,100 GB of its largest reward model an hour."""


def start_seconds(server: ServerConfig, model: ModelConfig) -> int:
    """Seconds until a server of a model must be ready."""
    if server.start_timeout_s != "auto":
        return server.start_timeout_s
    facts = facts_of(model) if server.type == "vllm" else None
    if facts is None:
        return _ANY_S
    return round(_COMPILING_S + facts.weights_gb / _GB_PER_S)


def with_patience(
    environ: Mapping[str, str], server: ServerConfig, model: ModelConfig
) -> dict[str, str]:
    """An environment in which vLLM's own processes wait as long for one another as we for them."""
    return {"VLLM_ENGINE_READY_TIMEOUT_S": str(start_seconds(server, model)), **environ}
