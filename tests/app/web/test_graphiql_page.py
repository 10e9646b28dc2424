import gzip
import json
import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from app.web import graphiql_page as page_module
from app.web.graphiql_page import ASSETS_PATH, graphiql_assets, graphiql_page
from app.web.static_files import CONTENT_SECURITY_POLICY

ROOT = Path(page_module.__file__).parents[2]
ASSETS = ROOT / "app" / "web" / "graphiql"
SOURCE = ROOT / "scripts" / "graphiql"


class _Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def addresses(self) -> list[str]:
        return [
            value
            for _, attributes in self.tags
            for name, value in attributes.items()
            if name in {"href", "src"} and value is not None
        ]


@pytest.fixture
async def client() -> AsyncIterator[AsyncClient]:
    app = Starlette(routes=[Route("/graphql", graphiql_page), Mount(ASSETS_PATH, app=graphiql_assets)])
    async with AsyncClient(transport=ASGITransport(app), base_url="http://localhost") as client:
        yield client


@pytest.fixture(scope="module")
def elements() -> _Elements:
    return _Elements((ASSETS / "index.html").read_text(encoding="utf-8"))


def asset_name(suffix: str) -> str:
    (path,) = ASSETS.glob(f"*{suffix}")
    return path.name


def test_the_bundle_is_one_script_and_one_stylesheet_with_their_licences() -> None:
    suffixes = sorted(path.suffix for path in ASSETS.iterdir())
    assert suffixes == [".css", ".html", ".js", ".svg", ".txt", ".txt"]
    assert {path.name for path in ASSETS.glob("*.txt")} == {"LICENSES.txt", "VERSIONS.txt"}


async def test_the_page_names_only_files_that_it_serves(client: AsyncClient, elements: _Elements) -> None:
    addresses = elements.addresses()
    assert len(addresses) == 3
    for address in addresses:
        assert not re.match(r"[a-z]+:|//", address)
        assert (await client.get(f"/{address}")).status_code == 200


def test_the_page_has_nothing_inline(elements: _Elements) -> None:
    for tag, attributes in elements.tags:
        assert tag != "style"
        assert tag != "script" or attributes.get("src")
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]


def test_the_stylesheet_loads_nothing() -> None:
    stylesheet = (ASSETS / asset_name(".css")).read_text(encoding="utf-8")
    assert not re.search(r"@import|@font-face", stylesheet)
    assert all(address.startswith("data:") for address in re.findall(r"url\(['\"]?([^)]*)", stylesheet))


async def test_the_page_is_titled_html_that_is_checked_anew_each_time(client: AsyncClient) -> None:
    response = await client.get("/graphql")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    assert "<title>FactorQL</title>" in response.text


@pytest.mark.parametrize(
    ("suffix", "content_type"),
    [
        (".js", "text/javascript; charset=utf-8"),
        (".css", "text/css; charset=utf-8"),
        (".svg", "image/svg+xml"),
    ],
)
async def test_hashed_files_have_their_type_and_are_kept_for_ever(
    client: AsyncClient, suffix: str, content_type: str
) -> None:
    name = asset_name(suffix)
    response = await client.get(f"{ASSETS_PATH}/{name}")
    assert re.search(r"-[A-Z0-9]{8}\.", name)
    assert response.headers["content-type"] == content_type
    assert "immutable" in response.headers["cache-control"]


async def test_every_answer_carries_the_security_headers(client: AsyncClient) -> None:
    for path in ("/graphql", f"{ASSETS_PATH}/{asset_name('.js')}", f"{ASSETS_PATH}/missing.js"):
        headers = (await client.get(path)).headers
        assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_the_policy_allows_nothing_inline_and_nothing_foreign() -> None:
    directives = dict(part.split(" ", 1) for part in CONTENT_SECURITY_POLICY.split("; "))
    assert set(directives.values()) == {"'self'", "'none'"}
    assert directives["default-src"] == "'none'"
    assert directives["frame-ancestors"] == "'none'"


async def test_compression_depends_on_what_the_client_accepts(client: AsyncClient) -> None:
    path = f"{ASSETS_PATH}/{asset_name('.js')}"
    plain = await client.get(path, headers={"accept-encoding": "identity"})
    async with client.stream("GET", path, headers={"accept-encoding": "gzip"}) as packed:
        content = b"".join([part async for part in packed.aiter_raw()])
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert "accept-encoding" in packed.headers["vary"]
    assert len(content) < len(plain.content) / 2
    assert gzip.decompress(content) == plain.content


async def test_an_unchanged_file_is_not_sent_again(client: AsyncClient) -> None:
    tag = (await client.get("/graphql")).headers["etag"]
    again = await client.get("/graphql", headers={"if-none-match": tag})
    assert again.status_code == 304
    assert again.content == b""
    other = await client.get("/graphql", headers={"if-none-match": 'W/"other"'})
    assert other.status_code == 200


@pytest.mark.parametrize("name", ["missing.js", "..%2Fgraphiql_page.py", "index.html", ""])
async def test_other_names_are_not_found(client: AsyncClient, name: str) -> None:
    assert (await client.get(f"{ASSETS_PATH}/{name}")).status_code == 404


def test_the_licences_name_every_bundled_package() -> None:
    licences = (ASSETS / "LICENSES.txt").read_text(encoding="utf-8")
    bundled = (ASSETS / "VERSIONS.txt").read_text(encoding="utf-8").splitlines()
    missing = [title for title in bundled if f"\n{title}\n" not in licences]
    assert not missing
    for name, version in json.loads((SOURCE / "package.json").read_text())["dependencies"].items():
        assert any(title.startswith(f"{name} {version} (") for title in bundled)


def test_the_dependencies_are_pinned_and_the_lock_names_no_download_address() -> None:
    package = json.loads((SOURCE / "package.json").read_text())
    lock = json.loads((SOURCE / "package-lock.json").read_text())
    for name, version in {**package["dependencies"], **package["devDependencies"]}.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
        assert lock["packages"][f"node_modules/{name}"]["version"] == version
    installed = [entry for path, entry in lock["packages"].items() if path]
    assert all("integrity" in entry and "resolved" not in entry for entry in installed)
