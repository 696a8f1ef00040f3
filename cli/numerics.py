"""Numerics: what must be settled before torch is imported, so that a seed gives one course."""

from collections.abc import MutableMapping
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")

_SETTINGS = {
    "OMP_NUM_THREADS": "1",  # two under load are slower, and give other bits
    "MKL_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",  # a policy is a directory: nothing is ever fetched
    "TRANSFORMERS_VERBOSITY": "error",
}


def settle(environment: MutableMapping[str, str]) -> None:
    """Settle threads and number formats; what the user has set is left alone."""
    for name, value in _SETTINGS.items():
        environment.setdefault(name, value)
    branch = _branch()
    if branch:
        # without it an answer's bits would depend on who shares its batch
        environment.setdefault("MKL_CBWR", branch)


def _branch() -> str:
    """Return the widest instructions that give the same sums at every batch size."""
    try:
        flags = _CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    if " avx512f " in flags:
        return "AVX512,STRICT"
    return "AVX2,STRICT" if " avx2 " in flags else "COMPATIBLE"
