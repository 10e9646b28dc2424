"""The dashboard in a real browser that may talk to its own server only."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

playwright_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

PATIENCE_MS = 30_000
"""How long something may take on a busy machine."""
playwright_api.expect.set_options(timeout=PATIENCE_MS)

CHROMIUM_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
BAD_LINES = 30
"""Of the log that is imported: they name no factor."""

# what a chart has drawn, by what it left on its canvas
_INK = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let inked = 0;
  for (let at = 3; at < data.length; at += 4) inked += data[at] > 0;
  return inked / (data.length / 4);
}"""


@contextmanager
def chromium() -> Iterator[playwright_api.Browser]:
    """A browser with a fresh profile; the test is skipped where none is installed."""
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = next(filter(None, map(shutil.which, names)), None)
    if executable is None:
        pytest.skip("no Chromium is installed")
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Visit:
    """One page of one server, and what happened to it."""

    page: playwright_api.Page
    url: str
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    operations: list[dict[str, Any]] = field(default_factory=list)
    """What was posted to the graph as JSON."""

    def open(self, address: str) -> None:
        """A view by its address, such as `#/runs`, as if the page were opened anew."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.url}/{address}")

    def option(self, name: str) -> playwright_api.Locator:
        return self.page.locator(f"[data-option={name}]")

    def control(self, name: str) -> playwright_api.Locator:
        return self.option(name).locator("input:not([type=checkbox]), select, textarea").first

    def launch(self) -> None:
        self.page.get_by_role("button", name="Launch", exact=True).click()

    def sent(self, operation: str) -> list[dict[str, Any]]:
        """The variables of what was posted under that operation's name."""
        return [
            each["variables"]
            for each in self.operations
            if f" {operation}(" in each["query"].partition("{")[0]
        ]

    def expect_chart(self, within: playwright_api.Locator) -> None:
        """A canvas with lines on it: neither empty nor filled."""
        canvas = within.locator("canvas").first
        canvas.wait_for()
        self.wait_until(lambda: 0.002 < canvas.evaluate(_INK) < 0.9)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        for _ in range(PATIENCE_MS // 50):
            if condition():
                return
            self.page.wait_for_timeout(50)
        pytest.fail("it did not happen in time")

    def overflow(self) -> int:
        """Pixels by which the page is wider than the window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - innerWidth"))

    def foreign_requests(self) -> list[str]:
        own = (f"{self.url}/", self.url.replace("http", "ws", 1) + "/", "data:")
        return [request for request in self.requests if not request.startswith(own)]


@contextmanager
def visiting(context: playwright_api.BrowserContext, url: str) -> Iterator[Visit]:
    """A new page that stored nothing yet; it must have complained of nothing and asked no other host."""
    context.set_default_timeout(PATIENCE_MS)
    visit = Visit(context.new_page(), url)
    visit.page.add_init_script("if (location.protocol === 'http:') localStorage.clear()")

    def police(route: playwright_api.Route) -> None:
        if route.request.url.startswith(f"{url}/"):
            route.continue_()
        else:
            route.abort()

    def note(sent: playwright_api.Request) -> None:
        visit.requests.append(sent.url)
        if sent.method == "POST" and sent.headers.get("content-type") == "application/json":
            visit.operations.append(json.loads(sent.post_data or "{}"))

    def hear(message: playwright_api.ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            visit.complaints.append(message.text)

    visit.page.route("**/*", police)
    visit.page.on("request", note)
    visit.page.on("websocket", lambda opened: visit.requests.append(opened.url))
    visit.page.on("console", hear)
    visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    yield visit
    visit.page.close()
    assert not visit.complaints, visit.complaints
    assert visit.requests
    assert not visit.foreign_requests(), visit.foreign_requests()


def launched_panel(visit: Visit) -> playwright_api.Locator:
    return visit.page.get_by_role("region", name="Launched run")
