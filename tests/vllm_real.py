"""vLLM itself, where `make vllm` has installed it, and what it is asked with."""

from pathlib import Path

import pytest
from asking import Make

from simctl.agents.policy.transformers import EXACT
from simctl.agents.policy.vllm.child import Child
from simctl.agents.policy.vllm.launch import MODEL
from simctl.agents.policy.vllm.sampler import VllmSampler
from simctl.agents.policy.vllm.server import Server
from simctl.bus.quiescence import Quiescence

_ENVIRONMENT = Path(__file__).parent.parent / ".venv" / "vllm"
# the program `vllm` of this build asks for a distribution that it does not have
REAL = (
    str(_ENVIRONMENT / "bin" / "python"),
    *("-m", "vllm.entrypoints.openai.api_server", "--model"),
)
needs_vllm = [
    pytest.mark.vllm,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not Path(REAL[0]).exists(), reason="make vllm installs what it needs"),
]


class Begun:
    """A server that holds already what it is to begin with."""

    own = True

    def __init__(self, server: Child, first: Path) -> None:
        self._first = first
        self._server = server
        self.adapt, self.drop, self.post = server.adapt, server.drop, server.post

    def begin(self, path: Path) -> None:
        if path == self._first:
            self._server.reload(path)
        else:
            self._server.begin(path)

    def reload(self, path: Path) -> None:
        self._server.reload(path)

    def close(self) -> None:
        """Leave it to the others."""


def over(server: Server, path: Path, *, adapters: bool = False) -> Make:
    """Return what makes a sampler of the policy in `path` at a server."""
    base = path if adapters else None

    def make(quiescence: Quiescence) -> VllmSampler:
        return VllmSampler(
            server, MODEL, path, 0, quiescence=quiescence, tolerance=EXACT, base=base
        )

    return make
