import gzip
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from app.web import dashboard_page as page_module
from app.web.dashboard_page import ASSETS_PATH, dashboard_assets, dashboard_page, first_view_files
from app.web.static_files import CONTENT_SECURITY_POLICY

ROOT = Path(page_module.__file__).parents[2]
FOLDER = ROOT / "app" / "web" / "dashboard"
SOURCE = ROOT / "scripts" / "dashboard"
MODULES = sorted(path for path in FOLDER.rglob("*.js") if path.parent.name != "vendor")
FIRST_VIEW_BYTES = 300_000
IMPORT = re.compile(r'(?:\bfrom |import\()"(\.[^"]+)"')


@pytest.fixture
async def client() -> AsyncIterator[AsyncClient]:
    app = Starlette(routes=[Route("/", dashboard_page), Mount(ASSETS_PATH, app=dashboard_assets)])
    async with AsyncClient(transport=ASGITransport(app), base_url="http://localhost") as client:
        yield client


@pytest.fixture
async def page(client: AsyncClient) -> str:
    return (await client.get("/")).text


def addresses(page: str) -> list[str]:
    return re.findall(r'(?:href|src)="([^"]+)"', page)


async def test_the_page_is_html_that_is_checked_anew_each_time(client: AsyncClient) -> None:
    response = await client.get("/")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    assert "<title>FactorQL</title>" in response.text
    assert "{{" not in response.text


async def test_the_page_names_only_files_that_it_serves(client: AsyncClient, page: str) -> None:
    assert len(addresses(page)) > 10
    for address in addresses(page):
        assert not re.match(r"[a-z]+:|/", address)
        assert (await client.get(f"/{address}")).status_code == 200


def test_the_page_has_nothing_inline(page: str) -> None:
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", page)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))


async def test_files_are_kept_for_ever_under_an_address_that_hashes_them(
    client: AsyncClient, page: str
) -> None:
    for address in addresses(page):
        assert re.match(r"dashboard/[0-9a-f]{16}/", address)
        response = await client.get(f"/{address}")
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_a_changed_file_changes_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    before = page_module._version()
    content = page_module._files()["main.js"].content.replace(b"dashboard", b"dashBoard")
    changed = {**page_module._files(), "main.js": page_module.static_file("main.js", content)}
    page_module._version.cache_clear()
    monkeypatch.setattr(page_module, "_files", lambda: changed)
    try:
        assert page_module._version() != before
    finally:
        page_module._version.cache_clear()


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("main.js", "text/javascript; charset=utf-8"),
        ("styles/base.css", "text/css; charset=utf-8"),
        ("mark.svg", "image/svg+xml"),
        ("vendor/LICENSES.txt", "text/plain; charset=utf-8"),
    ],
)
async def test_files_have_their_type(client: AsyncClient, page: str, name: str, content_type: str) -> None:
    prefix = addresses(page)[0].rsplit("/", 1)[0]
    response = await client.get(f"/{prefix}/{name}")
    assert response.status_code == 200
    assert response.headers["content-type"] == content_type


async def test_every_answer_carries_the_security_headers(client: AsyncClient, page: str) -> None:
    for path in ("/", f"/{addresses(page)[0]}", f"{ASSETS_PATH}/missing/missing.js"):
        headers = (await client.get(path)).headers
        assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "name", ["missing.js", "index.html", "", "lib", "../graphiql/index.html", "..%2Fgraphiql_page.py"]
)
async def test_other_names_are_not_found(client: AsyncClient, page: str, name: str) -> None:
    prefix = addresses(page)[0].rsplit("/", 1)[0]
    assert (await client.get(f"/{prefix}/{name}")).status_code == 404


async def test_files_of_another_version_are_not_found(client: AsyncClient) -> None:
    assert (await client.get(f"{ASSETS_PATH}/0123456789abcdef/main.js")).status_code == 404


async def test_an_unchanged_page_is_not_sent_again(client: AsyncClient) -> None:
    tag = (await client.get("/")).headers["etag"]
    assert (await client.get("/", headers={"if-none-match": tag})).status_code == 304
    assert (await client.get("/", headers={"if-none-match": 'W/"other"'})).status_code == 200


async def test_the_first_view_is_small(client: AsyncClient, page: str) -> None:
    prefix = addresses(page)[0].rsplit("/", 1)[0]
    names = first_view_files()
    assert {"main.js", "pages/overview.js", "vendor/uplot.js", "styles/base.css"} <= set(names)
    total = 0
    for path in ("/", *(f"/{prefix}/{name}" for name in names)):
        async with client.stream("GET", path, headers={"accept-encoding": "gzip"}) as packed:
            content = b"".join([part async for part in packed.aiter_raw()])
        assert packed.headers["content-encoding"] == "gzip"
        assert "accept-encoding" in packed.headers["vary"]
        assert gzip.decompress(content)
        total += len(content)
    assert total < FIRST_VIEW_BYTES


def test_a_browser_learns_of_each_module_of_the_first_view_at_once(page: str) -> None:
    preloaded = set(re.findall(r'modulepreload" href="dashboard/[0-9a-f]+/([^"]+)"', page))
    assert preloaded == {name for name in first_view_files() if name.endswith(".js")}
    # What a reader may never open is loaded when it is.
    assert not [name for name in preloaded if name.startswith(("pages/launch", "pages/run", "pages/imports"))]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_modules_import_only_files_that_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r'\bfrom "[^."][^"]*";', text), "browsers do not resolve bare names"
    for address in IMPORT.findall(text):
        assert (path.parent / address).resolve().is_file()


def test_the_preloaded_modules_are_all_that_the_first_view_imports() -> None:
    listed = {name for name in first_view_files() if name.endswith(".js")}
    for name in listed:
        if name.startswith("vendor/"):
            continue
        text = (FOLDER / name).read_text(encoding="utf-8")
        for address in IMPORT.findall(text.replace("import(", "")):
            target = (FOLDER / name).parent.joinpath(address).resolve().relative_to(FOLDER).as_posix()
            assert target in listed


def test_the_stylesheets_load_nothing() -> None:
    for path in FOLDER.rglob("*.css"):
        assert not re.search(r"@import|@font-face|url\(", path.read_text(encoding="utf-8")), path.name


def test_the_modules_name_no_other_host() -> None:
    for path in MODULES:
        assert not re.search(r"https?://|wss?://|//[a-z]+\.[a-z]", path.read_text(encoding="utf-8")), (
            path.name
        )


def test_the_libraries_come_with_their_versions_and_licences() -> None:
    vendored = (FOLDER / "vendor" / "VERSIONS.txt").read_text(encoding="utf-8").splitlines()
    licences = (FOLDER / "vendor" / "LICENSES.txt").read_text(encoding="utf-8")
    package = json.loads((SOURCE / "package.json").read_text())
    assert len(vendored) == len(package["dependencies"])
    for name, version in package["dependencies"].items():
        (title,) = (title for title in vendored if title.startswith(f"{name} {version} ("))
        assert f"\n{title}\n" in licences


def test_the_dependencies_are_pinned_and_the_lock_names_no_download_address() -> None:
    package = json.loads((SOURCE / "package.json").read_text())
    lock = json.loads((SOURCE / "package-lock.json").read_text())
    for name, version in {**package["dependencies"], **package["devDependencies"]}.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
        assert lock["packages"][f"node_modules/{name}"]["version"] == version
    installed = [entry for path, entry in lock["packages"].items() if path]
    assert all("integrity" in entry and "resolved" not in entry for entry in installed)
