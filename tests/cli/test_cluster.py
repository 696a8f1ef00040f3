"""What a command line says of a cluster is read, and told at once where it cannot be."""

from pathlib import Path

import pytest
from calls import Command
from hypothesis import given
from hypothesis import strategies as st
from mosquitto import nobody

from simctl.bus.broker import is_client
from simctl.cli.cluster.address import Cluster, ClusterError
from simctl.cli.cluster.naming import name_of


def test_an_address_has_what_the_run_wants():
    url = "ray://head:10002?workers=3&cpus=2&gpus=0.5&trainer_gpus=1"
    wanted = Cluster(host="head", port=10002, workers=3, cpus=2, gpus=0.5, trainer_gpus=1)
    assert Cluster.parse(url) == wanted
    assert wanted.wanted == {"CPU": 8, "GPU": 2.5}
    assert str(wanted) == "ray://head:10002"


def test_a_cluster_of_ones_own_has_no_address():
    found = Cluster.parse("ray://local")
    assert (found.is_local, str(found), found.workers) == (True, "ray://local", 2)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("head:10001", "write ray://HOST:10001"),
        ("ray://", "write ray://HOST:10001"),
        ("ray://head:port", "is no cluster's address"),
        ("ray://head?nodes=3", "'nodes' is no setting; there are workers, cpus, gpus or"),
        ("ray://head?workers=0", "workers=0"),
        ("ray://head?workers", "is no cluster's address"),
    ],
)
def test_another_address_is_refused_with_what_to_write(url: str, told: str):
    with pytest.raises(ClusterError, match="--cluster") as refused:
        Cluster.parse(url)
    assert told in str(refused.value)


@given(st.text(min_size=1, max_size=200), st.integers(0, 9_999))
def test_a_worker_of_any_run_has_a_name_that_a_broker_takes(run: str, number: int):
    assert is_client(name_of(run, number))


def test_a_cluster_that_is_not_there_is_told_and_no_run_is_begun(simctl: Command, tmp_path: Path):
    with nobody() as port:
        url = f"ray://127.0.0.1:{port}"
        said = simctl("run", "--cluster", url, "--run-dir", tmp_path / "run")
    assert said.code == 2
    assert f"{url} cannot be used" in said.err
    assert not (tmp_path / "run").exists()


def test_workers_of_a_cluster_need_an_address_at_a_broker_that_others_keep(simctl: Command):
    said = simctl("run", "--cluster", "ray://local", "--bus", "mqtt://owner@lab")
    assert said.code == 2
    assert "SIMCTL_MQTT_WORKER" in said.err


def test_a_missing_extra_is_named(simctl: Command, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("simctl.cli.extras.find_spec", lambda _: None)
    said = simctl("run", "--cluster", "ray://local")
    assert (said.code, "pip install 'simctl[ray]'" in said.err) == (2, True)
