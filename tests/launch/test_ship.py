"""What a launch puts into the run directory: all that the nodes need, literally, and no secret."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tsdg.config.compose import compose_recipe
from tsdg.config.recipe import Recipe
from tsdg.config.snapshot import read_recipe, write_snapshot
from tsdg.errors import UsageError
from tsdg.installation import packaged
from tsdg.launch import ship
from tsdg.layout import CODE
from tsdg.scratch import scratch_folder
from tsdg.slurm.cluster import ClusterConfig, parse_cluster

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
        recipe(
            api_key_env="ENDPOINT", env={"WANDB_API_KEY": "four", "DATABASE": "x@y", "VLLM_A": "b"}
        ),
        where,
        environ,
    )
    assert found.plain == {"HF_HOME": "/hf", "FROM_SHELL": "x", "NEEDED": "y"}
    assert found.secret == {
        "HF_TOKEN": "two",
        "ENDPOINT": "three",
        "MY_API_KEY": "one",
        "WANDB_API_KEY": "four",
        "DATABASE": "x@y",
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
        env={"API_TOKEN": "hunter2", "VLLM_PLAIN": NASTY}, base_urls=("https://me:hunter2@host/v1",)
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
        assert back.server.env == {"VLLM_PLAIN": NASTY}


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


def test_the_code_of_a_killed_job_is_removed_by_the_next_process_on_the_node(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python, place, out = tmp_path / "python", tmp_path / "tmp", tmp_path / "out"
    python.write_text('#!/bin/bash\necho $$ >"$OUT.new"\nmv "$OUT.new" "$OUT"\nexec sleep 60\n')
    python.chmod(0o755)
    place.mkdir()
    environ = {
        "PATH": os.environ["PATH"],
        "TMPDIR": str(place),
        "OUT": str(out),
        "TSDG_PYTHON": str(python),
        "TSDG_RUN": str(run),
        "TSDG_LAUNCH": str(run / "launch"),
        "TSDG_STAGE": "questions",
    }
    job = subprocess.Popen(["bash", str(run / "launch/node.sh")], env=environ)
    while not out.exists():
        assert job.poll() is None
        time.sleep(0.01)
    job.kill()
    job.wait()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    monkeypatch.setattr("tsdg.scratch._YOUNG_S", -1.0)

    def left() -> list[Path]:
        with scratch_folder("test"):
            return list(place.glob("tsdg-code-*"))

    assert len(left()) == 1, "Python may still import from it"
    os.kill(int(out.read_text()), signal.SIGKILL)
    deadline = time.monotonic() + 120
    while left():
        assert time.monotonic() < deadline
        time.sleep(0.01)


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


def read_env(file: Path, *names: str) -> tuple[int, str, list[str]]:
    """What `tsdg_read_env` makes of a user's file: exit code, what it says, the variables."""
    script = '. "$1"; tsdg_read_env "$2" || exit; shift 2; for n; do printf "%s\\n" "${!n}"; done'
    functions = packaged("slurm") / "job" / "read_env.sh"
    done = subprocess.run(
        ["bash", "-uc", script, "bash", functions, file, *names],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stderr, done.stdout.splitlines()


def test_a_file_of_secrets_is_read_as_people_write_it(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_bytes(
        b'\xef\xbb\xbfA=first\r\n# a comment\n\n  export B=$(id) `id` $HOME\nC="a b"\n'
        b"export\tD='it''s'\r\nE=\nF=\"\nG=a=b #c\nH=\"x\ny\"=1\nI=last"
    )
    code, said, _ = read_env(file)
    assert code == 3
    assert "line 11: is not NAME=VALUE" in said
    file.write_bytes(file.read_bytes().replace(b'H="x\ny"=1\n', b""))
    code, said, values = read_env(file, *"ABCDEFGI")
    assert (code, said) == (0, "")
    assert values == ["first", "$(id) `id` $HOME", "a b", "it''s", "", '"', "a=b #c", "last"]


@pytest.mark.parametrize(
    "line", ["hunter2", "export hunter2", "MY-TOKEN=hunter2", "source /hunter2", "X Y=hunter2"]
)
def test_a_line_that_is_none_is_named_by_its_number_and_never_shown(
    tmp_path: Path, line: str
) -> None:
    file = tmp_path / "env"
    file.write_text(f"A=1\n{line}\n")
    code, said, values = read_env(file, "A")
    assert (code, values) == (3, [])
    assert f"{file}, line 2: is not NAME=VALUE or export NAME=VALUE" in said
    assert "hunter2" not in said


def test_a_file_of_secrets_that_is_not_there_is_named(tmp_path: Path) -> None:
    code, said, _ = read_env(tmp_path / "gone")
    assert (code, f"{tmp_path / 'gone'} cannot be read here" in said) == (3, True)


def caches(**environ: str) -> dict[str, str]:
    """The variables of caches that a node sets."""
    script = '. "$1" && env'
    words = ["bash", "-c", script, "bash", packaged("slurm") / "job" / "caches.sh"]
    said = subprocess.run(
        words, env={"PATH": os.environ["PATH"], **environ}, capture_output=True, text=True
    ).stdout
    pairs = (line.partition("=") for line in said.splitlines())
    return {name: value for name, _, value in pairs if "CACHE" in name or name.endswith("_DIR")}


def test_caches_are_on_the_nodes_own_disk_unless_one_is_named(tmp_path: Path) -> None:
    node = caches(TMPDIR=str(tmp_path))
    own = f"{tmp_path}/tsdg-cache-{os.getuid()}"
    assert node["VLLM_CACHE_ROOT"] == f"{own}/vllm"
    assert {"TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR", "HF_MODULES_CACHE"} <= set(node)
    assert all(value.startswith(own) for value in node.values())
    assert Path(own).stat().st_mode & 0o777 == 0o700
    named = caches(TSDG_CACHE_DIR=str(tmp_path / "all"), TRITON_CACHE_DIR="/mine")
    assert named["VLLM_CACHE_ROOT"] == f"{tmp_path}/all/vllm"
    assert named["TRITON_CACHE_DIR"] == "/mine"


def test_a_cache_folder_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    (tmp_path / f"tsdg-cache-{os.getuid()}").write_text("in the way")
    node = caches(TMPDIR=str(tmp_path))["VLLM_CACHE_ROOT"]
    assert node.startswith(f"{tmp_path}/tsdg-cache-")
    assert Path(node).parent.is_dir()
