"""How risky a portfolio is by a stored risk model: from what a caller holds to what the engine says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from pathlib import Path

import numpy as np

from app.context import Services
from app.datasets.known_assets import known_assets
from app.datasets.positions import Basis, Holdings, Position, check_holdings, resolve_positions
from app.datasets.snapshot import open_snapshot
from app.errors import DatasetNotFound, FactorQLError, FieldError, InvalidInput
from app.features.risk.arrays import RiskArrays, forecast_at
from app.features.risk.results import RiskModelResults
from app.features.risk.series import latest_row
from app.runs.checking import invalid_config
from app.runs.reader_threads import read_beside
from db import datasets as dataset_store
from db.records import DatasetRecord, RunRecord
from engine import errors as engine_errors
from engine.panel import CLOSE, PRICE, FloatArray, Panel
from engine.risk.forecast import RiskForecast
from engine.risk.portfolio_risk import PortfolioRisk, ValueAtRiskConfig, portfolio_risk

POSITIONS = "positions"
BENCHMARK = "benchmark"


class MissingRisk(FactorQLError):
    """Assets that are held and that the risk model does not forecast: their ids, in the dataset's order."""

    code = "MISSING_RISK"

    def __init__(self, message: str, assets: tuple[str, ...]) -> None:
        super().__init__(message, hint="they have no price on the date: leave them out")
        self.assets = assets


class BenchmarkIndex(StrEnum):
    """MARKET_CAP: the estimation universe of the date, weighted by market cap."""

    MARKET_CAP = "MARKET_CAP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """holdings: (word for an asset, number), 1 to 1,000; basis says what the numbers are."""

    holdings: Holdings
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioRiskRequest:
    """day: None = the latest forecast date, else the last one up to it. value_at_risk options as in
    ValueAtRiskConfig."""

    portfolio: Portfolio
    benchmark: Portfolio | BenchmarkIndex | None = None
    day: date | None = None
    confidence: float = 0.95
    horizon_days: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """A portfolio as weights (N,) of a dataset's assets. as_of: the date of the prices that turned amounts
    into values; None where no prices were needed."""

    positions: tuple[Position, ...]
    weights: FloatArray
    as_of: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioRiskAnswer:
    """date: of the forecast. benchmark: the weights (N,) of the benchmark, None without one."""

    date: date
    forecast: RiskForecast
    portfolio: Weighed
    benchmark: FloatArray | None
    benchmark_as_of: date | None
    value_at_risk: ValueAtRiskConfig
    risk: PortfolioRisk


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """What words and amounts of a risk model's assets are read by. named: the dataset's assets with the
    attributes that words may mean, without any field."""

    dataset: DatasetRecord
    datasets_dir: Path
    named: Panel

    def weighed(self, portfolio: Portfolio, day: date, at: str = POSITIONS) -> Weighed:
        """The portfolio's weights, amounts at the last prices up to the day.

        Reads files for amounts alone. Field errors stand at (`at`, position, ...). Raises InvalidInput,
        UnknownAssets, DatasetUnavailable.
        """
        panel = self.named
        if portfolio.basis is Basis.AMOUNTS:
            panel = _until(open_snapshot(self.datasets_dir, self.dataset.fingerprint), day, self.named)
        with faults_at(POSITIONS, at):
            check_holdings(portfolio.holdings)
            positions, as_of = resolve_positions(panel, portfolio.holdings, portfolio.basis)
        weights = np.zeros(len(panel.assets))
        for ordinal, position in zip(
            self.ordinals([position.asset for position in positions]), positions, strict=True
        ):
            weights[ordinal] = position.weight
        return Weighed(positions=positions, weights=weights, as_of=as_of)

    def ordinals(self, assets: Sequence[str]) -> list[int]:
        """Of ids that the dataset has."""
        return np.searchsorted(np.array(self.named.assets), assets).tolist() if assets else []


async def holder_of(services: Services, run: RunRecord) -> Holder:
    """Raises DatasetNotFound."""
    dataset_id = run.dataset_id
    found = None
    if dataset_id is not None:
        found = (await dataset_store.get_datasets(services.store, [dataset_id])).get(dataset_id)
    if found is None:
        raise DatasetNotFound(f"the dataset of run {run.id} is gone")
    return Holder(
        dataset=found,
        datasets_dir=services.settings.datasets_dir,
        named=await known_assets(services.store, found),
    )


async def measure_portfolio(
    services: Services,
    run: RunRecord,
    results: RiskModelResults,
    arrays: RiskArrays,
    request: PortfolioRiskRequest,
) -> PortfolioRiskAnswer:
    """The risk of a portfolio of constant weights, and where it comes from.

    Field errors are at (`positions`, ...), (`benchmark`, ...), `day`, `confidence`, `horizon_days`. Raises
    InvalidInput, UnknownAssets, MissingRisk, DatasetNotFound, DatasetUnavailable.
    """
    with engine_faults():
        value_at_risk = ValueAtRiskConfig(confidence=request.confidence, horizon_days=request.horizon_days)
    at = forecast_row(results, request.day)
    holder = await holder_of(services, run)
    return await read_beside(_measured, holder, results, arrays, request, at, value_at_risk)


def _measured(
    holder: Holder,
    results: RiskModelResults,
    arrays: RiskArrays,
    request: PortfolioRiskRequest,
    at: int,
    value_at_risk: ValueAtRiskConfig,
) -> PortfolioRiskAnswer:
    day = results.forecast_dates[at].item()
    forecast = forecast_at(results, arrays, at)
    portfolio = holder.weighed(request.portfolio, day)
    benchmark, benchmark_as_of = None, None
    if isinstance(request.benchmark, Portfolio):
        held = holder.weighed(request.benchmark, day, BENCHMARK)
        benchmark, benchmark_as_of = held.weights, held.as_of
    elif request.benchmark is not None:
        benchmark = index_weights(arrays, forecast, at)
    with engine_faults():
        risk = portfolio_risk(
            forecast,
            portfolio.weights,
            results.days_per_year,
            benchmark=benchmark,
            value_at_risk=value_at_risk,
        )
    return PortfolioRiskAnswer(
        date=day,
        forecast=forecast,
        portfolio=portfolio,
        benchmark=benchmark,
        benchmark_as_of=benchmark_as_of,
        value_at_risk=value_at_risk,
        risk=risk,
    )


def forecast_row(results: RiskModelResults, day: date | None) -> int:
    """The forecast date that holds on a day; None = the latest. Raises InvalidInput at `day`."""
    at = latest_row(results.forecast_dates, day)
    if at is None:
        message = f"there is no forecast by {day}: the first is of {results.forecast_dates[0]}"
        raise InvalidInput(message, (FieldError(("day",), "BEFORE_FIRST_FORECAST", message),))
    return at


def index_weights(arrays: RiskArrays, forecast: RiskForecast, at: int) -> FloatArray:
    """(N,) the estimation universe of forecast date `at` by market cap. Raises InvalidInput where it is
    empty."""
    caps = np.asarray(arrays.market_caps[at], dtype=np.float64)
    held = np.asarray(arrays.estimation_universe[at]) & forecast.known() & np.isfinite(caps)
    weights = np.where(held, caps, 0.0)
    total = float(weights.sum())
    if not total > 0.0:
        message = "the estimation universe of the date is empty"
        raise InvalidInput(message, (FieldError((BENCHMARK,), "EMPTY_BENCHMARK", message),))
    return weights / total


@contextmanager
def engine_faults() -> Iterator[None]:
    """Inside, what the engine refuses is told as the service's errors, with the request's names."""
    try:
        yield
    except engine_errors.InvalidConfig as error:
        raise invalid_config(error, lambda fault: (_NAMES.get(fault.option, fault.option),)) from None
    except engine_errors.MissingRisk as error:
        raise MissingRisk(str(error), error.assets) from None


_NAMES: Mapping[str, str] = {"weights": POSITIONS}
"""What the engine calls otherwise."""


@contextmanager
def faults_at(name: str, other: str) -> Iterator[None]:
    """Inside, field errors at `name` stand at `other`."""
    try:
        yield
    except InvalidInput as error:
        error.field_errors = tuple(
            FieldError((other, *fault.path[1:]), fault.code, fault.message)
            if fault.path[:1] == (name,)
            else fault
            for fault in error.field_errors
        )
        raise


def _until(panel: Panel, day: date, named: Panel) -> Panel:
    """The prices of a panel up to a day, with what the words mean."""
    stop = int(np.searchsorted(panel.dates, np.datetime64(day, "D"), side="right"))
    return replace(
        panel,
        dates=panel.dates[:stop],
        fields={name: panel.fields[name][:stop] for name in (PRICE, CLOSE) if name in panel.fields},
        attributes=named.attributes,
        attribute_changes={},
    )
