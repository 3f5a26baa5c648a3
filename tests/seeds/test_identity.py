"""A file has one identity for the whole run, whatever happens to it meanwhile."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.seeds.hub_server import HubServer
from tests.seeds.rows import WriteSplit, arc_rows, config
from tests.seeds.test_prefetch import GSM8K, fetch, gsm8k, hub, request, sums
from tsdg.errors import MirrorError
from tsdg.records import Seed
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.draw import triage
from tsdg.seeds.draw.collect import SeedCollector
from tsdg.seeds.heldout.build import build_index, held_out_revisions
from tsdg.seeds.mirror import identity
from tsdg.seeds.mirror.split_files import split_file

__all__ = ["hub"]
ARC = ("allenai/ai2_arc", "ARC-Easy")


def swap(path: Path, rows: list[dict[str, Any]], write: WriteSplit) -> None:
    """Rename another file over a split, as an update does."""
    whole = path.read_bytes()
    write(path.parents[2].name + "/" + path.parents[1].name, path.parent.name, path.stem, rows)
    other = path.read_bytes()
    path.write_bytes(whole)
    aside = path.with_name("aside")
    aside.write_bytes(other)
    aside.replace(path)


def test_a_file_replaced_between_the_two_readings(
    tmp_path: Path, write_split: WriteSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_split(*ARC, "train", arc_rows(20, "river"))
    build = triage.RowReader._build

    def replaced(reader: triage.RowReader, job: triage.BuildJob) -> triage.BuiltSeeds:
        swap(path, arc_rows(20, "scored"), write_split)
        return build(reader, job)

    monkeypatch.setattr(triage.RowReader, "_build", replaced)
    with pytest.raises(MirrorError, match=r"the run reads sha256:.* here is sha256:.*run=NAME"):
        list(SeedCollector(config(tmp_path / "mirror", "arc_easy"), seed=0))


def test_a_row_that_is_not_the_judged_one(
    tmp_path: Path, write_split: WriteSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The seed ids are compared too, should a file change without its times."""
    path = write_split(*ARC, "train", arc_rows(20, "river"))
    build = triage.RowReader._build

    def replaced(reader: triage.RowReader, job: triage.BuildJob) -> triage.BuiltSeeds:
        swap(path, arc_rows(20, "scored"), write_split)
        monkeypatch.setattr(identity, "revision", lambda handle, path: split.revision)
        return build(reader, job)

    split = split_file(tmp_path / "mirror", *ARC, "train").pinned()
    monkeypatch.setattr(triage.RowReader, "_build", replaced)
    with pytest.raises(MirrorError, match="row 0 is not the one that was judged"):
        list(SeedCollector(config(tmp_path / "mirror", "arc_easy"), seed=0))


def test_a_file_replaced_before_a_process_of_its_own_opens_it(
    tmp_path: Path, write_split: WriteSplit
) -> None:
    path = write_split(*ARC, "train", arc_rows(60, "river"))
    request = config(tmp_path / "mirror", "arc_easy").model_copy(update={"workers": 2})
    collector = SeedCollector(request, seed=0)
    swap(path, arc_rows(60, "scored"), write_split)
    with pytest.raises(MirrorError, match="the run reads sha256:"):
        list(collector)


def test_a_file_written_to_while_it_is_read(tmp_path: Path, write_split: WriteSplit) -> None:
    path = write_split(*ARC, "train", arc_rows(2000))
    batches = split_file(tmp_path / "mirror", *ARC, "train").batches()
    next(batches)
    os.utime(path, ns=(1, 1))
    with pytest.raises(MirrorError, match="written to while it was read"):
        list(batches)


def test_an_update_leaves_what_a_run_reads(hub: HubServer, tmp_path: Path) -> None:
    hub.add(GSM8K, gsm8k("apples"))
    fetch(hub, request(tmp_path))
    begun = split_file(tmp_path, GSM8K, "main", "train").pinned()
    hub.add(GSM8K, gsm8k("pears"))
    fetch(hub, request(tmp_path, update=True))
    assert begun.path.is_file()
    assert [row for batch in begun.batches() for row in batch.rows] == sums(100, "apples")
    now = split_file(tmp_path, GSM8K, "main", "train").pinned()
    assert [row for batch in now.batches() for row in batch.rows] == sums(100, "pears")
    assert begun.revision != now.revision
    held = held_out_revisions(tmp_path, load())
    assert set(held) == {f"{GSM8K}/main/test", f"{GSM8K}/main/validation"}
    # The mirror as others see it has the new files only.
    assert len(list(tmp_path.rglob("*.parquet"))) == 3
    # Another run of before goes on too, with what its snapshot says.
    collector = SeedCollector(
        config(tmp_path, "gsm8k"), seed=0, revisions={begun.name: begun.revision}
    )
    seeds = [item for item in collector if isinstance(item, Seed)]
    assert {seed.source.revision for seed in seeds} == {begun.revision}
    assert all("apples" in seed.question for seed in seeds)


def test_an_update_in_the_middle_of_the_seeds(hub: HubServer, tmp_path: Path) -> None:
    hub.add(GSM8K, gsm8k("apples"))
    fetch(hub, request(tmp_path))
    collector = iter(SeedCollector(config(tmp_path, "gsm8k"), seed=0))
    seeds = [next(collector)]
    hub.add(GSM8K, gsm8k("pears"))
    fetch(hub, request(tmp_path, update=True))
    seeds += list(collector)
    assert all("apples" in seed.question for seed in seeds if isinstance(seed, Seed))


def test_what_was_fetched_is_held_to_its_source(hub: HubServer, tmp_path: Path) -> None:
    hub.add(GSM8K, gsm8k())
    fetch(hub, request(tmp_path))
    train = tmp_path / "openai/gsm8k/main/train.parquet"
    pq.write_table(pq.read_table(tmp_path / "openai/gsm8k/main/test.parquet"), train)
    with pytest.raises(MirrorError, match=r"its source.json says sha256:.*not what was fetched"):
        SeedCollector(config(tmp_path, "gsm8k"), seed=0)


def test_held_out_splits_stay_the_same(
    tmp_path: Path, write_split: WriteSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_split(*ARC, "train", arc_rows(5))
    path = write_split(*ARC, "test", arc_rows(5, "scored"))
    root, catalogue = tmp_path / "mirror", load()
    revisions = held_out_revisions(root, catalogue)

    def index(known: dict[str, str] | None) -> Any:
        return build_index(root, catalogue, ngram=8, overlap=0.8, revisions=known)

    assert index(revisions).rows == 5
    write_split(*ARC, "validation", arc_rows(3, "later"))
    assert (index(revisions).rows, index(None).rows) == (5, 8)
    swap(path, arc_rows(7, "other"), write_split)
    assert index(revisions).rows == 5  # its items are in the cache, by revision
    monkeypatch.setenv("TSDG_CACHE", str(tmp_path / "cache"))
    with pytest.raises(MirrorError, match=r"ARC-Easy/test\.parquet: the run reads sha256:"):
        index(revisions)
    path.unlink()
    with pytest.raises(MirrorError, match=r"ARC-Easy/test: the run compares its seeds .* gone"):
        index(revisions)


def test_a_revision_that_cannot_be_had(tmp_path: Path, write_split: WriteSplit) -> None:
    write_split(*ARC, "train", arc_rows(5))
    split = split_file(tmp_path / "mirror", *ARC, "train")
    assert split.has(split.fingerprint())
    assert not split.has("sha256:" + "0" * 24)
    assert replace(split, revision="sha256:" + "0" * 24).fingerprint() == "sha256:" + "0" * 24


def test_a_kept_file_without_hard_links(
    tmp_path: Path, write_split: WriteSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_split(*ARC, "train", arc_rows(5))

    def none(*_: object) -> None:
        raise OSError("no hard links")

    monkeypatch.setattr(os, "link", none)
    identity.keep(tmp_path / "mirror", path, "ab" * 32)
    kept = identity.kept_path(tmp_path / "mirror", identity.revision_of("ab" * 32))
    assert kept.read_bytes() == path.read_bytes()
    assert [entry.name for entry in kept.parent.iterdir()] == ["ab" * 12]
    assert identity.kept_files(tmp_path / "mirror") == (1, path.stat().st_size)
    assert identity.kept_files(tmp_path) == (0, 0)
    assert (
        json.dumps([str(one) for one in (tmp_path / "mirror").rglob("*.parquet")]).count("parquet")
        == 1
    )
