"""What containers see."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tsdg.config.compose import compose_recipe
from tsdg.errors import UsageError
from tsdg.launch.mounts import mounts_of
from tsdg.launch.ship import Environment
from tsdg.launch.target import Target
from tsdg.slurm.cluster import SshTunnel, parse_cluster, read_cluster

HERE = Path(__file__).parent


def test_all_that_a_recipe_names_is_mounted_once() -> None:
    words = [
        "recipe=rqa",
        "run=x",
        "model=gpt-oss-20b",
        "model.path=/lustre/models/gpt-oss-20b",
        "seeds.mirror=/lustre/mirror",
        "passages.path=/lustre/texts",
        "filter.decontaminate.files=[/lustre/held/ours.jsonl]",
        "filter.dedup.against=[/lustre/runs/first, /lustre/mirror/second]",
        "server.api_key_file=/home/me/key",
    ]
    whole = Target(
        recipe=compose_recipe(words),
        cluster=read_cluster(str(HERE / "h100.yaml"), {}),
        here=Path("/lustre/runs/x"),
        run="/lustre/runs/x",
        environment=Environment(plain={}, secret={}),
    )
    own = [
        mount.split(":")[0]
        for mount in mounts_of(whole, ask=False)
        if mount.split(":")[0] == mount.split(":")[1]
    ]
    assert set(own) == {
        "/lustre/runs/x",
        "/lustre/models/gpt-oss-20b",
        "/lustre/mirror",
        "/lustre/texts",
        "/lustre/held/ours.jsonl",
        "/lustre/runs/first",
        "/home/me/key",
        str(Path.cwd()),
    }
    assert len(own) == len(set(own))


def target(folder: Path, *words: str, **keys: Any) -> Target:
    """A run below a folder, in containers that have `python3` of their own."""
    own = {"container": "vllm", "cpu_container": "vllm", "python": "python3"}
    values = {
        "executor": "slurm",
        "job_dir": str(folder / "jobs"),
        "containers": {"vllm": "image"},
        "tsdg": own | keys,
    }
    run = folder / "runs" / "x"
    return Target(
        recipe=compose_recipe(["recipe=demo", "server=vllm", "model=gpt-oss-20b", *words]),
        cluster=parse_cluster(values, path=Path("c.yaml"), environ={}),
        here=run,
        run=str(run),
        environment=Environment(plain={}, secret={}),
    )


@pytest.mark.parametrize("name", ["x;touch y", "a b", "a:b", "a,b", "$(id)", "a'b", "ä"])
def test_a_path_that_no_mount_can_carry_is_refused_before_anything_is_submitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    held = folder / "held.jsonl"
    held.touch()
    with pytest.raises(UsageError, match=r"^filter\.decontaminate\.files, which is mounted") as one:
        mounts_of(target(tmp_path, f'filter.decontaminate.files=["{held}"]'), ask=False)
    assert "\n" not in str(one.value)
    monkeypatch.chdir(folder)
    with pytest.raises(UsageError, match=r"^the working folder, which is mounted"):
        mounts_of(target(tmp_path), ask=False)


def test_paths_that_are_relative_are_mounted_where_they_lead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("here/texts", "beside/texts", "elsewhere"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv("TSDG_MIRROR", raising=False)
    words = ["filter.dedup.against=[../beside/texts, texts, ./../elsewhere]"]
    mounts = mounts_of(target(tmp_path, *words), ask=False)
    assert {mount.split(":")[1] for mount in mounts} == {
        str(tmp_path / name) for name in ("runs/x", "here", "beside/texts", "elsewhere")
    }


def snapshot(hub: Path) -> Path:
    """A model as the hub's cache keeps it."""
    folder = hub / "models--a--b" / "snapshots" / "12ab"
    folder.mkdir(parents=True)
    (hub / "models--a--b" / "blobs").mkdir()
    for name in ("config.json", "tokenizer.json"):
        (hub / "models--a--b" / "blobs" / name[:3]).write_text("{}")
        (folder / name).symlink_to(f"../../blobs/{name[:3]}")
    return folder


def seen(mounts: tuple[str, ...], path: Path) -> bool:
    """Whether a container with these mounts, and nothing else, has a file behind a path."""
    for _ in range(20):
        inside = next(
            (part for part in (*reversed(path.parents), path) if _link(mounts, part)), None
        )
        if inside is None:
            return _outside(mounts, path).exists()
        to = _outside(mounts, inside).readlink()
        rest = path.relative_to(inside)
        path = Path(os.path.normpath(inside.parent / to / rest))
    raise AssertionError("links without an end")


def _outside(mounts: tuple[str, ...], path: Path) -> Path:
    """The path on this machine; one that exists nowhere where no mount covers it."""
    found = Path("/nowhere")
    for mount in mounts:  # the last one hides those before it
        source, to = mount.split(":")[:2]
        if path.is_relative_to(to):
            found = Path(source) / path.relative_to(to)
    return found


def _link(mounts: tuple[str, ...], path: Path) -> bool:
    return (
        str(path) not in {m.split(":")[1] for m in mounts} and _outside(mounts, path).is_symlink()
    )


@pytest.mark.parametrize("form", ["snapshot", "linked", "moved", "chain", "working-folder"])
def test_links_lead_somewhere_inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    folder = snapshot(tmp_path / "hub")
    model = folder
    if form == "linked":  # the weights' own folder is a link
        model = tmp_path / "weights"
        model.symlink_to(folder)
        # As the container reads it, `../..` starts from the link's own place.
        (folder / "config.json").unlink()
        (folder / "config.json").symlink_to(tmp_path / "hub/models--a--b/blobs/con")
        (folder / "tokenizer.json").unlink()
        (folder / "tokenizer.json").symlink_to("../../blobs/tok")
    elif form == "moved":  # the hub's folder is on another disk
        (tmp_path / "disk").mkdir()
        (tmp_path / "hub").rename(tmp_path / "disk" / "hub")
        (tmp_path / "hub").symlink_to("disk/hub")
    elif form == "chain":
        (tmp_path / "store").mkdir()
        (tmp_path / "store" / "tok").write_text("{}")
        blob = tmp_path / "hub/models--a--b/blobs/tok"
        blob.unlink()
        blob.symlink_to(tmp_path / "store" / "tok")
    elif form == "working-folder":  # a link in what is mounted anyway
        (tmp_path / "here").mkdir()
        model = tmp_path / "here" / "weights"
        model.symlink_to(folder)
        monkeypatch.chdir(tmp_path / "here")
    mounts = mounts_of(target(tmp_path, f"model.path={model}"), ask=False)
    for name in ("config.json", "tokenizer.json"):
        assert seen(mounts, model / name), (name, mounts)


def test_a_link_to_what_an_image_has_of_its_own_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").symlink_to("/usr/bin/env")
    with pytest.raises(UsageError, match=r"config\.json leads to /usr/bin, which an image has"):
        mounts_of(target(tmp_path, f"model.path={tmp_path / 'model'}"), ask=False)


def test_the_python_of_a_linked_environment_is_mounted_with_the_one_behind_it(
    tmp_path: Path,
) -> None:
    real = tmp_path / "uv" / "cpython-3.11" / "bin" / "python3.11"
    real.parent.mkdir(parents=True)
    real.touch()
    env = tmp_path / "env" / "bin"
    env.mkdir(parents=True)
    (env / "python").symlink_to("python3")
    (env / "python3").symlink_to(real)
    python = str(env / "python")
    mounts = mounts_of(target(tmp_path, python=python), ask=False)
    assert seen(mounts, Path(python))


def test_without_an_image_nothing_is_mounted_and_no_path_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my project").mkdir()
    monkeypatch.chdir(tmp_path / "my project")
    assert mounts_of(target(tmp_path, container="", cpu_container=""), ask=False) == ()


def test_over_ssh_the_cluster_is_asked_for_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = snapshot(tmp_path / "hub")
    ssh = tmp_path / "bin" / "ssh"
    ssh.parent.mkdir()
    ssh.write_text('#!/bin/sh\nfor last; do :; done\necho Welcome\nexec sh -c "$last"\n')
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{ssh.parent}:{os.environ['PATH']}")
    here = target(tmp_path, f"model.path={folder}")
    tunnel = SshTunnel(host="login", job_dir="/lustre/jobs")
    there = replace(here, cluster=here.cluster.model_copy(update={"ssh_tunnel": tunnel}))
    mounts = mounts_of(there, ask=True)
    assert f"{folder.parents[1]}/blobs:{folder.parents[1]}/blobs" in mounts
