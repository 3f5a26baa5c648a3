"""How many of the accepted answers are guesses, for the votes of a recipe; exact, without a model.

    python benchmarks/votes.py [--samples 8] [--min-yield 0.7] [--max-chance 0.1]

A share of the questions is guessed, each sample for itself and every option as likely; the others
are answered by a solver that is right in 90 %, its wrong answers spread evenly.
"""

from __future__ import annotations

import argparse
import math

from tsdg.generate.voteplan import VotePlan, Wish

SOLVED = 0.9
GUESSED = (0.1, 0.3, 0.5, 0.8)
OPTIONS = (2, 3, 4, 5, 10)


def accepted(plan: VotePlan, right: float) -> tuple[float, float]:
    """Shares of the questions accepted rightly and wrongly, where more than half must agree."""
    if 2 * plan.needed <= plan.votes:
        raise ValueError(f"{plan.needed} of {plan.votes} is no majority")

    def wins(share: float) -> float:
        return sum(
            math.comb(plan.votes, n) * share**n * (1 - share) ** (plan.votes - n)
            for n in range(plan.needed, plan.votes + 1)
        )

    others = plan.options - 1
    return wins(right), others * wins((1 - right) / others)


def main() -> None:
    """Print the table of ``docs/verification.md``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--min-yield", type=float, default=0.7)
    parser.add_argument("--max-chance", type=float, default=0.1)
    words = parser.parse_args()
    wish = Wish(
        samples=words.samples,
        min_yield=words.min_yield,
        max_chance=words.max_chance,
        min_share=0.6,
        min_margin=1,
    )
    heads = [f"{share:.0%} guessed" for share in GUESSED]
    print(
        "| options | votes | chance | passed, of 80 % right | of 90 % | " + " | ".join(heads) + " |"
    )
    print("|---" * (5 + len(heads)) + "|")
    for options in OPTIONS:
        plan = wish.planned(options)
        if plan is None:
            print(f"| {options} | none |" + " |" * (3 + len(heads)))
            continue
        by_guessing = sum(accepted(plan, 1 / options))
        solved = sum(accepted(plan, SOLVED))
        cells = [
            f"{share * by_guessing / (share * by_guessing + (1 - share) * solved):.1%}"
            for share in GUESSED
        ]
        row = [
            str(options),
            f"{plan.needed} of {plan.votes}",
            f"{by_guessing:.1%}",
            f"{plan.passed or 0:.0%}",
            f"{accepted(plan, SOLVED)[0]:.0%}",
            *cells,
        ]
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
