"""The metrics of a return history: each is declared once, with its unit, what it means and its formula.

A metric that is not defined is None, with a reason; see Performance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import numpy as np

from engine import inference, metrics
from engine import return_history as formulas
from engine.return_history import ReturnHistory
from engine.undefined import Undefined, UndefinedMetric, UndefinedReason, deviation


class Unit(StrEnum):
    """What a metric counts in. FRACTION: 0.1 is 10 %."""

    FRACTION = "FRACTION"
    RATIO = "RATIO"
    COUNT = "COUNT"
    BASIS_POINTS = "BASIS_POINTS"
    DATE = "DATE"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as it was declared.

    text: what it means, without the last full stop; other metrics and options stand in backquotes.
    of_returns: whether costs change it, so that it has a value after them. source: where the formula comes
    from.
    """

    name: str
    label: str
    unit: Unit
    text: str
    formula: Callable[[ReturnHistory], Any]
    of_returns: bool = True
    source: str = ""


def metric(label: str, unit: Unit, text: str, formula: Callable[[ReturnHistory], Any], **facts: Any) -> Any:
    """Declare a metric, a field of Performance. See Metric."""
    return field(metadata={"label": label, "unit": unit, "text": text, "formula": formula, **facts})


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """Metrics of one return series. Rates are fractions (0.1 = 10 %), drawdowns <= 0, dates period ends.

    Only `wiped_out_on` and the drawdown dates may be None without an entry in `undefined`: nothing happened.
    """

    cumulative_return: float | None = metric(
        "cumulative return",
        Unit.FRACTION,
        "Compounded return over all reported periods, a fraction",
        formulas.cumulative_return,
    )
    annualized_return: float | None = metric(
        "annualised return",
        Unit.FRACTION,
        "(1 + `cumulative_return`) ^ (1 / `years`) - 1, a fraction a year",
        formulas.annualized,
    )
    mean_annual_return: float | None = metric(
        "mean annual return",
        Unit.FRACTION,
        "Mean period return times periods a year, a fraction a year",
        lambda h: float(h.returns.mean()) * h.periods_per_year,
    )
    annualized_volatility: float | None = metric(
        "annualised volatility",
        Unit.FRACTION,
        "Standard deviation (ddof 1) of the period returns times sqrt(periods a year)",
        lambda h: metrics.annualized_volatility(h.returns, h.periods_per_year),
    )
    sharpe_ratio: float | None = metric(
        "Sharpe ratio",
        Unit.RATIO,
        "Mean / standard deviation (ddof 1) times sqrt(periods a year); no risk-free rate",
        lambda h: metrics.sharpe_ratio(h.returns, h.periods_per_year),
        source="Sharpe (1994), doi:10.3905/jpm.1994.409501",
    )
    sortino_ratio: float | None = metric(
        "Sortino ratio",
        Unit.RATIO,
        "Mean / standard deviation (ddof 1) of the negative returns times sqrt(periods a year): the "
        "definition of the older logs",
        lambda h: metrics.sortino_ratio(h.returns, h.periods_per_year),
    )
    sortino_ratio_target: float | None = metric(
        "Sortino ratio, target 0",
        Unit.RATIO,
        "Mean / sqrt(mean(min(return, 0)^2)) times sqrt(periods a year): the textbook definition",
        lambda h: metrics.sortino_ratio_target(h.returns, h.periods_per_year),
        source="Sortino and Price (1994), doi:10.3905/joi.3.3.59",
    )
    max_drawdown: float | None = metric(
        "max drawdown",
        Unit.FRACTION,
        "The deepest fall below the running peak, a fraction, 0 or below. The starting value counts as a "
        "peak",
        lambda h: formulas.max_drawdown(h)[0],
    )
    max_drawdown_peak_date: date | None = metric(
        "peak before the max drawdown",
        Unit.DATE,
        "The last date at the peak before the deepest drawdown; null where there was none",
        lambda h: formulas.max_drawdown(h)[1],
    )
    max_drawdown_trough_date: date | None = metric(
        "bottom of the max drawdown",
        Unit.DATE,
        "The first date at the bottom of the deepest drawdown; null where there was none",
        lambda h: formulas.max_drawdown(h)[2],
    )
    max_drawdown_recovery_date: date | None = metric(
        "recovery from the max drawdown",
        Unit.DATE,
        "The first date back at the peak; null while there is none",
        lambda h: formulas.max_drawdown(h)[3],
    )
    calmar_ratio: float | None = metric(
        "Calmar ratio",
        Unit.RATIO,
        "`annualized_return` / |`max_drawdown`|",
        formulas.calmar_ratio,
        source="Young (1991)",
    )
    value_at_risk_95: float | None = metric(
        "value at risk 95 %, per period",
        Unit.FRACTION,
        "Minus the linear 5 % quantile of the period returns: a loss is positive. A fraction a period",
        lambda h: metrics.value_at_risk(h.returns),
    )
    expected_shortfall_95: float | None = metric(
        "expected shortfall 95 %, per period",
        Unit.FRACTION,
        "Minus the mean of the returns at or below the 5 % quantile. A fraction a period",
        lambda h: metrics.expected_shortfall(h.returns),
        source="Acerbi and Tasche (2002), doi:10.1111/1468-0300.00091",
    )
    hit_rate: float | None = metric(
        "hit rate",
        Unit.FRACTION,
        "Share of the periods with a return above 0",
        lambda h: float((h.returns > 0).mean()),
    )
    skewness: float | None = metric(
        "skewness", Unit.RATIO, "Bias-corrected sample skewness", lambda h: metrics.skewness(h.returns)
    )
    excess_kurtosis: float | None = metric(
        "excess kurtosis",
        Unit.RATIO,
        "Bias-corrected sample excess kurtosis",
        lambda h: metrics.excess_kurtosis(h.returns),
    )
    best_period_return: float | None = metric(
        "best period",
        Unit.FRACTION,
        "The greatest period return, a fraction",
        lambda h: float(h.returns.max()),
    )
    worst_period_return: float | None = metric(
        "worst period", Unit.FRACTION, "The least period return, a fraction", lambda h: float(h.returns.min())
    )
    long_only_return: float | None = metric(
        "long leg alone",
        Unit.FRACTION,
        "Compounded return of holding the long leg long, a fraction. Null in `net_performance`: legs are "
        "reported gross",
        lambda h: formulas.leg_return(h, h.long_returns),
        of_returns=False,
    )
    short_only_return: float | None = metric(
        "short leg alone, held long",
        Unit.FRACTION,
        "Compounded return of holding the short leg LONG, a fraction: a fall of the assets sold is "
        "negative here. Null for a long-only factor, and in `net_performance`",
        lambda h: formulas.leg_return(h, h.short_returns),
        of_returns=False,
    )
    years: float | None = metric(
        "years",
        Unit.RATIO,
        "(`end_date` - `start_date`) / 365 days: the first period's own length is left out, as in the "
        "older logs",
        formulas.years,
        of_returns=False,
    )
    num_periods: int = metric(
        "periods", Unit.COUNT, "Number of reported periods", lambda h: len(h.returns), of_returns=False
    )
    skipped_periods: int = metric(
        "skipped periods",
        Unit.COUNT,
        "Number of periods within the requested dates in which no portfolio was formed, the warm-up included",
        lambda h: h.skipped_periods,
        of_returns=False,
    )
    missing_returns: int = metric(
        "missing returns",
        Unit.COUNT,
        "Number of holdings without a price at the period's end; each earned `missing_return`",
        lambda h: h.missing_returns,
        of_returns=False,
    )
    coverage: float | None = metric(
        "coverage",
        Unit.FRACTION,
        "`num_periods` / number of grid periods from the first to the last reported one: 0 to 1",
        lambda h: len(h.returns) / h.grid_periods,
        of_returns=False,
    )
    breadth: float | None = metric(
        "positions held, mean",
        Unit.RATIO,
        "Mean number of assets held a period, both legs together",
        lambda h: h.breadth,
        of_returns=False,
    )
    long_hhi: float | None = metric(
        "HHI of the latest long leg",
        Unit.RATIO,
        "Herfindahl index of the latest long leg: the sum of its squared weights, 1 / n if equal",
        lambda h: h.long_hhi,
        of_returns=False,
    )
    short_hhi: float | None = metric(
        "HHI of the latest short leg",
        Unit.RATIO,
        "Herfindahl index of the latest short leg. Null for a long-only factor",
        lambda h: formulas.of_short_leg(h.short_hhi),
        of_returns=False,
    )
    mean_turnover: float | None = metric(
        "turnover a period, one way",
        Unit.FRACTION,
        "Mean over the periods of (bought + sold) / 2, both legs added, as a fraction of a leg's capital: "
        "1 replaces one leg entirely. Weights drift with returns before they are traded back. Periods "
        "whose portfolio was bought from nothing are left out",
        lambda h: formulas.mean_turnover(h.trading),
        of_returns=False,
    )
    break_even_cost_bps: float | None = metric(
        "break-even cost, bps",
        Unit.BASIS_POINTS,
        "The `cost_bps`, in basis points of what is traded, at which the mean return after short carry is "
        "0; null if it is not positive without trading costs. The same gross and net",
        formulas.break_even_cost,
        of_returns=False,
    )
    newey_west_t: float | None = metric(
        "Newey-West t of the mean",
        Unit.RATIO,
        "The t-statistic of the mean return, robust to autocorrelation: Newey and West 1987 with Bartlett "
        "weights and floor(4 (n / 100)^(2/9)) lags",
        lambda h: inference.newey_west_t(h.returns),
        source="doi:10.2307/1913610; lags by Newey and West (1994), doi:10.2307/2297912",
    )
    sharpe_standard_error: float | None = metric(
        "standard error of the Sharpe ratio",
        Unit.RATIO,
        "Standard error of `sharpe_ratio`, annualised like it: sqrt((1 + s^2 / 2) / n) of the Sharpe "
        "ratio s a period, for independent returns (Lo 2002)",
        lambda h: inference.sharpe_standard_error(h.returns, h.periods_per_year),
        source="doi:10.2469/faj.v58.n4.2453",
    )
    probabilistic_sharpe_ratio: float | None = metric(
        "probabilistic Sharpe ratio",
        Unit.FRACTION,
        "Probability that the true Sharpe ratio is above 0, allowing for skewness, kurtosis and number of "
        "periods, from 0 to 1 (Bailey and Lopez de Prado 2012). One trial only: where the best of many "
        "was chosen it is too high",
        lambda h: inference.probabilistic_sharpe_ratio(h.returns),
        source="doi:10.21314/JOR.2012.255",
    )
    ic_mean: float | None = metric(
        "rank IC, mean",
        Unit.RATIO,
        "Mean information coefficient: Spearman rank correlation, period by period, of the signal and the "
        "return of the eligible assets (not only those held). Positive = the long leg wins",
        lambda h: float(formulas.known_ics(h).mean()),
        of_returns=False,
    )
    ic_std: float | None = metric(
        "rank IC, deviation",
        Unit.RATIO,
        "Standard deviation (ddof 1) of the information coefficients",
        lambda h: deviation(formulas.known_ics(h)),
        of_returns=False,
    )
    ic_t: float | None = metric(
        "rank IC, t",
        Unit.RATIO,
        "`ic_mean` / `ic_std` times sqrt(number of coefficients)",
        formulas.ic_t,
        of_returns=False,
        source="Grinold and Kahn (2000)",
    )
    ic_autocorrelation: float | None = metric(
        "rank IC, autocorrelation",
        Unit.RATIO,
        "Correlation of each information coefficient with the one before",
        lambda h: inference.first_autocorrelation(formulas.known_ics(h)),
        of_returns=False,
    )
    alpha: float | None = metric(
        "alpha, a year",
        Unit.FRACTION,
        "Return that the MARKET factor does not explain, a fraction a year: the intercept of the least "
        "squares regression on its returns, times periods a year. It has the same dataset, periods and "
        "filters, gross of costs. Null for MARKET itself and without market caps",
        lambda h: formulas.on_market(h).intercept * h.periods_per_year,
        source="Jensen (1968), doi:10.1111/j.1540-6261.1968.tb00815.x",
    )
    beta: float | None = metric(
        "beta",
        Unit.RATIO,
        "Slope of the same regression: the return per unit of the MARKET factor's",
        lambda h: formulas.on_market(h).slope,
    )
    extreme_returns: int = metric(
        "extreme returns",
        Unit.COUNT,
        "Number of holdings with a return beyond `max_abs_return`, either way",
        lambda h: h.extreme_returns,
        of_returns=False,
    )
    start_date: date = metric(
        "first period end", Unit.DATE, "End of the first reported period", lambda h: h.dates[0].item()
    )
    end_date: date = metric(
        "last period end", Unit.DATE, "End of the last reported period", lambda h: h.dates[-1].item()
    )
    wiped_out_on: date | None = metric(
        "wiped out on",
        Unit.DATE,
        "End of the first period with a return of -100 % or less; null if there was none",
        formulas.wiped_out_on,
    )
    undefined: tuple[UndefinedMetric, ...] = field(default=())


METRICS: Mapping[str, Metric] = MappingProxyType(
    {item.name: Metric(item.name, **item.metadata) for item in fields(Performance) if item.metadata}
)


@np.errstate(over="ignore", invalid="ignore")  # what leaves double precision is reported as OVERFLOW
def performance(history: ReturnHistory) -> Performance:
    """Return all metrics of a return history (R >= 1 returns)."""
    undefined: list[UndefinedMetric] = []
    values = {name: _value(name, history, undefined) for name in METRICS}
    return Performance(**values, undefined=tuple(undefined))


@np.errstate(over="ignore", invalid="ignore")
def selected_metrics(history: ReturnHistory, names: Sequence[str]) -> dict[str, float | None]:
    """Return a few of the metrics that `performance` reports, the same numbers, for many histories."""
    undefined: list[UndefinedMetric] = []
    return {name: _value(name, history, undefined) for name in names}


def _value(name: str, history: ReturnHistory, undefined: list[UndefinedMetric]) -> Any:
    """Return one metric, or None and its reason added to `undefined`."""
    try:
        value = METRICS[name].formula(history)
    except Undefined as reason:
        undefined.append(UndefinedMetric(name, reason.reason, reason.detail))
        return None
    if isinstance(value, float) and not math.isfinite(value):
        undefined.append(
            UndefinedMetric(name, UndefinedReason.OVERFLOW, "the value exceeds double precision")
        )
        return None
    return value
