"""Records whose answers follow instructions that lm-eval's own checkers can tell."""

import json
from collections import Counter
from collections.abc import Callable

from tests.e2e.conftest import Cli, Endpoint, records, table
from tsdg.verify.symbolic import broken_instruction


def test_answers_of_records_follow_the_instructions_of_their_questions(
    tsdg: Cli, oracle: Callable[..., Endpoint]
) -> None:
    common = [
        "recipe=demo",
        "seeds.tasks=[demo_instructions]",
        "questions.per_seed=4",
        *oracle().overrides(),
    ]
    ran = tsdg("run", *common, "run=checked")
    assert ran.code == 0, ran.err
    run = tsdg.root / "checked"
    assert tsdg("verify", str(run)).code == 0
    seeds = {row["seed_id"]: row for row in table(run / "seeds" / "seeds.parquet")}
    assert len(seeds) == 12
    questions = {row["question_id"]: row for row in table(run / "questions" / "questions.parquet")}
    for question in questions.values():
        (seed,) = (seeds[name] for name in question["seed_ids"])
        names = [[json.loads(check)["id"] for check in row["checks"]] for row in (seed, question)]
        assert names[0] == names[1]
    rows = records(run)
    solved = {row["question_id"] for row in rows.values()}
    assert len(solved) > 5
    for row in rows.values():
        assert row["verification"]["method"] == "instructions, then their share"
        assert (
            broken_instruction(row["answer"], tuple(questions[row["question_id"]]["checks"])) == ""
        )
    refused = table(run / "answers" / "rejected.parquet")
    assert solved | {row["row_id"] for row in refused} == set(questions)
    failed = [row["detail"] for row in refused if row["reason"] == "failed_tests"]
    assert failed
    assert all("does not follow " in detail for detail in failed)

    # Read as free text, the same answers are held to nothing.
    ran = tsdg("run", *common, "run=free", "+filter.verifiers.demo_instructions=text")
    assert ran.code == 0, ran.err
    free = records(tsdg.root / "free")
    assert Counter(row["verification"]["method"] for row in free.values()).keys() == {"vote"}
    assert {row["question_id"] for row in free.values()} > solved
