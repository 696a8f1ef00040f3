"""`simctl broker`, as somebody drives it."""

import gc
import re
import signal
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiomqtt
import pytest
from live import SIMCTL, simctl
from mosquitto import Mosquitto, install

from simctl.bus.broker import Broker
from simctl.bus.mqtt import Link, LinkError
from simctl.bus.ports import free_port

LAST = "Ctrl-C ends the broker"


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that mosquitto can enter when root starts it."""
    with tempfile.TemporaryDirectory(prefix="simctl-broker-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def broker(place: Path, *arguments: str | Path) -> Iterator[dict[str, str]]:
    """A broker in a terminal; gives what `--bus` takes by command, and ends it with Ctrl-C."""
    install()
    words = [SIMCTL, "broker", "--dir", place / "broker", *arguments]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said: list[str] = []
        for line in process.stdout:
            said.append(line)
            if LAST in line:
                break
        urls = dict(re.findall(r"simctl (\w+) --bus (\S+)", "".join(said)))
        try:
            yield urls
        finally:
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=600)
        assert (process.returncode, bool(urls)) == (0, True), errors


def client(url: str, identifier: str = "c", **options: object) -> aiomqtt.Client:
    parts = urlsplit(url)
    return aiomqtt.Client(
        parts.hostname or "",
        parts.port or 0,
        username=parts.username,
        password=parts.password,
        identifier=identifier,
        protocol=aiomqtt.ProtocolVersion.V5,
        **options,  # type: ignore[arg-type]
    )


async def test_the_lines_that_it_prints_connect(place: Path):
    with broker(place, "--port", str(free_port())) as urls:
        for command in ("run", "worker"):
            async with client(urls[command]):
                pass


def test_passwords_are_kept_to_their_owner_and_over_starts(place: Path):
    arguments = ["--port", str(free_port())]
    with broker(place, *arguments, "--user", "carol:worker") as first:
        pass
    with broker(place, *arguments) as second:
        assert second == first
    kept = place / "broker" / "credentials.toml"
    assert "[carol]" in kept.read_text()
    assert kept.stat().st_mode & 0o077 == 0


def test_no_password_lies_readable_for_mosquitto(mosquitto: Mosquitto):
    hashed = (mosquitto.directory / "passwords").read_text()
    assert [user.password for user in mosquitto.users.values() if user.password in hashed] == []


async def test_a_wrong_password_is_refused(mosquitto: Mosquitto):
    wrong = mosquitto.url().replace(mosquitto.users["owner"].password, "guess")
    with pytest.raises(aiomqtt.MqttError, match="Not authorized"):
        await client(wrong).__aenter__()


async def test_nobody_connects_without_a_name(mosquitto: Mosquitto):
    with pytest.raises(aiomqtt.MqttError, match="Not authorized"):
        await client(f"mqtt://127.0.0.1:{mosquitto.port}").__aenter__()


# who publishes where, and the user and client id that would have to hear it
Route = tuple[str, str, str, str, str]
GRANTED: list[Route] = [
    ("worker", "w", "simctl/r/in/w", "owner", "o"),
    ("owner", "o", "simctl/r/to/w", "worker", "w"),
    ("owner", "o", "simctl/r/log", "worker", "w"),
    ("owner", "o", "simctl/r/log", "reader", "r"),
    ("owner", "o", "simctl/r/run", "reader", "r"),
]
DENIED: list[Route] = [
    ("worker", "w", "simctl/r/in/w2", "owner", "o"),
    ("worker", "w", "simctl/r/log", "reader", "r"),
    ("worker", "w", "simctl/r/run", "reader", "r"),
    ("worker", "w", "simctl/r/to/w2", "worker", "w2"),
    ("worker", "w", "simctl/r/in/w", "worker", "w2"),
    ("owner", "o", "simctl/r/to/w", "worker", "w2"),
    ("owner", "o", "simctl/r/to/r", "reader", "r"),
    ("reader", "r", "simctl/r/in/r", "owner", "o"),
    ("reader", "r", "simctl/r/log", "worker", "w"),
]


async def heard(mosquitto: Mosquitto, route: Route) -> list[str]:
    """What a listener to everything gets of what a speaker says to a topic."""
    speaker, id_, topic, role, listener_id = route
    listener = mosquitto.client(role, listener_id)
    topics: list[str] = []
    async with (
        listener,
        mosquitto.client(speaker, id_) as speaking,
        mosquitto.client("owner", "end") as ending,
    ):
        await listener.subscribe("#", qos=1)
        await speaking.publish(topic, b"x", qos=1)
        last = "simctl/end/log" if role != "owner" else "simctl/end/run"
        await ending.publish(last, b"end", qos=1)
        async for message in listener.messages:
            if message.payload == b"end":
                return topics
            topics.append(str(message.topic))
    return topics


@pytest.mark.parametrize("route", GRANTED)
async def test_what_is_granted_is_delivered(mosquitto: Mosquitto, route: Route):
    assert await heard(mosquitto, route) == [route[2]]


@pytest.mark.parametrize("route", DENIED)
async def test_what_is_not_granted_is_not_delivered(mosquitto: Mosquitto, route: Route):
    assert await heard(mosquitto, route) == []


def openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)  # noqa: S607 - any


@pytest.fixture
def certificates(place: Path) -> Path:
    """A CA and what it signed: a server for 127.0.0.1, and a client."""
    ca, names = place / "ca", place / "names"
    names.write_text("subjectAltName=IP:127.0.0.1")
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *new, "-subj", "/CN=ca", "-keyout", f"{ca}.key", "-out", f"{ca}.crt")
    for who in ("server", "client"):
        mine = place / who
        openssl("req", *new, "-subj", f"/CN={who}", "-keyout", f"{mine}.key", "-out", f"{mine}.csr")
        openssl(
            *("x509", "-req", "-in", f"{mine}.csr", "-out", f"{mine}.crt", "-extfile", names),
            *("-CA", f"{ca}.crt", "-CAkey", f"{ca}.key", "-CAcreateserial"),
        )
        mine.with_suffix(".key").chmod(0o644)  # mosquitto may be another user
    return place


def over_tls(place: Path) -> list[str | Path]:
    words: list[str | Path] = ["--host", "0.0.0.0", "--port", str(free_port())]  # noqa: S104
    return [*words, "--cert", place / "server.crt", "--key", place / "server.key"]


def here(url: str) -> str:
    """The address as it is on this machine."""
    parts = urlsplit(url)
    assert parts.scheme == "mqtts"
    return url.replace(f"@{parts.hostname}", "@127.0.0.1")


async def test_with_a_certificate_it_speaks_tls_to_other_machines(certificates: Path):
    trusting = ssl.create_default_context(cafile=certificates / "ca.crt")
    with broker(certificates, *over_tls(certificates)) as urls:
        async with client(here(urls["worker"]), tls_context=trusting):
            pass


async def test_a_client_without_a_certificate_is_refused_where_one_is_required(certificates: Path):
    context = ssl.create_default_context(cafile=certificates / "ca.crt")
    required = ["--cafile", certificates / "ca.crt", "--require-certificate"]
    with broker(certificates, *over_tls(certificates), *required) as urls:
        with pytest.raises(aiomqtt.MqttError):
            await client(here(urls["worker"]), tls_context=context, timeout=2).__aenter__()
        context.load_cert_chain(certificates / "client.crt", certificates / "client.key")
        async with client(here(urls["worker"]), tls_context=context):
            pass


# paho drops, unclosed, the socket of a handshake that failed
@pytest.mark.filterwarnings("ignore:unclosed <ssl:ResourceWarning")
async def test_a_worker_does_not_talk_to_a_broker_that_it_does_not_trust(certificates: Path):
    with broker(certificates, *over_tls(certificates)) as urls:
        with pytest.raises(LinkError, match="certificate verify failed"):
            async with link(Broker.parse(here(urls["worker"]))).open():
                pass
        gc.collect()
        async with link(Broker.parse(here(urls["worker"]), cafile=ca_of(certificates))).open():
            pass


async def test_a_worker_shows_its_certificate_where_one_is_required(certificates: Path):
    ca = ca_of(certificates)
    own = {key: str(certificates / f"client.{end}") for key, end in CLIENT.items()}
    required = ["--cafile", ca, "--require-certificate"]
    with broker(certificates, *over_tls(certificates), *required) as urls:
        with pytest.raises(LinkError, match="cannot be reached"):
            async with link(Broker.parse(here(urls["worker"]), cafile=ca)).open():
                pass
        async with link(Broker.parse(here(urls["worker"]), cafile=ca, **own)).open():
            pass


def ca_of(certificates: Path) -> str:
    return str(certificates / "ca.crt")


CLIENT = {"cert": "crt", "key": "key"}


def link(broker_: Broker) -> Link:
    return Link(broker_, "w", lambda _: None)


def misused(*arguments: str | Path) -> str:
    """What it says to somebody who misused it."""
    done = simctl("broker", *arguments)
    assert (done.returncode, done.stdout) == (2, ""), done
    return done.stderr


def test_other_machines_are_refused_without_tls(place: Path):
    said = misused("--dir", place / "broker", "--host", "0.0.0.0")  # noqa: S104
    assert "--host 0.0.0.0 can be reached from other machines" in said
    assert not (place / "broker").exists()


def test_a_certificate_that_cannot_be_read_is_named(place: Path):
    said = misused("--dir", place / "broker", "--cert", place / "no.crt", "--key", place / "no.key")
    assert f"--cert {place / 'no.crt'} cannot be read" in said


def test_a_directory_of_something_else_is_left_alone(place: Path):
    (place / "thesis.tex").touch()
    assert "thesis.tex" in misused("--dir", place)
    assert [path.name for path in place.iterdir()] == ["thesis.tex"]


def test_a_port_that_is_taken_is_named(place: Path, mosquitto: Mosquitto):
    said = misused("--dir", place / "broker", "--port", str(mosquitto.port))
    assert said.endswith(f"error: port {mosquitto.port} is taken: give another --port\n")


def test_two_brokers_do_not_share_a_directory(mosquitto: Mosquitto):
    said = misused("--dir", mosquitto.directory, "--port", str(free_port()))
    assert f"a broker is live in {mosquitto.directory}, process {mosquitto.pid};" in said


def test_a_user_of_no_role_is_refused(place: Path):
    assert "NAME:ROLE" in misused("--dir", place / "broker", "--user", "carol:king")


def test_without_mosquitto_it_says_how_to_install_it(place: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(place))
    said = misused("--dir", place / "broker")
    assert "apt-get install mosquitto" in said
    assert "brew install mosquitto" in said
