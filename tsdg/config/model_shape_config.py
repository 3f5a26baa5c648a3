"""What decides whether a model fits a GPU: the size of its weights, and what a request keeps."""

from __future__ import annotations

from pydantic import model_validator

from tsdg.config.base import Config, NonNegativeInt, PositiveFloat, PositiveInt


class ModelShape(Config):
    """A model's own figures, as its ``config.json`` and its files have them.

    Where ``attention_layers`` is 0 nobody knows what a request keeps, and only the weights are
    reckoned with.
    """

    weights_gb: PositiveFloat
    """Of the files of weights, in 10^9 bytes."""
    shared_gb: float = 0.0
    """Of these what each data-parallel copy holds whole: all but the routed experts."""
    vocabulary: PositiveInt = 150_000
    """Tokens that it knows."""
    hidden: PositiveInt = 4096
    """Width of its layers."""
    query_heads: NonNegativeInt = 0
    """Attention heads of a layer."""
    attention_layers: NonNegativeInt = 0
    """Layers that keep every token of a request."""
    window_layers: NonNegativeInt = 0
    """Layers that keep the last ``window`` tokens."""
    window: NonNegativeInt = 0
    """Tokens that a window layer keeps."""
    kv_heads: NonNegativeInt = 0
    """Heads of keys and values in a layer."""
    head_dim: NonNegativeInt = 0
    """Numbers of one head."""
    latent: NonNegativeInt = 0
    """Of latent attention: numbers that a layer keeps for a token, whole on each GPU of a tensor
    group. 0 for keys and values by head."""
    state_layers: NonNegativeInt = 0
    """Layers that keep a state of fixed size for each request."""
    state_numbers: NonNegativeInt = 0
    """Of such a layer's state, in 32 bits."""
    conv_numbers: NonNegativeInt = 0
    """Of its convolution, in 16 bits."""
    expert_width: NonNegativeInt = 0
    """Inner width of a routed expert; 0 for a dense model."""
    quant_block: NonNegativeInt = 0
    """Side of the blocks that its 8-bit weights are scaled by; 0 for none."""

    @model_validator(mode="after")
    def _keeps_something(self) -> ModelShape:
        if self.attention_layers and not (self.latent or (self.kv_heads and self.head_dim)):
            raise ValueError("attention_layers need kv_heads and head_dim, or latent")
        if self.shared_gb > self.weights_gb:
            raise ValueError(f"shared_gb ({self.shared_gb:g}) exceeds weights_gb")
        return self
