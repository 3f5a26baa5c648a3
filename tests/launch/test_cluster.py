"""Cluster files: NeMo-Skills' format, found where `ns` finds them; one line if wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tsdg.errors import UsageError
from tsdg.slurm.cluster import ClusterConfig, expand_env, find_cluster, parse_cluster, read_cluster

# All keys that NeMo-Skills itself reads, as its examples write them.
SKILLS: dict[str, Any] = {
    "executor": "slurm",
    "containers": {
        "vllm": "vllm/vllm-openai:v0.10.1.1",
        "nemo-skills": "igitman/nemo-skills:0.7.1",
    },
    "job_name_prefix": "nemo_skills:",
    "ssh_tunnel": {
        "host": "login",
        "user": "ada",
        "job_dir": "/lustre/jobs",
        "identity": "~/.ssh/id",
    },
    "account": "research",
    "partition": "batch",
    "cpu_partition": "cpu",
    "mounts": ["/lustre/models:/models"],
    "default_timeout": "06:00:00",
    "timeouts": {"batch": "04:00:00", "cpu": "00:01:30:00"},
    "env_vars": ["HF_HOME=/models/hf", "HF_TOKEN"],
    "required_env_vars": ["WANDB_API_KEY"],
    "mail_type": "FAIL",
    "mail_user": "ada@example.org",
    "dependency_type": "afterany",
    "disable_gpus_per_node": True,
    "num_workers": 4,
    "skip_hf_home_check": True,
}


def parse(**changes: Any) -> ClusterConfig:
    values = {"executor": "slurm", "job_dir": "/lustre/jobs", **changes}
    return parse_cluster(values, path=Path("/c/mine.yaml"), environ={"USER": "ada"})


def test_a_file_for_nemo_skills_alone_is_read() -> None:
    cluster = parse_cluster(SKILLS, path=Path("/c/eos.yaml"), environ={})
    assert (cluster.name, cluster.shared_dir) == ("eos", "/lustre/jobs")
    assert cluster.partition_of(gpus=True) == "batch"
    assert cluster.partition_of(gpus=False) == "cpu"
    assert cluster.time_limit_of("batch") == "04:00:00"
    assert cluster.time_limit_of("cpu") == "0-01:30:00"
    assert cluster.time_limit_of("other") == "06:00:00"
    assert (
        cluster.image_of(gpus=True) == cluster.image_of(gpus=False) == "vllm/vllm-openai:v0.10.1.1"
    )
    assert cluster.not_honoured == ("dependency_type", "num_workers", "skip_hf_home_check")


def test_the_containers_of_ns_are_those_of_the_jobs_unless_the_file_chooses() -> None:
    images = {"vllm": "served", "nemo-skills": "skills"}
    assert parse(containers=images).image_of(gpus=False) == "served"
    assert parse(containers={**images, "tsdg": "own"}).image_of(gpus=True) == "own"
    assert parse(containers=images, tsdg={"container": ""}).image_of(gpus=True) == ""
    chosen = parse(containers=images, tsdg={"cpu_container": "nemo-skills"})
    assert (chosen.image_of(gpus=True), chosen.image_of(gpus=False)) == ("served", "skills")
    assert parse(containers={"nemo-skills": "skills"}).image_of(gpus=True) == ""


def test_mounts_with_variables_are_resolved_as_ns_does() -> None:
    values = {"executor": "slurm", "job_dir": "/j", "mounts": ["{DATAROOT}:/models", "/a:{TO}"]}
    environ = {"DATAROOT": "/lustre/data", "TO": "/b"}
    cluster = parse_cluster(values, path=Path("x.yaml"), environ=environ)
    assert cluster.mounts == ("/lustre/data:/models", "/a:/b")
    with pytest.raises(UsageError, match="names the variable DATAROOT, which is not set"):
        parse_cluster(values, path=Path("x.yaml"), environ={"TO": "/b"})
    values["mounts"] = ["{DATAROOT}/models:/models"]
    with pytest.raises(UsageError, match=r"found '\{DATAROOT\}/models', where the braces stay"):
        parse_cluster(values, path=Path("x.yaml"), environ=environ)


def test_what_only_tsdg_reads_stands_under_one_key() -> None:
    cluster = parse(containers={"vllm": "image"}, tsdg={"container": "vllm", "gpus_per_node": 4})
    assert (cluster.image_of(gpus=True), cluster.image_of(gpus=False)) == ("image", "image")
    assert cluster.tsdg.gpus_per_node == 4


def test_a_key_whose_lines_are_all_commented_out_is_no_key() -> None:
    assert parse(mounts=None).mounts == ()


def test_the_ssh_user_and_folder_come_from_the_environment_as_for_ns() -> None:
    tunnel = {"host": "h", "user": None, "job_dir": "/lustre/$USER/jobs"}
    cluster = parse_cluster(
        {"executor": "slurm", "ssh_tunnel": tunnel}, path=Path("x.yaml"), environ={"USER": "ada"}
    )
    assert cluster.ssh_tunnel is not None
    assert (cluster.ssh_tunnel.user, cluster.ssh_tunnel.job_dir) == ("ada", "/lustre/ada/jobs")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"job_dir": "jobs"}, "job_dir: found 'jobs'; needed is an absolute path"),
        ({"acount": "x"}, "key acount is unknown; did you mean account?"),
        ({"tsdg": {"phyton": "x"}}, "key tsdg.phyton is unknown; allowed: cache_dir, "),
        ({"tsdg": {"container": "vllm"}}, "'vllm' is not among containers: there are none"),
        ({"timeouts": {"batch": "six hours"}}, "'six hours' is not a time limit"),
        ({"mounts": ["/a"]}, "'/a' is not a mount; allowed: SOURCE:TARGET"),
        ({"env_vars": ["MY-TOKEN=hunter2"]}, "'MY-TOKEN' is not a variable"),
        (
            {"env_vars": "TOKEN=hunter2"},
            "key env_vars: found a text, allowed: a list, e.g. [a,b], each a text",
        ),
        ({"containers": {5: "x"}}, "key containers.5: found the name 5, allowed: a text"),
        ({"ssh_tunnel": {"job_dir": "/x"}}, "key ssh_tunnel.host: has no value"),
        ({"executor": "pbs"}, "key executor: found 'pbs', allowed: slurm, local or none"),
        (
            {"ssh_tunnel": {"host": "h", "user": "$NOBODY", "job_dir": "/x"}},
            "names a variable that is not set",
        ),
        ({"partition": 3}, "key partition: found 3, allowed: a text"),
    ],
)
def test_a_wrong_file_is_one_line(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(**changes)
    line = str(caught.value)
    assert says in line
    assert line.startswith("/c/mine.yaml: ")
    assert "\n" not in line
    assert "hunter2" not in line


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("cluster_configs", "elsewhere"):
        (tmp_path / name).mkdir()
        values = {"executor": "slurm", "job_dir": f"/{name}"}
        (tmp_path / name / "mine.yaml").write_text(yaml.safe_dump(values))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_working_folder_has_clusters(folders: Path) -> None:
    assert read_cluster("mine", {}).job_dir == "/cluster_configs"


def test_the_variable_of_nemo_skills_comes_first(folders: Path) -> None:
    assert (
        read_cluster("mine", {"NEMO_SKILLS_CONFIG_DIR": str(folders / "elsewhere")}).job_dir
        == "/elsewhere"
    )


def test_without_a_name_the_other_variable_of_nemo_skills_is_a_path(folders: Path) -> None:
    environ = {"NEMO_SKILLS_CONFIG": str(folders / "elsewhere/mine.yaml")}
    assert read_cluster("", environ).job_dir == "/elsewhere"
    both = {**environ, "NEMO_SKILLS_CONFIG_DIR": str(folders / "cluster_configs")}
    assert read_cluster("mine", both).job_dir == "/cluster_configs"
    with pytest.raises(
        UsageError, match=r"NEMO_SKILLS_CONFIG=nowhere\.yaml: there is no such file"
    ):
        read_cluster("", {"NEMO_SKILLS_CONFIG": "nowhere.yaml"})


def test_a_path_is_a_path(folders: Path) -> None:
    assert read_cluster("elsewhere/mine.yaml", {}).job_dir == "/elsewhere"


def test_a_missing_cluster_names_what_there_is(folders: Path) -> None:
    with pytest.raises(UsageError, match=r"cluster=other: there is no .*allowed: .*mine"):
        find_cluster("other", {})
    with pytest.raises(UsageError, match="cluster= is not given"):
        find_cluster("", {})


def test_what_is_no_yaml_is_one_line(folders: Path) -> None:
    (folders / "cluster_configs" / "mine.yaml").write_text("a: [1\nb: }")
    with pytest.raises(UsageError, match="cannot be read"):
        read_cluster("mine", {})
    (folders / "cluster_configs" / "mine.yaml").write_text("- 1")
    with pytest.raises(UsageError, match="holds no mapping"):
        read_cluster("mine", {})


def test_variables_are_taken_as_ns_takes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", "/mine")
    environ = {"HF_HOME": "/mine"}
    assert expand_env("HF_HOME", environ) == ("HF_HOME", "/mine")
    assert expand_env("HF_TOKEN", environ) is None
    assert expand_env("HF_HOME=$HF_HOME/x", environ) == ("HF_HOME", "/mine/x")
    assert expand_env("A = b;'c' $HF_HOME", environ) == ("A", "b;'c' $HF_HOME")
