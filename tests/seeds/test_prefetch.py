"""A mirror filled from a hub: against a hub of the tests' own on loopback, with its faults."""

import hashlib
import json
import os
import random
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub  # noqa: F401 - before lm-eval is: its offline switch is read at import
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.seeds.hub_server import MAIN, Fault, HubServer, parquet
from tests.seeds.rows import arc_rows, collected, config
from tsdg.commands.seeds import prefetch as prefetch_command
from tsdg.commands.table import COMMANDS
from tsdg.commands.words import read
from tsdg.errors import (
    HubError,
    MachineError,
    MirrorError,
    RecipeError,
    RunConflictError,
    StorageError,
    UsageError,
)
from tsdg.seeds.catalogue.index import load_index
from tsdg.seeds.catalogue.load import load
from tsdg.seeds.mirror import layouts, staging
from tsdg.seeds.mirror.hub import Hub
from tsdg.seeds.mirror.hub_form import HubFile
from tsdg.seeds.mirror.hub_requests import Patience
from tsdg.seeds.mirror.needed_splits import not_on_hub, wants
from tsdg.seeds.mirror.prefetch import FetchOutcome, FetchRequest, prefetch, survey
from tsdg.seeds.mirror.refusals import read_refusals
from tsdg.seeds.mirror.source_files import github_pin

GSM8K = "openai/gsm8k"
ARC = "allenai/ai2_arc"
FEATURES = '{"info": {"features": {"question": {"dtype": "string"}}}}'
TOKEN = "hf_NeverShowThisToken"


def sums(count: int, word: str = "apples", start: int = 0) -> list[dict[str, Any]]:
    return [
        {
            "question": f"Ada has {n} {word} and gets {n} more. How many are there?",
            "answer": f"{n} + {n}\n#### {2 * n}",
        }
        for n in range(start, start + count)
    ]


def noise(size: int) -> str:
    return random.Random(0).randbytes(size).hex()


def gsm8k(word: str = "apples") -> dict[str, bytes]:
    """A conversion with a training split of two files, a test, a validation that lm-eval does not
    score, and more."""
    return {
        "main/train/0000.parquet": parquet(sums(70, word), features=FEATURES),
        "main/train/0001.parquet": parquet(sums(30, word, start=70), features=FEATURES),
        "main/test/0000.parquet": parquet(sums(5, f"held-out {word}"), features=FEATURES),
        "main/validation/0000.parquet": parquet(sums(4, f"other {word}"), features=FEATURES),
        "main/train_extra/0000.parquet": parquet(sums(4, f"further {word}"), features=FEATURES),
        "socratic/train/0000.parquet": parquet(sums(4, word), features=FEATURES),
    }


@pytest.fixture
def hub() -> Iterator[HubServer]:
    server = HubServer()
    yield server
    server.close()


class Lines:
    """A watch that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)

    def update(self, *, done: int, total: int, detail: str) -> None:
        assert 0 <= done <= total
        assert "\n" not in detail


def request(mirror: Path, *tasks: str, **options: Any) -> FetchRequest:
    return FetchRequest(
        mirror=mirror,
        tasks=tasks or ("gsm8k",),
        **{"held_out": "same", "update": False, "verify": False} | options,
    )


def fetch(hub: HubServer, asked: FetchRequest) -> list[FetchOutcome]:
    """Prefetch in this process, without waiting between attempts."""
    return prefetch(
        asked, Hub(hub.url, patience=Patience(attempts=3), sleep=lambda _: None), Lines()
    )


def statuses(outcomes: list[FetchOutcome]) -> dict[str, str]:
    return {outcome.want.name: outcome.status for outcome in outcomes}


def command(mirror: Path | str, *words: str) -> list[str]:
    """`tsdg seeds prefetch` for gsm8k, in a process of its own."""
    return [
        sys.executable,
        "-m",
        "tsdg",
        "seeds",
        "prefetch",
        "recipe=demo",
        f"seeds.mirror={mirror}",
        *words,
    ]


def environment(url: str, **more: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HF_", "TSDG_", "TRANSFORMERS_"))
    }
    return {**kept, "HF_ENDPOINT": url, "HF_TOKEN": TOKEN, "NO_PROXY": "127.0.0.1", **more}


def run(
    url: str, mirror: Path | str, *words: str, tasks: str = "gsm8k", **env: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command(mirror, f"seeds.tasks=[{tasks}]", *words),
        env=environment(url, **env),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    for text in (done.stdout, done.stderr):
        assert "Traceback" not in text
        assert TOKEN not in text
        assert "signature" not in text
    assert done.stderr.count("\n") == (
        1 if done.returncode and "--json" not in words else done.stderr.count("\n")
    )
    return done


def origin(mirror: Path, name: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((mirror / f"{name}.source.json").read_text())
    return values


def rows(mirror: Path, name: str) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = pq.read_table(mirror / f"{name}.parquet").to_pylist()
    return out


@pytest.fixture
def closed_port() -> Iterator[str]:
    """An address at which nobody listens: its port is bound meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


def test_a_recipe_gets_its_rows_and_what_to_compare_them_with(
    hub: HubServer, tmp_path: Path
) -> None:
    commit = hub.add(GSM8K, gsm8k())
    done = run(hub.url, tmp_path / "mirror")
    assert done.returncode == 0, done.stderr
    assert "fetched openai/gsm8k/main/train: 100 rows (the catalogue counts 7,473)" in done.stdout
    mirror = tmp_path / "mirror"
    there = sorted(str(path.relative_to(mirror)) for path in mirror.rglob("*") if path.is_file())
    assert there == [
        ".prefetch/lock",
        f".prefetch/openai/gsm8k/{commit}.json",
        "cards.json",
        "differences.csv",
        "openai/gsm8k/main/test.parquet",
        "openai/gsm8k/main/test.source.json",
        "openai/gsm8k/main/train.parquet",
        "openai/gsm8k/main/train.source.json",
        "openai/gsm8k/main/validation.parquet",
        "openai/gsm8k/main/validation.source.json",
        "revisions.json",
    ]
    assert rows(mirror, "openai/gsm8k/main/train") == sums(100)
    assert (
        pq.read_schema(mirror / "openai/gsm8k/main/train.parquet").metadata[b"huggingface"]
        == FEATURES.encode()
    )
    one = (mirror / "openai/gsm8k/main/test.parquet").read_bytes()
    assert one == gsm8k()["main/test/0000.parquet"]  # a single file keeps its bytes
    source = origin(mirror, "openai/gsm8k/main/train")
    files = [gsm8k()[f"main/train/000{number}.parquet"] for number in range(2)]
    assert [(file["path"], file["bytes"], file["sha256"]) for file in source["files"]] == [
        (f"main/train/000{number}.parquet", len(data), hashlib.sha256(data).hexdigest())
        for number, data in enumerate(files)
    ]
    assert (source["dataset_path"], source["config"], source["split"]) == (GSM8K, "main", "train")
    assert (source["revision"], source["rows"]) == (commit, 100)
    joined = (mirror / "openai/gsm8k/main/train.parquet").read_bytes()
    assert source["sha256"] == hashlib.sha256(joined).hexdigest()
    pinned = json.loads((mirror / "revisions.json").read_text())["datasets"]
    assert pinned == {GSM8K: {"ref": "refs/convert/parquet", "commit": commit}}
    # The token goes to the hub alone, not to where it sends on to.
    assert {asked.token for asked in hub.asked if asked.path.startswith("hub")} == {
        f"Bearer {TOKEN}"
    }
    assert {asked.token for asked in hub.asked if asked.path.startswith("store")} == {""}
    seeds, _, counts = collected(config(mirror, "gsm8k"))
    assert len(seeds) == counts["gsm8k"].sampled == 100


def test_a_second_call_asks_nobody(hub: HubServer, tmp_path: Path) -> None:
    hub.add(GSM8K, gsm8k())
    fetch(hub, request(tmp_path))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    hub.asked.clear()
    outcomes = fetch(hub, request(tmp_path))
    assert statuses(outcomes) == dict.fromkeys(statuses(outcomes), "present")
    assert [outcome.rows for outcome in outcomes] == [100, 5, 4]
    assert hub.asked == []
    assert {
        path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()
    } == before


def test_what_is_missing_is_listed_without_network(tmp_path: Path, closed_port: str) -> None:
    done = run(closed_port, tmp_path / "mirror", "--dry-run", tasks="gsm8k,demo_science,logiqa_zh")
    assert done.returncode == 0
    assert "missing openai/gsm8k/main/train (train)" in done.stdout
    assert "missing openai/gsm8k/main/test (held-out)" in done.stdout
    assert "missing lgw863/LogiQA-dataset/zh/train (train)" in done.stdout
    assert f"tsdg seeds prefetch recipe=demo seeds.mirror={tmp_path}/mirror" in done.stdout
    assert not (tmp_path / "mirror").exists()


def test_json_is_one_object(hub: HubServer, tmp_path: Path) -> None:
    hub.add(GSM8K, gsm8k())
    done = run(hub.url, tmp_path, "--json", "--held-out=same")
    answer = json.loads(done.stdout)
    assert [split["status"] for split in answer["splits"]] == ["fetched"] * 3
    assert answer["splits"][0] == {
        "dataset_path": GSM8K,
        "config": "main",
        "split": "train",
        "role": "train",
        "status": "fetched",
        "rows": 100,
        "detail": "the catalogue counts 7,473",
    }
    assert answer["command"] == ""
    assert [outcome.status for outcome in survey(request(tmp_path))] == ["present"] * 3


@pytest.mark.parametrize("word", ["/refs", "/tree/", "store/datasets"])
@pytest.mark.parametrize("kind", ["500", "503", "429"])
def test_a_passing_error_is_waited_out(
    hub: HubServer, tmp_path: Path, word: str, kind: str
) -> None:
    hub.add(GSM8K, gsm8k())
    hub.faults.append(Fault(word, kind, times=2))
    assert set(statuses(fetch(hub, request(tmp_path))).values()) == {"fetched"}
    assert hub.faults[0].times == 0


def test_a_lasting_error_ends_in_one_line_and_the_next_call_goes_on(
    hub: HubServer, tmp_path: Path
) -> None:
    hub.add(GSM8K, gsm8k())
    hub.faults.append(Fault("main/train/0001", "503", times=1000))
    outcomes = fetch(hub, request(tmp_path))
    assert "main/train/0001.parquet of openai/gsm8k" in outcomes[0].detail
    assert "the hub answers 503, 3 times in a row; what was fetched is kept" in outcomes[0].detail
    hub.faults.clear()
    hub.asked.clear()
    assert statuses(fetch(hub, request(tmp_path)))[f"{GSM8K}/main/train"] == "fetched"
    assert not any("train/0000" in asked.path for asked in hub.asked)  # that one was here already


def test_two_failing_data_sets_in_a_row_end_the_call(hub: HubServer, tmp_path: Path) -> None:
    hub.faults.append(Fault("/refs", "500", times=1000))
    with pytest.raises(HubError, match="the references of allenai/ai2_arc: the hub answers 500"):
        fetch(hub, request(tmp_path, "gsm8k", "arc_easy", "sciq"))
    assert len(hub.asked) == 6


def test_waits_grow_and_have_a_ceiling(hub: HubServer, tmp_path: Path) -> None:
    hub.add(GSM8K, gsm8k())
    hub.faults.append(Fault("/refs", "502", times=6))
    waits: list[float] = []
    patient = Hub(
        hub.url, patience=Patience(attempts=8, first_s=1.0, ceiling_s=5.0), sleep=waits.append
    )
    patient.commits(GSM8K)
    assert waits == [1.0, 2.0, 4.0, 5.0, 5.0, 5.0]


def test_a_cut_connection_goes_on_where_it_was(hub: HubServer, tmp_path: Path) -> None:
    hub.add(GSM8K, gsm8k())
    hub.faults.append(Fault("store/datasets/openai/gsm8k", "cut", times=4))
    fetch(hub, request(tmp_path))
    assert rows(tmp_path, "openai/gsm8k/main/train") == sums(100)
    ranges = [asked.range for asked in hub.bytes_asked() if "train/0000" in asked.path]
    size = len(gsm8k()["main/train/0000.parquet"])
    assert ranges[:3] == [
        "",
        f"bytes={size // 2}-",
        f"bytes={size // 2 + (size - size // 2) // 2}-",
    ]


def test_a_wrong_checksum_is_fetched_anew_once(hub: HubServer, tmp_path: Path) -> None:
    hub.add(GSM8K, gsm8k())
    hub.faults.append(Fault("store/datasets/openai/gsm8k", "wrong"))
    assert set(statuses(fetch(hub, request(tmp_path))).values()) == {"fetched"}
    assert rows(tmp_path, "openai/gsm8k/main/train") == sums(100)


def test_bytes_that_stay_wrong_are_named_and_thrown_away(hub: HubServer, tmp_path: Path) -> None:
    hub.add(GSM8K, gsm8k())
    hub.faults.append(Fault("store main/test", "wrong", times=1000))
    done = run(hub.url, tmp_path)
    assert done.returncode == 3
    data = gsm8k()["main/test/0000.parquet"]
    wrong = hashlib.sha256(data[:-1] + bytes([data[-1] ^ 1])).hexdigest()
    assert (
        "1 of 3 splits are not in the mirror; openai/gsm8k/main/test: main/test/0000.parquet"
        in done.stderr
    )
    assert f"checksum expected {hashlib.sha256(data).hexdigest()}, found {wrong}" in done.stderr
    assert rows(tmp_path, "openai/gsm8k/main/train") == sums(100)  # the others are there
    assert not (tmp_path / "openai/gsm8k/main/test.parquet").exists()
    assert not list(tmp_path.rglob("*.part"))


def test_a_move_on_the_hub_in_the_middle_mixes_nothing(hub: HubServer, tmp_path: Path) -> None:
    old = hub.add(GSM8K, gsm8k("apples"))

    def move(path: str) -> None:
        hub.on_resolve = lambda _: None
        hub.add(GSM8K, gsm8k("pears"))

    hub.on_resolve = move
    fetch(hub, request(tmp_path))
    for split in ("train", "test", "validation"):
        assert origin(tmp_path, f"openai/gsm8k/main/{split}")["revision"] == old
    assert rows(tmp_path, "openai/gsm8k/main/train") == sums(100, "apples")
    # Without --update it stays there; with it, everything of the data set moves.
    assert set(statuses(fetch(hub, request(tmp_path))).values()) == {"present"}
    assert set(statuses(fetch(hub, request(tmp_path, update=True))).values()) == {"fetched"}
    new = hub.repositories[GSM8K].refs["refs/convert/parquet"]
    for split in ("train", "test", "validation"):
        assert origin(tmp_path, f"openai/gsm8k/main/{split}")["revision"] == new != old
    assert rows(tmp_path, "openai/gsm8k/main/train") == sums(100, "pears")
    assert not list((tmp_path / ".prefetch").rglob(f"{old}*"))


def test_splits_that_nobody_asks_for_now_move_with_the_others(
    hub: HubServer, tmp_path: Path
) -> None:
    def arc(word: str) -> dict[str, bytes]:
        splits = {"train": 6, "test": 3}
        return {
            f"{name}/{split}/0000.parquet": parquet(arc_rows(count, f"{word}{name}"))
            for name in ("ARC-Easy", "ARC-Challenge")
            for split, count in splits.items()
        }

    hub.add(ARC, arc("river"))
    fetch(hub, request(tmp_path, "arc_easy", "arc_challenge"))
    hub.add(ARC, arc("stream"))
    outcomes = fetch(hub, request(tmp_path, "arc_easy", update=True))
    assert statuses(outcomes)["allenai/ai2_arc/ARC-Challenge/train"] == "fetched"
    assert (
        len({origin(path.parent, path.stem)["revision"] for path in tmp_path.rglob("*.parquet")})
        == 1
    )
    # A split that the new commit does not have would be left behind at the old one.
    hub.add(
        ARC, {path: data for path, data in arc("brook").items() if "Challenge/train" not in path}
    )
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.parquet")}
    outcomes = fetch(hub, request(tmp_path, "arc_easy", update=True))
    assert {outcome.status for outcome in outcomes} == {"refused"}
    assert "ARC-Challenge/train.parquet: of another commit" in outcomes[0].detail
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.parquet")} == before


def test_a_move_that_fails_leaves_the_old_commit_whole(hub: HubServer, tmp_path: Path) -> None:
    old = hub.add(GSM8K, gsm8k("apples"))
    fetch(hub, request(tmp_path))
    hub.add(GSM8K, gsm8k("pears"))
    hub.faults.append(Fault("store main/validation", "wrong", times=2))
    outcomes = fetch(hub, request(tmp_path, update=True))
    assert {outcome.status for outcome in outcomes} == {"refused"}
    assert {origin(path.parent, path.stem)["revision"] for path in tmp_path.rglob("*.parquet")} == {
        old
    }
    assert rows(tmp_path, "openai/gsm8k/main/train") == sums(100, "apples")
    hub.asked.clear()
    assert set(statuses(fetch(hub, request(tmp_path, update=True))).values()) == {"fetched"}
    assert {asked.path.split("/main/")[1] for asked in hub.bytes_asked()} == {
        "validation/0000.parquet"
    }


def test_a_killed_swap_is_ended_by_the_next_call(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add(GSM8K, gsm8k("apples"))
    fetch(hub, request(tmp_path))
    new = hub.add(GSM8K, gsm8k("pears"))
    publish, published = staging.publish, []

    def killed(mirror: Path, item: staging.StagedFile, ready: staging.Staged) -> None:
        if published:
            raise KeyboardInterrupt
        published.append(item)
        publish(mirror, item, ready)

    monkeypatch.setattr(staging, "publish", killed)
    with pytest.raises(KeyboardInterrupt):
        fetch(hub, request(tmp_path, update=True))
    monkeypatch.undo()
    fetch(hub, request(tmp_path))  # without --update
    assert {origin(path.parent, path.stem)["revision"] for path in tmp_path.rglob("*.parquet")} == {
        new
    }
    assert rows(tmp_path, "openai/gsm8k/main/train") == sums(100, "pears")


def test_a_commit_that_is_gone_asks_for_an_update(hub: HubServer, tmp_path: Path) -> None:
    old = hub.add(GSM8K, gsm8k("apples"))
    fetch(hub, request(tmp_path))
    (tmp_path / "openai/gsm8k/main/train.parquet").unlink()
    hub.add(GSM8K, gsm8k("pears"))
    del hub.repositories[GSM8K].commits[old]
    done = run(hub.url, tmp_path)
    assert done.returncode == 3
    assert (
        f"at {old[:12]}: the hub no longer has this commit; move the whole data set" in done.stderr
    )
    assert "--update" in done.stderr


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (401, "", "private, gated or unknown, and the token is not accepted"),
        (403, "GatedRepo", "gated; accept its licence at http://127.0.0.1"),
        (401, "GatedRepo", "gated; accept its licence at http://127.0.0.1"),
        (
            404,
            "RepoNotFound",
            "the hub answers 404: unknown (or private, and HF_TOKEN may not see it)",
        ),
    ],
)
def test_a_data_set_that_the_hub_refuses(
    hub: HubServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: int,
    code: str,
    said: str,
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.add(GSM8K, gsm8k())
    hub.repositories[GSM8K].answer, hub.repositories[GSM8K].code = answer, code
    hub.add(ARC, {"ARC-Easy/train/0000.parquet": parquet(arc_rows(6))})
    outcomes = fetch(hub, request(tmp_path, "gsm8k", "arc_easy"))
    refused = [outcome for outcome in outcomes if outcome.want.dataset_path == GSM8K]
    assert {outcome.status for outcome in refused} == {"refused"}
    assert said in refused[0].detail
    assert (
        statuses(outcomes)["allenai/ai2_arc/ARC-Easy/train"] == "fetched"
    )  # the others are fetched


def test_a_refusal_is_exit_code_three(hub: HubServer, tmp_path: Path) -> None:
    hub.add(GSM8K, gsm8k())
    hub.repositories[GSM8K].answer = 403
    done = run(hub.url, tmp_path)
    assert done.returncode == 3
    assert re.search(
        (
            r"2 of 2 splits are not in the mirror; .* gated; accept its licence at "
            r"\S+/datasets/openai/gsm8k"
        ),
        done.stderr,
    )
    assert "fetch what is missing, on a machine with internet: tsdg seeds prefetch" in done.stdout
    assert "gated; accept its licence" in read_refusals(tmp_path)["openai/gsm8k/main/train"]
    hub.repositories[GSM8K].answer = 200
    assert run(hub.url, tmp_path).returncode == 0
    assert read_refusals(tmp_path) == {}


def test_no_network_is_one_line_at_once(tmp_path: Path, closed_port: str) -> None:
    url = closed_port
    done = run(url, tmp_path, tasks="gsm8k,arc_easy,sciq")
    assert done.returncode == 3
    assert f"the hub at {url} cannot be reached" in done.stderr
    assert "on a machine with internet" in done.stderr


def test_an_offline_switch_is_named(tmp_path: Path, closed_port: str) -> None:
    done = run(closed_port, tmp_path, HF_HUB_OFFLINE="1")
    assert done.returncode == 3
    assert "HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) is set" in done.stderr


@pytest.mark.parametrize(
    "address", ["hub.example", "ftp://hub.example", "http://user:pass@h:port", ""]
)
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(MachineError, match="HF_ENDPOINT is not an address") as raised:
        Hub(address)
    assert "pass" not in str(raised.value)


@pytest.mark.parametrize("word", ["/refs", "/tree/"])
@pytest.mark.parametrize("kind", ["page", "list"])
def test_something_else_answers(hub: HubServer, tmp_path: Path, word: str, kind: str) -> None:
    hub.add(GSM8K, gsm8k())
    hub.faults.append(Fault(word, kind))
    with pytest.raises(
        MachineError,
        match=r"openai/gsm8k.*: http://127\.0\.0\.1:\d+ does not answer as a hub does",
    ):
        fetch(hub, request(tmp_path))


def test_a_list_that_goes_on_elsewhere_is_not_followed(hub: HubServer, tmp_path: Path) -> None:
    hub.add(GSM8K, gsm8k())
    hub.faults.append(Fault("/tree/", "elsewhere"))
    with pytest.raises(MachineError, match=f"sends on to {hub.store}; not followed"):
        fetch(hub, request(tmp_path))


def test_a_disk_that_takes_no_more(hub: HubServer, tmp_path: Path) -> None:
    large = [{"question": noise(20_000), "answer": "#### 1"} for _ in range(2)]
    hub.add(
        GSM8K,
        {"main/train/0000.parquet": parquet(large), "main/test/0000.parquet": parquet(sums(3))},
    )
    done = subprocess.run(
        command(tmp_path, "seeds.tasks=[gsm8k]"),
        env=environment(hub.url),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    assert done.returncode == 3, done.stderr
    assert done.stderr.count("\n") == 1
    assert "cannot write" in done.stderr
    fetch(hub, request(tmp_path))
    assert rows(tmp_path, "openai/gsm8k/main/train") == large
    assert [asked.range for asked in hub.bytes_asked() if "main/train" in asked.path][
        -1
    ].startswith("bytes=")


def test_a_disk_that_is_too_small_is_told_before(hub: HubServer, tmp_path: Path) -> None:
    hub.add(GSM8K, gsm8k())
    hub.repositories[GSM8K].sizes["main/train/0001.parquet"] = 10**17
    with pytest.raises(MachineError, match=r"openai/gsm8k needs 200,000,000,000\.\d MB, free are"):
        fetch(hub, request(tmp_path))
    assert hub.bytes_asked() == []


def test_a_mirror_that_cannot_be_written(hub: HubServer, tmp_path: Path) -> None:
    hub.add(GSM8K, gsm8k())
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StorageError, match="cannot create the directory"):
        fetch(hub, request(tmp_path / "file" / "mirror"))


def test_ctrl_c_is_resumable(hub: HubServer, tmp_path: Path) -> None:
    large = [{"question": noise(50_000), "answer": "#### 1"}]
    hub.add(
        GSM8K,
        {"main/train/0000.parquet": parquet(large), "main/test/0000.parquet": parquet(sums(3))},
    )
    hub.faults.append(Fault("store/datasets/openai/gsm8k", "slow"))
    process = subprocess.Popen(
        command(tmp_path, "seeds.tasks=[gsm8k]"),
        env=environment(hub.url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not any(path.stat().st_size for path in tmp_path.rglob("*.part")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert errors == "tsdg: interrupted; what was done is kept, and the same command continues\n"
    assert not list(tmp_path.rglob("*.parquet"))
    kept = sum(path.stat().st_size for path in tmp_path.rglob("*.part"))
    hub.asked.clear()
    fetch(hub, request(tmp_path))
    assert [asked.range for asked in hub.bytes_asked() if "main/train" in asked.path] == [
        f"bytes={kept}-"
    ]
    assert rows(tmp_path, "openai/gsm8k/main/train") == large


def test_a_killed_write_leaves_nothing_for_good(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add(GSM8K, gsm8k())
    replace = Path.replace

    def killed(path: Path, target: Path) -> Path:
        if target.name == "revisions.json":
            raise KeyboardInterrupt
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        fetch(hub, request(tmp_path))
    assert list(tmp_path.glob(".*.partial"))
    monkeypatch.undo()
    fetch(hub, request(tmp_path))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [
        ".prefetch",
        "cards.json",
        "openai",
        "revisions.json",
    ]


def test_one_at_a_time(hub: HubServer, tmp_path: Path) -> None:
    with (
        staging.alone(tmp_path),
        pytest.raises(RunConflictError, match="another `tsdg seeds prefetch` is at work"),
    ):
        fetch(hub, request(tmp_path))


def test_damage_is_found_and_mended(hub: HubServer, tmp_path: Path) -> None:
    hub.add(GSM8K, gsm8k())
    fetch(hub, request(tmp_path))
    train, test = (tmp_path / f"openai/gsm8k/main/{split}.parquet" for split in ("train", "test"))
    whole, stat = train.read_bytes(), train.stat()
    train.write_bytes(whole[:100] + b"?" + whole[101:])
    os.utime(train, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    test.write_bytes(test.read_bytes()[:-1])
    found = statuses(fetch(hub, request(tmp_path)))
    assert (found["openai/gsm8k/main/train"], found["openai/gsm8k/main/test"]) == (
        "present",
        "fetched",
    )
    found = statuses(fetch(hub, request(tmp_path, verify=True)))
    assert (found["openai/gsm8k/main/train"], found["openai/gsm8k/main/test"]) == (
        "fetched",
        "present",
    )
    assert train.read_bytes() == whole


def test_a_copied_mirror_is_as_good(hub: HubServer, tmp_path: Path) -> None:
    hub.add(GSM8K, gsm8k())
    fetch(hub, request(tmp_path))
    train = tmp_path / "openai/gsm8k/main/train.parquet"
    os.utime(train, (1, 1))
    hub.asked.clear()
    assert set(statuses(fetch(hub, request(tmp_path))).values()) == {"present"}
    assert hub.asked == []
    assert origin(tmp_path, "openai/gsm8k/main/train")["mtime_ns"] == 10**9


def test_a_split_of_somebody_else_is_left_alone(hub: HubServer, tmp_path: Path) -> None:
    hub.add(GSM8K, gsm8k())
    train = tmp_path / "openai/gsm8k/main/train.parquet"
    train.parent.mkdir(parents=True)
    train.write_bytes(b"mine")
    for update in (False, True):
        found = statuses(fetch(hub, request(tmp_path, update=update)))
        assert found["openai/gsm8k/main/train"] == "foreign"
        assert train.read_bytes() == b"mine"


def test_files_of_the_repository_where_its_readme_names_them(
    hub: HubServer, tmp_path: Path
) -> None:
    readme = (
        "---\nlicense: mit\nconfigs:\n- config_name: main\n  data_files:\n  - split: train\n    "
        "path: main/train-*\n"
        "  - split: test\n    path: [main/test-00000-of-00001.parquet]\n---\n# A data set\n"
    )
    files = {
        "README.md": readme.encode(),
        "main/train-00000-of-00002.parquet": parquet(sums(6)),
        "main/train-00001-of-00002.parquet": parquet(sums(4, start=6)),
        "main/test-00000-of-00001.parquet": parquet(sums(3, "pears")),
        "other.parquet": parquet(sums(1)),
    }
    commit = hub.add(GSM8K, files, ref=MAIN)
    outcomes = fetch(hub, request(tmp_path))
    assert statuses(outcomes) == {
        "openai/gsm8k/main/train": "fetched",
        "openai/gsm8k/main/test": "fetched",
    }
    assert rows(tmp_path, "openai/gsm8k/main/train") == sums(10)
    pinned = json.loads((tmp_path / "revisions.json").read_text())["datasets"][GSM8K]
    assert pinned == {"ref": MAIN, "commit": commit}


def test_what_cannot_be_fetched_says_why(hub: HubServer, tmp_path: Path) -> None:
    hub.add(GSM8K, {"README.md": b"# no configs", "data/train.parquet": parquet(sums(3))}, ref=MAIN)
    done = run(hub.url, tmp_path)
    assert done.returncode == 1
    assert "unfetchable openai/gsm8k/main/train (train): no config 'main' among none" in done.stdout
    assert list(tmp_path.rglob("*.parquet")) == []


def test_a_held_out_split_that_the_data_set_lacks_is_no_failure(
    hub: HubServer, tmp_path: Path
) -> None:
    hub.add(GSM8K, {"main/train/0000.parquet": parquet(sums(6))})
    assert statuses(fetch(hub, request(tmp_path))) == {
        "openai/gsm8k/main/train": "fetched",
        "openai/gsm8k/main/test": "absent",
    }


def test_files_that_are_no_parquet_or_do_not_fit_together(hub: HubServer, tmp_path: Path) -> None:
    files = gsm8k() | {
        "main/train/0001.parquet": parquet([{"question": "q", "answer": 1}]),
        "main/test/0000.parquet": b"not Parquet at all",
    }
    hub.add(GSM8K, files)
    details = {outcome.want.split: outcome.detail for outcome in fetch(hub, request(tmp_path))}
    assert "different columns: answer: int64, answer: string" in details["train"]
    assert "not readable as Parquet though its checksum is right" in details["test"]
    assert details["validation"] == ""


def test_notes_of_the_mirror_that_are_rubbish(hub: HubServer, tmp_path: Path) -> None:
    hub.add(GSM8K, gsm8k())
    fetch(hub, request(tmp_path))
    for note in (tmp_path / ".prefetch").rglob("*.json"):
        note.write_bytes(b"{")
    (tmp_path / "openai/gsm8k/main/test.source.json").write_bytes(b"[]")
    found = statuses(fetch(hub, request(tmp_path)))
    assert (found["openai/gsm8k/main/test"], found["openai/gsm8k/main/train"]) == (
        "fetched",
        "present",
    )
    (tmp_path / "revisions.json").write_bytes(b'{"datasets": [')
    with pytest.raises(MirrorError, match=r"revisions\.json: not readable"):
        fetch(hub, request(tmp_path))


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("--held-out=none", "--held-out: found 'none'; allowed: same, all"),
        ("--force", "no --force; allowed: --held-out, --dry-run, --update, --verify"),
        ("-x", "no -x; allowed: --held-out, --dry-run, --update, --verify"),
    ],
)
def test_an_unknown_option(word: str, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        prefetch_command(read(COMMANDS["seeds prefetch"], ["recipe=demo", word]))


def test_denied_tasks_and_wrong_keys_are_refused_first(tmp_path: Path, closed_port: str) -> None:
    done = run(closed_port, tmp_path, tasks="gpqa_main_n_shot")
    assert (done.returncode, "is denied" in done.stderr) == (2, True)
    with pytest.raises(RecipeError, match=r"did you mean seeds\.mirror"):
        prefetch_command(read(COMMANDS["seeds prefetch"], ["recipe=demo", "seeds.mirrors=x"]))
    with pytest.raises(MirrorError, match=r"seeds\.mirror: empty"):
        prefetch_command(read(COMMANDS["seeds prefetch"], ["recipe=demo", "seeds.mirror="]))


def test_what_is_wanted() -> None:
    catalogue, index = load(), load_index()
    same = wants(["arc_easy", "demo_science", "arc_easy"], "same", catalogue, index)
    assert [(want.name, want.role) for want in same] == [
        ("allenai/ai2_arc/ARC-Easy/train", "train"),
        ("allenai/ai2_arc/ARC-Challenge/test", "held_out"),
        ("allenai/ai2_arc/ARC-Easy/test", "held_out"),
    ]
    assert same[0].rows == 2251
    every = wants(["arc_easy"], "all", catalogue, index)
    proven = {unit.name for unit in catalogue.units}
    assert len(every) > 4000
    assert not proven & {want.name for want in every if want.role == "held_out"}
    assert set(same) <= set(every)
    assert wants(["demo_science"], "all", catalogue, index) == []


def test_what_is_no_hub_data_set_has_its_files_named() -> None:
    remarked = {unit.dataset_path for unit in load().units if "not a hub data set" in unit.remarks}
    assert len(remarked) == 2
    assert all(github_pin(dataset) for dataset in remarked)
    assert not remarked & set(not_on_hub())


def file(path: str) -> HubFile:
    return HubFile(path=path, bytes=1, sha256="", git_oid="0" * 40)


def test_the_layout_of_a_conversion() -> None:
    layout = layouts.converted(
        file(path)
        for path in (
            "a/train/0001.parquet",
            "a/train/0000.parquet",
            "a/train/0010.txt",
            "a/partial-test/0000.parquet",
            "b/train/0001.parquet",
            "../train/0000.parquet",
            ".hid/train/0000.parquet",
            "c/a b/0000.parquet",
            "deep/er/train/0000.parquet",
        )
    )
    assert [entry.path for entry in layout.files("a", "train")] == [
        "a/train/0000.parquet",
        "a/train/0001.parquet",
    ]
    assert "only the first part" in layout.lack("a", "test")
    assert layout.lack("b", "train") == (
        "the conversion is not whole: numbers are missing among those of its files: 1"
    )
    assert layout.lack("", "train") == "none of the configs is the default one for certain: a, b, c"
    assert layout.lack("z", "train") == "no config 'z' among a, b, c"
    assert layout.lack("a", "dev") == "no split 'dev' in config 'a', only train"
    assert layouts.converted([file("only/train/0000.parquet")]).files("", "train")
    assert layouts.converted(
        [file("default/train/0000.parquet"), file("x/train/0000.parquet")]
    ).files("", "train")


def test_the_layout_that_a_readme_declares() -> None:
    paths = [
        "data/train-0.parquet",
        "data/sub/train-1.parquet",
        "data/test.csv",
        "x.parquet",
        "d[1]/x.parquet",
    ]
    configs = """---
configs:
- config_name: one
  default: true
  data_files:
  - {split: train, path: "data/*"}
  - {split: deep, path: "data/**/*.parquet"}
  - {split: test, path: data/test.csv}
  - {split: "../../up", path: x.parquet}
  - {split: odd, path: "d[1]/*.parquet"}
- config_name: ../up
  data_files: [{split: train, path: x.parquet}]
- config_name: whole
  data_files: x.parquet
- rubbish
---
"""
    layout = layouts.declared(map(file, paths), configs)
    assert layout.default == "one"
    assert list(layout.configs) == ["one"]
    assert {
        split: [entry.path for entry in files] for split, files in layout.configs["one"].items()
    } == {
        "deep": ["data/sub/train-1.parquet", "data/train-0.parquet"],
        "odd": ["d[1]/x.parquet"],
    }
    assert "names no Parquet files" in layout.lack("", "train")  # one of its files is a CSV


@given(readme=st.text() | st.text().map(lambda text: f"---\n{text}\n---\n"))
def test_any_readme_is_read_or_passed_over(readme: str) -> None:
    layout = layouts.declared([file("train.parquet")], readme)
    assert layout.configs == {} or "configs" in readme
