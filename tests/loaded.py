"""What a fresh Python has loaded after a statement."""

import json
import subprocess
import sys
from collections.abc import Sequence

HEAVY = ("torch", "transformers", "duckdb", "pyarrow", "numpy")


def loaded_after(statement: str, modules: Sequence[str] = HEAVY) -> list[str]:
    """Return which of the modules are loaded."""
    code = (
        f"import sys, json\n{statement}\n"
        f"print(json.dumps([m for m in {tuple(modules)} if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found
