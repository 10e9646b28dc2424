"""A scripted vendor and a client on a clock of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.app.sources.vendor import Bench, FakeTime, Vendor, opened, serve


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()


@pytest.fixture
async def vendor(fake_time: FakeTime) -> AsyncIterator[Vendor]:
    async with serve(fake_time) as vendor:
        yield vendor


@pytest.fixture
async def bench(fake_time: FakeTime, tmp_path: Path) -> AsyncIterator[Bench]:
    async with opened(tmp_path / "responses", fake_time) as bench:
        yield bench
