import os
from collections.abc import Generator
from pathlib import Path

import pytest
from vllm_real import REAL
from vllm_server import policy

from simctl.agents.policy.vllm.child import Child
from simctl.agents.policy.vllm.launch import Launch


@pytest.fixture(scope="session")
def heads_of_32(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy that vLLM serves on a CPU."""
    return policy(tmp_path_factory.mktemp("heads") / "first")


@pytest.fixture(scope="session")
def vllm_server(heads_of_32: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Child]:
    """A server of vLLM for all tests: it takes long to begin. Each says what it is to hold."""
    launch = Launch(REAL, dict(os.environ), device="cpu", rank=4)
    child = Child(launch, tmp_path_factory.mktemp("vllm"), lambda _: None)
    child.begin(heads_of_32)
    yield child
    child.close()
