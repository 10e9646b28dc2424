"""GraphiQL of the real server in a browser that has no network but that server."""

from __future__ import annotations

import json
import shutil
from urllib.parse import quote

import pytest

from tests.e2e.graph import LAUNCH, small_spec
from tests.e2e.servers import Server

playwright_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
RESULT = ".result-window .CodeMirror-code"


@pytest.fixture(scope="module")
def browser():
    found = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    executable = next(found, None)
    if executable is None:
        pytest.skip("no Chromium is installed")
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser, server: Server):
    """A fresh page that must neither complain nor ask another host."""
    context = browser.new_context(viewport={"width": 1300, "height": 800})
    context.set_default_timeout(10_000)
    page = context.new_page()
    complaints, foreign = [], []

    def police(route) -> None:
        if route.request.url.startswith(f"{server.url}/"):
            route.continue_()
        else:
            foreign.append(route.request.url)
            route.abort()

    page.route("**/*", police)
    page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []
    assert foreign == []


def write(page, text: str) -> None:
    page.locator(".graphiql-query-editor .CodeMirror").click(position={"x": 120, "y": 20})
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)


def test_a_typed_query_runs(page, server):
    page.goto(f"{server.url}/graphql")
    write(page, "{ factors { name title } datasets { nodes { name assetCount } } }")
    page.keyboard.press("Control+Enter")
    playwright_api.expect(page.locator(RESULT)).to_contain_text("Size (small minus big)")
    playwright_api.expect(page.locator(RESULT)).to_contain_text('"name": "small"')


def test_the_welcome_query_runs_as_it_stands(page, server):
    page.goto(f"{server.url}/graphql")
    playwright_api.expect(page.locator(".graphiql-query-editor")).to_contain_text("query LatestRuns")
    page.get_by_role("button", name="Execute query (Ctrl-Enter)").click()
    playwright_api.expect(page.locator(RESULT)).to_contain_text('"latestRun"')
    playwright_api.expect(page.locator(RESULT)).not_to_contain_text('"errors"')


def test_a_link_opens_its_query_in_the_editor(page, server):
    page.goto(f"{server.url}/graphql?query={quote('query Linked { health { status } }')}")
    playwright_api.expect(page.locator(".graphiql-query-editor")).to_contain_text("query Linked")
    page.keyboard.press("Control+Enter")
    page.get_by_role("button", name="Execute query (Ctrl-Enter)").click()
    playwright_api.expect(page.locator(RESULT)).to_contain_text('"status": "OK"')


def test_a_subscription_streams_a_run_to_its_end(page, server):
    frames: list[dict] = []
    page.on(
        "websocket",
        lambda opened: opened.on("framereceived", lambda frame: frames.append(json.loads(frame))),
    )
    page.goto(f"{server.url}/graphql")
    write(page, "subscription { runEvents { kind status run { id factor { name } } } }")
    page.keyboard.press("Control+Enter")
    page.wait_for_timeout(1_500)
    answer = server.ask(LAUNCH, input={"force": True, "spec": small_spec()}, waitSeconds=20)
    run_id = answer["computeFactor"]["run"]["id"]
    playwright_api.expect(page.locator(RESULT)).to_contain_text('"SUCCEEDED"')
    playwright_api.expect(page.locator(RESULT)).to_contain_text(run_id)
    events = [frame["payload"]["data"]["runEvents"] for frame in frames if frame["type"] == "next"]
    kinds = [event["kind"] for event in events if event["run"]["id"] == run_id]
    assert kinds[-2:] == ["STARTED", "SUCCEEDED"]
