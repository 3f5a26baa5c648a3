"""A benchmark's item that a model writes, as a question or in a solution, is in no record of the
run."""

import json
from collections.abc import Callable

from tests.e2e.conftest import Cli, Endpoint, records, table


def test_what_a_benchmark_file_holds_is_in_no_record(
    tsdg: Cli, oracle: Callable[..., Endpoint]
) -> None:
    common = ["recipe=demo", "seeds.cap_per_task=4", *oracle().overrides()]
    assert tsdg("run", *common, "run=before").code == 0
    before = tsdg.root / "before"
    clean = json.loads((before / "manifest.json").read_text())
    assert clean["rejected"].get("contaminated", 0) == 0
    packaged = sorted({row["question_id"]: row for row in records(before).values()}.items())
    (asked, record), (solved, other) = packaged[0], packaged[-1]
    solutions = {row["question_id"]: row for row in table(before / "answers" / "solutions.parquet")}
    held = tsdg.root.parent / "held.jsonl"
    # The first as a benchmark would have it, the second as words that a model knew by heart.
    rows = [{"question": record["question"].upper()}, {"text": solutions[solved]["reasoning"]}]
    held.write_text("".join(json.dumps(row) + "\n" for row in rows))

    ran = tsdg("run", *common, "run=after", f"filter.decontaminate.files=[{held}]")
    assert ran.code == 0, ran.err
    after = tsdg.root / "after"
    assert tsdg("verify", str(after)).code == 0
    assert {row["question_id"] for row in records(after).values()} == {
        name for name, _ in packaged
    } - {asked, solved}
    for stage, name, row in (("questions", asked, 0), ("filter", solved, 1)):
        (rejection,) = (
            r for r in table(after / stage / "rejected.parquet") if r["reason"] == "contaminated"
        )
        assert rejection["row_id"] == name
        assert rejection["detail"].endswith(f"{held} row {row}")
        account = json.loads((after / stage / "contamination.json").read_text())
        assert account["held_out"] == {"splits": 1, "rows": 2}
        assert sum(task["contaminated"] for task in account["tasks"].values()) == 1
    assert json.loads((after / "manifest.json").read_text())["rejected"]["contaminated"] == 2
    page = (after / "report.html").read_text()
    assert page.count(f'<td class="left">{held}</td>') == len({record["task"], other["task"]})
