"""The graph over an open store of either database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import strawberry

from app.context import Services
from app.graph import build_schema
from app.runs.events import EventHub
from app.settings import Settings
from db.records import RunRecord
from db.store import Store
from tests.app.exposing import add_exposed
from tests.app.schema.graph import Graph, Population, populate
from tests.app.schema.modelling import add_model
from tests.app.schema.sweeping import add_sweep


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
async def sweep(graph: Graph) -> RunRecord:
    """A succeeded sweep; ask for it before the population, whose queued run would be claimed instead."""
    return await add_sweep(graph.services.store)


@pytest.fixture
async def model(graph: Graph) -> RunRecord:
    """A succeeded risk model, to be asked for before the population too."""
    return await add_model(graph.services)


@pytest.fixture
async def exposed(graph: Graph) -> list[RunRecord]:
    """MARKET and SMB on a dataset with files, whose assets are combinations of them; ask for it before the
    population too."""
    return await add_exposed(graph.services)


@pytest.fixture
async def population(graph: Graph) -> Population:
    return await populate(graph.services.store)
