"""A page of docs/, whose code blocks are run in their order: `python tests/page.py docs/PAGE.md`.

A block is run if the line before it is `<!-- run -->`, or `<!-- run once -->`, whose runs/ another
page that has the same block takes over where a second argument names a directory to keep them in.
Blocks of Python share their names, SQL is asked of the newest run, and all are run in one
directory. A `text` block behind one shows what it prints: its first line must be that of the page,
but for numbers. With `--write` the page gets what was printed; of a text with a line `...` as many
lines as it shows before and behind that.
"""

import contextlib
import hashlib
import io
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import simctl
from simctl.cli.formats import Format
from simctl.cli.query import write as write_rows

_FENCE = re.compile(
    r"(?:<!-- (run(?: once)?) -->\n)?^```(\w+)\n(.*?)^```$(?:\n\n^```text\n(.*?)^```$)?",
    re.MULTILINE | re.DOTALL,
)
_VARIES = re.compile(r"[-+]?[\d.:,]+k?|\s+")
RUNS = Path("runs")
CUT = "...\n"


class Block(NamedTuple):
    """Code of a page, the line that it begins on, and what the page shows of what it prints."""

    language: str
    code: str
    line: int
    mark: str
    shown: str
    at: tuple[int, int]  # where that stands in the page

    @property
    def marked(self) -> bool:
        """Whether it is run."""
        return self.mark != ""


def blocks(text: str) -> Iterator[Block]:
    """Give the code blocks of a page."""
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start(3)) + 1
        yield Block(found[2], found[3], line, found[1] or "", found[4] or "", found.span(4))


def run(page: Path, kept: Path | None = None, *, write: bool = False) -> None:
    """Run the marked blocks here; the first that fails, or prints something else, ends it."""
    names: dict[str, object] = {"__name__": "__main__"}
    text = page.read_text(encoding="utf-8")
    moved = 0
    for block in blocks(text):
        if not block.marked:
            continue
        print(f"--- {page.name}:{block.line} ({block.language})", flush=True)  # noqa: T201 - to find what failed
        printed = _once(page, block, names, kept) if kept else _printed(page, block, names)
        print(printed, flush=True)  # noqa: T201
        if write and block.shown:
            new, (start, end) = _cut(printed, block.shown), block.at
            text = text[: start + moved] + new + text[end + moved :]
            moved += len(new) - len(block.shown)
        elif _first(block.shown) != _first(printed) and block.shown:
            sys.exit(f"{page}:{block.line}: it prints {_first(printed)!r}, not as the page says")
    if write:
        page.write_text(text, encoding="utf-8")


def _once(page: Path, block: Block, names: dict[str, object], kept: Path) -> str:
    """Run a block, or have the runs that it made for another page."""
    if block.mark == "run":
        return _printed(page, block, names)
    place = kept / hashlib.sha256(block.code.encode()).hexdigest()
    if not place.exists():
        known = set(RUNS.glob("*"))
        printed = _printed(page, block, names)
        for made in set(RUNS.glob("*")) - known:
            shutil.copytree(made, place / made)
        (place / "printed").write_text(printed, encoding="utf-8")
    else:
        shutil.copytree(place / RUNS, RUNS, dirs_exist_ok=True)
    return (place / "printed").read_text(encoding="utf-8")


def _printed(page: Path, block: Block, names: dict[str, object]) -> str:
    """Run a block and return what it printed."""
    if block.language == "sh":
        done = subprocess.run(
            ["/usr/bin/env", "bash", "-euo", "pipefail", "-c", block.code],
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            print(done.stdout)  # noqa: T201
            sys.exit(f"{page}:{block.line}: it ends with {done.returncode}")
        return done.stdout
    if block.language not in ("python", "sql"):
        sys.exit(f"{page}:{block.line}: {block.language} cannot be run, only python, sh and sql")
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        if block.language == "sql":
            _ask(block.code)
        else:
            # with the lines above it, a traceback names the line of the page
            lines = "\n" * (block.line - 1) + block.code
            exec(compile(lines, str(page), "exec"), names)  # noqa: S102 - our own page
    return printed.getvalue()


def _ask(sql: str) -> None:
    """Print the answer of the newest run, as `simctl query` does."""
    write_rows(simctl.open().sql(sql), Format.table, None)


def _first(printed: str) -> str:
    """Return what of the first line is the same every time."""
    return _VARIES.sub(" ", printed.strip().split("\n", maxsplit=1)[0]).strip()


def _cut(printed: str, shown: str) -> str:
    """Return as much of what was printed as was shown of it."""
    lines = [f"{line.rstrip()}\n" for line in printed.strip("\n").splitlines()]
    before, cut, after = shown.partition(CUT)
    if not cut:
        return "".join(lines)
    first, last = before.count("\n"), after.count("\n")
    return "".join([*lines[:first], CUT, *(lines[-last:] if last else [])])


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--write"]
    keep = Path(words[1]).resolve() if len(words) > 1 else None
    run(Path(words[0]).resolve(), keep, write="--write" in sys.argv)
