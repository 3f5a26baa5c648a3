"""The typed configuration of the judge: a model that scores what other models wrote."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tsdg.config.base import Config
from tsdg.config.sampling import SamplingConfig

ScoreLimit = Annotated[float, Field(ge=0.0, le=5.0)]


class JudgeConfig(Config):
    """Whether and how a judge decides beside the vote.

    Its model is ``roles.judge``, else the run's own.
    """

    enabled: bool
    """Whether a judge scores at all."""
    form: Literal["genrm", "rubric"]
    """``genrm``: chat roles ``response_1``, ``response_2`` and ``principle``, as NVIDIA's
    generative reward models take; ``rubric``: one user turn made of ``rubric``, for an ordinary
    instruct model."""
    rubric: str
    """For ``rubric``: ``{request}``, ``{response_1}``, ``{response_2}`` and ``{principles}`` are
    filled in."""
    best_of: bool
    """Free texts (answer kind ``text``): the winner of comparisons among all samples is the answer,
    not a vote."""
    min_score: ScoreLimit
    """Answers with a lower helpfulness (1 to 5, both orders) are rejected; 0 keeps all."""
    principles: tuple[str, ...]
    """What a good answer is; empty for the judge's own idea of helpfulness."""
    question_min_score: ScoreLimit
    """A question that scores lower beside its seed's is rejected; 0 for no such gate."""
    question_principles: tuple[str, ...]
    """What a good question is."""
    sampling: SamplingConfig

    @model_validator(mode="after")
    def _whole(self) -> JudgeConfig:
        if self.form == "rubric" and not all(
            f"{{{name}}}" in self.rubric for name in ("request", "response_1", "response_2")
        ):
            raise ValueError("rubric must have {request}, {response_1} and {response_2}")
        if self.enabled and not (self.min_score or self.question_min_score or self.best_of):
            raise ValueError(
                "enabled, but min_score, question_min_score and best_of ask for nothing: set one"
            )
        return self
