"""What REST reads: the factors, their logs, comparisons and series."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.context import Services
from app.features.factors.latest import latest_results
from app.features.legacy.log_rows import last_runs, log_row
from app.features.legacy.logs.records import LegacyRun
from app.health import report_health
from app.rest.answers import RestError, answer, answering
from app.rest.models import Factor, LogsQuery, TimeSeriesQuery
from app.rest.validation import query_model
from app.runs.series import DateRange, SeriesName, SeriesRequest, SeriesTransform, chart_series
from app.schema.health import product_version
from db.records import SeriesRecord
from db.runs import results as result_store
from engine import ENGINE_VERSION
from engine.factors.registry import FACTORS, FactorName

NAME = "Factor Models API"
_ALL_POINTS = 1_000_000
_NOT_ROLLING = 52
"""Periods a year, which only rolling transforms ask for."""


def root(endpoints: dict[str, str]) -> dict[str, Any]:
    return {
        "name": NAME,
        "version": product_version(),
        "available_factors": [factor.value for factor in Factor],
        "endpoints": endpoints,
    }


@answering
async def health(request: Request) -> Response:
    """For probes and people: 200 while the store can be read and written, else 503."""
    services = services_of(request)
    report = await report_health(services)
    status = "unhealthy" if not report.serves else "degraded" if report.problems else "healthy"
    content = {
        "status": status,
        "timestamp": services.now().isoformat(),
        "api_key_configured": services.settings.artemis_api_key is not None,
        # Without the datasets' names: probes come without a token, and the graph has them.
        **{name: value for name, value in vars(report).items() if name != "missing_datasets"},
        "version": product_version(),
        "engine_version": ENGINE_VERSION,
        "store_dialect": services.store.dialect,
        "executes": services.executor is not None,
        "max_concurrent_runs": services.settings.max_concurrent_runs,
        "max_concurrent_fetches": services.settings.max_concurrent_fetches,
        "max_queued_runs": services.settings.max_queued_runs,
    }
    return answer(content, 200 if report.serves else 503)


@answering
async def factors(_request: Request) -> Response:
    known = {factor: FACTORS[FactorName(factor.upper())] for factor in Factor}
    return answer(
        {
            "factors": [
                {"name": factor.value, "description": definition.description, "signal": definition.signal}
                for factor, definition in known.items()
            ]
        }
    )


@answering
async def logs(request: Request) -> Response:
    limit = query_model(request, LogsQuery).limit
    factor = named_factor(request.path_params["factor"])
    return answer(await _logs(services_of(request), factor, limit))


@answering
async def latest(request: Request) -> Response:
    factor = named_factor(request.path_params["factor"])
    return answer((await _logs(services_of(request), factor, 1))[0])


@answering
async def compare(request: Request) -> Response:
    services = services_of(request)
    found = await latest_results(services.store, now=services.now())
    return answer(
        {
            "comparison": [
                {
                    "factor": row.factor,
                    "annualized_return": row.annualized_return,
                    "cumulative_returns": row.cumulative_return,
                    "sharpe_ratio": row.sharpe_ratio,
                    "sortino_ratio": row.sortino_ratio,
                    "years": row.years,
                }
                for row in map(log_row, found)
            ]
        }
    )


@answering
async def time_series(request: Request) -> Response:
    asked = query_model(request, TimeSeriesQuery)
    words = [word.strip() for word in asked.factors.split(",") if word.strip()]
    names = [named_factor(word) for word in dict.fromkeys(words)] or list(Factor)
    services = services_of(request)
    found = await latest_results(
        services.store, now=services.now(), factors=[FactorName(name.upper()) for name in names]
    )
    runs = {Factor(item.run.subject.lower()): item.run.id for item in found if item.run.subject is not None}
    stored = await result_store.get_series(services.store, list(runs.values()), [SeriesName.FACTOR])
    date_range = DateRange(asked.start_date, asked.end_date)
    content = {
        name.value: _series(
            name, stored.get((runs[name], SeriesName.FACTOR)), date_range, normalized=asked.normalize_to_100
        )
        for name in names
        if name in runs
    }
    return answer(content)


def services_of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def named_factor(word: str) -> Factor:
    """Raises RestError (404)."""
    try:
        return Factor(word)
    except ValueError:
        raise RestError(404, f"Factor '{word[:100]}' not found") from None


async def _logs(services: Services, factor: Factor, count: int) -> list[dict[str, Any]]:
    found = await last_runs(services.store, FactorName(factor.upper()), count, now=services.now())
    if not found:
        raise RestError(404, f"No logs found for factor: {factor}")
    return [_log(log_row(item)) for item in found]


def _log(row: LegacyRun) -> dict[str, Any]:
    return {
        "run_id": row.legacy_run_id,
        "factor": row.factor,
        "breakpoint": row.breakpoint,
        "min_assets": row.min_assets,
        "weighting_method": row.weighting_method,
        "cumulative_returns": row.cumulative_return,
        "annualized_return": row.annualized_return,
        "years": row.years,
        "sharpe_ratio": row.sharpe_ratio,
        "sortino_ratio": row.sortino_ratio,
        "long_only_returns": row.long_only_return,
        "short_only_returns": row.short_only_return,
        "start_date": row.start_date,
        "end_date": row.end_date,
    }


def _series(
    name: Factor, stored: SeriesRecord | None, date_range: DateRange, *, normalized: bool
) -> dict[str, Any]:
    """Cumulated from the run's beginning, whatever the range; empty for a run that came without a series."""
    transform = SeriesTransform.GROWTH_OF_100 if normalized else SeriesTransform.CUMULATIVE
    returns, cumulative = chart_series(
        {} if stored is None else {SeriesName.FACTOR: stored},
        [SeriesRequest(), SeriesRequest(transform=transform)],
        date_range=date_range,
        max_points=_ALL_POINTS,
        periods_per_year=_NOT_ROLLING,
    )
    return {
        "factor": name.value,
        "dates": returns.dates.astype(str).tolist(),
        "returns": returns.values,
        "cumulative_returns": cumulative.values,
    }
