"""How completions are drawn."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tsdg.config.base import Config


class SamplingConfig(Config):
    """How completions are drawn."""

    temperature: Annotated[float, Field(ge=0.0)]
    """How far draws leave the likeliest token; 0 for none."""
    top_p: Annotated[float, Field(gt=0.0, le=1.0)]
    """Tokens are drawn from the likeliest that together have this probability."""
    max_tokens: Annotated[int, Field(ge=1)]
    """Tokens of one reply at most, with those of thinking."""
