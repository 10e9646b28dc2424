"""Fixtures: a way to start processes that none outlives its test, and data to start from."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.panels import panel_csv
from tests.e2e.servers import Server, call_command, commands


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """`start(Server)` or `start(Command, *arguments)`, in `tmp_path`; none is left after the test."""
    with commands(tmp_path) as start:
        yield start


@pytest.fixture(scope="session")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with one dataset, `small`: 12 assets, 220 days. Copy it."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "small.csv").write_bytes(panel_csv())
    done = call_command(folder / "data", "ingest", str(folder / "small.csv"), "--name", "small")
    assert done.exit_code == 0, done.stderr
    return folder / "data"


@pytest.fixture
def small(small_data: Path, tmp_path: Path) -> Path:
    """The data directory of `tmp_path`, with the dataset `small`."""
    return Path(shutil.copytree(small_data, tmp_path / "data"))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, small_data: Path) -> Iterator[Server]:
    """A server with the dataset `small` that tests share; each brings what it changes."""
    folder = tmp_path_factory.mktemp("shared")
    shutil.copytree(small_data, folder / "data")
    with commands(folder) as start:
        yield start(Server).ready()
