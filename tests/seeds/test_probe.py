"""A hub with planted differences: each is found, and said in words to act on."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.seeds.hub_rows import Files, fill, place, split_bytes, split_table, stored
from tests.seeds.hub_server import CONVERTED, MAIN, HubServer
from tests.seeds.rows import unit_of
from tests.seeds.test_prefetch import fetch, request, run
from tsdg.commands.seeds import probe as probe_command
from tsdg.commands.table import COMMANDS
from tsdg.commands.words import read
from tsdg.config.compose import compose_recipe
from tsdg.errors import SeedsDeniedError
from tsdg.run.prepare import prepare
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.mirror.source_files import sources_of
from tsdg.seeds.probe.differences import of_licence
from tsdg.seeds.probe.outline import labels_of, plain_type, type_of

ASSIN = ["NONE", "ENTAILMENT", "PARAPHRASE"]
RENAMED = (
    "it was renamed or taken away; nothing of it is read until the catalogue knows the new name"
)
ANOTHER_SPLIT = "it was renamed or taken away; no other split is proven to be training data"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    from huggingface_hub import constants

    server = HubServer()
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    yield server
    server.close()


def listed(table: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(table.read_text().splitlines()))


def replace(files: dict[str, Files], task: str, new: str, data: bytes | None = None) -> None:
    """Put a unit's file elsewhere, or other bytes in its place."""
    data_set = files[unit_of(task).dataset_path]
    old = data_set.pop(place(task))
    data_set[new] = old if data is None else data


def change(files: dict[str, Files], task: str, **changed: Any) -> None:
    """Make a unit's split another one; see :func:`split_table`."""
    replace(files, task, place(task), stored(split_table(task, **changed)))


def column(files: dict[str, Files], task: str, name: str, values: pa.Array) -> None:
    """Put other values into a unit's column, in its first rows."""
    table = pq.read_table(io.BytesIO(split_bytes(task)))
    rest = pa.nulls(len(table) - len(values), values.type)
    made = table.set_column(table.column_names.index(name), name, pa.chunked_array([values, rest]))
    replace(files, task, place(task), stored(made))


PLANTED = {
    ("allenai/ai2_arc/ARC-Easy/train", "config", "stops"): RENAMED,
    ("allenai/ai2_arc/ARC-Challenge/train", "split", "stops"): ANOTHER_SPLIT,
    ("allenai/openbookqa", "access", "stops"): "accept its licence at",
    ("allenai/sciq", "licence", "accept"): "commercial use is now yes: ask who may decide it",
    (
        "openlifescienceai/medmcqa/default/train",
        "column",
        "note",
    ): "new columns, which nothing reads",
    ("EleutherAI/headqa", "access", "note"): "its terms must be accepted on its page",
    ("EleutherAI/headqa", "licence", "note"): "its card names no licence",
    ("EleutherAI/coqa/default/train", "config", "stops"): "none is the default one for certain",
    ("allenai/qasper/default/train", "conversion", "stops"): "no row can be read",
    ("nilc-nlp/assin/default/train", "labels", "accept"): (
        "the same names in another order: every answer would be another one"
    ),
    ("nilc-nlp/assin2/default/train", "labels", "accept"): "other names",
    ("facebook/xnli/de/train", "conversion", "stops"): "only the first part",
    ("facebook/xnli/fr/train", "conversion", "stops"): "rows would be missing without a word",
    ("skt/kobest_v1/boolq/train", "same file", "accept"): (
        "the training split is one that is scored"
    ),
    ("baber/piqa", "data set", "stops"): "404",
    ("tau/commonsense_qa/default/train", "column", "stops"): (
        "the family's reader takes this column; it was renamed or taken away"
    ),
    ("EleutherAI/logiqa", "name", "note"): "it was moved",
    ("ehovy/race/high/train", "rows", "accept"): "rows of another split may be in it",
    ("allenai/swag/regular/train", "rows", "accept"): "only a part of it",
    ("google-research-datasets/nq_open/default/train", "type", "accept"): "look at rows",
    (
        "google-research-datasets/nq_open/default/train",
        "first rows",
        "accept",
    ): "does not know rows",
    ("regisss/math_qa/default/train", "first rows", "accept"): "does not know rows of this form",
    ("facebook/anli/default/train_r1", "type", "accept"): "such as labels as words",
    ("lighteval/siqa", "conversion", "stops"): "must be put into the mirror by hand",
}
"""What is planted, and words of what is said of it."""
FOLLOW = {
    ("tau/commonsense_qa/default/train", "column", "note"),
    ("facebook/anli/default/train_r1", "first rows", "accept"),
}
"""What else follows: a renamed column is also a new one, and words are no label."""


def plant(hub: HubServer, files: dict[str, Files]) -> None:
    cards = hub.repositories
    replace(files, "arc_easy", "Easy/train/0000.parquet")
    replace(files, "arc_challenge", "ARC-Challenge/training/0000.parquet")
    cards["allenai/openbookqa"].answer = 403
    cards["allenai/sciq"].card = {"cardData": {"license": "mit"}}
    more = pq.read_table(io.BytesIO(split_bytes("medmcqa")))
    hints = pa.nulls(len(more), pa.string())
    replace(files, "medmcqa", place("medmcqa"), stored(more.append_column("hint", hints)))
    cards["EleutherAI/headqa"].card = {"gated": "auto", "cardData": {}}
    replace(files, "coqa", "one/train/0000.parquet")
    files["EleutherAI/coqa"]["two/train/0000.parquet"] = split_bytes("coqa")
    replace(files, "qasper_bool", place("qasper_bool"), b"<html>no Parquet</html>" * 20)
    change(files, "assin_entailment", labels={"entailment_judgment": ASSIN[::-1]})
    change(files, "assin2_rte", labels={"entailment_judgment": ["0", "1"]})
    replace(files, "xnli_de", "de/partial-train/0000.parquet")
    replace(files, "xnli_fr", "fr/train/0001.parquet")
    files["skt/kobest_v1"]["boolq/test/0000.parquet"] = split_bytes("kobest_boolq")
    del cards["baber/piqa"]
    renamed = pq.read_table(io.BytesIO(split_bytes("commonsense_qa")))
    names = ["stem" if name == "question" else name for name in renamed.column_names]
    replace(files, "commonsense_qa", place("commonsense_qa"), stored(renamed.rename_columns(names)))
    cards["EleutherAI/logiqa"].card["id"] = "somebody/logiqa"
    rows = pq.read_metadata(io.BytesIO(split_bytes("race_high"))).num_rows
    change(files, "race_high", rows=rows + 1)
    change(files, "swag", rows=20)
    column(files, "nq_open", "answer", pa.array(range(20)))
    column(files, "mathqa", "Problem", pa.array([""] * 20))
    column(files, "anli_r1", "label", pa.array(["entailment"] * 20))
    hub.add("lighteval/siqa", {"siqa.py": b"script", "README.md": b"# SIQA"}, ref=MAIN)
    del hub.repositories["lighteval/siqa"].refs[CONVERTED]


def test_a_probe_of_the_whole_recipe_finds_what_is_planted_and_nothing_else(
    hub: HubServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    families = [one.family for one in load().families if one.tier == "A"]
    units = [unit for family in families for unit in load().units_of_family(family)]
    tasks = [unit.tasks[0] for unit in units if not unit.part_of]
    assert len({unit.dataset_path for unit in units}) > 100
    plant(hub, fill(hub, tasks))
    table = tmp_path / "differences.csv"
    assert probe_command(read(COMMANDS["seeds probe"], ["recipe=nemotron", f"out={table}"])) == 1
    rows = listed(table)
    found = {(row["where"], row["what"], row["level"]): row for row in rows}
    as_files = {
        (unit_of(task).name, "conversion", "note")
        for task in tasks
        if sources_of(unit_of(task).dataset_path)
    }
    assert len(PLANTED) > 20
    assert set(found) == set(PLANTED) | FOLLOW | as_files
    for key, words in PLANTED.items():
        assert words in found[key]["meaning"], key
        assert found[key]["expected"] != found[key]["found"]
    assert all(row["accept"] or row["level"] != "accept" for row in rows)
    screen = capsys.readouterr().out
    assert max(len(line) for line in screen.splitlines() if line.startswith("  ")) <= 80
    assert f"{len(rows)} differences: " in screen
    # Only metadata and the first rows were read, in ranges, and each file seldom.
    parts = [one for one in hub.bytes_asked() if one.path.endswith(".parquet")]
    assert all(one.range for one in parts)
    assert len(parts) < 2 * len(tasks)


def test_the_command_writes_a_table_to_send(
    hub: HubServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = fill(hub, ["sciq", "acp_app_bool"])
    hub.repositories["allenai/sciq"].card = {"cardData": {"license": "mit"}}
    change(files, "acp_app_bool", rows=41)
    table = tmp_path / "differences.csv"

    def call(*words: str) -> int:
        tasks = "seeds.tasks=[sciq,acp_app_bool,demo_science]"
        given = ["recipe=demo", tasks, "seeds.tier_b=true", f"out={table}", *words]
        return probe_command(read(COMMANDS["seeds probe"], given))

    assert call() == 1
    assert "2 differences: 2 must be accepted before use" in capsys.readouterr().out
    rows = listed(table)
    assert [(row["what"], row["found"]) for row in rows] == [("licence", "mit"), ("rows", "41")]
    assert str(tmp_path) not in table.read_text()
    accept = f"seeds.accept=[{','.join(row['accept'] for row in rows)}]"
    assert call(accept) == 0
    capsys.readouterr()
    assert call("--json") == 1
    assert len(json.loads(capsys.readouterr().out)["differences"]) == 2


def test_a_run_uses_nothing_that_differs_before_it_is_accepted(
    hub: HubServer, tmp_path: Path
) -> None:
    files = fill(hub, ["sciq", "assin_entailment"])
    hub.repositories["allenai/sciq"].card = {"cardData": {"license": "mit"}}
    change(files, "assin_entailment", labels={"entailment_judgment": ASSIN[::-1]})
    mirror = tmp_path / "mirror"
    done = run(hub.url, mirror, tasks="sciq,assin_entailment")
    assert done.returncode == 0, done.stderr
    assert "must be accepted before use (2):" in done.stdout
    rows = listed(mirror / "differences.csv")
    assert [row["what"] for row in rows] == ["labels", "licence"]

    def start(*words: str) -> None:
        where = [f"seeds.mirror={mirror}", f"output_root={tmp_path}"]
        tasks = "seeds.tasks=[sciq,assin_entailment]"
        prepare(compose_recipe(["recipe=demo", tasks, *where, *words]))

    with pytest.raises(SeedsDeniedError, match=r"found entailment_judgment: PARAPHRASE.*1 more"):
        start()
    accepts = [row["accept"] for row in rows]
    with pytest.raises(SeedsDeniedError, match=r"licence: expected cc-by-nc-3\.0, found mit"):
        start(f"seeds.accept=[{accepts[0]}]")
    start(f"seeds.accept=[{','.join(accepts)}]")
    # What was accepted is this difference, and not the next one.
    data = stored(split_table("assin_entailment", labels={"entailment_judgment": ["A", "B", "C"]}))
    hub.add("nilc-nlp/assin", {place("assin_entailment"): data})
    fetch(hub, request(mirror, "assin_entailment", update=True))
    with pytest.raises(SeedsDeniedError, match="found entailment_judgment: A, B, C"):
        start(f"seeds.accept=[{','.join(accepts)}]")


def test_what_somebody_put_there_is_compared_by_its_labels(tmp_path: Path) -> None:
    path = tmp_path / "nilc-nlp/assin/default/train.parquet"
    path.parent.mkdir(parents=True)

    def start(**changed: Any) -> None:
        pq.write_table(split_table("assin_entailment", rows=30, **changed), path)
        words = [f"seeds.mirror={tmp_path}", f"output_root={tmp_path}"]
        prepare(compose_recipe(["recipe=demo", "seeds.tasks=[assin_entailment]", *words]))

    start()
    with pytest.raises(SeedsDeniedError, match="labels: expected entailment_judgment: NONE"):
        start(labels={"entailment_judgment": ASSIN[::-1]})


def test_types_in_the_words_of_the_evidence() -> None:
    assert type_of(pa.large_list(pa.struct([("a", pa.uint8())]))) == [{"a": "int"}]
    assert type_of(pa.timestamp("s")) == "timestamp[s]"
    assert plain_type(["large_string"]) == ["string"]
    assert plain_type({"x": "uint8", "y": "float64"}) == {"x": "int", "y": "float"}
    noted = {
        "info": {
            "features": {
                "a": {"feature": {"names": ["n", "y"], "_type": "ClassLabel"}, "_type": "Sequence"},
                "b": {"dtype": "string"},
            }
        }
    }
    schema = pa.schema([pa.field("a", pa.int64())], metadata={"huggingface": json.dumps(noted)})
    assert labels_of(schema) == {"a": ("n", "y")}
    assert labels_of(pa.schema([], metadata={"huggingface": "[]"})) == {}


@pytest.mark.parametrize(
    ("read", "found", "levels"),
    [
        (["mit"], "mit", []),
        (["mit"], "apache-2.0", ["note"]),
        (["mit"], "cc-by-nc-4.0", ["accept"]),
        (["mit"], "no-such-tag", ["accept"]),
        (["mit"], "", ["note"]),
        (["unset"], "", []),
        ([], "mit", []),
        (["mit", "race"], "mit", []),
    ],
)
def test_licence_tags(read: list[str], found: str, levels: list[str]) -> None:
    uses: dict[str, Any] = {"mit": "yes", "apache-2.0": "yes", "cc-by-nc-4.0": "no"}
    expected = [(name, uses.get(name, "unclear")) for name in read]
    assert [one.level for one in of_licence("a/b", expected, found, uses)] == levels
