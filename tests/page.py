"""A page of docs/, whose code blocks are run in their order: `python tests/page.py docs/PAGE.md`.

A block is run if the line before it is `<!-- run -->`. Blocks of Python share their names, and
all are run in one directory.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_FENCE = re.compile(r"(<!-- run -->\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """Code of a page, and the line that it begins on."""

    language: str
    code: str
    line: int
    marked: bool


def blocks(text: str) -> Iterator[Block]:
    """Give the code blocks of a page."""
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start(3)) + 1
        yield Block(found[2], found[3], line, found[1] is not None)


def run(page: Path) -> None:
    """Run the marked blocks here; the first that fails ends it."""
    names: dict[str, object] = {"__name__": "__main__"}
    for block in blocks(page.read_text(encoding="utf-8")):
        if not block.marked:
            continue
        print(f"--- {page.name}:{block.line} ({block.language})", flush=True)  # noqa: T201 - to find what failed
        if block.language == "sh":
            subprocess.run(
                ["/usr/bin/env", "bash", "-euo", "pipefail", "-c", block.code], check=True
            )
        elif block.language == "python":
            # with the lines above it, a traceback names the line of the page
            lines = "\n" * (block.line - 1) + block.code
            exec(compile(lines, str(page), "exec"), names)  # noqa: S102 - our own page
        else:
            sys.exit(f"{page}:{block.line}: {block.language} cannot be run, only python and sh")


if __name__ == "__main__":
    run(Path(sys.argv[1]).resolve())
