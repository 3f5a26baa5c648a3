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

from tests.seeds.hub_rows import licence_tag, split_table
from tests.seeds.hub_server import MAIN, HubServer
from tests.seeds.rows import arc_rows, unit_of
from tests.seeds.test_prefetch import fetch, request, run
from tsdg.commands.seeds import probe as probe_command
from tsdg.commands.table import COMMANDS
from tsdg.commands.words import read
from tsdg.config.compose import compose_recipe
from tsdg.errors import SeedsDeniedError
from tsdg.run.prepare import prepare
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.mirror.hub import Hub
from tsdg.seeds.mirror.hub_requests import Patience
from tsdg.seeds.probe.differences import SourceDifference, of_licence, unaccepted
from tsdg.seeds.probe.outline import labels_of, plain_type, type_of
from tsdg.seeds.probe.probing import by_dataset, probe
from tsdg.views.differences import print_differences, summary

TASKS = (
    *("arc_easy", "arc_challenge", "openbookqa", "sciq", "mmlu_pro_math", "headqa_en", "coqa"),
    *("qasper_bool", "assin_entailment", "assin2_rte", "truthfulqa-multi_gen_en"),
    *("truthfulqa-multi_gen_es", "global_mmlu_full_am_anatomy", "piqa", "commonsense_qa"),
    *("logiqa", "acp_app_bool", "acp_app_mcq", "acp_app_gen", "acp_prog_gen", "anli_r1"),
)
ASSIN = ["NONE", "ENTAILMENT", "PARAPHRASE"]


@pytest.fixture
def hub() -> Iterator[HubServer]:
    server = HubServer()
    yield server
    server.close()


def stored(table: pa.Table) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, row_group_size=1000)
    return out.getvalue()


def listed(table: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(table.read_text().splitlines()))


def place(task: str) -> str:
    """Where a unit's first file lies in a conversion."""
    unit = unit_of(task)
    config = {"tau/commonsense_qa": "default"}.get(unit.dataset_path, unit.config or "default")
    return f"{config}/{unit.split}/0000.parquet"


_TABLES: dict[str, bytes] = {}


def whole(hub: HubServer) -> dict[str, dict[str, bytes]]:
    """Put all data sets on a hub as the evidence has them; return their files."""
    files: dict[str, dict[str, bytes]] = {}
    for task in TASKS:
        if task not in _TABLES:
            _TABLES[task] = stored(split_table(task))
        files.setdefault(unit_of(task).dataset_path, {})[place(task)] = _TABLES[task]
        card = {"cardData": {"license": licence_tag(unit_of(task))}}
        hub.add(unit_of(task).dataset_path, files[unit_of(task).dataset_path])
        hub.repositories[unit_of(task).dataset_path].card = card
    return files


def looked(hub: HubServer, *tasks: str) -> list[SourceDifference]:
    asked = Hub(hub.url, patience=Patience(attempts=2), sleep=lambda _: None)
    units = by_dataset([unit_of(task) for task in tasks or TASKS])
    return [
        one for dataset, wanted in units.items() for one in probe(asked, load(), dataset, wanted)
    ]


def test_a_hub_as_it_is_expected_differs_in_nothing(hub: HubServer) -> None:
    whole(hub)
    assert looked(hub) == []
    # Only metadata and the first rows were read: of the largest file, less than half.
    anli = _TABLES["anli_r1"]
    parts = [asked for asked in hub.bytes_asked() if "anli" in asked.path]
    assert 0 < len(parts) < 5
    assert all(asked.range for asked in hub.bytes_asked() if asked.path.endswith(".parquet"))
    assert len(anli) > 0


PLANTED = {
    ("allenai/ai2_arc/ARC-Easy/train", "config", "stops"),
    ("allenai/ai2_arc/ARC-Challenge/train", "split", "stops"),
    ("allenai/openbookqa", "access", "stops"),
    ("allenai/sciq", "licence", "accept"),
    ("TIGER-Lab/MMLU-Pro/default/validation", "column", "note"),
    ("EleutherAI/headqa", "access", "note"),
    ("EleutherAI/headqa", "licence", "note"),
    ("EleutherAI/coqa/default/train", "config", "stops"),
    ("allenai/qasper/default/train", "conversion", "stops"),
    ("nilc-nlp/assin/default/train", "labels", "accept"),
    ("nilc-nlp/assin2/default/train", "labels", "accept"),
    ("HiTZ/truthfulqa-multi/en/train", "conversion", "stops"),
    ("HiTZ/truthfulqa-multi/es/train", "conversion", "stops"),
    ("CohereForAI/Global-MMLU/am/dev", "same file", "accept"),
    ("baber/piqa", "data set", "stops"),
    ("tau/commonsense_qa/default/train", "column", "stops"),
    ("EleutherAI/logiqa", "name", "note"),
    ("ibm-research/acp_bench/acp_app_bool/validation", "rows", "accept"),
    ("ibm-research/acp_bench/acp_app_mcq/validation", "rows", "accept"),
    ("ibm-research/acp_bench/acp_app_gen/validation", "type", "accept"),
    ("ibm-research/acp_bench/acp_prog_gen/validation", "first rows", "accept"),
    ("facebook/anli/default/train_r1", "type", "accept"),
    ("lighteval/siqa", "conversion", "stops"),
    ("zhongwanjun/AR-LSAT/default/train", "conversion", "note"),
}


def plant(hub: HubServer) -> None:
    files = whole(hub)

    def move(task: str, new: str, data: bytes | None = None) -> None:
        data_set = files[unit_of(task).dataset_path]
        old = data_set.pop(place(task))
        data_set[new] = old if data is None else data

    def change(task: str, **changed: Any) -> None:
        move(task, place(task), stored(split_table(task, **changed)))

    def columns(task: str) -> dict[str, Any]:
        evidence = load().evidence[unit_of(task).name].columns
        assert evidence is not None
        return dict(evidence.value)

    move("arc_easy", "Easy/train/0000.parquet")
    move("arc_challenge", "ARC-Challenge/training/0000.parquet")
    hub.repositories["allenai/openbookqa"].answer = 403
    hub.repositories["allenai/sciq"].card = {"cardData": {"license": "mit"}}
    change(
        "mmlu_pro_math",
        columns={**columns("mmlu_pro_math"), "hint": "string"},
        values={"hint": "x"},
    )
    hub.repositories["EleutherAI/headqa"].card = {"gated": "auto", "cardData": {}}
    move("coqa", "one/train/0000.parquet")
    files["EleutherAI/coqa"]["two/train/0000.parquet"] = _TABLES["coqa"]
    move("qasper_bool", place("qasper_bool"), b"<html>no Parquet</html>" * 20)
    change("assin_entailment", labels={"entailment_judgment": ASSIN[::-1]})
    change("assin2_rte", labels={"entailment_judgment": ["0", "1"]})
    move("truthfulqa-multi_gen_en", "en/partial-train/0000.parquet")
    move("truthfulqa-multi_gen_es", "es/train/0001.parquet")
    files["CohereForAI/Global-MMLU"]["am/test/0000.parquet"] = _TABLES[
        "global_mmlu_full_am_anatomy"
    ]
    del hub.repositories["baber/piqa"]
    renamed = pq.read_table(io.BytesIO(_TABLES["commonsense_qa"]))
    names = ["stem" if name == "question" else name for name in renamed.column_names]
    move("commonsense_qa", place("commonsense_qa"), stored(renamed.rename_columns(names)))
    hub.repositories["EleutherAI/logiqa"].card["id"] = "somebody/logiqa"
    change("acp_app_bool", rows=41)
    change("acp_app_mcq", rows=39)
    answers = pq.read_table(io.BytesIO(_TABLES["acp_app_gen"]))
    at = answers.column_names.index("answer")
    numbers = pa.chunked_array([pa.array(range(len(answers)))])
    move("acp_app_gen", place("acp_app_gen"), stored(answers.set_column(at, "answer", numbers)))
    change("acp_prog_gen", values={"question": ""})
    anli = pq.read_table(io.BytesIO(_TABLES["anli_r1"]))
    words = pa.chunked_array([["entailment"] * len(anli)])
    at = anli.column_names.index("label")
    move("anli_r1", place("anli_r1"), stored(anli.set_column(at, "label", words)))
    hub.add("lighteval/siqa", {"siqa.py": b"script", "README.md": b"# SIQA"}, ref=MAIN)


def test_every_planted_difference_is_found(
    hub: HubServer, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(hub)
    found = looked(hub, *TASKS, "social_iqa", "ar_lsat")
    assert {(one.where, one.what, one.level) for one in found} >= PLANTED
    # Of what was planted, a renamed column is also a new one, and types take first rows with them.
    more = {(one.where, one.what, one.level) for one in found} - PLANTED
    assert more <= {
        ("tau/commonsense_qa/default/train", "column", "note"),
        ("facebook/anli/default/train_r1", "first rows", "accept"),
        ("facebook/anli/default/train_r1", "labels", "accept"),
        ("ibm-research/acp_bench/acp_app_gen/validation", "first rows", "accept"),
        ("lighteval/siqa", "licence", "note"),
    }
    assert len(PLANTED) >= 20
    print_differences(found)
    screen = capsys.readouterr().out
    assert max(map(len, screen.splitlines())) <= 80
    for words in (
        "the same names in another order: every answer would be another one",
        "commercial use is now yes: ask who may decide it",
        "the family's reader takes this column; it was renamed or taken away",
        "the training split is one that is scored",
        "rows of another split may be in it",
    ):
        assert words in " ".join(screen.split())
    assert summary(found).startswith(f"{len(found)} differences: ")
    accepted = [one.accept for one in found if one.level == "accept"]
    assert all(accepted)
    assert unaccepted(found, accepted) == []
    assert len(unaccepted(found, accepted[:-1])) == 1


def test_the_command_writes_a_table_to_send(
    hub: HubServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plant(hub)
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
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
    plant(hub)
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
    assert arc_rows(1)


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
