"""One fetch from a stand-in, without the waits that a real vendor asks for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeVar

from app.sources.cache import ResponseCache
from app.sources.client import ClientLimits, SourceClient, Usage
from app.sources.harvest import Harvest, SourceRequest
from app.sources.source import Source

QUICK = ClientLimits(
    timeout_seconds=5.0,
    attempts=4,
    backoff_base_seconds=0.01,
    backoff_cap_seconds=0.02,
    retry_after_cap_seconds=0.05,
)

S = TypeVar("S")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    harvest: Harvest
    usage: Usage

    def lost(self) -> dict[str, str]:
        """Asset -> code."""
        return {asset: lost.code.value for asset, lost in self.harvest.lost.items()}


def unpaced(source: S) -> S:
    source._host = replace(source._host, requests_per_second=10_000.0, burst=100)
    return source


async def fetch(
    source: Source,
    start: date,
    end: date,
    assets: tuple[str, ...] | None = None,
    *,
    cache_dir: Path,
    limits: ClientLimits = QUICK,
    harvest: Harvest | None = None,
) -> Fetched:
    harvest = harvest or Harvest()
    usage = Usage()
    cache = ResponseCache(cache_dir / "responses", timedelta(days=1))
    async with SourceClient(cache, limits) as client:
        request = SourceRequest(start=start, end=end, assets=assets)
        await source.fetch(request, client.requests(usage), harvest)
    return Fetched(harvest=harvest, usage=usage)


def with_points(document: Any, change: Any) -> Any:
    """An answer of Artemis whose every series went through `change`."""
    for metrics in document["data"]["symbols"].values():
        for metric, points in metrics.items():
            if isinstance(points, list):
                metrics[metric] = change(points)
    return document
