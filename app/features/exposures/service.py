"""What a portfolio's returns owe to factors: from what a caller asks to what the engine measures."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np

from app.context import Services
from app.datasets.positions import Basis, Position, check_holdings, resolve_positions
from app.datasets.risk_free import RiskFree, RiskFreeRequest, resolve_risk_free
from app.datasets.service import DatasetRef, resolve_dataset
from app.datasets.snapshot import open_snapshot
from app.errors import FactorQLError, FieldError, InvalidInput
from app.features.factors.series import (
    RUN_IDS,
    FactorRunSeries,
    dataset_of,
    get_factor_series,
    latest_factor_series,
)
from app.runs.checking import invalid_config
from db.records import DatasetRecord, RunOrigin, RunRecord
from engine import errors as engine_errors
from engine.exposures.exposures import MIN_OBSERVATIONS, MOST_FACTORS, exposures
from engine.exposures.portfolio import portfolio_returns
from engine.exposures.results import Exposures, Method, ReturnKind
from engine.exposures.returns import asset_returns
from engine.panel import PRICE, DateArray, FloatArray, Panel
from engine.periods import DAYS_PER_WEEK

__all__ = [
    "Basis",
    "ExposureAnswer",
    "ExposureRequest",
    "Position",
    "TooFewObservations",
    "UndefinedExposures",
    "engine_faults",
    "portfolio_exposures",
]


class TooFewObservations(FactorQLError):
    """Weeks that have all the returns that a regression needs, too few of them."""

    code = "TOO_FEW_OBSERVATIONS"

    def __init__(self, message: str, *, observations: int, needed: int) -> None:
        super().__init__(message)
        self.observations = observations
        self.needed = needed


class UndefinedExposures(FactorQLError):
    """Returns that have no betas. `reason`: a stable name, such as `COLLINEAR_FACTORS`."""

    code = "UNDEFINED_EXPOSURES"

    def __init__(self, message: str, *, reason: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureRequest:
    """positions: (word for an asset, number), 1 to 1,000; basis says what the numbers are.

    run_ids: None = of each factor the latest weekly run on the dataset. dataset: None = that of the runs, or
    the default one. start, end: of the weeks' Sundays. lag: of the Newey-West errors, None = the rule's.
    window: weeks of the rolling betas, None = none.
    """

    positions: tuple[tuple[str, float], ...]
    basis: Basis
    run_ids: tuple[int, ...] | None = None
    dataset: DatasetRef | None = None
    method: Method = Method.JOINT
    kind: ReturnKind = ReturnKind.SIMPLE
    risk_free: RiskFreeRequest | None = None
    start: date | None = None
    end: date | None = None
    min_observations: int = MIN_OBSERVATIONS
    confidence: float = 0.95
    lag: int | None = None
    window: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureAnswer:
    """exposures: the engine's; its factors are named by labels, one a run, in the order of runs.

    positions: one an asset, in the order given. as_of: the date of the prices that turned amounts into
    values; None where no prices were needed. risk_free: what was subtracted, in words. notes: what a reader
    should know, in words.
    """

    exposures: Exposures
    runs: tuple[RunRecord, ...]
    labels: tuple[str, ...]
    dataset: DatasetRecord
    positions: tuple[Position, ...]
    as_of: date | None
    risk_free: str | None
    notes: tuple[str, ...]


async def portfolio_exposures(services: Services, request: ExposureRequest) -> ExposureAnswer:
    """Measure a portfolio of constant weights against factor runs.

    Field errors are at the request's names: (`positions`, position, `asset` or `number`), (`run_ids`,
    position), (`risk_free`, ...), `window` and so on. Raises InvalidInput, UnknownAssets, RunNotFound,
    DatasetNotFound, DatasetUnavailable, MissingField, TooFewObservations, UndefinedExposures.
    """
    check_holdings(request.positions)
    if request.start is not None and request.end is not None and request.end < request.start:
        message = f"the weeks end ({request.end}) before they start ({request.start})"
        raise InvalidInput(message, (FieldError(("end",), "OUT_OF_RANGE", message),))
    if request.run_ids is None:
        dataset = await resolve_dataset(services, request.dataset)
        factors = await latest_factor_series(services, dataset)
    else:
        factors = await get_factor_series(services, request.run_ids, fewest=1, most=MOST_FACTORS)
        dataset = await dataset_of(services, request.dataset, [factor.run for factor in factors])
    risk_free = None
    if request.risk_free is not None:
        risk_free = await resolve_risk_free(services, request.risk_free)
    measured, positions, as_of = await asyncio.to_thread(
        _measure, services.settings.datasets_dir, dataset, request, factors, risk_free
    )
    return ExposureAnswer(
        exposures=measured,
        runs=tuple(factor.run for factor in factors),
        labels=tuple(factor.series.name for factor in factors),
        dataset=dataset,
        positions=positions,
        as_of=as_of,
        risk_free=None if risk_free is None else risk_free.label,
        notes=tuple(_notes(measured, factors, dataset)),
    )


def _measure(
    datasets_dir: Path,
    dataset: DatasetRecord,
    request: ExposureRequest,
    factors: Sequence[FactorRunSeries],
    risk_free: RiskFree | None,
) -> tuple[Exposures, tuple[Position, ...], date | None]:
    panel = open_snapshot(datasets_dir, dataset.fingerprint)
    positions, as_of = resolve_positions(panel, request.positions, request.basis)
    weights = {one.asset: one.weight for one in positions if one.weight != 0.0}
    with engine_faults():
        portfolio = portfolio_returns(asset_returns(prices_of(panel, weights)), weights)
        measured = exposures(
            portfolio,
            [factor.series for factor in factors],
            risk_free=None if risk_free is None else weekly_returns(risk_free, portfolio.weeks),
            method=request.method,
            kind=request.kind,
            min_observations=request.min_observations,
            confidence=request.confidence,
            lag=request.lag,
            window=request.window,
            start=None if request.start is None else np.datetime64(request.start, "D"),
            end=None if request.end is None else np.datetime64(request.end, "D"),
        )
    return measured, positions, as_of


def prices_of(panel: Panel, assets: Collection[str]) -> Panel:
    """The panel with the prices of some of its assets alone: the others need not be read."""
    columns = [column for column, asset in enumerate(panel.assets) if asset in assets]
    return replace(
        panel,
        assets=tuple(panel.assets[column] for column in columns),
        fields={PRICE: np.asarray(panel.fields[PRICE][:, columns])},
        attributes={},
        attribute_changes={},
    )


def weekly_returns(risk_free: RiskFree, weeks: DateArray) -> FloatArray:
    """(P,) what each week, named by its Sunday, earned from the Sunday before on."""
    return risk_free.returns(weeks - np.timedelta64(DAYS_PER_WEEK, "D"), weeks)


@contextmanager
def engine_faults() -> Iterator[None]:
    """Inside, what the engine refuses is told as the service's errors, with the request's names."""
    try:
        yield
    except engine_errors.InvalidConfig as error:
        raise invalid_config(error, lambda fault: (_NAMES.get(fault.option, fault.option),)) from None
    except engine_errors.TooFewObservations as error:
        raise TooFewObservations(str(error), observations=error.observations, needed=error.needed) from None
    except engine_errors.CollinearFactors as error:
        raise UndefinedExposures(str(error), reason=error.code, hint="leave one of the factors out") from None
    except (engine_errors.TotalLoss, engine_errors.ReturnsOverflow) as error:
        raise UndefinedExposures(str(error), reason=error.code) from None


_NAMES: Final[Mapping[str, str]] = {
    "factors": RUN_IDS,
    "series": RUN_IDS,
    "amounts": "positions",
    "values": "positions",
    "weights": "positions",
}
"""What the engine calls otherwise."""


def _notes(measured: Exposures, factors: Sequence[FactorRunSeries], dataset: DatasetRecord) -> Iterator[str]:
    for factor in factors:
        run, name = factor.run, factor.series.name
        if run.origin is RunOrigin.IMPORTED:
            yield f"{name} is run {run.id}, which was imported"
        elif run.dataset_id != dataset.id:
            yield f"{name} is run {run.id}, which was computed from another dataset"
        if run.config.get("execution_lag_days"):
            yield (
                f"{name} is run {run.id}, whose positions are taken a day after weeks begin: they overlap "
                "the portfolio's weeks but in part, which blurs the beta"
            )
    weeks = measured.weeks
    spanned = int((weeks[-1] - weeks[0]).astype(int)) // DAYS_PER_WEEK + 1
    if len(weeks) < spanned:
        yield (
            f"{spanned - len(weeks):,} of the {spanned:,} weeks from {weeks[0]} to {weeks[-1]} are left out: "
            "a return is missing in them"
        )
    window = 0 if measured.rolling is None else measured.rolling.window
    if len(weeks) < window:
        yield f"there are no rolling betas: {len(weeks):,} weeks are fewer than a window of {window:,}"
