"""The graph over an open store of either database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import strawberry

from app.schema.schema import build_schema
from app.services.context import Services
from app.services.events import EventHub
from app.settings import Settings
from db.store import Store
from tests.app.schema.graph import Graph, Population, populate


@pytest.fixture(scope="session")
def schema() -> strawberry.Schema:
    return build_schema()


@pytest.fixture
async def services(store: Store, tmp_path: Path) -> AsyncIterator[Services]:
    """Nothing is computed: runs stay queued until a test finishes them."""
    settings = Settings(data_dir=tmp_path, _env_file=None)
    events = EventHub(store)
    yield Services(settings, store, events, executor=None)
    await events.close()


@pytest.fixture
def graph(schema: strawberry.Schema, services: Services) -> Graph:
    return Graph(schema, services)


@pytest.fixture
async def population(graph: Graph) -> Population:
    return await populate(graph.services.store)
