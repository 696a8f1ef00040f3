"""How fluid the page of `simctl serve` is on a long run, in a real browser. Never part of a test.

    PYTHONPATH=tests python benchmarks/page.py runs/society [--events 1000000] [--keep PLACE]

It grows a finished run (`grow.py`) in a temporary directory and takes it away again. Times are from
the address to the picture: what a person waits for.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from chromium import chromium
from playwright.sync_api import Page

from simctl.store.access import open_log

GROW = Path(__file__).with_name("grow.py")
SIMCTL = Path(sys.executable).with_name("simctl")
REPEATS = 5
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
MIDDLE = """
SELECT round, episode FROM episode_started WHERE seq > {} ORDER BY seq LIMIT 1
"""


def waited(act: Callable[[], object]) -> float:
    """Return how many seconds something took."""
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def look(page: Page, home: str, run_dir: Path) -> dict[str, float]:
    """Open the page, an episode in its middle, another round on the slider, and ask in SQL."""
    with open_log(run_dir) as log:
        [middle] = log.query(MIDDLE.format(log.last_seq // 2)).to_pylist()
    at = f"{home}#/run/{run_dir.name}"
    page.goto("about:blank")
    whole = waited(lambda: (page.goto(f"{at}/overview"), page.wait_for_selector(".graph .edge")))
    paint = page.evaluate(PAINT) / 1e3
    page.get_by_label("round", exact=True).focus()
    page.keyboard.press("Home")
    page.wait_for_function("document.querySelector('.place').textContent.includes('round 1 ')")
    slide = waited(
        lambda: (
            page.keyboard.press("ArrowRight"),
            page.wait_for_function(
                "document.querySelector('.place').textContent.includes('round 2 ')"
            ),
        )
    )
    place = f"{at}/episodes/{middle['round']}/{middle['episode']}"
    opened = waited(lambda: (page.goto(place), page.wait_for_selector(".line .tokens")))
    event = waited(
        lambda: (page.locator(".line").nth(1).click(), page.wait_for_selector(".side dl"))
    )
    asked = waited(lambda: (page.goto(f"{at}/sql"), page.wait_for_selector(".tabulator-row")))
    return {
        "first paint": paint,
        "overview drawn": whole,
        "another round on the slider": slide,
        "an episode opened": opened,
        "an event with its causes": event,
        "SQL answered": asked,
    }


def measure(run_dir: Path) -> dict[str, float]:
    """Return the median seconds of each of some looks; the first warms up."""
    words = [SIMCTL, "serve", run_dir, "--port", "0"]
    with subprocess.Popen(words, text=True, stdout=-1, stderr=-3) as server, chromium() as browser:
        assert server.stdout is not None
        home = server.stdout.readline().strip()
        page = browser.new_page()
        looks = [look(page, home, run_dir) for _ in range(REPEATS + 1)][1:]
        server.terminate()
    return {name: median(each[name] for each in looks) for name in looks[0]}


def main() -> None:
    """Grow, look, print and clean up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="directory of a finished run")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="where the log stays; it is used if it is there")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        run_dir = asked.keep or Path(place) / "long"
        if not run_dir.exists():
            command = [sys.executable, GROW, asked.run, run_dir, "--events", str(asked.events)]
            subprocess.run(command, check=True)
        found = {"the run as it is": measure(asked.run), "grown": measure(run_dir)}
        with open_log(run_dir) as log:
            events = log.last_seq
    for name in found["grown"]:
        print(f"{name:<30}" + "".join(f"{each[name]:>10.2f} s" for each in found.values()))
    row = {"benchmark": "page", "events": events, "seconds": found, "load": os.getloadavg()}
    print(json.dumps(row))


if __name__ == "__main__":
    main()
