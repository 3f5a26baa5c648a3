"""One question on its way through stage 3: what is known about it, and how its vote stands."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from tsdg.config.models import ModelConfig
from tsdg.config.sampling import SamplingConfig
from tsdg.errors import PermanentError
from tsdg.generate.answer_samples import Drawn
from tsdg.generate.claims import Claim
from tsdg.generate.prompts import Prompt
from tsdg.generate.schemas import Shape
from tsdg.generate.voteplan import VotePlan, Wish
from tsdg.generate.voting import Accept, Open, Reject, Tally, VoteRule, decide, next_round
from tsdg.protocols import Ask, Reply, Verifier
from tsdg.records import Question


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerModels:
    """Who is asked in stage 3, each as its role has it asked."""

    solver: ModelConfig
    enricher: ModelConfig
    """Adds knowledge to what the vote accepted."""
    expert: ModelConfig | None = None
    """Solves what the solver leaves undecided; None where nobody does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question on its way; ``drawn`` and ``replies`` grow."""

    question: Question
    ask: Ask
    verifier: Verifier
    prompt: Prompt
    shape: Shape
    choices: tuple[str, ...]
    """What can be chosen; empty where the answer is free."""
    claim: Claim | None
    """Where it is read before the samples."""
    votes: bool
    """Whether the claim votes."""
    by_judge: bool
    """Whether the judge chooses among free texts, which no vote can."""
    wish: Wish
    plan: VotePlan | None
    drawn: list[Drawn]
    replies: list[Reply | PermanentError]
    solver: ModelConfig
    """Who draws its samples."""
    sampling: SamplingConfig
    second: bool = False
    """Whether this is the second vote, of the stronger solver."""
    earlier: tuple[Drawn, ...] = ()
    """Samples of the vote before this one, by another solver."""
    spent: float = 0.0
    """Probability with which guessing had won that vote."""

    @property
    def role(self) -> Literal["answers", "escalate"]:
        """The role of its solver."""
        return "escalate" if self.second else "answers"

    @property
    def options(self) -> int:
        """Possible answers; 0 where they are not bounded."""
        return len(self.choices)

    @property
    def samples(self) -> int:
        """Samples of a full vote; 0 where no vote is beyond guessing."""
        return self.plan.votes - self.votes if self.plan else 0

    def verdict(self, counted: Tally) -> Accept | Reject | Open:
        """Where the vote stands; without a plan it is lost before it begins."""
        return decide(counted, self._rule(), self.options)

    def next_round(self, counted: Tally) -> int:
        """Fewest further samples that could close the vote."""
        return next_round(counted, self._rule(), self.options)

    def winners(self, counted: Tally, verdict: Accept) -> tuple[int, ...]:
        """Samples that gave the answer that won; none where the claim alone did."""
        won = next(c.members for c in counted.clusters if c.representative == verdict.winner)
        places = [place - self.votes for place in won if place >= self.votes]
        # The form that most of them gave speaks for all: the first may have a slip in it.
        forms = Counter(self.drawn[place].said for place in places)
        return tuple(sorted(places, key=lambda place: -forms[self.drawn[place].said]))

    def _rule(self) -> VoteRule:
        if self.plan is None:
            return self.wish.rule(self.wish.samples)
        return self.wish.rule(self.plan.votes, least=self.plan.needed)
