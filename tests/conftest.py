"""What every test runs under. It must be read before torch is, which keeps what it then finds."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import hypothesis
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

# a busy machine makes no law false
hypothesis.settings.register_profile("simctl", deadline=None)
hypothesis.settings.load_profile("simctl")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that may take longest: none is left over when all others are done."""
    longest: Counter[Path] = Counter()
    for item in items:
        timeout = item.get_closest_marker("timeout")
        slow = 1 if item.get_closest_marker("slow") else 0
        longest[item.path] = max(longest[item.path], slow, *(timeout.args if timeout else ()))
    items.sort(key=lambda item: -longest[item.path])


@pytest.fixture(scope="module")
def mosquitto() -> Iterator[Mosquitto]:
    """A real broker for the tests of one file."""
    with Mosquitto() as started:
        yield started
