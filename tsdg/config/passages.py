"""Configuration of passage seeds: texts, not benchmark rows, that inspire questions."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from tsdg.config.base import Config, PositiveInt

DEMO = "demo"
"""``passages.path`` of tsdg's own small set."""


class PassagesConfig(Config):
    """Seeds from a corpus of labelled passages; off where ``path`` is empty.

    Columns are named by path: ``eai_taxonomy.education_level.primary.label`` is a field within
    fields.
    """

    path: str
    """A Parquet or JSONL file, or a folder of them; ``demo`` for tsdg's own small set (a folder of
    that name is ``./demo``)."""
    text: str
    """Column of the text."""
    domain: str
    """Column of the domain, one of ``domains`` or anything else, which counts as ``other``."""
    subject: str
    """Column of the subject's code, such as ``535.27``; empty for none."""
    language: str
    """Column of the language, such as ``en``; empty where all is English."""
    licence: str
    """Licence of the passages, for the seeds and the manifest; ``unclear`` if it is unknown."""
    commercial: bool
    """Whether it allows commercial use."""
    domains: Annotated[dict[str, str], Field(min_length=1)]
    """Value of the domain column → name of the domain, in which tasks are named: ``Physics:
    physics``. Digits stand for all codes that begin with them: ``"53": physics``."""
    keep: dict[str, tuple[str | int | float | bool, ...]]
    """Column → the values that are wanted; a row needs one of them in each column. A list in a row
    needs one match."""
    min_chars: PositiveInt
    """Shorter texts give no seed."""
    chunk_chars: Annotated[int, Field(ge=100)]
    """A longer text gives one chunk of at most this many characters, from a drawn place."""
    total: PositiveInt
    """Seeds at most, balanced over domains, subject codes and decimals by taking in turns."""
    per_task: dict[str, PositiveInt] = Field(default_factory=dict)
    """Task → at most this many seeds of its domain, in place of ``total``; others give none."""

    @field_validator("keep", mode="before")
    @classmethod
    def _value_tuples(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {
            column: tuple(kept) if isinstance(kept, list) else (kept,)
            for column, kept in value.items()
        }

    @model_validator(mode="after")
    def _whole(self) -> PassagesConfig:
        if self.path and not (self.text and self.domain):
            raise ValueError(
                "passages.path is set: passages.text and passages.domain must name columns"
            )
        if self.path and not self.licence.strip():
            raise ValueError(
                "passages.path is set: passages.licence must name the texts' licence, or say "
                "unclear"
            )
        return self
