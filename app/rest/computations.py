"""What REST computes: a run is launched like any other, and waited for to its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.boundary.middleware import DATASET_HEADER, RUN_HEADER
from app.context import Services
from app.datasets.service import DatasetRef, dataset_label
from app.features.factors.latest import RunWithPerformance
from app.features.legacy.computed_last import compute_last
from app.features.legacy.equity_factors import compute_equity_factors
from app.features.legacy.fetched import daily_dataset
from app.features.legacy.log_rows import log_row, weighting_word
from app.rest.answers import Endpoint, RestError, answer, answering
from app.rest.models import ComputeRequest, EquityFactorsRequest, Factor, LookbackQuery
from app.rest.reads import services_of
from app.rest.validation import query_model, read_model
from app.runs.series import SeriesName
from app.schema.node_ids import encode_id
from db.records import PerformanceRecord, RunRecord
from db.runs import results as result_store
from engine.factors.registry import FactorName

_LAST_PERIODS = 10
_SHARED = (
    "min_assets",
    "market_cap_threshold",
    "liquidity_threshold",
    "min_lifetime_days",
    "start_date",
    "end_date",
)


def computing(factor: Factor) -> Endpoint:
    """The endpoint of one factor."""

    @answering
    async def compute(request: Request) -> Response:
        query = query_model(request, LookbackQuery) if factor is Factor.MOMENTUM else None
        asked = await read_model(request, ComputeRequest)
        if asked.factor != factor:
            message = f"Factor '{asked.factor}' of the body does not match '{factor}' of the path"
            raise RestError(400, message)
        services = services_of(request)
        dataset = await daily_dataset(services, start=asked.start_date, end=asked.end_date)
        run = await compute_last(
            services,
            FactorName(factor.upper()),
            _options(factor, asked, query),
            dataset=DatasetRef(id=dataset.id),
        )
        (content,) = await _computed(services, [run])
        # the body is as it always was: what is invented is said beside it
        named = {RUN_HEADER: encode_id("FactorRun", run.id), DATASET_HEADER: dataset_label(dataset)}
        return answer(content, headers=named)

    return compute


@answering
async def compute_equities(request: Request) -> Response:
    asked = await read_model(request, EquityFactorsRequest)
    services = services_of(request)
    done = await compute_equity_factors(services, asked.tickers, start=asked.start_date, end=asked.end_date)
    contents = await _computed(services, list(done.runs.values()))
    return answer(
        {
            "tickers": list(done.assets),
            "dataset": done.dataset.name,
            "factors": {content["factor"]: content for content in contents},
            "left_out": {name.lower(): reason for name, reason in done.left_out.items()},
        },
        headers={DATASET_HEADER: dataset_label(done.dataset)},
    )


def _options(factor: Factor, asked: ComputeRequest, query: LookbackQuery | None) -> dict[str, object]:
    options: dict[str, object] = {name: getattr(asked, name) for name in _SHARED}
    if factor is Factor.MARKET:
        # it holds its largest assets, however many others there are
        del options["min_assets"]
        if "weighting_method" in asked.model_fields_set:
            options["weighting_method"] = asked.weighting_method
        return options
    options |= {"breakpoint": asked.breakpoint, "weighting_method": asked.weighting_method}
    if query is not None:
        options |= {"lookback_periods": query.lookback_periods, "volatility_adjusted": True}
    return options


async def _computed(services: Services, runs: list[RunRecord]) -> list[dict[str, Any]]:
    ids = [run.id for run in runs]
    performance = await result_store.get_performance(services.store, ids)
    series = await result_store.get_series(services.store, ids, [SeriesName.FACTOR])
    contents = []
    for run in runs:
        if (run.id, SeriesName.FACTOR) not in series or run.id not in performance:
            raise RestError(404, f"run {run.id} was deleted while it was read")
        returns = series[run.id, SeriesName.FACTOR]
        last = zip(
            returns.dates[-_LAST_PERIODS:].astype(str).tolist(),
            returns.values[-_LAST_PERIODS:].tolist(),
            strict=True,
        )
        metrics = performance[run.id]
        factor = log_row(RunWithPerformance(run, metrics)).factor
        contents.append(
            {
                "factor": factor,
                "config": {"factor": factor, **_config(run.config)},
                "performance": _performance(metrics),
                "returns": dict(last),
            }
        )
    return contents


def _config(config: Mapping[str, Any]) -> dict[str, Any]:
    """As it was computed."""
    return {
        "breakpoint": config.get("breakpoint"),
        **{name: config[name] for name in _SHARED},
        "weighting_method": weighting_word(config),
        "lookback_periods": config.get("lookback_periods"),
    }


def _performance(metrics: PerformanceRecord) -> dict[str, Any]:
    return {
        "cumulative_returns": metrics.cumulative_return,
        "annualized_return": metrics.annualized_return,
        "sharpe_ratio": metrics.sharpe_ratio,
        "sortino_ratio": metrics.sortino_ratio,
        "years": metrics.years,
        "num_periods": metrics.num_periods,
        "long_only_returns": metrics.long_only_return,
        "short_only_returns": metrics.short_only_return,
    }
