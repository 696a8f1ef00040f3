"""What every test runs under. It must be read before torch is, which keeps what it then finds."""

import os
from collections.abc import Iterator

import pytest
from mosquitto import Mosquitto

SETTINGS = {
    "HF_HUB_OFFLINE": "1",  # a test that reaches for the network fails instead of waiting
    "MKL_NUM_THREADS": "1",  # with one thread a result is the same every time
    "OMP_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}

for name, value in SETTINGS.items():
    os.environ.setdefault(name, value)


@pytest.fixture(scope="module")
def mosquitto() -> Iterator[Mosquitto]:
    """A real broker for the tests of one file."""
    with Mosquitto() as started:
        yield started
