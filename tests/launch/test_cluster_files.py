"""The cluster files that come with tsdg: each can be read, and the example shows every key."""

from pathlib import Path

import pytest
import yaml

from tsdg.slurm.cluster import ClusterConfig, TsdgKeys, read_cluster

FOLDER = Path(__file__).resolve().parents[2] / "cluster_configs"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: str(path.stem))
def test_a_shipped_file_is_read_and_says_nothing_that_is_passed_over(path: Path) -> None:
    cluster = read_cluster(str(path), {"USER": "ada"})
    assert cluster.name == path.stem
    assert set(yaml.safe_load(path.read_text())) <= set(ClusterConfig.model_fields)
    assert cluster.ssh_tunnel is None or cluster.ssh_tunnel.user == "ada"


def test_the_example_shows_every_key() -> None:
    text = (FOLDER / "example-slurm.yaml").read_text()
    values = yaml.safe_load(text)
    commented = {line[2:].partition(":")[0] for line in text.splitlines() if line.startswith("# ")}
    elsewhere = {"name", "not_honoured", "ssh_tunnel", "disable_gpus_per_node"}
    assert set(ClusterConfig.model_fields) - elsewhere - commented <= set(values)
    assert set(TsdgKeys.model_fields) - {"ssh_port"} == set(values["tsdg"])
