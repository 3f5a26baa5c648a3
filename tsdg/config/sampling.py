"""How completions are drawn."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tsdg.config.base import Config


class SamplingConfig(Config):
    """How completions are drawn."""

    temperature: Annotated[float, Field(ge=0.0)]
    top_p: Annotated[float, Field(gt=0.0, le=1.0)]
    max_tokens: Annotated[int, Field(ge=1)]
