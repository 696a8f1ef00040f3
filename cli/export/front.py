"""Front matter: what the Hugging Face Hub reads at the head of a card."""

import json
from collections.abc import Mapping
from typing import Any

CARD = "README.md"


def front(fields: Mapping[str, Any]) -> str:
    """Return the front matter as YAML: a value in JSON is one in YAML, too."""
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in fields.items()]
    return f"---\n{''.join(lines)}---\n"
