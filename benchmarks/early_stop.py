"""What stopping a vote early saves, replayed over real votes of which every sample was drawn.

``tsdg run recipe=demo run=votes answers.samples=10 answers.first_round=10
answers.variants=[answer]`` draws all ten samples of each question at once; ``python
benchmarks/early_stop.py RUN`` then takes them in rounds, as a run with a smaller first round would,
and counts the tokens of the samples that were never needed. ``--samples 5`` takes the first five of
each for all there are; ``--min-share`` replays another threshold.
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path

import yaml

from tsdg.generate.fields import shape_of
from tsdg.generate.voting import Accept, VoteRule, decide, next_round, tally
from tsdg.records import AnswerSample, Question
from tsdg.tables import read_rows
from tsdg.verify import verifier_for

Votes = list[tuple[Question, list[AnswerSample]]]


def read_votes(run: Path, drawn_each: int, samples: int) -> Votes:
    """Read the questions of a run with the first ``samples`` of each, in order of drawing."""
    questions = {
        question.question_id: question
        for question in read_rows(run / "questions/questions.parquet", Question)
    }
    rows = read_rows(run / "answers/samples.parquet", AnswerSample)
    votes = []
    for question_id, group in itertools.groupby(rows, key=lambda row: row.question_id):
        drawn = sorted(group, key=lambda row: row.sample)
        if len(drawn) != drawn_each:
            raise SystemExit(
                f"{question_id}: {len(drawn)} of {drawn_each} samples; see --help for how to draw "
                "them all"
            )
        votes.append((questions[question_id], drawn[:samples]))
    return votes


def replay(votes: Votes, rule: VoteRule, first_round: int) -> tuple[int, int, int, dict[str, str]]:
    """Take the votes in rounds.

    Returns:
        Samples and completion tokens used, rounds over all questions, and question → accepted
        answer.
    """
    used = tokens = rounds = 0
    accepted = {}
    for question, drawn in votes:
        verifier = verifier_for(question.answer_kind)
        shape = shape_of(
            question.answer_kind,
            question=question.question,
            context=question.context,
            options=question.options,
            classes=question.classes,
        )
        options = len(shape.labels or question.options)
        count, step = 0, first_round
        while step:
            count += step
            rounds += 1
            counted = tally([sample.answer or None for sample in drawn[:count]], verifier.same)
            step = next_round(counted, rule, options)
        verdict = decide(counted, rule, options)
        if isinstance(verdict, Accept):
            accepted[question.question_id] = verdict.winner
        used += count
        tokens += sum(sample.completion_tokens for sample in drawn[:count])
    return used, tokens, rounds, accepted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--min-share", type=float, default=0.0, help="in place of the run's own")
    parser.add_argument(
        "--samples", type=int, default=0, help="k; in place of the run's own, and not above it"
    )
    args = parser.parse_args()
    answers = yaml.safe_load((args.run / "snapshot/recipe.yaml").read_text())["answers"]
    rule = VoteRule(
        samples=args.samples or answers["samples"],
        min_share=args.min_share or answers["min_share"],
        min_margin=answers["min_margin"],
        max_chance=answers["max_chance"],
    )
    votes = read_votes(args.run, answers["samples"], rule.samples)
    _, fixed, _, wanted = replay(votes, rule, rule.samples)
    for first_round in range(1, rule.samples + 1):
        used, tokens, rounds, accepted = replay(votes, rule, first_round)
        print(
            json.dumps(
                {
                    "questions": len(votes),
                    "k": rule.samples,
                    "min_share": rule.min_share,
                    "first_round": first_round,
                    "samples": used,
                    "tokens": tokens,
                    "saved": round(1 - tokens / fixed, 3),
                    "rounds_per_question": round(rounds / len(votes), 2),
                    "accepted": len(accepted),
                    "same_accepted": accepted == wanted,
                }
            )
        )


if __name__ == "__main__":
    main()
