"""Asking the graph in tests, and a store with one of everything in it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import strawberry
from strawberry.types import ExecutionResult

from app.context import Services
from app.datasets.quality import FieldCoverage, QualityCode, QualityCount, QualityReport, RefusedRow
from app.errors import FactorQLError
from app.schema.context import GraphContext
from app.schema.node_ids import encode_id
from db.legacy.imports import import_files
from db.legacy.records import NewImportedRun, NewImportFile, NewMonthlyMetrics, QuarantineRecord
from db.records import AssetRecord, PerformanceRecord, RunRecord, UndefinedMetricRecord
from db.runs.queue import annotate_run, cancel_run, fail_run
from db.store import Store
from engine.config import to_json
from engine.factors.registry import FactorName, parse_config
from tests.app.schema.computed import as_stored, computed, sample_panel
from tests.db.samples import (
    NOW,
    WORKER,
    add_sample_dataset,
    later,
    launch,
    new_results,
    new_series,
    running,
    succeeded,
)

ASSETS = tuple(
    AssetRecord(
        ordinal=ordinal,
        asset=asset,
        attributes={"sector": sector},
        first_date=date(2025, 1, 1),
        last_date=date(2025, 4, 10),
        observation_count=100,
    )
    for ordinal, (asset, sector) in enumerate(
        [("ada", "L1"), ("btc", "L1"), ("eth", "L1"), ("uni", "DeFi"), ("xrp", "L1")]
    )
)

QUALITY = QualityReport(
    rows_read=504,
    rows_kept=500,
    rows_refused=1,
    rows_merged=2,
    rows_skipped=1,
    counts=(QualityCount(code=QualityCode.NEGATIVE, count=1, example="line 7"),),
    refused=(RefusedRow(line=7, code=QualityCode.NEGATIVE, reason="market_cap is negative: -1"),),
    coverage=(
        FieldCoverage(
            field="price",
            observations=500,
            share=1.0,
            assets=5,
            first_date="2025-01-01",
            last_date="2025-04-10",
        ),
    ),
    notes=("a remark",),
)


@dataclass(frozen=True)
class Graph:
    """The graph as a client sees it, but without the boundary."""

    schema: strawberry.Schema
    services: Services

    async def execute(self, query: str, **variables: Any) -> ExecutionResult:
        context = GraphContext.of(self.services)
        return await self.schema.execute(query, variable_values=variables, context_value=context)

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of a query that meets no error."""
        result = await self.execute(query, **variables)
        assert result.errors is None, [(error.message, error.path) for error in result.errors]
        assert result.data is not None
        return result.data

    async def subscribe(self, query: str, **variables: Any) -> AsyncGenerator[ExecutionResult, None]:
        """What a subscriber is sent, until the end; closed with the iterator."""
        context = GraphContext.of(self.services)
        results = await self.schema.subscribe(query, variable_values=variables, context_value=context)
        async with aclosing(results):
            async for result in results:
                yield result


async def refusal(graph: Graph, query: str, **variables: Any) -> FactorQLError:
    """The one expected error of a query whose data is null."""
    result = await graph.execute(query, **variables)
    assert result.data is not None
    assert list(result.data.values()) == [None]
    assert result.errors is not None
    (error,) = result.errors
    assert isinstance(error.original_error, FactorQLError), error.original_error
    return error.original_error


@dataclass(frozen=True)
class Population:
    """What `populate` left in the store."""

    dataset_id: int
    runs: dict[FactorName, RunRecord]
    failed: RunRecord
    canceled: RunRecord
    queued: RunRecord
    batch_id: int
    imported_run_id: str = "20240107_120000"


def run_id(run: RunRecord) -> str:
    return encode_id("FactorRun", run.id)


def config_of(factor: FactorName, **options: object) -> dict[str, object]:
    return to_json(parse_config(factor, options))


async def add_dataset(store: Store, **changes: Any) -> int:
    return await add_sample_dataset(
        store,
        **{
            "assets": ASSETS,
            "quality": QUALITY.to_json(),
            "fields": ("price", "market_cap", "volume", "fees", "dau", "revenue"),
            **changes,
        },
    )


async def populate(store: Store) -> Population:
    """A dataset; a succeeded run of each factor; a failed, a canceled and a queued run; an import."""
    dataset_id = await add_dataset(store)
    research = as_stored(*computed(panel=sample_panel(tuple(one.asset for one in ASSETS)), cost_bps=10.0))
    runs = {}
    for position, factor in enumerate(FactorName):
        runs[factor] = await succeeded(
            store,
            dataset_id,
            replace(
                new_results(annualized_return=0.1 * position, skewness=float("nan")),
                net_performance=research.net_performance,
                documents=research.documents,
            ),
            at=later(10 + position),
            subject=factor.value,
            config=config_of(factor, cost_bps=10.0),
            identity_hash=f"identity of {factor}",
            tags=("nightly",),
        )
    failed = await running(store, dataset_id, identity_hash="to fail")
    await fail_run(store, failed.id, 1, WORKER, "NO_PERIODS", "no period could be formed", later(20))
    canceled = await launch(store, dataset_id, identity_hash="to cancel")
    await cancel_run(store, canceled.id, later(21))
    queued = await launch(store, dataset_id, identity_hash="to wait")
    await annotate_run(store, queued.id, tags=("a", "b"), note="waits")
    batch = await import_files(store, [_log_file()], source="logs", now=NOW)
    assert batch.id is not None
    return Population(dataset_id, runs, failed, canceled, queued, batch.id)


def _log_file() -> NewImportFile:
    config = dict.fromkeys(config_of(FactorName.SMB)) | {"breakpoint": 0.3, "weighting_method": "EQUAL"}
    return NewImportFile(
        file="smb.csv",
        content_hash="c1",
        runs=(
            NewImportedRun(
                factor="SMB",
                legacy_run_id=Population.imported_run_id,
                content_hash="h1",
                config=config,
                unrecorded_fields=tuple(name for name, value in config.items() if value is None),
                remarks=("SUSPECT: the Sharpe ratio contradicts the returns",),
                finished_at=NOW - timedelta(days=700),
                performance=PerformanceRecord(
                    sharpe_ratio=1.2,
                    undefined_metrics=(
                        UndefinedMetricRecord(
                            metric="max_drawdown", reason="NOT_RECORDED", detail="the log has no value"
                        ),
                    ),
                ),
                series=(new_series(count=60),),
                line=2,
                raw="...",
            ),
        ),
        monthly_metrics=(
            NewMonthlyMetrics(
                factor="SMB",
                as_of_date=date(2024, 1, 31),
                rows=(("Sharpe", 1.2, "1.20"), ("Best", "btc", "btc")),
            ),
        ),
        quarantine=(
            QuarantineRecord(
                file="smb.csv", line=3, raw="a\udcffb", code="WRONG_COLUMNS", reason="4 columns, not 14"
            ),
        ),
        repaired=1,
        merged=2,
    )


def weekly_dates(count: int) -> np.ndarray:
    return np.datetime64("2020-01-05", "D") + 7 * np.arange(count)
