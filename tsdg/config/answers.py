"""The recipe's ``answers``: stage 3."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from tsdg.config.base import Config, PositiveInt, Share
from tsdg.config.sampling import SamplingConfig
from tsdg.records import AnswerKind, Variant


class EscalateConfig(Config):
    """Which questions go on to a second, stronger solver; see ``roles.escalate``."""

    when: tuple[Literal["undecided", "disagrees"], ...]
    """``undecided``: no answer won the first vote; ``disagrees``: the one that won is not what the
    writer claimed. Empty for no second vote."""
    kinds: tuple[AnswerKind, ...]
    """Answer kinds that go to the stronger solver at once."""
    samples: PositiveInt
    """Solutions that it draws at most."""
    free_samples: PositiveInt
    """The same where the number of answers has no bound."""
    as_strong: bool
    """Draw votes so long that both solvers together are wrong no more often than the stronger one
    alone, as far as can be reckoned (:mod:`tsdg.generate.vote_pair`). The quick one then takes more
    samples, up to ``answers.samples`` for every kind. Where no such votes exist, as if false."""
    sampling: SamplingConfig

    @property
    def on(self) -> bool:
        """Whether any question can go on."""
        return bool(self.when or self.kinds)


class AnswersConfig(Config):
    """Stage 3: a model that sees only the question solves it, and its answers are voted on."""

    samples: PositiveInt
    """Solutions drawn per question at most; how many of these a vote takes follows from the number
    of options (:mod:`tsdg.generate.voteplan`)."""
    free_samples: PositiveInt
    """Most solutions drawn where the number of answers has no bound (numbers, names, code ...), so
    that guessing cannot be judged; never more than ``samples``."""
    first_round: PositiveInt
    """Solutions drawn at once before the vote is looked at; the rest follow only where they can
    matter."""
    few_shot: Annotated[int, Field(ge=0)]
    """Worked examples shown as chat turns before the question."""
    show_options: bool
    """Show the options (in another order per sample). A very small model solves better without
    seeing them."""
    rationale: Literal["written", "trace", "both"]
    """What becomes a record's reasoning: the worked solution ``written`` in the reply before the
    answer, or the ``trace`` of what a model thought before it replied, which then is the answer
    alone. ``both``: the written one, and the trace in a column of its own."""
    structured: bool
    """Constrain the reply to the answer kind's JSON schema, or to the option texts."""
    min_share: Share
    """Share of all samples that the winning answer needs."""
    min_margin: PositiveInt
    """Votes that it needs more than the next answer."""
    max_chance: Share
    """Reject a vote that guessing among the options would reach with more than this probability."""
    min_yield: Share
    """Share of questions that must pass the vote if the solver is right in 80 % of them: the fewest
    samples that achieve it are taken, or those that come closest."""
    claim: Literal["record", "require", "vote"]
    """How the answer that the question's writer claimed is used: ``record`` whether the verified
    one is the same, ``require`` that it is, or ``vote``: it is one more vote."""
    escalate: EscalateConfig | None = None
    """Which questions go on to a second, stronger solver; ``null`` for none."""
    variants: Annotated[tuple[Variant, ...], Field(min_length=1)]
    """Which records to make of one verified question: ``enriched`` ones have definition,
    background and why the other options are wrong."""
    sampling: SamplingConfig
    max_tokens: dict[AnswerKind, PositiveInt]
    """Answer kind → tokens of one solution at most, where it needs fewer than ``sampling``
    allows."""
    enrich: SamplingConfig
    """For the one request per verified question that adds knowledge and distractor analysis
    (``enriched``)."""

    @property
    def second(self) -> EscalateConfig | None:
        """The second vote; None where no question goes on to one."""
        return self.escalate if self.escalate and self.escalate.on else None

    def sampling_of(self, kind: AnswerKind) -> SamplingConfig:
        """How solutions of a kind are drawn."""
        most = min(self.sampling.max_tokens, self.max_tokens.get(kind, self.sampling.max_tokens))
        return self.sampling.model_copy(update={"max_tokens": most})

    @field_validator("variants", mode="before")
    @classmethod
    def _no_earlier_name(cls, value: object) -> object:
        if isinstance(value, list | tuple) and "context" in value:
            names = ",".join("enriched" if one == "context" else str(one) for one in value)
            raise ValueError(
                f"a context is the passage of a question; did you mean answers.variants=[{names}]?"
            )
        return value

    @field_validator("variants")
    @classmethod
    def _distinct(cls, value: tuple[Variant, ...]) -> tuple[Variant, ...]:
        if len(set(value)) != len(value):
            raise ValueError("names a variant twice")
        return value

    @model_validator(mode="after")
    def _round(self) -> AnswersConfig:
        if self.first_round > self.samples:
            raise ValueError(
                f"first_round ({self.first_round}) is larger than samples ({self.samples})"
            )
        votes = {"samples": self.samples, "free_samples": self.free_samples}
        if self.second:
            votes["escalate.samples"] = self.second.samples
        for key, samples in votes.items():
            if self.min_margin > samples:
                raise ValueError(f"min_margin ({self.min_margin}) is larger than {key} ({samples})")
        return self

    @model_validator(mode="after")
    def _samples_differ(self) -> AnswersConfig:
        """Greedy samples of one prompt are one sample; vLLM refuses to draw several."""
        drawn = {"sampling": (self.sampling, self.samples)}
        if self.second:
            drawn["escalate.sampling"] = (self.second.sampling, self.second.samples)
        for key, (sampling, samples) in drawn.items():
            if samples > 1 and not sampling.temperature:
                raise ValueError(
                    f"{key}.temperature: found 0, which draws one solution over and over, so that "
                    f"a vote on {samples} proves nothing; allowed: above 0"
                )
        return self
