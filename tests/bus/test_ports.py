import pytest
from mosquitto import nobody

from simctl.bus import ports


def test_a_port_that_somebody_has_is_not_given(monkeypatch: pytest.MonkeyPatch):
    free = ports.free_port()
    with nobody() as taken:
        monkeypatch.setattr(ports, "PORTS", [*[taken] * 50, free])
        assert ports.free_port() == free
