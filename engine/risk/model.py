"""A risk model of a panel: scores, factor returns, covariances, specific risk, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from engine.errors import InvalidConfig, NoPeriods, TooFewReturns
from engine.panel import VOLUME, DateArray, FloatArray, Panel
from engine.risk.config import RiskModelConfig, SkippedStyle, chosen_styles, needed_fields, repeated_names
from engine.risk.covariance import factor_covariances
from engine.risk.cross_section import BoolArray
from engine.risk.estimation_universe import estimation_universe, sector_cap_shares
from engine.risk.explained import Coverage, ExplainedReturns, KeepScores, Progress, explain_returns
from engine.risk.factor_returns import MARKET, FactorReturns, RegressionMode
from engine.risk.outcomes import TooFewPeriods, Validation, validate
from engine.risk.outlook import Outlook, covariance_at, specific_at
from engine.risk.scores.inputs import ScoreInputs, score_inputs
from engine.risk.sectors import Sectors, sectors_of
from engine.risk.specific_risk import specific_risks


class FactorKind(StrEnum):
    MARKET = "MARKET"
    SECTOR = "SECTOR"
    STYLE = "STYLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskModel:
    """A risk model of N assets by F factors over T dates.

    assets: (N,). dates: (T,) of the returns that are explained. factors: (F,) names, kinds (F,) theirs.
    factor_returns: of the dates, by what was known the row before. coverage: at the end of the dates.
    extreme_returns: (T,) returns of each date that max_abs_return makes missing, in all stages.
    outlook: forecasts at the last date of each month, and at the latest date, that has enough history.
    validation: what became of the forecasts, or why that cannot be said. skipped_styles: default styles that
    the panel has no fields for. days_per_year: dates a year, by which forecasts are annualised.
    """

    config: RiskModelConfig
    assets: tuple[str, ...]
    dates: DateArray
    factors: tuple[str, ...]
    kinds: tuple[FactorKind, ...]
    factor_returns: FactorReturns
    coverage: Coverage
    extreme_returns: NDArray[np.int64]
    outlook: Outlook
    validation: Validation | TooFewPeriods
    skipped_styles: tuple[SkippedStyle, ...]
    days_per_year: int


def build_risk_model(
    panel: Panel,
    config: RiskModelConfig | None = None,
    *,
    sectors: Sectors | None = None,
    progress: Progress | None = None,
    keep_scores: KeepScores | None = None,
) -> RiskModel:
    """Estimate a risk model (Menchero, Orr and Wang 2011, "The Barra US Equity Model (USE4)").

    sectors: None = those of the panel's attribute `sector`. With fewer than two sectors the model has the
    market and styles alone, and an asset need not have a sector. Nothing dated t changes with what comes
    after t. Styles without enough history yet are 0 for all and have no return, so that the first covariances
    may rest on few returns of them (FactorCovariance.observations). keep_scores: told the scores of all the
    model's dates, which are not kept (see KeepScores).

    Raises MissingField, InvalidConfig for factors of one name, NoPeriods where no date has a return to
    explain, TooFewReturns where no date has a forecast, ValueError for sectors of another shape.
    """
    config = config or RiskModelConfig()
    sectors = sectors_of(panel) if sectors is None else sectors
    if sectors.codes.shape not in ((len(panel.assets),), (len(panel.dates), len(panel.assets))):
        raise ValueError(f"sectors {sectors.codes.shape} do not fit {len(panel.assets)} assets")
    styles, skipped = chosen_styles(config, panel.fields)
    alone = len(sectors.names) < 2
    names = (MARKET, *(() if alone else sectors.names), *(style.label for style in styles))
    if faults := repeated_names(names):
        raise InvalidConfig(tuple(faults))
    first, stop = explained_rows(panel.dates, config)
    if not panel.assets:
        raise _too_few_returns(0, config)
    inputs = score_inputs(panel, needed_fields(config, panel.fields)).rows(slice(0, stop))
    extreme = _drop_extremes(inputs.returns, config.max_abs_return)
    if sectors.codes.ndim == 2:
        sectors = replace(sectors, codes=sectors.codes[:stop])
    universe = estimation_universe(inputs.covered, inputs.caps, config.universe, inputs.fields.get(VOLUME))
    dates = panel.dates[first:stop]
    wanted = month_ends(dates)
    explained = explain_returns(
        inputs,
        # A sector of all assets changes nothing, and lets those estimate that have none.
        Sectors(codes=np.zeros(len(panel.assets), dtype=np.int32), names=("",)) if alone else sectors,
        styles,
        universe,
        config,
        first_row=first,
        wanted_rows=wanted + first,
        progress=progress,
        keep_scores=keep_scores,
    )
    if alone:
        sectors = Sectors(codes=np.full(len(panel.assets), -1, dtype=np.int32), names=())
        explained = _without_sector(explained)
    days_per_year = panel.calendar.days_per_year
    outlook = _outlook(
        panel.assets, dates, inputs, sectors, universe, explained, wanted, first, days_per_year, config
    )
    return RiskModel(
        config=config,
        assets=panel.assets,
        dates=dates,
        factors=names,
        kinds=(
            FactorKind.MARKET,
            *(FactorKind.SECTOR for _ in sectors.names),
            *(FactorKind.STYLE for _ in styles),
        ),
        factor_returns=explained.factor_returns,
        coverage=explained.coverage,
        extreme_returns=extreme[first:],
        outlook=outlook,
        validation=validate(
            outlook,
            inputs.returns[first:],
            days_per_year,
            random_count=config.random_portfolios,
            random_size=config.random_size,
            seed=config.seed,
        ),
        skipped_styles=skipped,
        days_per_year=days_per_year,
    )


def month_ends(dates: DateArray) -> NDArray[np.int64]:
    """Rows (M,) of the last of the dates (T,) in each month, the latest date's own among them."""
    months = dates.astype("datetime64[M]")
    return np.flatnonzero(np.append(months[1:] != months[:-1], True)).astype(np.int64)


def explained_rows(dates: DateArray, config: RiskModelConfig) -> tuple[int, int]:
    """(first, stop) panel rows of the returns to explain: the panel's first row has none."""
    first, stop = 1, len(dates)
    if config.start_date is not None:
        first = max(first, int(np.searchsorted(dates, np.datetime64(config.start_date), side="left")))
    if config.end_date is not None:
        stop = int(np.searchsorted(dates, np.datetime64(config.end_date), side="right"))
    if stop <= first:
        raise NoPeriods(0, 1, 0)
    return first, stop


def _drop_extremes(returns: FloatArray, limit: float | None) -> NDArray[np.int64]:
    """Sets returns (T, N) beyond the limit to NaN, and those of the row after, which start at the same price;
    how many on each date (T,)."""
    if limit is None:
        return np.zeros(len(returns), dtype=np.int64)
    extreme = (returns > limit) | (returns < -limit)
    extreme[1:] |= extreme[:-1] & np.isfinite(returns[1:])
    returns[extreme] = np.nan
    return np.asarray(extreme.sum(axis=1, dtype=np.int64))


def _without_sector(explained: ExplainedReturns) -> ExplainedReturns:
    """The same less the sector of all assets, whose returns are 0."""
    found = explained.factor_returns
    others = np.delete(np.arange(len(found.names)), 1)
    return replace(
        explained,
        factor_returns=replace(
            found,
            names=tuple(found.names[at] for at in others.tolist()),
            returns=found.returns[:, others],
            t_statistics=found.t_statistics[:, others],
        ),
    )


def _outlook(
    assets: tuple[str, ...],
    dates: DateArray,
    inputs: ScoreInputs,
    sectors: Sectors,
    universe: BoolArray,
    explained: ExplainedReturns,
    wanted: NDArray[np.int64],
    first: int,
    days_per_year: int,
    config: RiskModelConfig,
) -> Outlook:
    """Forecasts at those of the `wanted` rows of the dates that have enough history."""
    found = explained.factor_returns
    caps, universe = inputs.caps[first:], universe[first:]
    codes = np.broadcast_to(sectors.codes, inputs.returns.shape)[first:]
    constraints, redundant = _sector_constraints(caps, universe, codes, sectors, wanted, found, config)
    covariance = factor_covariances(
        found.returns,
        dates,
        found.names,
        wanted,
        days_per_year,
        constraints=constraints,
        redundant=redundant,
        config=config.covariance,
    )
    specific = specific_risks(
        found.specific,
        caps,
        # Without sectors an asset's peers are those of its size.
        codes if sectors.names else np.zeros(len(assets), dtype=np.int32),
        inputs.covered[first:],
        dates,
        covariance.rows,
        days_per_year,
        config=config.specific,
    )
    rows = specific.rows
    if not len(rows):
        raise _too_few_returns(int(np.isfinite(found.returns).any(axis=1).sum()), config)
    return Outlook(
        assets=assets,
        rows=rows,
        dates=dates[rows],
        covariance=covariance_at(covariance, rows),
        specific=specific_at(specific, rows),
        styles=explained.styles[np.searchsorted(wanted, rows)],
        sectors=codes[rows],
        caps=caps[rows],
        universe=universe[rows],
    )


def _too_few_returns(observations: int, config: RiskModelConfig) -> TooFewReturns:
    needed = max(config.covariance.min_observations, config.specific.min_observations)
    return TooFewReturns(observations, needed)


def _sector_constraints(
    caps: FloatArray,
    universe: BoolArray,
    codes: NDArray[np.integer],
    sectors: Sectors,
    wanted: NDArray[np.int64],
    found: FactorReturns,
    config: RiskModelConfig,
) -> tuple[FloatArray | None, FloatArray | None]:
    """(M, F) what the next row's sector returns meet, by what is known, and (F,) the combination of factors
    that no asset is exposed to; None without sectors."""
    count = len(sectors.names)
    if not count:
        return None, None
    own = slice(1, 1 + count)
    constraints, redundant = np.zeros((len(wanted), len(found.names))), np.zeros(len(found.names))
    for at, row in enumerate(wanted.tolist()):
        shares = sector_cap_shares(universe[row], caps[row], codes[row], count)
        equal = (shares > 0.0) / max(int((shares > 0.0).sum()), 1)
        constraints[at, own] = shares if config.mode is RegressionMode.JOINT else equal
    redundant[0], redundant[own] = 1.0, -1.0
    return constraints, redundant
