"""GraphiQL in a real browser that may talk to its own server only."""

import asyncio
import json
import re
import shutil
import socket
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest
import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError

from app.web.graphiql_page import ASSETS_PATH, graphiql_assets, graphiql_page

playwright_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

TOKEN = "token-of-the-test"
QUERY = '{ greeting(name: "Ada") }'
QUERY_RESULT = '"greeting": "Hello Ada"'
SUBSCRIPTION = "subscription { countdown(start: 3) }"
SUBSCRIPTION_DATA = [{"countdown": 3}, {"countdown": 2}, {"countdown": 1}]
LAST_SUBSCRIPTION_RESULT = '"countdown": 1'
DOCUMENTED_FIELD = "greeting"

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


@strawberry.type
class Query:
    @strawberry.field(description="Greets by name.")
    def greeting(self, name: str = "you") -> str:
        return f"Hello {name}"


@strawberry.type
class Subscription:
    @strawberry.subscription(description="Counts down to one.")
    async def countdown(self, start: int) -> AsyncGenerator[int, None]:
        for number in range(start, 0, -1):
            yield number
            await asyncio.sleep(0.05)


class GuardedGraphQL(GraphQL):
    """The endpoint of a small server: the page on GET, and a token asked for when there is one."""

    def __init__(self, token: str | None) -> None:
        schema = strawberry.Schema(Query, subscription=Subscription)
        super().__init__(schema, graphql_ide=None, subscription_protocols=["graphql-transport-ws"])
        self._accepted = None if token is None else f"Bearer {token}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            return await super().__call__(scope, receive, send)
        request = Request(scope)
        if request.method == "GET":
            return await graphiql_page(request)(scope, receive, send)
        if request.headers.get("x-factorql-request") != "1":
            return await JSONResponse({"errors": [{"message": "cross-site"}]}, 403)(scope, receive, send)
        if not self._admits(request.headers.get("authorization")):
            return await JSONResponse({"errors": [{"message": "no token"}]}, 401)(scope, receive, send)
        return await super().__call__(scope, receive, send)

    async def on_ws_connect(self, context: dict[str, object]) -> None:
        parameters = context["connection_params"] or {}
        if not self._admits(parameters.get("Authorization")):
            raise ConnectionRejectionError

    def _admits(self, authorization: str | None) -> bool:
        return self._accepted in (None, authorization)


@contextmanager
def serving(token: str | None = None) -> Iterator[str]:
    """The base URL of a server that runs until the context ends."""
    endpoint = GuardedGraphQL(token)
    routes = [
        Route("/graphql", endpoint),
        WebSocketRoute("/graphql", endpoint),
        Mount(ASSETS_PATH, app=graphiql_assets),
    ]
    config = uvicorn.Config(
        Starlette(routes=routes), log_level="warning", ws="websockets-sansio", lifespan="off"
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with serving() as url:
        yield url


@pytest.fixture(scope="module")
def guarded_url() -> Iterator[str]:
    with serving(TOKEN) as url:
        yield url


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

    def expect_result(self, text: str) -> None:
        result = self.page.locator(".result-window .CodeMirror-code")
        playwright_api.expect(result).to_contain_text(text)

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
    guarded = "guarded_url" in request.fixturenames
    url = request.getfixturevalue("guarded_url" if guarded else "base_url")
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


def test_it_opens_on_the_latest_runs_and_runs_what_is_typed(visit: Visit, base_url: str) -> None:
    visit.open(base_url)
    assert visit.page.title() == "FactorQL"
    for text in ("query LatestRuns", "latestRun", "annualizedReturn", "sharpeRatio", "maxDrawdown"):
        playwright_api.expect(visit.editor).to_contain_text(text)
    visit.select_all(visit.editor)
    visit.page.keyboard.type(QUERY)
    visit.page.keyboard.press("Control+Enter")
    visit.expect_result(QUERY_RESULT)


def test_a_subscription_streams_every_value(visit: Visit, base_url: str) -> None:
    visit.open(base_url)
    visit.run(SUBSCRIPTION)
    visit.expect_result(LAST_SUBSCRIPTION_RESULT)
    streamed = [frame["payload"]["data"] for frame in visit.frames if frame["type"] == "next"]
    assert streamed == SUBSCRIPTION_DATA


def test_documentation_and_explorer_open(visit: Visit, base_url: str) -> None:
    visit.open(base_url)
    plugin = visit.page.locator(".graphiql-plugin")
    visit.page.get_by_role("button", name="Show Documentation Explorer").click()
    plugin.get_by_role("link", name="Query", exact=True).click()
    playwright_api.expect(plugin).to_contain_text(DOCUMENTED_FIELD)
    visit.page.get_by_role("button", name="Show GraphiQL Explorer").click()
    playwright_api.expect(plugin).to_contain_text("Explorer")
    playwright_api.expect(plugin).to_contain_text(DOCUMENTED_FIELD)


def test_dialogs_and_menus_open_without_inline_styles(visit: Visit, base_url: str) -> None:
    visit.open(base_url)
    visit.page.get_by_role("button", name="Open settings dialog").click()
    visit.page.get_by_role("button", name="Dark").click()
    playwright_api.expect(visit.page.locator("body")).to_have_class(re.compile("graphiql-dark"))
    visit.page.keyboard.press("Escape")
    visit.run("query First { __typename } query Second { second: __typename }")
    visit.page.get_by_role("button", name=re.compile("Execute query")).click()
    visit.page.get_by_role("menuitem", name="Second").click()
    visit.expect_result('"second": "Query"')


def test_a_link_opens_its_query_and_variables_without_running_them(visit: Visit, base_url: str) -> None:
    query = "query Linked($name: String!) { greeting(name: $name) }"
    visit.open(base_url, query=query, variables='{"name": "Grace"}')
    playwright_api.expect(visit.editor).to_contain_text(query)
    variables = visit.page.get_by_label("Variables").locator(".CodeMirror").first
    playwright_api.expect(variables).to_contain_text('{"name": "Grace"}')
    playwright_api.expect(visit.page.locator(".result-window .CodeMirror-code")).to_have_text("")
    visit.editor.click(position={"x": 120, "y": 20})
    visit.page.keyboard.press("Control+Enter")
    visit.expect_result('"greeting": "Hello Grace"')


def test_a_token_is_asked_for_used_and_not_kept(visit: Visit, guarded_url: str) -> None:
    visit.open(guarded_url)
    visit.run(QUERY)
    visit.expect_result("This server asks for its API token.")
    visit.run(SUBSCRIPTION)
    visit.expect_result("This server asks for its API token.")

    visit.page.get_by_role("button", name="Headers").click()
    headers = visit.page.get_by_label("Headers").locator(".CodeMirror").last
    visit.paste_into(headers, '{"Authorization": "Bearer wrong"}')
    visit.run(QUERY)
    visit.expect_result("The server refused the API token")

    visit.paste_into(headers, f'{{"Authorization": "Bearer {TOKEN}"}}')
    visit.run(QUERY)
    visit.expect_result(QUERY_RESULT)
    visit.run(SUBSCRIPTION)
    visit.expect_result(LAST_SUBSCRIPTION_RESULT)

    visit.page.get_by_role("button", name="Show Documentation Explorer").click()
    plugin = visit.page.locator(".graphiql-plugin")
    playwright_api.expect(plugin.get_by_role("link", name="Query", exact=True)).to_be_visible()

    # GraphiQL saves what it keeps half a second after the last change.
    visit.page.wait_for_timeout(700)
    kept = visit.page.evaluate("JSON.stringify(localStorage)")
    assert "greeting" in kept
    assert "Bearer" not in kept
    assert TOKEN not in kept
    assert not [address for address in visit.requests if "Bearer" in address or TOKEN in address]
    refusals = [text for text in visit.complaints if "401" in text or "WebSocket" in text]
    assert refusals
    visit.complaints[:] = [text for text in visit.complaints if text not in refusals]
