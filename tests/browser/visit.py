"""A real browser that looks at one page and remembers everything that should not have happened."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 60_000  # the machine may be busy
LIVE = "#link[data-link=live]"


@contextmanager
def chromium() -> Iterator[Any]:
    """The Chromium of this machine, or a skip that says what is missing."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no chromium on PATH")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=path, args=ARGS)
        yield opened
        opened.close()


class Visit:
    """One page, and everything on it that should not have happened."""

    def __init__(self, browser: Any, base: str, **options: Any) -> None:
        options = {"viewport": {"width": 1200, "height": 900}, "timezone_id": "UTC"} | options
        self.base = base
        self.troubles: list[str] = []
        self.hosts: set[str] = set()
        self._context = browser.new_context(**options)
        self.page = self._context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("dialog", self._asked)
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))

    def _said(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.troubles.append(message.text)

    def _asked(self, dialog: Any) -> None:
        self.troubles.append(dialog.message)
        dialog.dismiss()

    def open(self, address: str) -> Any:
        """Go to a view of the live page, and wait until it is live."""
        self.page.goto(f"{self.base}#{address}")
        try:
            self.page.wait_for_selector(LIVE)
        except Exception as error:
            raise AssertionError(f"{address} did not come to life: {self.troubles}") from error
        return self.page

    def until_says(self, selector: str, text: str) -> None:
        """Wait until an element holds a text; what one event changes is not all drawn at once."""
        found = self.page.locator(selector).filter(has_text=text)
        found.first.wait_for(state="attached")

    def close(self) -> None:
        """Leave."""
        self._context.close()
