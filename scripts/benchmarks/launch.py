"""From the mutation to the persisted result, through the real application."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import httpx

from app.datasets.sample import sample_panel_path
from app.datasets.service import ingest_file
from app.main import create_app
from app.settings import Settings
from scripts.benchmarks.measure import Table, milliseconds, quantile
from scripts.benchmarks.real import FOLDER

_MUTATION = """
mutation Launch($breakpoint: Float!, $market_cap: Float!, $volume: Float!, $minAssets: Int!) {
  computeFactor(
    input: {
      spec: { smb: { breakpoint: $breakpoint, marketCapThreshold: $market_cap, liquidityThreshold: $volume,
                     minAssets: $minAssets } }
      dataset: { name: "bench" }
      force: true
    }
    waitSeconds: 30
  ) {
    ... on ComputeFactorSuccess { run { status performance { sharpeRatio } } }
    ... on Error { message }
  }
}
"""


def measure_launches(quick: bool) -> Table:
    """One launch after another, each a computation in a child process of its own."""
    return asyncio.run(_measure(20 if quick else 100))


async def _measure(count: int) -> Table:
    crypto = FOLDER / "crypto_panel.parquet"
    path = crypto if crypto.exists() else sample_panel_path()
    variables = {"breakpoint": 0.5, "market_cap": 1e7, "volume": 7e5, "minAssets": 10}
    with tempfile.TemporaryDirectory(prefix="factorql-bench-") as folder:
        app = create_app(Settings(data_dir=Path(folder), database_url=None))
        async with app.router.lifespan_context(app):
            await ingest_file(app.state.services, path, filename=path.name, name="bench")
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1", timeout=60
            ) as client:
                took = sorted([await _launch(client, variables) for _ in range(count + 5)][5:])
    return Table(
        f"Mutation to persisted result (waitSeconds), {count} forced smb runs on {path.name}, SQLite",
        ("", "median", "p95", "worst"),
        (("time", *(milliseconds(quantile(took, share)) for share in (0.5, 0.95, 1.0))),),
    )


async def _launch(client: httpx.AsyncClient, variables: dict[str, float]) -> float:
    start = time.perf_counter()
    answer = await client.post("/graphql", json={"query": _MUTATION, "variables": variables})
    seconds = time.perf_counter() - start
    run = answer.json()["data"]["computeFactor"]["run"]
    if run["status"] != "SUCCEEDED":
        raise RuntimeError(f"a launched run is {run['status']}")
    return seconds
