"""Splits that are no Parquet at their source: files of GitHub, and zips of the hub."""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.seeds.hub_server import MAIN, HubServer, Said
from tests.seeds.rows import collected, config
from tests.seeds.test_prefetch import fetch, origin, request, rows, statuses
from tsdg.errors import MirrorError
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.mirror import source_files
from tsdg.seeds.mirror.hub_form import HubFile
from tsdg.seeds.mirror.source_files import SourceFile, read_source, sources_of, to_parquet

LSAT = "zhongwanjun/AR-LSAT"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    server = HubServer()
    monkeypatch.setenv("TSDG_GITHUB", server.url)
    yield server
    server.close()


def lsat(word: str, count: int = 3) -> bytes:
    questions = [
        {
            "id": f"{word}_{number}",
            "question": f"Who of the {word} may sit in chair number {number} by the window?",
            "options": [f"{name} {number}" for name in ("Ann", "Bo", "Cy", "Di", "Eve")],
            "answer": "B",
        }
        for number in range(count)
    ]
    return json.dumps([{"passage": f"Five {word} sit in a row.", "questions": questions}]).encode()


def on_github(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch, dataset: str, **data: bytes
) -> list[SourceFile]:
    """Put files in place of those that the table pins, by split."""
    known = source_files._by_dataset()
    made = []
    for one in sources_of(dataset):
        if one.split in data:
            body = data[one.split]
            file = HubFile(
                path=one.file.path,
                bytes=len(body) if one.file.bytes >= 0 else -1,
                sha256="",
                git_oid=hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest(),
            )
            made.append(replace(one, file=file))
            place = one.repository.removeprefix("github:")
            hub.said.append(Said(f"hub/{place}/{one.commit}/{file.path}", body))
    table = {**known, dataset: tuple(made)}
    monkeypatch.setattr(source_files, "_by_dataset", lambda: table)
    return made


def test_a_repository_of_github_is_fetched_at_its_commit(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = {"train": lsat("guests"), "validation": lsat("scored"), "test": lsat("pupils")}
    made = on_github(hub, monkeypatch, LSAT, **sets)
    outcomes = fetch(hub, request(tmp_path, "ar_lsat"))
    assert set(statuses(outcomes).values()) == {"fetched"}
    assert len(outcomes) == 3
    source = origin(tmp_path, f"{LSAT}/default/train")
    assert (source["ref"], source["revision"]) == (f"github:{LSAT}", made[0].commit)
    assert source["files"][0]["git_oid"] == made[0].file.git_oid
    assert {asked.token for asked in hub.asked} == {""}
    seeds, _, _ = collected(config(tmp_path, "ar_lsat"))
    assert [seed.answer for seed in seeds] == [f"Bo {number}" for number in range(3)]
    hub.asked.clear()
    assert set(statuses(fetch(hub, request(tmp_path, "ar_lsat"))).values()) == {"present"}
    assert hub.asked == []


def test_other_bytes_than_the_table_pins_are_refused(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_github(hub, monkeypatch, LSAT, train=lsat("guests"))
    hub.said[0].body = lsat("others")
    outcome = fetch(hub, request(tmp_path, "ar_lsat"))[0]
    assert outcome.status == "refused"
    assert "checksum expected" in outcome.detail


def test_a_file_of_which_only_the_checksum_is_known(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "".join(
        f"\nb\n{number}. 所有的猫都是动物。\n由此可以推出什么？\n"
        f"A.甲{number}\nB.乙{number}\nC.丙\nD.丁\n"
        for number in range(4)
    )
    on_github(hub, monkeypatch, "lgw863/LogiQA-dataset", train=lines.encode())
    assert sources_of("lgw863/LogiQA-dataset")[0].file.bytes == source_files.UNKNOWN_SIZE
    fetch(hub, request(tmp_path, "logiqa_zh"))
    found = rows(tmp_path, "lgw863/LogiQA-dataset/zh/train")
    assert [row["options"][1] for row in found] == [f"乙{number}" for number in range(4)]
    seeds, _, _ = collected(config(tmp_path, "logiqa_zh"))
    assert {seed.answer for seed in seeds} == {f"乙{number}" for number in range(4)}


def zipped(**members: list[dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, entries in members.items():
            text = "".join(json.dumps(entry) + "\n" for entry in entries)
            archive.writestr(f"quality/{name}.jsonl", text)
    return out.getvalue()


def document(number: int, word: str) -> dict[str, Any]:
    text = (
        f"Who owns {word} {number}?\n\n (A) Ann\n (B) Bo\n (C) Cy\n (D) Di\n\n\nThe boat was Bo's."
    )
    return {"id": f"{number}", "pid": f"{number}_0", "input": text, "output": "Bo"}


def test_a_zip_of_the_hub_gives_the_split_in_it(hub: HubServer, tmp_path: Path) -> None:
    train = [document(number, "the boat") for number in range(5)]
    data = zipped(train=train, validation=[document(0, "a scored house")], test=[])
    commit = hub.add("tau/scrolls", {"quality.zip": data, "scrolls.py": b"script"}, ref=MAIN)
    outcomes = fetch(hub, request(tmp_path, "scrolls_quality"))
    found = statuses(outcomes)
    assert found["tau/scrolls/quality/train"] == found["tau/scrolls/quality/validation"]
    assert found["tau/scrolls/quality/train"] == "fetched"
    assert rows(tmp_path, "tau/scrolls/quality/train") == train
    assert sum("quality.zip" in asked.path for asked in hub.asked) == 1  # for all its splits
    assert origin(tmp_path, "tau/scrolls/quality/train")["revision"] == commit
    hub.add("tau/scrolls", {"quality.zip": b"PK no zip" * 9}, ref=MAIN)
    refused = fetch(hub, request(tmp_path, "scrolls_quality", update=True))
    assert any(
        "quality.zip, quality/train.jsonl of tau/scrolls: not in its form" in outcome.detail
        for outcome in refused
    )


@pytest.mark.parametrize(
    ("form", "data"),
    [
        ("jsonl", b"[1]\n"),
        ("jsonl", b"{"),
        ("jsonl", b""),
        ("jsonl", b"[" * 100_000),
        ("ar_lsat", b'[{"passage": "x"}]'),
        ("ar_lsat", b"{}"),
        ("logiqa", "\nb\n甲\n乙\n".encode()),
        ("logiqa", b"\xff\n"),
        ("review_tsv", b"text\tlabel\n"),
        ("review_tsv", b"en_review\tsentiment\nonly\n"),
    ],
)
def test_a_file_of_another_form_is_one_line(tmp_path: Path, form: str, data: bytes) -> None:
    (tmp_path / "part").write_bytes(data)
    source = replace(sources_of(LSAT)[0], form=form)
    with pytest.raises(MirrorError, match=f"not in its form {form}"):
        to_parquet(tmp_path / "part", tmp_path / "whole", source)
    assert not (tmp_path / "whole").exists()


def test_reviews_and_what_pandas_leaves_out(tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.write_text('yo_review\tsentiment\nÓ dára\tpositive\n"with ""marks"""\tnegative\n')
    reviews = read_source(part, sources_of("Davlan/nollysenti")[0])
    assert [row["review"] for row in reviews] == ["Ó dára", 'with "marks"']
    part.write_text('{"context": NaN, "id": "1"}\n{"context": "a", "id": "2"}\n')
    source = sources_of("masakhane/afriqa-gold-passages")[0]
    assert [row["context"] for row in read_source(part, source)] == [None, "a"]


def test_the_table_pins_what_it_names() -> None:
    units = {(unit.dataset_path, unit.config, unit.split) for unit in load().units}
    files = [one for found in source_files._by_dataset().values() for one in found]
    train = {(one.dataset_path, one.config, one.split) for one in files if one.split == "train"}
    assert train <= units
    for one in files:
        assert one.form in source_files._FORMS
        assert len(one.commit) == (40 if one.on_github else 0)
        assert len(one.file.git_oid) == len(one.commit)
        assert len(one.file.sha256) == (64 if one.on_github and one.file.bytes > 0 else 0)
