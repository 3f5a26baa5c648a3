"""What a launch puts into the run directory: all that the nodes need, literally, and no secret."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tsdg.config.compose import compose_recipe
from tsdg.config.recipe import Recipe
from tsdg.config.snapshot import read_recipe, write_snapshot
from tsdg.errors import UsageError
from tsdg.launch import ship
from tsdg.layout import CODE
from tsdg.slurm.cluster import ClusterConfig, packaged, parse_cluster

NASTY = """a b  'c' "d" $HOME ${x} `id` ; rm -rf / | & > \\ é"""


def cluster(**changes: Any) -> ClusterConfig:
    values = {"executor": "slurm", "job_dir": "/lustre/jobs", **changes}
    return parse_cluster(values, path=Path("mine.yaml"), environ={})


def recipe(**server: Any) -> Recipe:
    base = compose_recipe(["recipe=demo"])
    return base.model_copy(update={"server": base.server.model_copy(update=server)})


def test_secrets_are_told_from_the_rest() -> None:
    where = cluster(
        env_vars=["HF_HOME=/hf", "MY_API_KEY=one", "FROM_SHELL"], required_env_vars=["NEEDED"]
    )
    environ = {
        "HF_TOKEN": "two",
        "FROM_SHELL": "x",
        "NEEDED": "y",
        "OTHER_TOKEN": "not asked for",
        "ENDPOINT": "three",
    }
    found = ship.job_environment(
        recipe(api_key_env="ENDPOINT", env={"WANDB_API_KEY": "four", "A": "b"}), where, environ
    )
    assert found.plain == {"HF_HOME": "/hf", "FROM_SHELL": "x", "NEEDED": "y"}
    assert found.secret == {
        "HF_TOKEN": "two",
        "ENDPOINT": "three",
        "MY_API_KEY": "one",
        "WANDB_API_KEY": "four",
    }


def test_a_required_variable_must_be_set() -> None:
    with pytest.raises(UsageError, match="required_env_vars names NEEDED, which is not set here"):
        ship.job_environment(recipe(), cluster(required_env_vars=["NEEDED"]), {})


@pytest.mark.parametrize(
    "path", ["/a b", "/a;b", "/a'b", "/a$b", "/a%jb", "/a,b", "/a:b", "/home/me/nemo_run/x"]
)
def test_places_that_nemo_run_cannot_carry_are_refused(path: str) -> None:
    with pytest.raises(UsageError) as caught:
        ship.check_path("output_root and run", path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("output_root and run: ")


def test_the_code_is_packed_the_same_each_time_and_runs(tmp_path: Path) -> None:
    packed = ship.pack_code()
    assert packed == ship.pack_code()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        assert not [name for name in archive.getnames() if "__pycache__" in name]
        archive.extractall(tmp_path, filter="data")
    command = [sys.executable, "-P", "-m", "tsdg", "run", "recipe=demo", "--cfg", "job"]
    done = subprocess.run(
        command,
        cwd="/",
        env={"PYTHONPATH": str(tmp_path), "HOME": "/nobody"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load(done.stdout)["name"] == "demo"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run directory with a snapshot and launch files, with as many secrets as there are places
    for them."""
    path = tmp_path / "runs" / "mine"
    mine = recipe(
        env={"API_TOKEN": "hunter2", "PLAIN": NASTY}, base_urls=("https://me:hunter2@host/v1",)
    )
    mine = mine.model_copy(update={"model": mine.model.model_copy(update={"note": NASTY})})
    where = cluster(
        env_vars=[f"NASTY={NASTY}", "HF_TOKEN=hunter2", "B_KEY=hunter2"],
        required_env_vars=["C_SECRET"],
    )
    write_snapshot(
        path / "snapshot",
        recipe=mine,
        overrides=["server.env.API_TOKEN=hunter2"],
        prompt_texts={},
        prompt_hashes={},
        catalogue=[],
        own_files={},
    )
    found = ship.job_environment(mine, where, {"C_SECRET": "hunter2"})
    ship.write_launch_files(
        path, mine, where, found, directory=str(tmp_path), secrets=str(tmp_path / "private")
    )
    ship.write_secrets(tmp_path / "private", found)
    return path


def test_nothing_that_is_written_into_the_run_holds_a_secret(run: Path) -> None:
    files = [path for path in run.rglob("*") if path.is_file()]
    assert {"env", "recipe.yaml", "batch.sh", "node.sh", "mine.yaml", "code.tar.gz"} <= {
        path.name for path in files
    }
    for path in files:
        content = path.read_bytes()
        assert b"hunter2" not in content, path
    private = run.parents[1] / "private"
    assert private.stat().st_mode & 0o777 == 0o600
    assert private.read_text().count("hunter2") == 4


def test_a_recipes_values_come_back_as_they_were(run: Path) -> None:
    for file in ("snapshot/recipe.yaml", "launch/recipe.yaml"):
        back = read_recipe(run, [], file=file)
        assert back.model.note == NASTY
        assert back.server.env == {"PLAIN": NASTY}


def test_a_node_gets_environment_code_and_stage_literally(run: Path, tmp_path: Path) -> None:
    """`node.sh` itself, with a Python that says what it was given."""
    python = tmp_path / "python"
    python.write_text(
        '#!/bin/bash\nprintf "%s\\n" "$@" "$NASTY" "$HF_TOKEN" "$PWD" > "$OUT"\nls '
        '"${PYTHONPATH%%:*}" >> "$OUT"\n'
    )
    python.chmod(0o755)
    out, scratch = tmp_path / "out", tmp_path / "scratch"
    scratch.mkdir()
    environ = {
        "PATH": os.environ["PATH"],
        "TMPDIR": str(scratch),
        "OUT": str(out),
        "TSDG_PYTHON": str(python),
        "TSDG_RUN": str(run),
        "TSDG_LAUNCH": str(run / "launch"),
        "TSDG_STAGE": "questions",
    }
    done = subprocess.run(
        ["bash", str(run / "launch/node.sh")], env=environ, capture_output=True, text=True, cwd="/"
    )
    assert done.returncode == 0, done.stderr
    words = ["-P", "-m", "tsdg", "work", str(run), "questions", "--launched"]
    assert out.read_text().splitlines() == [
        *words,
        NASTY,
        "hunter2",
        str(tmp_path),
        "recipes",
        "tsdg",
    ]
    assert [path.name for path in scratch.iterdir()] == [f"tsdg-cache-{os.getuid()}"]


def test_a_node_without_its_secrets_stops(run: Path, tmp_path: Path) -> None:
    (tmp_path / "private").unlink()
    environ = {
        "PATH": os.environ["PATH"],
        "TSDG_PYTHON": "true",
        "TSDG_RUN": str(run),
        "TSDG_LAUNCH": str(run / "launch"),
        "TSDG_STAGE": "questions",
    }
    done = subprocess.run(
        ["bash", str(run / "launch/node.sh")], env=environ, capture_output=True, text=True
    )
    assert done.returncode == 3
    assert "private" in done.stderr


def test_the_code_of_a_run_stays_the_code_of_its_first_launch(run: Path, tmp_path: Path) -> None:
    (run / CODE).write_bytes(b"of old")
    nothing = ship.Environment(plain={}, secret={})
    ship.write_launch_files(run, recipe(), cluster(), nothing, directory="/", secrets="")
    assert (run / CODE).read_bytes() == b"of old"


def test_the_clusters_file_is_kept_with_the_digests_of_its_images() -> None:
    kept = yaml.safe_load(
        ship.cluster_text(cluster(containers={"vllm": "host/vllm@sha256:ab12", "other": "x.sqsh"}))
    )
    assert kept["digests"] == {"vllm": "sha256:ab12"}


def test_the_scripts_are_shell_that_parses() -> None:
    for name in ship.SCRIPTS:
        subprocess.run(["bash", "-n", str(packaged("slurm") / "job" / name)], check=True)
