"""Fixtures: the application on the sample, computing, and one that has nothing and computes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.datasets.service import ingest_sample
from app.features.legacy.imports import import_logs
from app.features.legacy.logs.records import LegacySeries
from app.features.legacy.logs.write import write_factor_csv, write_returns_csv
from app.settings import Settings
from app.wiring import open_services
from tests.app.rest.asking import IMPORTED
from tests.app.test_main import serving, settings_of, without_executor


@pytest.fixture(scope="session")
def live_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rest")


@pytest.fixture(scope="session")
def live(live_folder: Path) -> Iterator[httpx.Client]:
    """With the sample, an imported run of `value`, and CSV logs. Tests share it, and bring what they need."""
    settings = settings_of(live_folder / "data", csv_log_dir=live_folder / "logs", max_json_bytes=20_000)
    asyncio.run(_prepare(settings))
    with serving(settings) as client:
        yield client


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Has nothing. Tests share it, and change nothing that others see."""
    with serving(settings_of(tmp_path_factory.mktemp("empty")), services_factory=without_executor) as client:
        yield client


async def _prepare(settings: Settings) -> None:
    async with open_services(settings, execute=False) as services:
        await ingest_sample(services)
        await import_logs(
            services,
            {"value.csv": write_factor_csv([IMPORTED]), _series_name(): write_returns_csv(_series())},
            source="test",
        )


def _series() -> LegacySeries:
    assert IMPORTED.start_date is not None
    assert IMPORTED.end_date is not None
    return LegacySeries(
        factor="value",
        legacy_run_id=IMPORTED.legacy_run_id,
        dates=(IMPORTED.start_date, IMPORTED.end_date),
        returns=(0.25, -0.2),
    )


def _series_name() -> str:
    return f"value_{IMPORTED.legacy_run_id}_returns.csv"
