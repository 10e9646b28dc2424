"""Statistics of the pandas reference implementation, from statsmodels and scipy.

None where a statistic is not defined.
"""

import itertools
import math

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats

from tests.reference.oracle_signals import is_zero_std

MIN_RANKED = 3
MIN_PERIODS = 3


def default_lag(n: int) -> int:
    return math.floor(4 * (n / 100) ** (2 / 9))


def varies(values: pd.Series) -> bool:
    return len(values) >= 2 and not is_zero_std(values.std(ddof=1), values.mean())


def newey_west_t(returns: pd.Series, lag: int | None = None) -> float | None:
    """t of the mean with Bartlett weights and no small-sample correction."""
    if len(returns) < MIN_PERIODS or not varies(returns):
        return None
    lag = default_lag(len(returns)) if lag is None else lag
    fit = sm.OLS(returns.to_numpy(), np.ones(len(returns))).fit(
        cov_type="HAC", cov_kwds={"maxlags": lag, "kernel": "bartlett", "use_correction": False}
    )
    return float(fit.tvalues[0])


def sharpe_standard_error(returns: pd.Series, periods_per_year: int) -> float | None:
    """Lo (2002) for independent returns, annualised."""
    if not varies(returns):
        return None
    sharpe = returns.mean() / returns.std(ddof=1)
    return math.sqrt((1 + sharpe**2 / 2) / len(returns)) * math.sqrt(periods_per_year)


def probabilistic_sharpe_ratio(returns: pd.Series) -> float | None:
    """Bailey and Lopez de Prado (2012) against a Sharpe ratio of 0."""
    if not varies(returns):
        return None
    sharpe = returns.mean() / returns.std(ddof=0)
    skewness = stats.skew(returns, bias=True)
    kurtosis = stats.kurtosis(returns, fisher=False, bias=True)
    variance = 1 - skewness * sharpe + (kurtosis - 1) / 4 * sharpe**2
    if variance <= 0:
        return None
    return float(stats.norm.cdf(sharpe * math.sqrt(len(returns) - 1) / math.sqrt(variance)))


def rank_correlation(left: pd.Series, right: pd.Series) -> float:
    """Spearman over the labels that both sides have; NaN for fewer than 3 or a constant side."""
    both = pd.DataFrame({"left": left, "right": right}).dropna()
    if len(both) < MIN_RANKED or both["left"].nunique() == 1 or both["right"].nunique() == 1:
        return math.nan
    return float(stats.spearmanr(both["left"], both["right"]).statistic)


def series_summary(values: pd.Series) -> dict[str, float | int | None]:
    """Mean, std (ddof 1) and t = mean/std*sqrt(n) of the defined values."""
    defined = values.dropna()
    std = float(defined.std(ddof=1)) if len(defined) >= 2 else None
    t = None
    if varies(defined):
        t = float(defined.mean() / std * math.sqrt(len(defined)))
    return {"mean": float(defined.mean()) if len(defined) else None, "std": std, "t": t, "n": len(defined)}


def autocorrelation(values: pd.Series) -> float | None:
    """Pearson correlation of each defined value with the defined one after it."""
    defined = values.dropna().reset_index(drop=True)
    before, after = defined[:-1], defined[1:].reset_index(drop=True)
    if len(defined) < 3 or not varies(before) or not varies(after):
        return None
    return float(stats.pearsonr(before, after).statistic)


def alpha_and_beta(
    returns: pd.Series, market: pd.Series, periods_per_year: int
) -> tuple[float, float] | tuple[None, None]:
    """Intercept (annualised by multiplication) and slope on the market's returns, on common dates."""
    both = pd.DataFrame({"r": returns, "market": market}).dropna()
    if len(both) < MIN_PERIODS or not varies(both["market"]):
        return None, None
    fit = sm.OLS(both["r"].to_numpy(), sm.add_constant(both["market"].to_numpy(), has_constant="add")).fit()
    return float(fit.params[0] * periods_per_year), float(fit.params[1])


def return_inference(
    returns: pd.Series, market: pd.Series | None, periods_per_year: int
) -> dict[str, float | None]:
    """The inference metrics of one return series; no alpha and beta without a market."""
    alpha, beta = (None, None) if market is None else alpha_and_beta(returns, market, periods_per_year)
    return {
        "newey_west_t": newey_west_t(returns),
        "sharpe_standard_error": sharpe_standard_error(returns, periods_per_year),
        "probabilistic_sharpe_ratio": probabilistic_sharpe_ratio(returns),
        "alpha": alpha,
        "beta": beta,
    }


def monotonicity(means: list[float]) -> dict[str, float | None]:
    """Spearman of position and value, and the share of all orders that are at least as far from 0."""
    ranks = stats.rankdata(means)
    if len(set(ranks)) == 1:
        return {"rho": None, "p_value": None}
    positions = np.arange(1, len(ranks) + 1)
    centred = ranks - ranks.mean()
    observed = float(stats.spearmanr(positions, means).statistic)
    distance = abs(float(positions @ centred))
    at_least = total = 0
    orders = itertools.permutations(centred)
    while chunk := list(itertools.islice(orders, 100_000)):
        at_least += int((np.abs(np.array(chunk) @ positions) >= distance - 1e-9).sum())
        total += len(chunk)
    return {"rho": observed, "p_value": at_least / total}
