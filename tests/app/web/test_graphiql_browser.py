"""GraphiQL in a real browser that may talk to its own server only."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.e2e.graph import launched
from tests.e2e.held_datasets import held_datasets
from tests.e2e.servers import Server, commands

pytestmark = pytest.mark.slow

playwright_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

TOKEN = "token-of-the-test"
QUERY = "{ factor(name: SMB) { title latestRun { status dataset { label } } } }"
QUERY_RESULT = '"label": "sample-synthetic v1 (synthetic)"'
DOCUMENTED_FIELD = "latestFactorRuns"
ENDED_RUN = "query { latestFactorRuns(factors: [SMB]) { id } }"

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


@pytest.fixture(scope="module")
def folder(demo_copy: Callable[[], Path]) -> Path:
    """A data directory after `factorql demo`."""
    return demo_copy()


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with commands(folder) as start:
        yield start(Server).ready()


@pytest.fixture(scope="module")
def guarded_server(folder: Path) -> Iterator[Server]:
    with commands(folder) as start:
        yield start(Server, api_token=TOKEN).ready()


@pytest.fixture(scope="module")
def browser() -> Iterator["playwright_api.Browser"]:
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
    """A page, and what happened to it."""

    page: "playwright_api.Page"
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    frames: list[dict[str, Any]] = field(default_factory=list)
    """What WebSockets have received."""
    sent: list[dict[str, Any]] = field(default_factory=list)

    def open(self, url: str, **parameters: str) -> None:
        self.page.goto(f"{url}/graphql?{urlencode(parameters)}" if parameters else f"{url}/graphql")

    @property
    def editor(self) -> "playwright_api.Locator":
        return self.page.locator(".graphiql-query-editor .CodeMirror")

    def select_all(self, editor: "playwright_api.Locator") -> None:
        # Near its corner: the middle of a long document may lie under the tool bar.
        editor.click(position={"x": 120, "y": 20})
        self.page.keyboard.press("Control+A")

    def paste_into(self, editor: "playwright_api.Locator", text: str) -> None:
        self.select_all(editor)
        self.page.keyboard.insert_text(text)

    def run(self, query: str) -> None:
        self.paste_into(self.editor, query)
        self.page.keyboard.press("Control+Enter")

    @property
    def result(self) -> "playwright_api.Locator":
        return self.page.locator(".result-window .CodeMirror-code")

    def expect_result(self, text: str) -> None:
        playwright_api.expect(self.result).to_contain_text(text)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        for _ in range(100):
            if condition():
                return
            self.page.wait_for_timeout(50)
        pytest.fail("it did not happen in time")

    def events(self) -> list[dict[str, Any]]:
        """What the subscriptions of this page were sent."""
        return [frame["payload"]["data"]["runEvents"] for frame in self.frames if frame["type"] == "next"]

    def foreign_requests(self, url: str) -> list[str]:
        own = (f"{url}/", url.replace("http", "ws", 1) + "/", "data:")
        return [request for request in self.requests if not request.startswith(own)]


@pytest.fixture(scope="module")
def context(browser: "playwright_api.Browser") -> Iterator["playwright_api.BrowserContext"]:
    context = browser.new_context(viewport={"width": 1300, "height": 800})
    context.set_default_timeout(8_000)
    yield context
    context.close()


@pytest.fixture
def visit(context: "playwright_api.BrowserContext", request: pytest.FixtureRequest) -> Iterator[Visit]:
    """A new page that stored nothing yet; it must have complained of nothing and asked no other host."""
    guarded = "guarded_server" in request.fixturenames
    url = request.getfixturevalue("guarded_server" if guarded else "server").url
    visit = Visit(context.new_page())
    visit.page.add_init_script("localStorage.clear()")

    def police(route: "playwright_api.Route") -> None:
        if route.request.url.startswith(f"{url}/"):
            route.continue_()
        else:
            route.abort()

    def watch_socket(opened: "playwright_api.WebSocket") -> None:
        visit.requests.append(opened.url)
        opened.on("framereceived", lambda frame: visit.frames.append(json.loads(frame)))
        opened.on("framesent", lambda frame: visit.sent.append(json.loads(frame)))

    def hear(message: "playwright_api.ConsoleMessage") -> None:
        if message.type in {"error", "warning"}:
            visit.complaints.append(message.text)

    visit.page.route("**/*", police)
    visit.page.on("request", lambda sent: visit.requests.append(sent.url))
    visit.page.on("websocket", watch_socket)
    visit.page.on("console", hear)
    visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    yield visit
    visit.page.close()
    assert visit.complaints == []
    assert visit.requests
    assert visit.foreign_requests(url) == []


def test_it_opens_on_the_latest_runs(visit: Visit, server: Server) -> None:
    visit.open(server.url)
    assert visit.page.title() == "FactorQL"
    playwright_api.expect(visit.editor).to_contain_text("query LatestRuns")
    visit.editor.click(position={"x": 120, "y": 20})
    visit.page.keyboard.press("Control+Enter")
    visit.expect_result('"title": "Size (small minus big)"')
    visit.expect_result('"sharpeRatio": 1.45')
    visit.expect_result('"title": "Value (historical direction: long expensive)"')
    playwright_api.expect(visit.result).not_to_contain_text("errors")


def test_what_is_typed_runs(visit: Visit, server: Server) -> None:
    visit.open(server.url)
    visit.select_all(visit.editor)
    visit.page.keyboard.type(QUERY)
    visit.page.keyboard.press("Control+Enter")
    visit.expect_result(QUERY_RESULT)


def test_a_subscription_streams_a_run_to_its_end(visit: Visit, server: Server) -> None:
    visit.open(server.url)
    visit.run("subscription { runEvents { kind status run { id ... on FactorRun { factor { name } } } } }")
    visit.wait_until(lambda: any(frame["type"] == "subscribe" for frame in visit.sent))
    with held_datasets(server.folder / "data") as release:
        run_id = launched(server, spec={"value": {}}, dataset=None, force=True)
        visit.wait_until(lambda: any(event["run"]["id"] == run_id for event in visit.events()))
        release()
        visit.expect_result('"kind": "SUCCEEDED"')
    visit.expect_result(run_id)
    kinds = [event["kind"] for event in visit.events() if event["run"]["id"] == run_id]
    assert kinds.count("SUCCEEDED") == 1
    assert kinds[-1] == "SUCCEEDED"


def test_documentation_and_explorer_open(visit: Visit, server: Server) -> None:
    visit.open(server.url)
    plugin = visit.page.locator(".graphiql-plugin")
    visit.page.get_by_role("button", name="Show Documentation Explorer").click()
    plugin.get_by_role("link", name="Query", exact=True).click()
    playwright_api.expect(plugin).to_contain_text(DOCUMENTED_FIELD)
    plugin.get_by_role("link", name="factorRuns", exact=True).click()
    playwright_api.expect(plugin).to_contain_text("FactorRunConnection")
    visit.page.get_by_role("button", name="Show GraphiQL Explorer").click()
    playwright_api.expect(plugin).to_contain_text("Explorer")
    playwright_api.expect(plugin).to_contain_text(DOCUMENTED_FIELD)


def test_dialogs_and_menus_open_without_inline_styles(visit: Visit, server: Server) -> None:
    visit.open(server.url)
    visit.page.get_by_role("button", name="Open settings dialog").click()
    visit.page.get_by_role("button", name="Dark").click()
    playwright_api.expect(visit.page.locator("body")).to_have_class(re.compile("graphiql-dark"))
    visit.page.keyboard.press("Escape")
    visit.paste_into(visit.editor, "query First { __typename } query Second { second: __typename }")
    second = visit.page.get_by_role("menuitem", name="Second")

    def menu_opens() -> bool:
        # before the editor has read the two operations, the button runs what there was
        visit.page.get_by_role("button", name=re.compile("Execute query")).click()
        visit.page.wait_for_timeout(200)
        return second.is_visible()

    visit.wait_until(menu_opens)
    second.click()
    visit.expect_result('"second": "Query"')


def test_a_link_opens_its_query_and_variables_without_running_them(visit: Visit, server: Server) -> None:
    query = "query Linked($name: FactorName!) { factor(name: $name) { longSide } }"
    visit.open(server.url, query=query, variables='{"name": "VALUE"}')
    playwright_api.expect(visit.editor).to_contain_text(query)
    variables = visit.page.get_by_label("Variables").locator(".CodeMirror").first
    playwright_api.expect(variables).to_contain_text('{"name": "VALUE"}')
    playwright_api.expect(visit.result).to_have_text("")
    visit.editor.click(position={"x": 120, "y": 20})
    visit.page.keyboard.press("Control+Enter")
    visit.expect_result('"longSide": "HIGH"')


def test_a_token_is_asked_for_used_and_not_kept(visit: Visit, guarded_server: Server) -> None:
    authorized = {"authorization": f"Bearer {TOKEN}"}
    body = {"query": ENDED_RUN}
    latest = guarded_server.client.post(f"{guarded_server.url}/graphql", json=body, headers=authorized)
    run_id = latest.json()["data"]["latestFactorRuns"][0]["id"]
    visit.open(guarded_server.url)
    visit.run(QUERY)
    visit.expect_result("This server asks for its API token.")
    visit.run("subscription { runEvents { kind } }")
    visit.expect_result("This server asks for its API token.")

    visit.page.get_by_role("button", name="Headers").click()
    headers = visit.page.get_by_label("Headers").locator(".CodeMirror").last
    visit.paste_into(headers, '{"Authorization": "Bearer wrong"}')
    visit.run(QUERY)
    visit.expect_result("The server refused the API token")

    visit.paste_into(headers, f'{{"Authorization": "Bearer {TOKEN}"}}')
    visit.run(QUERY)
    visit.expect_result(QUERY_RESULT)
    visit.run('subscription { runEvents(runId: "' + run_id + '") { kind } }')
    visit.expect_result('"kind": "SNAPSHOT"')

    visit.page.get_by_role("button", name="Show Documentation Explorer").click()
    plugin = visit.page.locator(".graphiql-plugin")
    playwright_api.expect(plugin.get_by_role("link", name="Query", exact=True)).to_be_visible()

    # GraphiQL saves what it keeps half a second after the last change.
    visit.page.wait_for_timeout(700)
    kept = visit.page.evaluate("JSON.stringify(localStorage)")
    assert "latestRun" in kept
    assert "Bearer" not in kept
    assert TOKEN not in kept
    assert not [address for address in visit.requests if "Bearer" in address or TOKEN in address]
    refusals = [text for text in visit.complaints if "401" in text or "WebSocket" in text]
    assert refusals
    visit.complaints[:] = [text for text in visit.complaints if text not in refusals]
