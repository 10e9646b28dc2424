"""Swagger UI in a real browser that may talk to its own server only: it draws, and a request can be tried."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.app.rest.asking import COMPUTED, body
from tests.app.web.test_graphiql_browser import CHROMIUM_ARGUMENTS

pytestmark = pytest.mark.slow

playwright_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = next(filter(None, map(shutil.which, names)), None)
    if executable is None:
        pytest.skip("no Chromium is installed")
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1200, "height": 1000})
        page.set_default_timeout(15_000)
        yield page
        browser.close()


def test_a_computation_is_tried(page: Any, live: httpx.Client, tmp_path: Path) -> None:
    complaints: list[str] = []
    requested: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requested.append(request.url))
    url = str(live.base_url).rstrip("/")
    page.goto(f"{url}/docs")
    operation = page.locator(".opblock", has_text="/compute/smb")
    operation.locator(".opblock-summary").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.locator("textarea.body-param__text").fill(json.dumps(body("smb")))
    operation.get_by_role("button", name="Execute").click()
    shown = operation.locator(".live-responses-table .highlight-code").first
    playwright_api.expect(shown).to_contain_text('"performance"')
    status = operation.locator(".live-responses-table .response .response-col_status").first
    playwright_api.expect(status).to_have_text("200")
    page.screenshot(path=tmp_path / "docs.png")
    assert all(name in shown.inner_text() for name in COMPUTED)
    assert not complaints
    assert all(address.startswith((f"{url}/", "data:")) for address in requested)
