"""Forecasts of how factor returns move together, from their history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from engine.config import Config, option
from engine.panel import DateArray, FloatArray
from engine.risk.eigenfactor import (
    adjusted_eigenvalues,
    clipped_spectrum,
    from_spectrum,
    volatility_biases,
)
from engine.risk.newey_west import RunningVariances, effective_count, newey_west_covariance
from engine.risk.regime import factor_bias_squares, regime_multipliers
from engine.risk.shrinkage import ledoit_wolf


class CovarianceEstimator(StrEnum):
    EXPONENTIAL = "EXPONENTIAL"
    """Volatilities and correlations apart, each exponentially weighted, with Newey-West lags."""
    LEDOIT_WOLF = "LEDOIT_WOLF"
    """All rows alike, shrunk towards equal variances; no half-life and no lags."""


class EigenfactorDates(StrEnum):
    """At which dates the eigenfactor adjustment is made."""

    LATEST = "LATEST"
    ALL = "ALL"
    OFF = "OFF"


@dataclass(frozen=True, slots=True, kw_only=True)
class CovarianceConfig(Config):
    """How covariances of factor returns are estimated.

    min_observations are also those of a factor's own before its volatility is compared with its returns by
    the regime adjustment.
    """

    estimator: CovarianceEstimator = option(
        CovarianceEstimator.EXPONENTIAL,
        text="How covariances are estimated; half-lives and lags are of EXPONENTIAL",
    )
    volatility_half_life: float = option(84.0, 1.0, 10_000.0, "Half-life of volatilities, in rows")
    volatility_lags: int = option(5, 0, 60, "Newey-West lags of volatilities, in rows")
    correlation_half_life: float = option(504.0, 1.0, 10_000.0, "Half-life of correlations, in rows")
    correlation_lags: int = option(2, 0, 60, "Newey-West lags of correlations, in rows")
    eigenfactor: EigenfactorDates = option(
        EigenfactorDates.LATEST, text="At which dates the eigenfactor adjustment is made"
    )
    eigenfactor_simulations: int = option(1000, 10, 100_000, "Simulations of the eigenfactor adjustment")
    eigenfactor_scale: float = option(
        1.4, 0.0, 5.0, "By how much the adjustment that the simulation finds is scaled"
    )
    eigenfactor_seed: int = option(20_110_801, 0, 2**31 - 1, "The seed of the simulation")
    regime_half_life: float | None = option(
        42.0, 1.0, 10_000.0, "Half-life of the volatility-regime adjustment, in rows", null="none is made"
    )
    min_observations: int = option(
        60, 2, 10_000, "Rows with factor returns without which a date has no forecast"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorCovariance:
    """Covariance forecasts of F factors at the end of M rows of the history, annualised.

    rows: (M,) positions in the history, dates (M,) theirs. matrices: (M, F, F), no NaN, symmetric exactly,
    positive semi-definite (eigenvalues not below 0 but for rounding); a factor without 2 returns so far
    counts as one that does not move. volatilities: (M, F) roots of their diagonals. regime_multipliers: (M,)
    of volatility, already in the matrices; 1 where switched off. eigenfactor_biases: (M, F) true over
    estimated volatility by simulation, of the eigenvectors by ascending eigenvalue, NaN where nothing was
    adjusted.
    observations: (M, F) returns of each factor so far.
    """

    names: tuple[str, ...]
    rows: NDArray[np.int64]
    dates: DateArray
    matrices: FloatArray
    volatilities: FloatArray
    regime_multipliers: FloatArray
    eigenfactor_biases: FloatArray
    observations: NDArray[np.int64]

    def correlations(self) -> FloatArray:
        """(M, F, F) correlations, 1 on the diagonal; 0 beside it where a factor has no volatility."""
        vary = self.volatilities > 0.0
        scale = np.divide(1.0, self.volatilities, out=np.zeros_like(self.volatilities), where=vary)
        matrices = np.clip(self.matrices * scale[:, :, None] * scale[:, None, :], -1.0, 1.0)
        diagonal = np.arange(len(self.names))
        matrices[:, diagonal, diagonal] = 1.0
        return np.asarray(matrices)


def factor_covariances(
    factor_returns: FloatArray,
    dates: DateArray,
    names: Sequence[str],
    at_rows: NDArray[np.int64],
    days_per_year: int,
    *,
    constraints: FloatArray | None = None,
    redundant: FloatArray | None = None,
    config: CovarianceConfig | None = None,
) -> FactorCovariance:
    """Covariance forecasts at the end of the rows `at_rows`, ascending, each from factor returns (T, F), as
    fractions a row, up to and including it; NaN = the factor had no return. dates: (T,) of the rows.

    In this order (Menchero, Orr and Wang 2011, "The Barra US Equity Model (USE4)"): volatilities and
    correlations (or Ledoit-Wolf), the sector constraint, eigenvalues clipped at zero, the eigenfactor
    adjustment of the other eigenvalues (LATEST: of the last row alone), the volatility regime, times
    days_per_year. Rows before which fewer than min_observations rows have any factor return are left out.

    constraints: (M, F) c of sum_k c_k f_k = 0, which the next row's factor returns meet: the cap shares of
    the sectors, 0 for other factors. Cap shares move, so past returns met other constraints. redundant: (F,)
    a combination d of factors that no asset is exposed to (1 for the market, -1 for each sector): f and
    f + a d explain the same returns, so f - d (c'f) / (c'd) restates the past under the constraint of the
    forecast, and the risk of no portfolio changes. None = c itself (the covariance is projected). A
    constraint of zeros, or not finite, is none.

    Raises ValueError for arrays whose shapes do not match.
    """
    config = config or CovarianceConfig()
    rows = np.asarray(at_rows, dtype=np.int64)
    count, factors = factor_returns.shape
    if len(dates) != count or len(names) != factors:
        raise ValueError(f"{len(dates)} dates and {len(names)} names do not fit returns {count} x {factors}")
    if constraints is not None and constraints.shape != (len(rows), factors):
        raise ValueError(f"constraints {constraints.shape} do not fit {len(rows)} rows of {factors} factors")
    if len(rows) and (rows[0] < 0 or rows[-1] >= count or (np.diff(rows) <= 0).any()):
        raise ValueError("at_rows must ascend and lie within the history")
    known = np.isfinite(factor_returns)
    usable = known.any(axis=1).cumsum()
    kept = usable[rows] >= config.min_observations if len(rows) else np.zeros(0, dtype=bool)
    if constraints is not None:
        constraints = constraints[kept]
    rows = rows[kept]
    observations = known.cumsum(axis=0, dtype=np.int64)[rows]
    matrices = _estimates(factor_returns, rows, config)
    biases = np.full((len(rows), factors), np.nan)
    for at, row in enumerate(rows.tolist()):
        matrix = matrices[at]
        unseen = observations[at] < 2
        matrix[unseen] = 0.0
        matrix[:, unseen] = 0.0
        if constraints is not None:
            matrix = restated(matrix, constraints[at], redundant)
        still = np.diagonal(matrix) == 0.0
        eigenvalues, vectors = clipped_spectrum(matrix)
        if config.eigenfactor is EigenfactorDates.ALL or (
            config.eigenfactor is EigenfactorDates.LATEST and at == len(rows) - 1
        ):
            biases[at] = _biases(eigenvalues, row + 1, config)
            eigenvalues = adjusted_eigenvalues(eigenvalues, biases[at], config.eigenfactor_scale)
        matrices[at] = from_spectrum(eigenvalues, vectors)
        # Eigenvectors of the eigenvalue 0 mix, which would leave rounding noise with correlations of its own.
        matrices[at][still] = 0.0
        matrices[at][:, still] = 0.0
    multipliers = _regime(factor_returns, config)[rows]
    matrices *= (multipliers**2 * days_per_year)[:, None, None]
    return FactorCovariance(
        names=tuple(names),
        rows=rows,
        dates=dates[rows],
        matrices=matrices,
        volatilities=np.sqrt(np.maximum(np.diagonal(matrices, axis1=1, axis2=2), 0.0)),
        regime_multipliers=multipliers,
        eigenfactor_biases=biases,
        observations=observations,
    )


def restated(matrix: FloatArray, constraint: FloatArray, redundant: FloatArray | None = None) -> FloatArray:
    """(F, F) covariance matrix P C P', P = I - d c' / (c'd), of factor returns restated so that c'f = 0.

    c: constraint (F,). d: redundant (F,), None = c. Symmetric exactly. The matrix itself where c is zero or
    not finite, or no multiple of d meets it.
    """
    shift = constraint if redundant is None else redundant
    reach = float(constraint @ shift)
    if not np.isfinite(reach) or reach == 0.0:
        return matrix
    projection = np.eye(len(matrix)) - np.outer(shift / reach, constraint)
    moved = projection @ matrix @ projection.T
    return np.asarray((moved + moved.T) / 2.0)


def _estimates(factor_returns: FloatArray, rows: NDArray[np.int64], config: CovarianceConfig) -> FloatArray:
    """(M, F, F) covariances a row, before any adjustment."""
    factors = factor_returns.shape[1]
    matrices = np.zeros((len(rows), factors, factors))
    if config.estimator is CovarianceEstimator.LEDOIT_WOLF:
        for at, row in enumerate(rows.tolist()):
            matrices[at] = ledoit_wolf(factor_returns[: row + 1])[0]
        return matrices
    running = RunningVariances(factors, config.volatility_half_life, config.volatility_lags)
    done = 0
    for at, row in enumerate(rows.tolist()):
        for values in factor_returns[done : row + 1]:
            running.add(values)
        done = row + 1
        deviations = np.sqrt(np.nan_to_num(running.variances()))
        long_run = newey_west_covariance(
            factor_returns[: row + 1], config.correlation_half_life, config.correlation_lags
        )
        spread = np.sqrt(np.diag(long_run))
        scale = np.divide(deviations, spread, out=np.zeros(factors), where=spread > 0.0)
        # An outer product keeps the matrix symmetric exactly.
        matrices[at] = long_run * np.outer(scale, scale)
    return matrices


def _biases(eigenvalues: FloatArray, count: int, config: CovarianceConfig) -> FloatArray:
    # The noise that turns eigenvectors is that of the correlations.
    weighted = config.estimator is CovarianceEstimator.EXPONENTIAL
    return volatility_biases(
        eigenvalues,
        effective_count(count, config.correlation_half_life if weighted else None),
        simulations=config.eigenfactor_simulations,
        seed=config.eigenfactor_seed,
    )


def _regime(factor_returns: FloatArray, config: CovarianceConfig) -> FloatArray:
    """(T,) multipliers of volatility."""
    if config.regime_half_life is None:
        return np.ones(len(factor_returns))
    weighted = config.estimator is CovarianceEstimator.EXPONENTIAL
    half_life = config.volatility_half_life if weighted else None
    squares = factor_bias_squares(factor_returns, half_life, config.min_observations)
    return regime_multipliers(squares, config.regime_half_life)
