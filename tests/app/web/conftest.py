"""What the tests of the dashboard share. The browser is imported late: where it is missing, they skip."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.servers import Server, commands, run_command

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

    from tests.app.web.browsing import Visit

IMPORT = "mutation Import($files: [Upload!]!) { importFactorLogs(files: $files) { __typename } }"


@pytest.fixture(scope="package")
def demo_copy(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Gives a new folder with what `factorql demo` leaves, which is computed once for all of them."""
    folder = tmp_path_factory.mktemp("demo")
    done = run_command(folder, "demo", "--no-serve")
    assert done.returncode == 0, done.stderr
    return lambda: Path(shutil.copytree(folder, tmp_path_factory.mktemp("copy"), dirs_exist_ok=True))


@pytest.fixture(scope="package")
def server(demo_copy: Callable[[], Path]) -> Iterator[Server]:
    """A server with what `factorql demo` leaves, and one import of logs with lines that say nothing."""
    from tests.app.web.browsing import BAD_LINES

    with commands(demo_copy()) as start:
        server = start(Server).ready()
        lines = [
            "run_id,factor,breakpoint",
            *(f"2024010{n % 9}_0000{n:02},carry,{n}" for n in range(BAD_LINES)),
        ]
        log = ("variables.files.0", "carry.csv", "\n".join(lines).encode())
        server.upload(IMPORT, {"files": [None]}, [log])
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from tests.app.web.browsing import chromium

    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 860}, timezone_id="Asia/Tokyo")
    yield context
    context.close()


@pytest.fixture
def visit(context: BrowserContext, server: Server) -> Iterator[Visit]:
    from tests.app.web.browsing import visiting

    with visiting(context, server.url) as visit:
        yield visit
