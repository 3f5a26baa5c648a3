"""What containers see."""

from __future__ import annotations

from pathlib import Path

from tsdg.config.compose import compose_recipe
from tsdg.launch.ship import Environment
from tsdg.launch.submit import Target, mounts_of
from tsdg.slurm.cluster import read_cluster

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
    target = Target(
        recipe=compose_recipe(words),
        cluster=read_cluster(str(HERE / "h100.yaml"), {}),
        here=Path("/lustre/runs/x"),
        run="/lustre/runs/x",
        environment=Environment(plain={}, secret={}),
    )
    own = [
        mount.split(":")[0]
        for mount in mounts_of(target)
        if mount.split(":")[0] == mount.split(":")[1]
    ]
    assert own == [
        "/lustre/runs/x",
        "/lustre/models/gpt-oss-20b",
        "/lustre/mirror",
        "/lustre/texts",
        "/lustre/held/ours.jsonl",
        "/lustre/runs/first",
        "/home/me/key",
        str(Path.cwd()),
    ]
