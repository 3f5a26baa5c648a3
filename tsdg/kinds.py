"""The words that rows and the catalogue share, in closed lists. Nothing of tsdg is imported."""

from __future__ import annotations

from typing import Literal, get_args

Group = Literal["knowledge", "reasoning"]
OutputType = Literal["multiple_choice", "generate_until"]
AnswerKind = Literal["choice", "number", "math", "short_text", "text", "code", "boolean", "json"]
BuiltInVerifier = Literal[AnswerKind, "code_text", "ifeval"]
"""Every answer kind has a verifier of its name; ``code_text`` compares code without running it."""
Variant = Literal["answer", "reasoning", "enriched"]
Stage = Literal["seeds", "study", "questions", "answers", "filter"]

GROUPS: tuple[Group, ...] = get_args(Group)
ANSWER_KINDS: tuple[AnswerKind, ...] = get_args(AnswerKind)
VARIANTS: tuple[Variant, ...] = get_args(Variant)
STAGES: tuple[Stage, ...] = get_args(Stage)

Reason = Literal[
    # seeds
    # a null answer, a label out of range, an empty question: `detail` names the column
    "malformed",
    "denied",  # the row is known by number to be scored elsewhere
    "leaked",  # the item also stands in a held-out split
    # the row's own text, its tests or an earlier run's solver contradict its right answer: `detail`
    "doubtful",
    "duplicate",  # the same item, or the same question, came earlier in the run
    # study
    "over_share",  # its field or difficulty has its share of the seeds already
    # study, questions and answers
    "request_failed",  # the server could not be made to answer this request
    "step_failed",  # reading the replies raised an exception: `detail` names its kind
    "truncated",  # the reply ended at the token limit
    "bad_schema",  # the reply is not the JSON that was asked for
    # valid JSON, but not a question: equal options, answer not among them, empty text ...
    "bad_format",
    "near_duplicate",  # few words differ from a question or seed that stays: `detail` names it
    # the question is, or nearly is, an item of a held-out split or benchmark file: `detail` names
    # it
    "contaminated",
    "copy_of_seed",  # the question repeats its seed or something else that the prompt showed
    "seed_doubtful",  # the writer finds the seed's own answer doubtful: `detail` says why
    # answers
    "no_answer",  # too many samples abstained (nothing readable) for any answer to win
    "no_majority",  # the votes are spread: no answer reached the recipe's share
    "judged",  # the judge scored it too low, contradicted itself, or could not be read
    "failed_tests",  # most samples fail the question's own tests
    "tie",  # two answers share the lead
    "chance",  # a majority that guessing would reach too often
    "claim_disagrees",  # the answer is not the one that the question's writer claimed
    # filter
    "bad_record",  # the finished record breaks a format rule
]
