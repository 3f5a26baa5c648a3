"""The typed configuration of the study: what seeds test, before questions are made of them."""

from __future__ import annotations

from pydantic import field_validator, model_validator

from tsdg.config.base import Config, PositiveShare, Share
from tsdg.config.sampling import SamplingConfig

LEVELS = ("1", "2", "3", "4", "5")
EVERY = "*"
"""In shares by field: every field that is not named."""


class StudySharesConfig(Config):
    """The largest share that a field or a difficulty may have among the seeds that go on.

    Fields and difficulties that are not named have no bound, nor have seeds without a usable study.
    """

    field: dict[str, PositiveShare]
    """Field, as the syllabus spells it in any case, → its largest share; ``*`` for each that is not
    named."""
    difficulty: dict[str, PositiveShare]
    """1 (elementary) to 5 (expert) → its largest share."""

    @field_validator("difficulty", mode="before")
    @classmethod
    def _levels(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        named = {str(level): share for level, share in value.items()}
        if unknown := sorted(set(named) - set(LEVELS)):
            raise ValueError(f"level {unknown[0]!r}; allowed: {', '.join(LEVELS)}")
        return named


class StudyConfig(Config):
    """A look at the seeds before questions are made of them.

    It finds what they test: skill, field, concepts, difficulty.
    """

    share: Share
    """Part of the seeds that is studied, drawn at random; 0 for no study, and no phase for it."""
    aim: bool
    """Whether each question is given a concept to aim at, drawn from the syllabus."""
    structured: bool
    """Constrain the reply to its JSON schema."""
    shares: StudySharesConfig
    sampling: SamplingConfig

    @model_validator(mode="after")
    def _studied(self) -> StudyConfig:
        if not self.share and (self.shares.field or self.shares.difficulty):
            raise ValueError("shares need a study: set study.share above 0, or leave shares empty")
        return self
