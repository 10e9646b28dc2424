"""Asking the questions that a pin holds, and comparing the answers to the last digit."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import os
import platform
import tarfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import scipy

from app.main import create_app
from app.settings import Settings
from app.wiring import open_services

HERE = Path(__file__).parent
DATABASE = "factorql.sqlite"
TOLERANCE = 1e-11
"""How far a float may be off on another machine, whose libraries add up in another order."""

_LONG = 6
_REWRITE = os.environ.get("FACTORQL_PIN") == "1"


@cache
def machine() -> str:
    """Return a mark of all that the last digit of a float may depend on."""
    found = np._core._multiarray_umath.__cpu_features__  # type: ignore[attr-defined]
    parts = [platform.machine(), *sorted(name for name, has in found.items() if has)]
    parts += [np.__version__, scipy.__version__, str(os.cpu_count())]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


def unpack(folder: Path) -> Path:
    """Put a copy of the kept data folder there."""
    with tarfile.open(HERE / "store_0005.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


@asynccontextmanager
async def serving(
    folder: Path, *, database_url: str | None = None, execute: bool = False
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application on the data folder; nothing is computed unless said otherwise."""

    def services(settings: Settings, **_: Any) -> Any:
        return open_services(settings, execute=execute)

    settings = Settings(_env_file=None, data_dir=folder, database_url=database_url)
    app = create_app(settings, services_factory=services)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1:8000") as client,
    ):
        yield client


async def follow(
    client: httpx.AsyncClient, query: str, variables: dict[str, Any], count: int
) -> list[dict[str, Any]]:
    """Return the first `count` messages of a subscription."""
    app = client._transport.app  # type: ignore[attr-defined]
    said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    heard: asyncio.Queue[Any] = asyncio.Queue()

    async def hear(message: Any) -> None:
        heard.put_nowait(message)

    def say(**message: Any) -> None:
        said.put_nowait({"type": "websocket.receive", "text": json.dumps(message)})

    scope = {
        "type": "websocket",
        "path": "/graphql",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:8000")],
        "client": ("127.0.0.1", 50_000),
        "subprotocols": ["graphql-transport-ws"],
    }
    said.put_nowait({"type": "websocket.connect"})
    say(type="connection_init")
    say(type="subscribe", id="1", payload={"query": query, "variables": variables})
    connection = asyncio.ensure_future(app(scope, said.get, hear))
    messages: list[dict[str, Any]] = []
    async with asyncio.timeout(60):
        while len(messages) < count:
            message = await heard.get()
            assert message["type"] != "websocket.close", message
            told = json.loads(message.get("text") or "{}")
            if told.get("type") in ("next", "error", "complete"):
                messages.append(told)
    said.put_nowait({"type": "websocket.disconnect", "code": 1000})
    await connection
    return messages


async def ask(client: httpx.AsyncClient, query: str, variables: dict[str, Any] | None = None) -> Any:
    """Return data and errors of a GraphQL request."""
    answer = await client.post("/graphql", json={"query": query, "variables": variables or {}})
    return answer.json()


class Pin:
    """A JSON file of questions and answers; `check` compares an answer with the kept one."""

    def __init__(self, name: str) -> None:
        self.path = HERE / name
        self.content: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        self.exact = self.content["machine"] == machine()
        self.differences: list[str] = []

    def check(self, entry: dict[str, Any], answer: Any, label: str, key: str = "answer") -> None:
        """Compare an answer with the kept one, or keep it."""
        condensed = condense(answer)
        if _REWRITE:
            entry[key] = condensed
        else:
            self.differences += differences(entry.get(key), condensed, label, exact=self.exact)

    def close(self) -> None:
        """Fail with what differs, or write the answers where that was asked for."""
        if _REWRITE:
            self.content["machine"] = machine()
            self.path.write_text(_text(self.content), encoding="utf-8")
        assert not self.differences, "\n".join(self.differences[:40])


def _text(content: dict[str, Any]) -> str:
    """Return JSON with a line for each question."""
    lines = []
    for key, value in content.items():
        listed = json.dumps(value, ensure_ascii=False)
        if isinstance(value, list):
            listed = "[\n" + ",\n".join(json.dumps(one, ensure_ascii=False) for one in value) + "\n]"
        lines.append(f"{json.dumps(key)}: {listed}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def condense(value: Any) -> Any:
    """Return the same, but of long lists count, ends, sum and hash alone."""
    if isinstance(value, dict):
        return {key: condense(item) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    if len(value) <= _LONG:
        return [condense(item) for item in value]
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return {
        "count": len(value),
        "first": condense(value[0]),
        "last": condense(value[-1]),
        "sum": math.fsum(_numbers(value)),
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _numbers(item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)


def differences(kept: Any, found: Any, where: str, *, exact: bool) -> list[str]:
    """Return each place where two answers differ; types and the order of keys count, too."""
    same = partial(differences, exact=exact)
    if isinstance(kept, dict) and isinstance(found, dict):
        if list(kept) != list(found):
            return [f"{where}: keys {list(kept)} have become {list(found)}"]
        # A hash tells nothing where floats may be off.
        keys = [key for key in kept if exact or key != "sha256" or "sum" not in kept or not _has_floats(kept)]
        return [line for key in keys for line in same(kept[key], found[key], f"{where}.{key}")]
    if isinstance(kept, list) and isinstance(found, list) and len(kept) == len(found):
        pairs = enumerate(zip(kept, found, strict=True))
        return [line for number, (old, new) in pairs for line in same(old, new, f"{where}[{number}]")]
    if type(kept) is type(found) and kept == found:
        return []
    if not exact and isinstance(kept, float) and isinstance(found, float):
        close = math.isclose(kept, found, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
        return [] if close else [f"{where}: {kept!r} has become {found!r}"]
    return [f"{where}: {kept!r} has become {found!r}"]


def _has_floats(digest: dict[str, Any]) -> bool:
    return any(
        not number.is_integer() for number in _numbers([digest["first"], digest["last"], digest["sum"]])
    )
