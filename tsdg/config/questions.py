"""The recipe's ``questions``: stage 2."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from tsdg.config.base import Config, NonNegativeInt, PositiveInt, PositiveShare, Share
from tsdg.config.sampling import SamplingConfig

WayType = Literal["similar", "inspired", "neighbour", "deeper", "cross"]
"""How far a way leads from a seed.

Another case of its skill, another approach to its subject, a concept taught next to it, one more
step, or its concept joined with a second one of its field.
"""
WAY_TYPES: tuple[WayType, ...] = get_args(WayType)


class KinConfig(Config):
    """Seeds of the same task that a request shows beside its own seed.

    They show how wide the task is and how its items are phrased.
    """

    items: NonNegativeInt
    """Kin in one request; 0 for none."""
    sets: PositiveInt
    """Different sets of them in a task: few, so that servers keep what comes before the seed in
    their cache."""
    max_chars: PositiveInt
    """Characters of one set at most; longer passages are cut."""


class QuestionsConfig(Config):
    """Stage 2: new questions from seeds."""

    per_seed: PositiveInt
    """Questions to ask for per seed."""
    first_draw: NonNegativeInt = 0
    """Number of the first draw of each seed: a further run begins where an earlier one ended."""
    plan: bool
    """The writer settles skill, subject, difficulty and frame before it writes, along a drawn way
    from the seed to the question. Off for models too small to gain from it."""
    doubtful: Literal["reject", "keep"]
    """What happens to a question whose writer doubts the seed's own answer."""
    ways: dict[WayType, Annotated[float, Field(ge=0.0)]]
    """Type of way → factor on the weights of its ways in the prompt set's ``ways.yaml``; types
    that are not named have 1."""
    kin: KinConfig
    few_shot: NonNegativeInt
    """Worked examples shown as chat turns before the seed."""
    topics: bool
    """Draw a topic for each question, so that a small model does not repeat its seed."""
    structured: bool
    """Constrain the reply to the JSON schema of the answer kind."""
    stand_alone: bool
    """The seed's passage is inspiration only: the question comes without a passage and must not
    speak of one, and where the answer is free its writer gives none."""
    max_overlap: Share
    """A question that shares more than this share of its word trigrams with its seed is a copy."""
    max_duplicates: PositiveShare
    """Near-duplicates, as a share of the full run's questions, that a launch's canary may predict;
    1 for any share. No row depends on it."""
    sampling: SamplingConfig
