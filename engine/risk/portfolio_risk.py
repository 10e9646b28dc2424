"""How risky a portfolio is and what its risk comes from, by a factor risk model.

The work is in exposures x = X'w, so that it grows with assets times factors: no N x N matrix exists.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.config import Config, option
from engine.panel import FloatArray
from engine.risk.forecast import RiskForecast
from engine.statistics.distributions import normal_quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueAtRiskConfig(Config):
    """Which loss is asked for."""

    confidence: float = option(0.95, 0.5, 0.9999, "Probability that the loss is not exceeded")
    horizon_days: int = option(1, 1, 2_520, "Sessions that the portfolio is held")


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskDecomposition:
    """Annualized volatility of weights w and its parts; factors (F,), assets (N,).

    volatility^2 = factor_volatility^2 + specific_volatility^2.
    exposures x = X'w. Factor k's contribution is x_k sigma_k rho_k: its exposure, its own volatility and the
    correlation of its return with the portfolio's; factor_marginals = sigma_k rho_k, what one unit more of
    exposure adds. factor_contributions and specific_contribution add up to the volatility, and so do
    asset_contributions = w_i asset_marginals_i; shares are contributions over volatility and add up to 1. All
    of it up to rounding.
    NaN: the marginal of an asset without a forecast; marginals, correlations and shares of a portfolio
    without risk, whose contributions are 0; the correlation of a factor that does not move.
    """

    volatility: float
    factor_volatility: float
    specific_volatility: float
    exposures: FloatArray
    factor_volatilities: FloatArray
    factor_correlations: FloatArray
    factor_marginals: FloatArray
    factor_contributions: FloatArray
    factor_shares: FloatArray
    specific_contribution: float
    specific_share: float
    asset_marginals: FloatArray
    asset_contributions: FloatArray
    asset_shares: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioRisk:
    """Risk of a portfolio, of its benchmark and of the difference.

    value_at_risk: share of capital that the loss does not exceed with the asked confidence over the horizon.
    benchmark, active, beta: None without a benchmark; active is of portfolio minus benchmark, its volatility
    the tracking error; beta to the benchmark is NaN where that has no risk.
    """

    total: RiskDecomposition
    value_at_risk: float
    benchmark: RiskDecomposition | None = None
    active: RiskDecomposition | None = None
    beta: float | None = None


def portfolio_risk(
    forecast: RiskForecast,
    weights: FloatArray,
    days_per_year: int,
    *,
    benchmark: FloatArray | None = None,
    value_at_risk: ValueAtRiskConfig | None = None,
) -> PortfolioRisk:
    """Risk of weights (N,), shares of capital of any sign that need not add up to 1 (the rest is cash).

    benchmark: (N,) weights likewise. beta = w'Vb / b'Vb. Raises MissingRisk for assets that either holds
    without a forecast, InvalidConfig for weights out of range, ValueError for weights of another shape.
    """
    checked = forecast.held_weights(weights, "weights")
    total = decomposed(forecast, checked)
    loss = parametric_value_at_risk(total.volatility, days_per_year, value_at_risk)
    if benchmark is None:
        return PortfolioRisk(total=total, value_at_risk=loss)
    reference = forecast.held_weights(benchmark, "benchmark")
    base = decomposed(forecast, reference)
    beta = math.nan
    if base.volatility > 0.0:
        # Cov(w, b) = w'(V b), and V b / volatility are the benchmark's marginals.
        beta = float(checked @ np.where(checked != 0.0, base.asset_marginals, 0.0)) / base.volatility
    return PortfolioRisk(
        total=total,
        value_at_risk=loss,
        benchmark=base,
        active=decomposed(forecast, checked - reference),
        beta=beta,
    )


def decomposed(forecast: RiskForecast, weights: FloatArray) -> RiskDecomposition:
    """Volatility of weights (N,), finite and 0 for assets without a forecast, and where it comes from.

    Menchero and Davis (2011), "Risk Contribution Is Exposure Times Volatility Times Correlation", Journal of
    Portfolio Management 37(2), doi:10.3905/jpm.2011.37.2.097; by asset Euler's theorem on w'Vw.
    """
    known = forecast.known()
    exposures_of = np.where(known[:, None], forecast.exposures, 0.0)
    specific = np.where(known, forecast.specific, 0.0)
    root = forecast.factor_root()
    exposures = weights @ exposures_of
    moves = root.T @ exposures  # of independent factors of variance 1
    own = weights * specific
    factor_variance, specific_variance = float(moves @ moves), float(own @ own)
    volatility = math.sqrt(factor_variance + specific_variance)
    scale = 1.0 / volatility if volatility > 0.0 else math.nan
    factor_volatilities = np.sqrt((root * root).sum(axis=1))
    covariances = root @ moves  # of each factor with the portfolio
    marginals = covariances * scale
    correlations = np.full(len(marginals), np.nan)
    np.divide(marginals, factor_volatilities, out=correlations, where=factor_volatilities > 0.0)
    asset_marginals = (exposures_of @ covariances + own * specific) * scale
    at_risk = volatility > 0.0
    # 0 is added so that there is no -0.
    factor_contributions = exposures * marginals + 0.0 if at_risk else np.zeros_like(exposures)
    asset_contributions = weights * asset_marginals + 0.0 if at_risk else np.zeros_like(weights)
    specific_contribution = specific_variance * scale if at_risk else 0.0
    return RiskDecomposition(
        volatility=volatility,
        factor_volatility=math.sqrt(factor_variance),
        specific_volatility=math.sqrt(specific_variance),
        exposures=exposures,
        factor_volatilities=factor_volatilities,
        factor_correlations=np.clip(correlations, -1.0, 1.0),
        factor_marginals=marginals,
        factor_contributions=factor_contributions,
        factor_shares=factor_contributions * scale,
        specific_contribution=specific_contribution,
        specific_share=specific_contribution * scale,
        asset_marginals=np.where(known, asset_marginals, np.nan),
        asset_contributions=asset_contributions,
        asset_shares=asset_contributions * scale,
    )


def parametric_value_at_risk(
    volatility: float, days_per_year: int, config: ValueAtRiskConfig | None = None
) -> float:
    """Loss, as a share of capital, that normal returns of mean 0 and this annualized volatility exceed with
    probability 1 - confidence: z volatility sqrt(horizon / days_per_year) (Jorion 2006, "Value at Risk")."""
    config = config or ValueAtRiskConfig()
    return normal_quantile(config.confidence) * volatility * math.sqrt(config.horizon_days / days_per_year)
