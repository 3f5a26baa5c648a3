"""A hub, or a proxy before it, that answers in odd forms, without end, or with harm in mind."""

import errno
import gzip
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.seeds.hub_server import MAIN, Fault, HubServer, Said, parquet
from tests.seeds.test_prefetch import ARC, GSM8K, fetch, gsm8k, request, run, statuses, sums
from tsdg.errors import HubError, MachineError, StorageError, shown
from tsdg.seeds.mirror import globs, layouts, staging
from tsdg.seeds.mirror.hub import Hub
from tsdg.seeds.mirror.hub_form import HubFile, OddAnswerError, card_of, decoded, files_of, refs_of
from tsdg.seeds.mirror.hub_requests import Patience

COMMIT = "4f" * 20


@pytest.fixture
def hub() -> Iterator[HubServer]:
    server = HubServer()
    yield server
    server.close()


def refs(commit: object, ref: object = "refs/convert/parquet") -> bytes:
    return json.dumps({"branches": [], "converts": [{"ref": ref, "targetCommit": commit}]}).encode()


def tree(**changed: object) -> bytes:
    lfs = {"oid": "ab" * 32, "size": 10}
    entry = {
        "type": "file",
        "path": "main/train/0000.parquet",
        "oid": COMMIT,
        "lfs": lfs,
        "size": 1,
    }
    return json.dumps([entry | changed]).encode()


@pytest.mark.parametrize(
    "commit",
    [
        "../../../../victim/settings",
        "",
        COMMIT[:-1],
        COMMIT.upper(),
        f"{COMMIT}\n",
        None,
        4,
        ["4f"],
    ],
)
def test_a_commit_is_forty_hexadecimal_digits(
    hub: HubServer, tmp_path: Path, commit: object
) -> None:
    mirror, victim = tmp_path / "a" / "mirror", tmp_path / "a" / "victim" / "settings.json"
    victim.parent.mkdir(parents=True)
    victim.write_text("mine")
    hub.said.append(Said("/refs", refs(commit)))
    with pytest.raises(MachineError, match="does not answer as a hub does"):
        fetch(hub, request(mirror))
    assert victim.read_text() == "mine"
    assert [path.name for path in mirror.rglob("*")] == [".prefetch", "lock"]


@pytest.mark.parametrize(
    "changed",
    [
        {"path": "../../up/train/0000.parquet"},
        {"path": "/main/train/0000.parquet"},
        {"path": "main//0000.parquet"},
        {"path": "main\\train/0000.parquet"},
        {"path": "main/train/\x1b[2J0000.parquet"},
        {"path": "main/train/\u202e0000.parquet"},
        {"path": "main/train/\x9b0000.parquet"},
        {"path": "x" * 2000},
        {"path": 7},
        {"oid": "../keep"},
        {"oid": None},
        {"lfs": {"oid": "../../keep", "size": 3}},
        {"lfs": {"oid": "ab" * 31, "size": 3}},
        {"lfs": {"oid": "ab" * 32, "size": -1}},
        {"lfs": {"oid": "ab" * 32, "size": True}},
        {"lfs": {"oid": "ab" * 32, "size": 2.0}},
        {"lfs": {"oid": "ab" * 32, "size": 10**400}},
        {"lfs": {"oid": "ab" * 32}},
        {"lfs": "ab"},
        {"lfs": None, "size": None},
    ],
)
def test_an_entry_of_another_form_is_refused(changed: dict[str, Any]) -> None:
    assert next(files_of(decoded(tree()))).bytes == 10
    with pytest.raises(OddAnswerError) as error:
        list(files_of(decoded(tree(**changed))))
    assert shown(str(error.value)) == str(error.value)
    assert len(str(error.value)) < 1200


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a": ' * 100_000,
        b'[{"size": 1e400}]',
        b"9" * 4000,
        b'["\\ud800"]',
        b"\xff\xfe",
        b"",
        b"null",
        b'{"branches": {"a": 1}}',
        b'{"branches": [1]}',
        b'{"branches": [{"ref": "refs/heads/\\u001b[2J", "targetCommit": "4f"}]}',
        b'{"converts": [{"ref": "refs/../../up", "targetCommit": "4f"}]}',
    ],
)
@pytest.mark.parametrize("word", ["/refs", "/tree/"])
def test_odd_json_is_one_line(hub: HubServer, tmp_path: Path, body: bytes, word: str) -> None:
    hub.add(GSM8K, gsm8k())
    hub.said.append(Said(word, body))
    with pytest.raises(MachineError, match="does not answer as a hub does") as error:
        fetch(hub, request(tmp_path))
    assert "\n" not in str(error.value)
    assert str(error.value).isprintable()


@pytest.mark.parametrize(
    "link",
    ["http://[::1/x", "javascript:1", "//elsewhere", "http://elsewhere/x"],
)
def test_an_odd_next_page(hub: HubServer, tmp_path: Path, link: str) -> None:
    hub.add(GSM8K, gsm8k())
    hub.said.append(Said("/tree/", tree(), {"Link": f'<{link}>; rel="next"'}))
    with pytest.raises(MachineError, match=r"next page is none|not followed") as error:
        fetch(hub, request(tmp_path))
    assert str(error.value).isprintable()


@pytest.mark.parametrize("link", ["http://a b/", "x" * 5000, "http://\x80\x81/"])
def test_a_next_page_that_is_no_address_ends_the_list(
    hub: HubServer, tmp_path: Path, link: str
) -> None:
    hub.add(GSM8K, gsm8k())
    hub.said.append(Said("/tree/", tree(), {"Link": f'<{link}>; rel="next"'}))
    assert statuses(fetch(hub, request(tmp_path)))[f"{GSM8K}/main/train"] == "refused"


def test_pages_without_end(hub: HubServer, tmp_path: Path) -> None:
    hub.add(GSM8K, gsm8k())
    again = Said("/tree/", b"[]")
    again.headers["Link"] = f'<{hub.url}/api/datasets/{GSM8K}/tree/{COMMIT}?again>; rel="next"'
    hub.said.append(again)
    with pytest.raises(MachineError, match="its list has no end after 2 pages"):
        fetch(hub, request(tmp_path))


def zeros() -> Iterator[bytes]:
    while True:
        yield bytes(1 << 16)


def test_an_answer_without_end(hub: HubServer, tmp_path: Path) -> None:
    hub.add(GSM8K, gsm8k())
    endless = Said("/refs", zeros)
    hub.said.append(endless)
    with pytest.raises(MachineError, match="it sends more than 16,777,216 bytes"):
        fetch(hub, request(tmp_path))
    assert endless.sent < 64 << 20


def test_an_answer_that_unpacks_without_end(hub: HubServer, tmp_path: Path) -> None:
    hub.add(GSM8K, gsm8k())
    bomb = gzip.compress(bytes(200 << 20))
    hub.said.append(Said("/refs", bomb, {"Content-Encoding": "gzip"}))
    with pytest.raises(MachineError, match="it sends more than 16,777,216 bytes"):
        fetch(hub, request(tmp_path))


README = (
    b"---\nconfigs:\n- config_name: main\n  data_files:\n"
    b"  - {split: train, path: a.parquet}\n  - {split: test, path: b.parquet}\n---\n"
)


def by_readme(readme: bytes) -> dict[str, bytes]:
    return {
        "README.md": readme,
        "a.parquet": parquet(sums(6)),
        "b.parquet": parquet(sums(3, "held-out pears")),
    }


def test_the_readme_that_says_which_file_is_train_is_checked(
    hub: HubServer, tmp_path: Path
) -> None:
    hub.add(GSM8K, by_readme(README), ref=MAIN)
    swapped = README.replace(b"a.p", b"x.p").replace(b"b.p", b"a.p").replace(b"x.p", b"b.p")
    assert len(swapped) == len(README)
    hub.said.append(Said("README.md", swapped))
    outcomes = fetch(hub, request(tmp_path))
    assert set(statuses(outcomes).values()) == {"refused"}
    assert "README.md of openai/gsm8k" in outcomes[0].detail
    assert "sends other bytes than" in outcomes[0].detail
    assert not list(tmp_path.rglob("*.parquet"))


def test_a_readme_that_is_too_large(hub: HubServer, tmp_path: Path) -> None:
    hub.add(GSM8K, by_readme(README + b" " * (5 << 20)), ref=MAIN)
    assert "at most 4,194,304 are read" in fetch(hub, request(tmp_path))[0].detail


@pytest.mark.parametrize(
    "path",
    [
        "**/" * 30 + "x",
        "**" * 30 + "x",
        "*?" * 200 + "x",
        ["**a" * 40] * 1000,
    ],
)
def test_no_pattern_takes_long(path: object) -> None:
    names = [f"{'a' * 40}/" * 20 + f"{number}.parquet" for number in range(40)]
    start = time.monotonic()
    assert globs.matching(names, path) == []
    assert time.monotonic() - start < 20


def test_a_readme_of_nothing_but_line_ends_or_aliases() -> None:
    start = time.monotonic()
    assert layouts.declared([], "---" + "\n" * 2_000_000).configs == {}
    bomb = "a0: &a0 [x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
    )
    layout = layouts.declared(
        [HubFile(path="x", bytes=1, sha256="", git_oid=COMMIT)],
        f"---\n{bomb}configs:\n- config_name: main\n  data_files:\n"
        "  - {split: train, path: *a11}\n---\n",
    )
    assert layout.files("main", "train") == ()
    assert time.monotonic() - start < 20


def test_what_globs_match() -> None:
    names = ["a.parquet", "d/b.parquet", "d/e/c.parquet", "d/e/f/c.csv"]
    assert globs.matching(names, "*.parquet") == ["a.parquet"]
    assert globs.matching(names, "**/*.parquet") == names[:3]
    assert globs.matching(names, "d/**") == names[1:]
    assert globs.matching(names, "d/**/c.*") == names[2:]
    assert globs.matching(names, ["d/?.parquet", "./a*"]) == ["d/b.parquet", "a.parquet"]
    assert globs.matching(names, "**e/c.parquet") == ["d/e/c.parquet"]
    assert globs.matching(names, ["a.parquet", 3]) == []


def test_a_log_in_page_in_place_of_a_file(hub: HubServer, tmp_path: Path) -> None:
    hub.add(GSM8K, gsm8k())
    hub.said.append(Said("store main/train", b"<html>log in</html>", {"Content-Type": "text/html"}))
    with pytest.raises(MachineError, match="a web page comes in place of the file"):
        fetch(hub, request(tmp_path))


def test_a_conversion_with_a_number_twice(hub: HubServer, tmp_path: Path) -> None:
    hub.add(GSM8K, gsm8k() | {"main/train/0.parquet": parquet(sums(2))})
    outcome = fetch(hub, request(tmp_path))[0]
    assert outcome.status == "unfetchable"
    assert "a number stands twice among those of its files: 0, 0, 1" in outcome.detail


def test_what_the_hub_says_of_a_data_set() -> None:
    card = card_of({"id": "a/b", "gated": "manual", "cardData": {"license": ["mit", "\x1b[2J"]}})
    assert (card.name, card.gated, card.licence) == ("a/b", True, "mit")
    assert card_of({}).licence == ""
    with pytest.raises(OddAnswerError):
        card_of([])
    assert refs_of({}) == {}


def test_a_part_of_a_file(hub: HubServer) -> None:
    files = gsm8k()
    commit = hub.add(GSM8K, files)
    asked = Hub(hub.url, patience=Patience(attempts=1), sleep=lambda _: None)
    file = next(one for one in asked.files(GSM8K, commit) if one.path.endswith("test/0000.parquet"))
    data = files[file.path]
    assert asked.part(GSM8K, commit, file, range(4, 9)) == data[4:9]
    assert asked.part(GSM8K, commit, file, range(len(data) - 8, len(data)))[-4:] == b"PAR1"
    with pytest.raises(HubError, match="bytes came"):
        asked.part(GSM8K, commit, file, range(len(data) - 2, len(data) + 2))
    hub.faults.append(Fault("store", "cut"))
    with pytest.raises((HubError, MachineError)):
        asked.part(GSM8K, commit, file, range(4, 50))


def test_a_terminal_is_not_commanded(hub: HubServer, tmp_path: Path) -> None:
    hub.add(ARC, {"README.md": b"", "ARC-Easy/train/0000.parquet": b"x"})
    hub.said.append(Said("/tree/", tree(path="\x1b[2J\u202e")))
    done = run(hub.url, tmp_path, tasks="arc_easy")
    assert done.returncode == 3
    assert shown(done.stderr) == done.stderr
    assert "found '\\x1b[2J\\u202e'" in done.stderr


def test_a_complete_mirror_that_may_only_be_read(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add(GSM8K, gsm8k())
    fetch(hub, request(tmp_path))
    hub.asked.clear()

    def refused(path: str, flags: int, *mode: int) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)

    monkeypatch.setattr(staging.os, "open", refused)
    for options in ({}, {"verify": True}):
        found = statuses(fetch(hub, request(tmp_path, **options)))
        assert set(found.values()) == {"present"}
    assert hub.asked == []
    (tmp_path / "openai/gsm8k/main/test.parquet").unlink()
    for options in ({}, {"update": True}):
        with pytest.raises(StorageError, match="read-only"):
            fetch(hub, request(tmp_path, **options))


def test_more_splits_than_a_data_set_has(hub: HubServer, tmp_path: Path) -> None:
    more = {f"main/odd{number}/0000.parquet": parquet(sums(1)) for number in range(60)}
    hub.add(GSM8K, gsm8k() | more)
    outcome = fetch(hub, request(tmp_path))[0]
    assert outcome.status == "refused"
    assert "it has 61 splits that nobody knows (odd0, odd1, odd10" in outcome.detail
    assert hub.bytes_asked() == []
