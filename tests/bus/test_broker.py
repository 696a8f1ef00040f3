from pathlib import Path

import pytest

from simctl.bus.broker import PASSWORD, AddressError, Broker, is_client


def test_an_address_is_read_as_users_of_mqtt_write_it():
    broker = Broker.parse("mqtts://me:p%40ss@broker.example:8884")
    assert (broker.host, broker.port, broker.username, broker.tls) == (
        "broker.example",
        8884,
        "me",
        True,
    )
    assert broker.password is not None
    assert broker.password.get_secret_value() == "p@ss"


@pytest.mark.parametrize(
    ("url", "port"), [("mqtt://a", 1883), ("mqtts://a", 8883), ("mqtt://[::1]:5", 5)]
)
def test_the_port_is_the_usual_one_unless_it_is_given(url: str, port: int):
    assert Broker.parse(url).port == port


def test_a_password_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(PASSWORD, "secret")
    broker = Broker.parse("mqtt://me@a")
    assert broker.password is not None
    assert broker.password.get_secret_value() == "secret"
    assert "secret" not in f"{broker} {broker!r}"


@pytest.mark.parametrize(
    ("url", "files"),
    [
        ("http://a", {}),
        ("a:1883", {}),
        ("mqtt://", {}),
        ("mqtt://a:x", {}),
        ("mqtt://a/topic", {}),
        ("mqtt://u:secret@a:99999", {}),
        ("mqtt://a", {"cafile": "ca.pem"}),
        ("mqtts://a", {"cert": "c.pem"}),
    ],
)
def test_what_is_no_address_is_refused_without_telling_a_password(url: str, files: dict[str, str]):
    with pytest.raises(AddressError) as refused:
        Broker.parse(url, **files)
    assert "secret" not in str(refused.value)


def test_a_certificate_that_is_not_there_is_named(tmp_path: Path):
    broker = Broker.parse("mqtts://a", cafile=str(tmp_path / "none.pem"))
    with pytest.raises(AddressError, match=r"none\.pem"):
        broker.tls_context()


@pytest.mark.parametrize(
    ("name", "fits"),
    [("w-1.a_B", True), ("", False), ("a/b", False), ("a+", False), ("a" * 65, False)],
)
def test_a_clients_name_is_part_of_a_topic(name: str, fits: bool):
    assert is_client(name) is fits
