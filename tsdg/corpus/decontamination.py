"""Which generated questions are items of a benchmark's held-out splits, per task and benchmark.

The pipeline passes in an index (``HeldOut``), the same one that seeds are compared with. It decides
what is compared and what counts as the same. The rejection shows the match::

    contaminated: also in cais/mmlu/all/test row 1207
    contaminated: has 14 of the 16 runs of 8 words of openai/gsm8k/main/test row 33
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from tsdg.contamination import Contamination
from tsdg.protocols import Match, Posed
from tsdg.records import Outcome, Question, Rejection

_AT_ONCE = 256
"""Outcomes whose questions are compared together."""


class Nothing:
    """Where nothing is held out: a run without decontamination."""

    splits: tuple[str, ...] = ()
    rows = 0

    def compare(self, items: Sequence[Posed]) -> Sequence[Match | None]:
        """Return None for each item."""
        return [None] * len(items)


class Decontamination(Contamination):
    """Compares questions, and counts what it finds."""

    def examine(self, outcomes: Iterable[Outcome]) -> Iterator[tuple[Outcome, Mapping[str, Match]]]:
        """Yield each outcome, in order, with the matches of its contaminated questions.

        The matches are keyed by question_id.
        """
        outcomes = iter(outcomes)
        while batch := list(islice(outcomes, _AT_ONCE)):
            questions = [question for outcome in batch for question in outcome.questions]
            matches: dict[str, Match] = {}
            for question, match in zip(questions, self.held_out.compare(questions), strict=True):
                self.count(question.task, match)
                if match is not None:
                    matches[question.question_id] = match
            for outcome in batch:
                yield (
                    outcome,
                    {
                        q.question_id: matches[q.question_id]
                        for q in outcome.questions
                        if q.question_id in matches
                    },
                )


def contaminated(question: Question, match: Match) -> Rejection:
    """Make the rejection of a contaminated question."""
    return Rejection.of(
        question,
        stage="questions",
        reason="contaminated",
        detail=str(match),
    )
