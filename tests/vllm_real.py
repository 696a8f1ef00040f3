"""vLLM itself, where `make vllm` has installed it."""

from pathlib import Path

import pytest

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
