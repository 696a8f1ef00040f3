"""A real Chromium without a screen, as tests use it; `--install` installs a missing one."""

import shutil
import sys
from collections.abc import Generator
from contextlib import contextmanager

import debian
from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Generator[Browser]:
    """Give a browser, as long as it is entered."""
    install()
    # within a container it may not make the sandbox of its own
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=["--no-sandbox"])
        yield browser
        browser.close()


def find() -> str | None:
    """Return the program."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def install() -> None:
    """Install Chromium where it is missing.

    Raises:
        RuntimeError: it cannot be installed.
    """
    reason = debian.install("chromium", lambda: find() is not None)
    if reason:
        raise RuntimeError(reason)


if __name__ == "__main__":
    assert sys.argv[1:] == ["--install"], "usage: chromium.py --install"
    try:
        install()
    except RuntimeError as missing:
        sys.exit(f"the tests need a browser: {missing}")
